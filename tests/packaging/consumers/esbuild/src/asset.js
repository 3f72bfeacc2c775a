// esbuild leaves `new URL("…", import.meta.url)` as it is, so it is told where the module went: its file loader gives the address.
import wasm from "rejoin/rejoin_bg.wasm";
import { loadRejoin, useStream } from "rejoin/asset/react";
import { mount } from "./shared/mount.js";

const address = new URL(wasm, import.meta.url);
const load = () => loadRejoin(address);
load().catch(() => {
  // The stream tells the error as well, and the button tries again.
});
mount({ useStream, loadRejoin: load });
