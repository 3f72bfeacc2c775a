// What the peer's tests import from beside them: a stream callback that gives these events, whatever it is asked.
import type { LangChainMessage, LangGraphMessagesEvent } from "../../../src/assistant-ui/types.ts";

export function mockStreamCallbackFactory(events: LangGraphMessagesEvent<LangChainMessage>[]) {
  return async function* () {
    yield* events;
  };
}
