import { connect, createServer, type Socket } from "node:net";

/** A line to a server that loses what the test says. */
export interface Line {
  /** Address of this end. */
  readonly url: string;
  /** From now on what the server sends is lost, though the server believes it arrived. */
  loseAnswers(): void;
  /** What was lost so far. */
  readonly lost: string;
  /** Breaks the connections; new ones lose nothing. */
  cut(): void;
  close(): void;
}

/** Opens a line to the server at an address like `nats://127.0.0.1:4222`. */
export async function openLine(url: string): Promise<Line> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let isLosing = false;
  let lost = "";
  const end = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      if (isLosing) lost += bytes.toString("latin1");
      else near.write(bytes);
    });
  });
  await new Promise<void>((listening) => end.listen(0, "127.0.0.1", listening));
  return {
    url: `nats://127.0.0.1:${(end.address() as { port: number }).port}`,
    loseAnswers() {
      isLosing = true;
    },
    get lost() {
      return lost;
    },
    cut() {
      isLosing = false;
      for (const socket of sockets) socket.destroy();
    },
    close() {
      end.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
