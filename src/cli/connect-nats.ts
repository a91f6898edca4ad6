import { setTimeout as sleep } from "node:timers/promises";
import { connectNats } from "#bus/nats.ts";
import type { Bus, BusReport } from "#bus/port.ts";
import { QikiError } from "#base/error.ts";
import { natsOptions } from "./nats-options.ts";
import { settings } from "./settings.ts";

const RETRY_MS = 1000;

/** Connects to the server of `url`, else of NATS_URL, and waits for it as long as it takes. @throws QikiError `auth_config`, `auth_failed` */
export function natsConnector(url = settings().nats.url): (report: (report: BusReport) => void) => Promise<Bus> {
  const options = natsOptions(url);
  return async (report) => {
    let isTold = false;
    for (;;) {
      try {
        return await connectNats({ ...options, report });
      } catch (error) {
        if (!(error instanceof QikiError && error.code === "not_reachable")) throw error;
        if (!isTold) process.stderr.write(`qiki: ${error.message}; waiting for it\n`);
        isTold = true;
        await sleep(RETRY_MS);
      }
    }
  };
}
