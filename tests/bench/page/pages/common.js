// What several pages share.
import { useEffect, useRef } from "react";

export const QUESTION = "hello";

/** Asks at once where the page is about the time to the first token. */
export function useNow(config, send) {
  const asked = useRef(false);
  useEffect(() => {
    if (!config.now || asked.current) return;
    asked.current = true;
    send();
  });
}
