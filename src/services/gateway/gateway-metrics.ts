import type { CommandRow } from "#contracts/command-row.ts";
import type { Metrics } from "../metrics.ts";
import type { Hub } from "./hub.ts";

const ACK_BUCKETS = [0.001, 0.0015, 0.005, 0.02, 0.1, 0.5, 2];
const EFFECTS: Readonly<Record<string, string>> = { EFFECT_CONFIRMED: "confirmed", EFFECT_MISSING: "missing" };
const ROWS_MAX = 10_000;

/** What only the gateway knows: how soon commands are answered, what became of their effects, who is looking. */
export function gatewayMetrics(metrics: Metrics, hub: Hub, clients: () => number): void {
  const answered = metrics.seconds("command_ack_seconds", "time from sending a command to its answer", ACK_BUCKETS);
  const effects = new Map<string, number>();
  /** Stage that each command was last seen in. */
  const seen = new Map<string, string>();
  hub.onChange({
    state(topic, key) {
      if (topic !== "commands") return;
      const row = hub.get("commands", key)?.value as CommandRow | undefined;
      if (row === undefined) return void seen.delete(key);
      const before = seen.get(key);
      if (seen.size > ROWS_MAX) seen.clear();
      seen.set(key, row.stage);
      if (before === row.stage) return;
      if (before === "SENT" && row.answered_ms !== undefined) answered(row.answered_ms / 1000);
      const result = EFFECTS[row.stage];
      if (result !== undefined) effects.set(result, (effects.get(result) ?? 0) + 1);
    },
    log() {},
  });
  metrics.counter("effects_total", "effects of commands, seen or missed", ["result"], () =>
    [...effects].map(([result, count]) => [{ result }, count]),
  );
  metrics.gauge("ws_clients", "consoles that are connected", [], () => [[{}, clients()]]);
}
