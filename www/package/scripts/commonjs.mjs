// Writes the CommonJS form of a folder of modules into `<folder>/cjs`: for `require` where it cannot take modules, as in Jest. What
// locates a file beside itself (`./asset`) has none, and neither has what its peers have none for (`./assistant-ui`).
import { build } from "esbuild";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [dist] = process.argv.slice(2);
const NONE = /^(cjs|assistant-ui)\/|(^|\/)asset(-loader)?\.js$/;
const entryPoints = readdirSync(dist, { recursive: true })
  .map((name) => String(name).replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".js") && !NONE.test(name))
  .map((name) => join(dist, name));
await build({
  entryPoints,
  outbase: dist,
  outdir: join(dist, "cjs"),
  format: "cjs",
  target: "es2022",
  // What is loaded late is required late.
  supported: { "dynamic-import": false },
  logLevel: "warning",
});
writeFileSync(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
