#!/usr/bin/env node
// Starts QIKI (or, with `--node SCRIPT …`, any script of the project) under the Node the project pins.
// Plain JavaScript that Node 18 understands: it runs before the right Node is known.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const MINIMUM_MAJOR = 24;
const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** The pinned binary of this platform, else this very Node if it is new enough, else undefined. */
function findNode() {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const binary = join(root, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(binary)) return binary;
  return Number(process.versions.node.split(".")[0]) >= MINIMUM_MAJOR ? process.execPath : undefined;
}

function refuse(text) {
  process.stderr.write(`qiki: ${text}\n`);
  process.exit(2);
}

const override = process.env.QIKI_NODE;
if (override && !existsSync(override))
  refuse(`QIKI_NODE names ${override}, which does not exist: unset it or name a Node ${MINIMUM_MAJOR} binary`);
const node = override || findNode();
if (!node) {
  refuse(
    `needs Node ${MINIMUM_MAJOR} or newer and found ${process.version} with no pinned binary: run 'npm ci' without --omit=optional, or install Node ${MINIMUM_MAJOR}`,
  );
}

const args = process.argv.slice(2);
const script = args[0] === "--node" ? resolve(root, args[1] ?? refuse("--node needs the path of a script")) : join(root, "src/cli/main.ts");
if (!existsSync(join(root, "node_modules", "zod"))) refuse(`its packages are not installed: run 'npm ci' in ${root}`);
if (!existsSync(script)) refuse(`${script} does not exist: run 'npm ci' in ${root}`);
if (args[0] === "--node") process.chdir(root);

const child = spawn(node, ["--disable-warning=ExperimentalWarning", script, ...args.slice(args[0] === "--node" ? 2 : 0)], {
  stdio: "inherit",
  env: { ...process.env, QIKI_LAUNCHER: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version },
});
// A terminal sends Ctrl-C to the whole group: the child decides when to end, the launcher only waits for it.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => refuse(`cannot start ${node}: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
