import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { loadIncidentRules } from "#alarms/incident/lint-rules.ts";
import { openAlarmsStore } from "#store/alarms-store.ts";
import { type AlarmsInput, type AlarmsMachine, createAlarmsMachine, joinAlarmsState } from "#twin/alarms-machine.ts";

/** The alarms machine with the shipped rules, as every process of this test makes it. */
export function shippedAlarms(): AlarmsMachine {
  const loaded = loadIncidentRules(parse(readFileSync("config/incident_rules.yaml", "utf8")), { periodsMs: DEFAULT_PERIODS_MS });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.findings));
  return createAlarmsMachine({ ruleSet: { rules: loaded.rules, hash: "shipped" }, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true });
}

/** A long, fixed list of inputs with events, operator actions and a change of run. */
export function restartInputs(): AlarmsInput[] {
  const inputs: AlarmsInput[] = [];
  const by = { operator: "olga", role: "operator" };
  let seq = 0;
  for (let step = 0; step < 400; step += 1) {
    const isSecondRun = step >= 250;
    const at = isSecondRun ? step - 250 : step;
    const event = (subject: string, payload: Record<string, unknown>): void => {
      seq += 1;
      const common = { schema_version: 1, ts_epoch: 1_767_225_600 + at };
      const runId = isSecondRun ? "run-2" : "run-1";
      inputs.push({ kind: "event", seq, subject: `qiki.events.v1.${subject}`, payload: { ...common, ...payload }, runId, tick: at * 10 });
    };
    event("sensor.thermal", { category: "sensor", source: "thermal", subject: "core", temp: step % 50 < 25 ? 75 : 60 });
    event("power.bus", {
      category: "power",
      source: "bus",
      subject: "main",
      current: step % 30 < 12 ? 4.4 : 3,
      demand_a: step % 80 < 30 ? 6 : 4,
      max_bus_a: 5,
    });
    event("power.pdu", { category: "power", source: "pdu", subject: "main", overcurrent: step % 120 < 15 ? 1 : 0 });
    if (step % 37 === 5) {
      const track = `track-${step}`;
      event("radar.guard", {
        category: "radar",
        source: "guard",
        subject: "UNKNOWN_CONTACT_CLOSE",
        kind: "guard_alert",
        id: track,
        track_id: track,
        range_m: 60,
      });
    }
    if (step % 11 === 3) inputs.push({ kind: "action", action: { kind: "ack", incidentId: "TEMP_CORE_SPIKE:core", by } });
    if (step % 90 === 60) {
      inputs.push({
        kind: "action",
        action: { kind: "shelve", incidentId: "POWER_BUS_NEAR_LIMIT:main", durationS: 60, reason: "known", by },
      });
    }
    if (step % 53 === 50)
      inputs.push({ kind: "action", action: { kind: "clear", incidentId: "POWER_BUS_OVERLOAD:main", occ: 1, comment: "done", by } });
  }
  return inputs;
}

/** Works the inputs off from wherever the store says the last process got to, one transaction each, and says so. */
function main(path: string): void {
  const store = openAlarmsStore(path, 0);
  const machine = shippedAlarms();
  const state = store.loadState();
  if (state !== undefined) machine.restore(joinAlarmsState(state.reducer, state.incidents));
  process.stdout.write("ready\n");
  const inputs = restartInputs();
  for (let done = store.position("inputs"); done < inputs.length; done += 1) {
    const outputs = machine.accept(inputs[done]!, 0 as never);
    const audit = outputs.flatMap((output) => (output.kind === "audit" ? [{ draft: output.draft, publish: true }] : []));
    store.commit({ wallMs: done, audit, state: machine.takeStateChanges(), positions: { inputs: done + 1 } });
    process.stdout.write(`${done}\n`);
  }
  store.close(inputs.length);
}

if (process.argv[2] !== undefined && process.argv[1]?.endsWith("alarms-restart-child.ts") === true) main(process.argv[2]);
