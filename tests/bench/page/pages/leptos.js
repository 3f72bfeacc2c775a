// Loads the page in Leptos, as its bundlers do.
import init, { mount, unmount } from "under-test-leptos";

const { bench } = window;
const { thread, now } = bench.config;

bench.mount = async () => {
  await init({ module_or_path: new URL("rejoin-bench-leptos_bg.wasm", import.meta.url) });
  mount(thread ?? undefined);
  if (now) bench.submit();
};
bench.unmount = unmount;
if (now) bench.begin();
