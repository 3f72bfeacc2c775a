// What an application can name, as text: every exported name of an entry with its signature, without the comments.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const OPTIONS = {
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true, noEmit: true, types: [], // The last is what `@langchain/core` needs.
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.esnext.disposable.d.ts"],
};

/**
 * Reads the built package in `dir`. `of(entry, base)` is the surface of an entry as package.json names it; what it shares
 * with the entry `base` is only named.
 */
export function readSurfaces(dir) {
  const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  const typed = Object.entries(manifest.exports).filter(([, target]) => target.types);
  const paths = new Map(typed.map(([entry, target]) => [entry, join(dir, target.types)]));
  const program = ts.createProgram([...paths.values()], OPTIONS);
  const wrong = ts.getPreEmitDiagnostics(program);
  if (wrong.length > 0) {
    throw new Error(ts.formatDiagnostics(wrong, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => dir, getNewLine: () => "\n" }));
  }
  const surface = (entry) => new Surface(program, dir, paths.get(entry));
  return { entries: [...paths.keys()], of: (entry, base) => surface(entry).text(base === undefined ? new Map() : surface(base).exported) };
}

class Surface {
  #checker;
  #printer = ts.createPrinter({ removeComments: true });

  constructor(program, dir, path) {
    this.#checker = program.getTypeChecker();
    this.dir = dir;
    const module = this.#checker.getSymbolAtLocation(program.getSourceFile(path));
    /** Name to the symbol that it stands for. */
    this.exported = new Map(this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, this.#real(symbol)]));
  }

  /** Exported declarations by name, then what they mention without it being exported. */
  text(base) {
    const shared = [...this.exported].filter(([name, symbol]) => base.get(name) === symbol).map(([name]) => name);
    const own = [...this.exported].filter(([name]) => !shared.includes(name)).sort(byName);
    const known = new Set([...this.exported.values(), ...base.values()]);
    const mentioned = this.#mentioned(own.map(([, symbol]) => symbol), known).map((symbol) => [symbol.name, symbol]).sort(byName);
    const parts = own.map(([name, symbol]) => this.#printed(symbol, name));
    if (mentioned.length > 0) {
      parts.push("// Mentioned above, but without a name that an application could import.");
      parts.push(...mentioned.map(([name, symbol]) => this.#printed(symbol, name)));
    }
    if (shared.length > 0) parts.push(`// The same as without \`/react\`:\n${shared.sort().map((name) => `// ${name}`).join("\n")}`);
    return `${parts.join("\n\n")}\n`;
  }

  #real(symbol) {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  /** Each declaration as written, whatever the name under which the entry has it. */
  #printed(symbol, name) {
    const texts = symbol.declarations.map((node) => {
      // A constant's declaration is its whole statement.
      const whole = ts.isVariableDeclaration(node) ? node.parent.parent : node;
      return this.#printer.printNode(ts.EmitHint.Unspecified, whole, node.getSourceFile()).replace(/^(export )?(declare )?/, "");
    });
    const renamed = name === symbol.name ? "" : `// exported as ${name}\n`;
    return renamed + texts.join("\n");
  }

  /** The package's own declarations that these lead to, and that are not known. */
  #mentioned(symbols, known) {
    const found = new Set();
    const queue = [...symbols];
    const visit = (node) => {
      if (ts.isIdentifier(node)) {
        const symbol = this.#checker.getSymbolAtLocation(node);
        const real = symbol && this.#real(symbol);
        if (real && !known.has(real) && !found.has(real) && this.#isTopLevel(real)) {
          found.add(real);
          queue.push(real);
        }
      }
      ts.forEachChild(node, visit);
    };
    for (let symbol = queue.pop(); symbol; symbol = queue.pop()) symbol.declarations.forEach(visit);
    return [...found];
  }

  #isTopLevel(symbol) {
    return (symbol.declarations ?? []).some((node) => {
      const holder = ts.isVariableDeclaration(node) ? node.parent.parent.parent : node.parent;
      return holder && ts.isSourceFile(holder) && holder.fileName.startsWith(`${this.dir}/dist/`);
    });
  }
}

function byName([a], [b]) {
  return a < b ? -1 : 1;
}
