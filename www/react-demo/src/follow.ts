// Keeps the newest text in sight until the reader scrolls up, and again once they are back at the end. What the reader presses or
// types in stays where it is meanwhile.
import { useEffect, useRef, type RefObject } from "react";

const NEAR_PX = 40;

/** The controls in use: a press counts only if it is released on the same button. */
const IN_HAND = ":active, form:focus-within";

/** For a scrolling element and the one element in it that grows. */
export function useFollow(): { area: RefObject<HTMLDivElement | null>; content: RefObject<HTMLDivElement | null> } {
  const area = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const [box, inner] = [area.current, content.current];
    if (!box || !inner) return;
    let follows = true;
    let top = 0;
    const resized = new ResizeObserver(() => {
      if (follows && !box.querySelector(IN_HAND)) box.scrollTop = box.scrollHeight;
    });
    // Upwards only: being far from the end may also mean that more text has come since.
    const scrolled = () => {
      const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
      follows = isAtEnd || (follows && box.scrollTop >= top);
      top = box.scrollTop;
    };
    // Before the scroll happens, so that text which grows in between does not win.
    const wheeled = (event: WheelEvent) => {
      if (event.deltaY < 0) follows = false;
    };
    // Also the box: a banner or a longer draft takes from its height.
    for (const element of [box, inner]) resized.observe(element);
    box.addEventListener("scroll", scrolled, { passive: true });
    box.addEventListener("wheel", wheeled, { passive: true });
    return () => {
      resized.disconnect();
      box.removeEventListener("scroll", scrolled);
      box.removeEventListener("wheel", wheeled);
    };
  }, []);
  return { area, content };
}
