// What the scripted graphs say, the same on all three servers.
const WORDS = ("alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec " +
  "romeo sierra tango uniform victor whiskey xray yankee zulu").split(" ");

/** The nth word the scripted model streams. */
export const word = (index) => `${WORDS[index % WORDS.length]}${index} `;

/** The whole answer of `count` tokens. */
export const words = (count) => Array.from({ length: count }, (_, index) => word(index)).join("");

/** Random numbers from a seed (mulberry32), so that a failing offset can be had again. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
