// Holds the text under the eye where it is while messages come in above it, go, or change their height.
import { useEffect, useLayoutEffect, useRef, type RefObject } from "react";

/** How near the top older messages are asked for, in pixels. */
const NEAR_PX = 300;

/**
 * For a scrolling element whose content's children are messages, each with an element of its own for its life. `reached` is
 * called when the reader comes near the top, and after each render that leaves nothing to scroll.
 */
export function useAnchor(area: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>, reached: () => void): void {
  const anchor = useRef<{ element: Element; top: number }>(undefined);
  const latest = useRef(reached);

  const look = (box: HTMLElement, list: HTMLElement) => {
    const { top } = box.getBoundingClientRect();
    const messages = list.querySelectorAll(":scope > article");
    // The first that can be seen: their ends are in order.
    let [from, to] = [0, messages.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((messages[middle] as Element).getBoundingClientRect().bottom <= top) from = middle + 1;
      else to = middle;
    }
    const element = messages[from];
    anchor.current = element && { element, top: element.getBoundingClientRect().top - top };
  };

  // After each render, before it is drawn.
  useLayoutEffect(() => {
    latest.current = reached;
    const [box, list, before] = [area.current, content.current, anchor.current];
    if (!box || !list) return;
    if (before?.element.isConnected) {
      const moved = before.element.getBoundingClientRect().top - box.getBoundingClientRect().top - before.top;
      if (moved !== 0) box.scrollTop += moved;
    }
    look(box, list);
    // Nobody can scroll in what fits.
    if (box.scrollHeight <= box.clientHeight) reached();
  });

  useEffect(() => {
    const [box, list] = [area.current, content.current];
    if (!box || !list) return;
    const scrolled = () => {
      look(box, list);
      if (box.scrollTop < NEAR_PX) latest.current();
    };
    box.addEventListener("scroll", scrolled, { passive: true });
    return () => box.removeEventListener("scroll", scrolled);
  }, [area, content]);
}
