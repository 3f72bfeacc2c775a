/** Lists of the server laid over lists that a run may have changed meanwhile. Pure. */

interface Identified {
  id?: string;
}

/**
 * Combines a thread that was read with the changes since the read began. A run's changes are newer than the read, and keep their place. The
 * rest is as it was read, and if `whole`, messages that were not read are removed.
 *
 * @param read the server's messages
 * @param before the messages shown when the read began
 * @param now the messages shown now
 * @param whole whether a missing message was deleted; false if the server may not have stored it yet
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
