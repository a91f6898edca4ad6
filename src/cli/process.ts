import { QikiError } from "#base/error.ts";
import type { AccessFlags } from "./gateway-access.ts";

/** What `up` and `serve` take alike. */
export interface StartFlags extends AccessFlags {
  readonly stopped?: boolean;
  readonly profile?: string;
  readonly data?: string;
  readonly host?: string;
  readonly port?: string;
  readonly record: boolean;
  readonly nats?: string;
}

export const GATEWAY_PORT = 8420;
/** Further ports tried when the default one is taken. */
export const PORTS_TO_TRY = 20;
const STOP_MS = 10_000;
const INTERRUPTED = 130;
const SAME_SIGNAL_MS = 500;

/**
 * Resolves at the first signal to stop; a second one ends the program at once. The handlers stay: without one, for however
 * short a time, a signal would kill. One signal to a process group may come twice, straight and passed on by the launcher.
 */
export function signalled(): Promise<void> {
  let firstMs: number | undefined;
  return new Promise((done) => {
    const onSignal = (): void => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        done();
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(INTERRUPTED);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

/** Ends what runs here in order, or the process when that takes too long. */
export async function stopInTime(stop: () => Promise<void>): Promise<void> {
  const late = setTimeout(() => {
    process.stderr.write(`qiki: did not stop within ${STOP_MS / 1000} s; what was recorded up to now is on disk\n`);
    process.exit(1);
  }, STOP_MS);
  await stop();
  clearTimeout(late);
}

/** Where the console is, and that this is not where it was looked for. */
export function orionText({ url, port }: { readonly url: string; readonly port: number }, wanted: number): string {
  return `ORION is at ${url}${port !== wanted && wanted !== 0 ? ` (port ${wanted} is taken)` : ""}\n`;
}

/** @throws QikiError `usage` */
export function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new QikiError("usage", `port ${text} is not possible: give a whole number in [0, 65535]`);
}
