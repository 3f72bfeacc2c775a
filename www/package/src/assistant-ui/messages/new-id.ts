/** Ids for messages that came without one. */

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Seven letters or digits by chance, unique within a thread. */
export function newMessageId(): string {
  let id = "";
  while (id.length < 7) id += LETTERS[Math.floor(Math.random() * LETTERS.length)];
  return id;
}
