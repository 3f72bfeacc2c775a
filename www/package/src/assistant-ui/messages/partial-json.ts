/**
 * Reads unfinished JSON, piece by piece. Each piece costs its own length, however much came before. It never throws, and never changes a
 * result that it has given.
 */
import type { ReadonlyJSONObject } from "../types.js";

/** The parsed part. */
export interface PartialJson {
  /** The object as far as it goes; undefined before it begins, and for text that is no object or array. */
  readonly value: ReadonlyJSONObject | undefined;
  /** Whether the object has ended. */
  readonly complete: boolean;
  /** The keys that lead to what is still being written. */
  readonly path: readonly string[];
}

/** A reader of one object. */
export interface PartialJsonReader {
  /** Reads on, and gives what there is now. */
  feed(piece: string): PartialJson;
}

/** An object or array that has begun and not ended. `draft` holds what is complete in it. */
interface Open {
  draft: Record<string, unknown> | unknown[];
  /** In an object the key whose value comes next, in an array the next place. */
  key: string;
}

/** The tokens that may come next. */
type Expect = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end" | "nothing";

const SPACE = /[ \t\r\n]*/y;
/** A string up to its end or to an escape. */
const PLAIN = /[^"\\]*/y;
const SCALAR = /[-+.\w]*/y;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/;
const ESCAPES: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = ["true", "false", "null"];

/** The value of an unfinished number or word. A word is known by its first letter; a number may lack its end. */
function scalar(text: string, ended: boolean): { value: unknown } | undefined {
  const word = WORDS.find((known) => (ended ? known === text : known.startsWith(text)));
  if (word && text) return { value: JSON.parse(word) };
  const number = NUMBER.exec(text)?.[0];
  return number && (!ended || number === text) ? { value: Number(number) } : undefined;
}

class Reader implements PartialJsonReader {
  #open: Open[] = [];
  #root: unknown;
  #expect: Expect = "value";
  /** The string, number or word that is being written. `escape` is what has come of an escape. */
  #token: { kind: "string" | "key" | "scalar"; text: string; escape: string } | undefined;
  #broken = false;
  #last: PartialJson = { value: undefined, complete: false, path: [] };

  feed(piece: string): PartialJson {
    if (this.#broken || piece === "") return this.#last;
    for (let at = 0; at < piece.length && !this.#broken; ) at = this.#token ? this.#inToken(piece, at) : this.#between(piece, at);
    // What is wrong is no reason to lose what was right before it.
    this.#last = { value: this.#snapshot(), complete: this.#expect === "nothing" && !this.#broken, path: this.#path() };
    return this.#last;
  }

  /** Reads on in a string, key, number or word; says where that ends. */
  #inToken(piece: string, at: number): number {
    const token = this.#token!;
    if (token.kind === "scalar") {
      const more = match(SCALAR, piece, at);
      token.text += more;
      if (at + more.length < piece.length) this.#endScalar();
      return at + more.length;
    }
    if (token.escape) return this.#inEscape(piece[at] as string, at);
    const more = match(PLAIN, piece, at);
    token.text += more;
    const end = at + more.length;
    if (piece[end] === "\\") token.escape = "\\";
    else if (piece[end] === '"') this.#endString();
    return end + 1;
  }

  #inEscape(char: string, at: number): number {
    const token = this.#token!;
    token.escape += char;
    if (token.escape[1] !== "u") {
      const meant = ESCAPES[char];
      this.#broken = meant === undefined;
      if (meant !== undefined) [token.text, token.escape] = [token.text + meant, ""];
    } else if (token.escape.length > 2 && !/[0-9a-f]/i.test(char)) this.#broken = true;
    else if (token.escape.length === 6) {
      [token.text, token.escape] = [token.text + String.fromCharCode(parseInt(token.escape.slice(2), 16)), ""];
    }
    return at + 1;
  }

  #endString(): void {
    const { kind, text } = this.#token!;
    this.#token = undefined;
    if (kind === "string") this.#put(text);
    else {
      this.#open.at(-1)!.key = text;
      this.#expect = "colon";
    }
  }

  #endScalar(): void {
    const found = scalar(this.#token!.text, true);
    // A number or word that is wrong stays as it was last understood.
    if (!found) this.#broken = true;
    else {
      this.#token = undefined;
      this.#put(found.value);
    }
  }

  /** Reads one sign, and the space before it. */
  #between(piece: string, from: number): number {
    const at = from + match(SPACE, piece, from).length;
    const char = piece[at];
    const expect = this.#expect;
    if (char === undefined) return at;
    const inArray = Array.isArray(this.#open.at(-1)?.draft);
    if (char === (inArray ? "]" : "}") && expect.endsWith("-end")) this.#close();
    else if (char === "," && expect === "comma-or-end") this.#expect = inArray ? "value" : "key";
    else if (char === ":" && expect === "colon") this.#expect = "value";
    else if (char === '"' && expect.startsWith("key")) this.#token = { kind: "key", text: "", escape: "" };
    else if (expect.startsWith("value")) return this.#begin(char, at);
    else this.#broken = true;
    return at + 1;
  }

  /** A value begins. */
  #begin(char: string, at: number): number {
    if (char === "{" || char === "[") {
      this.#open.push(char === "{" ? { draft: {}, key: "" } : { draft: [], key: "0" });
      this.#expect = char === "{" ? "key-or-end" : "value-or-end";
      return at + 1;
    }
    // Arguments are an object; anything else at the top is none.
    this.#broken = this.#open.length === 0 || !/["\-\dtfn]/.test(char);
    if (this.#broken) return at;
    this.#token = { kind: char === '"' ? "string" : "scalar", text: "", escape: "" };
    return char === '"' ? at + 1 : at;
  }

  #close(): void {
    const { draft } = this.#open.pop()!;
    if (this.#open.length) this.#put(draft);
    else {
      this.#root = draft;
      this.#expect = "nothing";
    }
  }

  #put(value: unknown): void {
    const open = this.#open.at(-1)!;
    set(open.draft, open.key, value);
    if (Array.isArray(open.draft)) open.key = String(open.draft.length);
    this.#expect = "comma-or-end";
  }

  /** The unfinished value, if it has one already. */
  #current(): { value: unknown } | undefined {
    const token = this.#token;
    if (token?.kind === "string") return { value: token.text };
    return token?.kind === "scalar" ? scalar(token.text, false) : undefined;
  }

  /** Everything up to now: what is complete is shared, what is open is copied. */
  #snapshot(): ReadonlyJSONObject | undefined {
    if (this.#root !== undefined) return this.#root as ReadonlyJSONObject;
    let inner = this.#current();
    for (const { draft, key } of [...this.#open].reverse()) {
      const copy = Array.isArray(draft) ? [...draft] : { ...draft };
      if (inner) set(copy, key, inner.value);
      inner = { value: copy };
    }
    return inner?.value as ReadonlyJSONObject | undefined;
  }

  #path(): string[] {
    const keys = this.#open.map(({ key }) => key);
    if (!this.#current()) keys.pop();
    return keys;
  }
}

/** The match of a sticky pattern at a position. */
function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

/** Sets a key. One that would change the object's prototype is left out. */
function set(draft: Record<string, unknown> | unknown[], key: string, value: unknown): void {
  if (key !== "__proto__") (draft as Record<string, unknown>)[key] = value;
}

/** A reader that has read nothing. */
export const partialJsonReader = (): PartialJsonReader => new Reader();

/** Reads text from its beginning. */
export const readPartialJson = (text: string): PartialJson => partialJsonReader().feed(text);
