// Keeps the newest text in sight until the reader scrolls up, and again once they are back at the end.
import { useEffect, useRef, type RefObject } from "react";

const NEAR_PX = 40;

/** For a scrolling element and the one element in it that grows. */
export function useFollow(): { area: RefObject<HTMLDivElement | null>; content: RefObject<HTMLDivElement | null> } {
  const area = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const [box, inner] = [area.current, content.current];
    if (!box || !inner) return;
    let follows = true;
    const grown = new ResizeObserver(() => {
      if (follows) box.scrollTop = box.scrollHeight;
    });
    const scrolled = () => {
      follows = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    };
    // Before the scroll happens, so that text which grows in between does not win.
    const wheeled = (event: WheelEvent) => {
      if (event.deltaY < 0) follows = false;
    };
    grown.observe(inner);
    box.addEventListener("scroll", scrolled, { passive: true });
    box.addEventListener("wheel", wheeled, { passive: true });
    return () => {
      grown.disconnect();
      box.removeEventListener("scroll", scrolled);
      box.removeEventListener("wheel", wheeled);
    };
  }, []);
  return { area, content };
}
