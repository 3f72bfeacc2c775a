// Runs the tests with `node --test`, which finds files differently from version to version. Arguments narrow the files by name; flags go to node.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = new URL(".", import.meta.url);
const [wanted, names] = [process.argv.slice(2).filter((arg) => !arg.startsWith("-")), process.argv.slice(2).filter((arg) => arg.startsWith("-"))];
const files = readdirSync(here, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".test.mjs") && !name.includes("node_modules"))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => fileURLToPath(new URL(name, here)));
const { status } = spawnSync(process.execPath, ["--test", "--test-timeout=120000", ...names, ...files], { stdio: "inherit" });
process.exit(status ?? 1);
