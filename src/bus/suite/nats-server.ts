import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsCredentials } from "../nats.ts";

/** The server's program, undefined where this machine has none. */
export const NATS_SERVER = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"].find((path) => existsSync(path));
export const NATS_CREDENTIALS: NatsCredentials = { kind: "password", user: "qiki", password: "orbit" };

export interface NatsServer {
  readonly url: string;
  start(): Promise<void>;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  remove(): void;
}

/** A server of its own with credentials, storage in a folder of its own. */
export async function makeServer(authorization = "user: qiki, password: orbit"): Promise<NatsServer> {
  if (NATS_SERVER === undefined) throw new Error("nats-server is missing; install it with: apt-get install -y nats-server");
  const folder = await mkdtemp(join(tmpdir(), "qiki-nats-"));
  const port = await freePort();
  const config = join(folder, "server.conf");
  writeFileSync(
    config,
    `listen: "127.0.0.1:${port}"
     jetstream { store_dir: "${folder}/store", max_mem: 64MB, max_file: 20GB }
     authorization { ${authorization} }`,
  );
  const running: ReturnType<typeof spawn>[] = [];
  return {
    url: `nats://127.0.0.1:${port}`,
    start: async () => {
      const child = spawn(NATS_SERVER, ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
      running.push(child);
      await new Promise<void>((resolve, reject) => {
        let log = "";
        child.stderr!.on("data", (chunk: Buffer) => {
          log += chunk.toString();
          if (log.includes("Server is ready")) resolve();
        });
        child.once("exit", () => reject(new Error(`nats-server ended: ${log}`)));
      });
    },
    stop: async (signal = "SIGTERM") => {
      const child = running.pop();
      if (child === undefined || child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      await ended;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
