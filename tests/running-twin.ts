import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..");
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
export const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface RunningTwin {
  readonly url: string;
  readonly dataFolder: string;
  readonly child: ChildProcess;
  /** Sends the signal and resolves with what was printed and the exit code. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly output: string }>;
}

/** Starts `qiki up` as a user would and waits for the line with its address. */
export async function startTwin(
  args: readonly string[],
  dataFolder = mkdtempSync(join(tmpdir(), "qiki-twin-")),
  env: Readonly<Record<string, string>> = {},
): Promise<RunningTwin> {
  const child = spawn(process.execPath, [join(ROOT, "bin/qiki.mjs"), "up", "--data", dataFolder, "--port", "0", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, ...env },
  });
  let output = "";
  let errors = "";
  const exited = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
  const url = await new Promise<string>((done, fail) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const match = /ORION is at (http:\S+)/.exec(output);
      if (match !== null) done(match[1]!);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once("exit", (code) => fail(new Error(`qiki up ended with ${code}: ${errors}${output}`)));
  });
  return {
    url,
    dataFolder,
    child,
    async stop(signal = "SIGINT") {
      // As a terminal does it: the whole group gets the signal.
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal);
      return { code: await exited, output: output + errors };
    },
  };
}

/** Runs one `qiki` command to its end. */
export function qiki(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, "bin/qiki.mjs"), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done) => child.once("close", (code) => done({ code, stdout, stderr })));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
