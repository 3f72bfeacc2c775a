/** Lists of the server laid over lists that a run may have changed meanwhile. Pure. */

interface Identified {
  id?: string;
}

/**
 * What is shown when a thread that was read meets what has happened since reading began. What a run has changed is newer
 * than what was read and keeps its place; the rest is as it was read, and what was not read is gone where `whole`.
 *
 * @param read what the server gave
 * @param before what was shown when reading began
 * @param now what is shown
 * @param whole whether a message that is missing was deleted; false where the server may not have stored it yet
 */
export function merged<T extends Identified>(read: readonly T[], before: readonly T[], now: readonly T[], whole: boolean): T[] {
  const unchanged = new Set(before);
  const known = new Set(before.flatMap(({ id }) => (id === undefined ? [] : [id])));
  const shown = new Set(now.flatMap(({ id }) => (id === undefined ? [] : [id])));
  const byId = new Map(read.flatMap((message) => (message.id === undefined ? [] : [[message.id, message] as const])));
  return [
    ...read.filter(({ id }) => id === undefined || !shown.has(id)),
    ...now.flatMap((message) => {
      const { id } = message;
      if (!unchanged.has(message) || (id !== undefined && !known.has(id))) return [message];
      const theirs = id === undefined ? undefined : byId.get(id);
      if (theirs) return [theirs];
      return whole ? [] : [message];
    }),
  ];
}

/** Whether both have the same messages in the same order. */
export const sameIds = (a: readonly Identified[], b: readonly Identified[]): boolean =>
  a.length === b.length && a.every(({ id }, at) => id === b[at]?.id);
