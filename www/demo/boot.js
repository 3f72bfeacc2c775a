// Starts the demo from a file of its own: an inline script would need an exception in the page's security policy.
import init from "./rejoin-demo.js";

await init({ module_or_path: new URL("rejoin-demo_bg.wasm", import.meta.url) });
