import type { Bus } from "#bus/port.ts";
import type { Clock } from "./clock.ts";
import type { Closing } from "./closing.ts";
import { busMetrics, createMetrics, type Metrics, publisherMetrics } from "./metrics.ts";
import type { Publisher } from "./publisher.ts";

/** The metrics of a process: its bus, its publisher, and the commands that its roles answer; the roles add their own. */
export function processMetrics(
  bus: Bus,
  clock: Clock,
  publisher: Publisher,
  closing: Closing,
  lagPeriodMs?: number,
): { readonly metrics: Metrics; readonly onAnswered: (name: string, code: string) => void } {
  const metrics = createMetrics();
  const endBus = busMetrics(metrics, bus, clock, lagPeriodMs);
  closing.add("metrics", endBus);
  publisherMetrics(metrics, publisher);
  const answered = new Map<string, { readonly name: string; readonly code: string; count: number }>();
  metrics.counter("commands_total", "commands answered, applied or with the code of the refusal", ["name", "code"], () =>
    [...answered.values()].map(({ name, code, count }) => [{ name, code }, count]),
  );
  return {
    metrics,
    onAnswered(name, code) {
      const key = `${name} ${code}`;
      const one = answered.get(key) ?? { name, code, count: 0 };
      one.count += 1;
      answered.set(key, one);
    },
  };
}
