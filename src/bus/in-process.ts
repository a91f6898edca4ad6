import { Broker } from "./in-process/broker.ts";
import { openBusFile } from "./in-process/bus-file.ts";
import { InProcessBus } from "./in-process/connection.ts";
import type { Bus, BusReport } from "./port.ts";
import type { BusSite } from "./site.ts";
import { wireNames } from "./wire.ts";

export interface InProcessOptions {
  /** `bus.sqlite` of the data folder; without it streams and last values live in memory. */
  readonly path?: string;
  /** What the installation calls or limits otherwise. */
  readonly site?: BusSite;
  /** Wall time, milliseconds since 1970: ages and windows of streams. */
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
}

export interface InProcessBroker {
  /** A connection; with a prefix every subject, stream and bucket of it is its own. @throws QikiError bad_subject */
  connect(options?: { readonly prefix?: string }): Bus;
  /** Closes every connection and the file. */
  close(): Promise<void>;
}

/**
 * The embedded bus: all services of one process on it, streams and last values in a file.
 * @throws QikiError disk, store_newer
 */
export function openInProcessBroker(options: InProcessOptions): InProcessBroker {
  const file = options.path === undefined ? undefined : openBusFile(options.path);
  const broker = new Broker({ nowMs: options.nowMs, report: options.report, file });
  const connections = new Set<InProcessBus>();
  let isOpen = true;
  return {
    connect({ prefix } = {}) {
      const bus = new InProcessBus(broker, wireNames(prefix, options.site), (closed) => connections.delete(closed));
      connections.add(bus);
      return bus;
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      for (const bus of connections) await bus.close();
      broker.close();
    },
  };
}
