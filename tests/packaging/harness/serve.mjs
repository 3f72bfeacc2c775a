// Serves a folder of built files, with the headers and the faults a test wants.
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import http from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
  ".wasm": "application/wasm", ".json": "application/json",
};

/**
 * Serves `root` on a free port. `policy` is the content security policy. `fault(path)` may return a change to the answer:
 * `{status}`; `{bytes}`, which cuts the body short while saying it is whole; `{page}`, HTML in its place; `{type}`.
 */
export async function serve(root, { policy, fault = () => undefined } = {}) {
  const asked = [];
  const server = http.createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request, response) {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    asked.push(path);
    const change = fault(path) ?? {};
    const file = await readable(join(root, path));
    const status = change.status ?? (file ? 200 : 404);
    const headers = { "cache-control": "no-store" };
    if (policy) headers["content-security-policy"] = policy;
    if (status !== 200) return response.writeHead(status, headers).end("not here");
    const body = change.page === undefined ? await readFile(file) : Buffer.from(change.page);
    headers["content-type"] = change.type ?? (change.page === undefined ? TYPES[extname(file)] : TYPES[".html"]) ?? "application/octet-stream";
    return response.writeHead(200, headers).end(body.subarray(0, change.bytes ?? body.length));
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** Paths asked for so far. */
    asked,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function readable(path) {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return readable(join(path, "index.html"));
  return found?.isFile() ? path : undefined;
}
