// esbuild leaves `new URL("…", import.meta.url)` as it is, so it is told where the modules went: its file loader gives the addresses.
import wasm from "rejoin/rejoin_bg.wasm";
import extras from "rejoin/rejoin_extras_bg.wasm";
import { loadRejoin, useStream } from "rejoin/asset/react";
import { mount } from "./shared/mount.js";

const addresses = [wasm, extras].map((path) => new URL(path, import.meta.url));
const load = () => loadRejoin(...addresses);
load().catch(() => {
  // The stream tells the error as well, and the button tries again.
});
mount({ useStream, loadRejoin: load });
