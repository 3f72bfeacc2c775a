// What is in the tarball, and whether Node, TypeScript and bundlers find it there.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { PACKAGE, bin, command, fresh, readTarball } from "./harness/project.mjs";

const HERE = new URL(".", import.meta.url).pathname;
const TIMEOUT_MS = 120_000;
const content = readTarball();
const manifest = JSON.parse(content.get("package.json").toString("utf8"));
const ENTRIES = ["rejoin", "rejoin/react", "rejoin/asset", "rejoin/asset/react"];
/** Those that need assistant-ui's packages beside them. */
const ASSISTANT_UI = ["rejoin/assistant-ui", "rejoin/assistant-ui/internal"];
/** Those that need `@langchain/core` beside them. */
const LANGCHAIN = ["rejoin/langchain", "rejoin/asset/langchain"];

describe("the tarball", () => {
  test("holds what is compiled from a source, the wasm, and a few texts; nothing else", () => {
    const modules = [...content.keys()].filter((path) => /^dist\/.+\.js$/.test(path)).map((path) => path.slice("dist/".length, -".js".length));
    const [compiled, required] = [modules.filter((path) => !path.startsWith("cjs/")), modules.filter((path) => path.startsWith("cjs/"))];
    assert.deepEqual(required.filter((path) => !compiled.includes(path.slice("cjs/".length))), [], "required in place of modules that are gone");
    const orphans = compiled.filter((path) => !existsSync(join(PACKAGE, "src", `${path}.ts`)) && !existsSync(join(PACKAGE, "generated", `${path}.js`)));
    assert.deepEqual(orphans, [], "compiled from sources that are gone");
    const expected = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist/rejoin_bg.wasm", "dist/rejoin_extras_bg.wasm", "package.json", "dist/cjs/package.json", ...required.map((path) => `dist/${path}.js`), ...compiled.flatMap((path) => [`dist/${path}.d.ts`, `dist/${path}.js`])];
    assert.deepEqual([...content.keys()].sort(), expected.sort());
  });

  test("exports the entries, each with its types first, and every file is there", () => {
    const names = Object.keys(manifest.exports).map((key) => key.replace(/^\./, "rejoin"));
    assert.deepEqual(names.sort(), [...ENTRIES, ...ASSISTANT_UI, ...LANGCHAIN, "rejoin/package.json", "rejoin/rejoin_bg.wasm", "rejoin/rejoin_extras_bg.wasm"].sort());
    for (const [entry, target] of Object.entries(manifest.exports)) {
      const conditions = typeof target === "string" ? { default: target } : target;
      if (!/\.(json|wasm)$/.test(entry)) assert.equal(Object.keys(conditions)[0], "types", `${entry}: types must come first`);
      assert.equal(Object.keys(conditions).at(-1), "default");
      for (const path of Object.values(conditions)) assert.ok(content.has(path.replace(/^\.\//, "")), `${entry} names ${path}, which is not packed`);
    }
  });

  test("says what it is", () => {
    const workspace = readFileSync(join(HERE, "../../Cargo.toml"), "utf8").match(/^version = "(.+)"$/m)[1];
    const { name, version, type, sideEffects, license, peerDependencies, peerDependenciesMeta, dependencies, scripts } = manifest;
    assert.deepEqual({ name, version, type, sideEffects, license }, { name: "rejoin", version: workspace, type: "module", sideEffects: false, license: "MIT OR Apache-2.0" });
    assert.deepEqual(peerDependencies, { "@assistant-ui/core": ">=0.3.20 <0.4", "@assistant-ui/store": ">=0.3.14 <0.4", "@langchain/core": ">=1.1.27 <2", "@langchain/langgraph-sdk": "*", react: ">=18" });
    assert.deepEqual(peerDependenciesMeta, Object.fromEntries(Object.keys(peerDependencies).map((name) => [name, { optional: true }])), "nobody has to have them");
    assert.equal(dependencies, undefined, "it needs nothing");
    for (const hook of ["preinstall", "install", "postinstall"]) assert.equal(scripts?.[hook], undefined, `it runs a ${hook} script`);
    for (const file of ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]) assert.ok(content.get(file)?.length > 500, `${file} says nothing`);
    for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) assert.ok(content.get(file).equals(readFileSync(join(HERE, "../..", file))), `${file} is not the repository's`);
  });

  test("names no folder of the machine that built it", () => {
    const own = join(HERE, "../..").replace(/\/$/, "");
    for (const [path, bytes] of content) {
      // The quick build's panics say where they are.
      if (path.endsWith(".wasm") && process.env.REJOIN_PACKAGE_PROFILE === "dev") continue;
      for (const folder of [own, process.env.HOME ?? "/root", "/.cargo/registry"]) assert.ok(!bytes.includes(`${folder}/`), `${path} names ${folder} (a quick build is tested with --dev)`);
    }
  });
});

describe("the consumers' lockfiles", () => {
  const names = readdirSync(join(HERE, "consumers")).filter((name) => !name.startsWith("_"));
  for (const name of names) {
    test(`${name}: names no registry, and any build of the tarball fits`, () => {
      const { packages } = JSON.parse(readFileSync(join(HERE, "consumers", name, "package-lock.json"), "utf8"));
      const { integrity, resolved } = packages["node_modules/rejoin"];
      assert.deepEqual({ integrity, resolved }, { integrity: undefined, resolved: "file:../rejoin.tgz" });
      const addressed = Object.entries(packages).filter(([, entry]) => /^https?:/.test(entry.resolved ?? ""));
      assert.deepEqual(addressed.map(([path]) => path), []);
    });
  }
});

describe("Node", () => {
  let dir;
  before(async () => (dir = await fresh("node", { as: "package-node" })), { timeout: TIMEOUT_MS });

  for (const entry of ENTRIES) {
    test(`require("${entry}") works: no await at the top level`, { timeout: TIMEOUT_MS }, async () => {
      const said = await command(dir, process.execPath, ["--input-type=commonjs", "-p", `Object.keys(require("${entry}")).sort().join()`]);
      assert.match(said, /\bloadRejoin\b/);
    });
  }
});

describe("TypeScript", () => {
  let dir;
  before(async () => (dir = await fresh("types")), { timeout: TIMEOUT_MS });

  const ways = { bundler: { module: "esnext" }, node16: { module: "node16" }, nodenext: { module: "nodenext" } };
  for (const [moduleResolution, more] of Object.entries(ways)) {
    for (const [version, tsc] of [["7", () => bin(dir, "tsc")], ["6", () => join(HERE, "node_modules/.bin/tsc")]]) {
      test(`${version} finds the types with moduleResolution ${moduleResolution}`, { timeout: TIMEOUT_MS }, async () => {
        const config = {
          compilerOptions: { ...more, moduleResolution, target: "es2022", lib: ["es2023", "dom"], types: [], strict: true, noEmit: true, skipLibCheck: false },
          // A CommonJS module may import an ES module only where TypeScript knows of Node 20.19.
          files: moduleResolution === "nodenext" ? ["index.ts", "required.cts"] : ["index.ts"],
        };
        const file = join(dir, `tsconfig.${moduleResolution}.${version}.json`);
        writeFileSync(file, JSON.stringify(config));
        await command(dir, tsc(), ["--project", file]);
      });
    }
  }
});

describe("a bundler", () => {
  let dir;
  before(async () => (dir = await fresh("esbuild", { as: "package-esbuild" })), { timeout: TIMEOUT_MS });

  const costs = async (source, ...args) => {
    writeFileSync(join(dir, "costs.ts"), source);
    await command(dir, bin(dir, "esbuild"), ["costs.ts", "--bundle", "--minify", "--format=esm", "--external:react", "--splitting", "--outdir=costs", ...args]);
    return readFileSync(join(dir, "costs/costs.js"), "utf8").trim();
  };

  test("leaves everything out of a page that only names a type", { timeout: TIMEOUT_MS }, async () => {
    const page = await costs('import type { RejoinError } from "rejoin"; console.log((location.hash as unknown as RejoinError).code);');
    assert.equal(page, "console.log(location.hash.code);");
  });

  test("leaves the runtime and the wasm out of a page that only converts messages for assistant-ui", { timeout: TIMEOUT_MS }, async () => {
    assert.equal(await costs('import { useLangGraphRuntime } from "rejoin/assistant-ui";', "--external:@assistant-ui/*"), "");
    const page = await costs('import { appendLangChainChunk } from "rejoin/assistant-ui"; console.log(appendLangChainChunk);', "--external:@assistant-ui/*");
    assert.ok(page.length > 500 && !page.includes("import"), `${page.length} bytes, imports: ${page.match(/import[^;]*;/g)}`);
  });

  test("leaves the stream and the wasm out of a page that only uses rejoin/langchain's helpers, and asks for @langchain/core nowhere else", { timeout: TIMEOUT_MS }, async () => {
    for (const entry of LANGCHAIN) assert.equal(await costs(`import { useStream } from "${entry}";`, "--external:@langchain/core/*"), "");
    const page = await costs('import { isHeadlessToolInterrupt } from "rejoin/langchain"; console.log(isHeadlessToolInterrupt);', "--external:@langchain/core/*");
    // What it shares with what is loaded later is a file of its own.
    const loaded = [...page.matchAll(/from"\.\/([^"]+)"/g)].map(([, name]) => readFileSync(join(dir, "costs", name), "utf8")).join("") + page;
    assert.ok(loaded.length < 2000 && !/from"[^.]/.test(loaded), `${loaded.length} bytes, imports: ${loaded.match(/import[^;]*;/g)}`);
    for (const path of content.keys()) {
      if (!/^dist\/.+\.js$/.test(path) || path.startsWith("dist/langchain/")) continue;
      assert.ok(!/from "@langchain\//.test(content.get(path).toString("utf8")), path);
    }
  });

  for (const entry of ENTRIES) {
    test(`leaves ${entry} out of a page that does not use what it imports`, { timeout: TIMEOUT_MS }, async () => {
      assert.equal(await costs(`import { loadRejoin } from "${entry}";`), "");
    });
  }
});
