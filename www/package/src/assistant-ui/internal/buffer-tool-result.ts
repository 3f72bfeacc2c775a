/** Results of tools that run here, kept until a turn has all of its own. */

/**
 * Keeps a result in `buffer`, and gives the results to send: those of every pending call, in the calls' order, once the
 * last is there; null while one is missing. A result of a call that does not wait goes alone, at once.
 */
export function bufferToolResult<T extends { tool_call_id: string }>(
  buffer: Map<string, T>,
  pendingToolCalls: readonly { id: string }[],
  result: T,
): T[] | null {
  const own = result.tool_call_id;
  if (!pendingToolCalls.some(({ id }) => id === own)) {
    buffer.delete(own);
    return [result];
  }
  buffer.set(own, result);
  const batch = pendingToolCalls.map(({ id }) => buffer.get(id)).filter((kept) => kept !== undefined);
  if (batch.length < pendingToolCalls.length) return null;
  for (const { id } of pendingToolCalls) buffer.delete(id);
  return batch;
}
