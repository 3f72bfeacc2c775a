// Chance that comes out the same each time, and what is made of it.

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Picks, counts and flips. */
export function dice(seed) {
  const next = random(seed);
  const upTo = (n) => Math.floor(next() * (n + 1));
  return { upTo, pick: (list) => list[upTo(list.length - 1)], chance: (p) => next() < p };
}

/** A text in pieces; none is longer than `longest`. */
export function pieces(text, { upTo }, longest = 6) {
  const found = [];
  for (let at = 0; at < text.length; ) {
    const length = 1 + upTo(longest - 1);
    found.push(text.slice(at, at + length));
    at += length;
  }
  return found;
}

const WORDS = ["", "a", "Paris", 'say "hi"', "line\nbreak", "tab\t", "\\ back", "ünï", "😀", "{not: json}", "[1,2", "</p>"];

/** Any value that JSON can carry. */
export function anyJson(chance, depth = 3) {
  const kind = chance.upTo(depth > 0 ? 7 : 5);
  if (kind === 0) return null;
  if (kind === 1) return chance.chance(0.5);
  if (kind === 2) return chance.pick([0, -1, 7, 12.5, 1e21, -3e-7, 100000]);
  if (kind <= 5) return chance.pick(WORDS);
  const size = chance.upTo(3);
  if (kind === 6) return Array.from({ length: size }, () => anyJson(chance, depth - 1));
  return anyObject(chance, depth - 1, size);
}

/** Any object that JSON can carry. */
export function anyObject(chance, depth = 3, size = 1 + chance.upTo(3)) {
  return Object.fromEntries(Array.from({ length: size }, (_, at) => [`${chance.pick(["k", "key with space", "q\"", "n"])}${at}`, anyJson(chance, depth)]));
}

/** Makes a value and everything in it unchangeable, so that changing it throws. */
export function frozen(value) {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
