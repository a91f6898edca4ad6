import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Bus, BusStatus } from "#bus/port.ts";
import { STREAMS } from "#contracts/streams.ts";
import type { Clock } from "./clock.ts";
import type { Publisher } from "./publisher.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number];

/** What one process tells of itself at `/metrics` (console §2.2), each name with the prefix `qiki_`. */
export interface Metrics {
  /** A number that only grows; `read` gives it with its labels when somebody asks. */
  counter(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void;
  /** A number as it is now. */
  gauge(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void;
  /** How long something takes; the returned call takes seconds. */
  seconds(name: string, help: string, buckets: readonly number[]): (seconds: number) => void;
  /** The Prometheus text and its content type. */
  text(): Promise<{ readonly type: string; readonly text: string }>;
}

const PREFIX = "qiki_";

export function createMetrics(): Metrics {
  const registry = new Registry();
  /** A role that begins anew tells its figures anew. */
  const common = (name: string, help: string) => {
    registry.removeSingleMetric(`${PREFIX}${name}`);
    return { name: `${PREFIX}${name}`, help, registers: [registry] };
  };
  /** Both kinds begin at 0 when they are asked, and are given what `read` says. */
  const sampled =
    (Kind: typeof Counter | typeof Gauge): Metrics["counter"] =>
    (name, help, labelNames, read) => {
      new Kind({
        ...common(name, help),
        labelNames: [...labelNames],
        collect() {
          this.reset();
          for (const [labels, value] of read()) this.inc({ ...labels }, value);
        },
      });
    };
  return {
    counter: sampled(Counter),
    gauge: sampled(Gauge),
    seconds(name, help, buckets) {
      const histogram = new Histogram({ ...common(name, help), buckets: [...buckets] });
      return (seconds) => histogram.observe(seconds);
    },
    text: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

const STATES: readonly BusStatus["state"][] = ["connected", "reconnecting", "lost", "closed"];
const LAG_MS = 5000;

/** The bus as this process sees it; the lag of durables is asked for now and again. The returned call ends that. */
export function busMetrics(metrics: Metrics, bus: Bus, clock: Clock, lagPeriodMs = LAG_MS): () => void {
  let lags: Sample[] = [];
  let cancel = (): void => {};
  let isEnded = false;
  metrics.gauge("bus_state", "1 for the state that the connection is in", ["state"], () =>
    STATES.map((state) => [{ state }, bus.status().state === state ? 1 : 0]),
  );
  metrics.counter("bus_published_total", "messages given to the bus", [], () => [[{}, bus.counts().published]]);
  const swallowed = "messages dropped before a slow reader, or not sent during an outage";
  metrics.counter("bus_dropped_total", swallowed, ["subject", "reason"], () => {
    const { dropped, notSent } = bus.counts();
    return [
      ...Object.entries(notSent).map(([subject, count]) => [{ subject, reason: "outage" }, count] as const),
      ...Object.entries(dropped).map(([subject, count]) => [{ subject, reason: "slow_reader" }, count] as const),
    ];
  });
  metrics.counter("bus_reconnects_total", "times that the connection came back", [], () => [[{}, bus.counts().reconnects]]);
  metrics.gauge("bus_outbox_messages", "messages that wait for the end of an outage", [], () => [[{}, bus.counts().waiting]]);
  metrics.counter("stream_gap_total", "messages that their stream did not take", [], () => [[{}, bus.counts().missed]]);
  metrics.gauge("consumer_lag", "messages that a durable has not dealt with", ["stream", "durable"], () => lags);

  async function poll(): Promise<void> {
    try {
      const found: Sample[] = [];
      for (const { name } of Object.values(STREAMS))
        for (const durable of (await bus.streams.info(name)).durables)
          found.push([{ stream: name, durable: durable.name }, durable.pending + durable.ackPending]);
      lags = found;
    } catch {
      // Without the bus nothing is known of its durables; bus_state says so.
      lags = [];
    }
    // One that is asked while everything ends would begin anew for ever, and the process would not end.
    if (!isEnded) cancel = clock.after(lagPeriodMs, () => void poll());
  }
  void poll();
  return () => {
    isEnded = true;
    cancel();
  };
}

export function publisherMetrics(metrics: Metrics, publisher: Publisher): void {
  metrics.counter("contract_violation_total", "messages that did not fit their contract, published all the same", ["subject"], () =>
    [...publisher.violations].map(([subject, count]) => [{ subject }, count]),
  );
}
