// `npm pack` of www/package into target/packaging/rejoin.tgz, which every consumer's lockfile names.
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE, TARBALL, WORK, command } from "./project.mjs";

mkdirSync(WORK, { recursive: true });
const said = await command(PACKAGE, "npm", ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", WORK]);
const [{ filename, entryCount, size }] = JSON.parse(said.slice(said.indexOf("[")));
renameSync(join(WORK, filename), TARBALL);
console.log(`${filename}: ${entryCount} files, ${size} bytes`);
