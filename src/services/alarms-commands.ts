import { eventTimeMs } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import { ackOf } from "#contracts/ack.ts";
import { type CommandRefusal, type CommandValues, checkParameters, specOf } from "#contracts/command.ts";
import type { CommandSpec } from "#contracts/command-catalogue.ts";
import { CLOUD_EVENTS } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { AlarmsBatch } from "#store/alarms-store.ts";
import type { AlarmsMachine, AlarmsOutput } from "#twin/alarms-machine.ts";
import { effectHolds, observedValues, watchedConditions } from "#twin/effect-watch.ts";
import { incidentAction, incidentLimits } from "#twin/incident-commands.ts";
import { auditMessage } from "./audit-records.ts";
import type { Clock } from "./clock.ts";
import type { Arrival, Handled } from "./command-door.ts";
import type { RulesFile, RulesRefusal } from "./incident-rules-file.ts";
import type { Publisher } from "./publisher.ts";

export interface AlarmsCommandsOptions {
  readonly clock: Clock;
  readonly machine: AlarmsMachine;
  readonly rules: RulesFile;
  readonly publisher: Publisher;
  readonly time: { readonly epochMs: number; readonly tickMs: number };
  readonly run: () => { readonly id: RunId; readonly tick: Tick };
  /** Takes in and stores all that arrived before; false while the store cannot be written. */
  readonly flush: () => boolean;
  /** Stores a batch and shows what it changed; false if it could not be stored. */
  readonly store: (batch: AlarmsBatch, outputs: readonly AlarmsOutput[]) => boolean;
  /** Puts the machine back to what is stored. */
  readonly restore: () => void;
  /** Why the store cannot be written. */
  readonly problem: () => string | undefined;
  readonly onRulesChanged: () => void;
}

type CommandArrival = Arrival & { readonly kind: "command" };
type Decision =
  | { readonly kind: "applied"; readonly spec: CommandSpec; readonly values: CommandValues }
  | { readonly kind: "refused"; readonly refusal: CommandRefusal };

/** What a person asks of the incidents and their rules: applied and stored before anybody hears of it. */
export function createAlarmsCommands(options: AlarmsCommandsOptions): (arrival: Arrival) => Handled {
  const { clock, machine, rules, publisher, time } = options;
  let order = { at: "", count: 0 };

  /** Arrival order among the commands of one tick, from 0. */
  function nextOrder({ id, tick }: { readonly id: RunId; readonly tick: Tick }): number {
    const at = `${id}:${tick}`;
    order = order.at === at ? { at, count: order.count + 1 } : { at, count: 0 };
    return order.count;
  }

  function decide(arrival: Arrival): Decision {
    if (arrival.refusal !== undefined) return { kind: "refused", refusal: arrival.refusal };
    const { command } = arrival as CommandArrival;
    const spec = specOf(command.name);
    if ("code" in spec) return { kind: "refused", refusal: spec };
    const checked = checkParameters(spec, command.parameters, incidentLimits(rules.ruleSet().rules));
    if (checked.kind === "refused") return checked;
    const refusal = spec.name.startsWith("rules.")
      ? changeRules(arrival as CommandArrival, checked.values)
      : actOnIncident(arrival as CommandArrival, checked.values);
    return refusal === undefined ? { kind: "applied", spec, values: checked.values } : { kind: "refused", refusal };
  }

  function actOnIncident(arrival: CommandArrival, values: CommandValues): CommandRefusal | undefined {
    const action = incidentAction(arrival.command.name, values, actorOf(arrival));
    if (action === undefined) return { code: "unknown_command", message: `${arrival.command.name} is not a command of the incidents` };
    const outputs = machine.accept({ kind: "action", action }, options.run().tick);
    if (!save(outputs, {})) return unavailable();
    const result = outputs.find((output) => output.kind === "result")?.result;
    return result?.ok === false ? result : undefined;
  }

  function changeRules(arrival: CommandArrival, values: CommandValues): CommandRefusal | undefined {
    const { name } = arrival.command;
    const changed = name === "rules.reload" ? rules.reload() : rules.setEnabled(String(values.rule_id), values.enabled === true);
    if (changed.kind === "refused") return refusedRules(changed.reason, changed.problem, values);
    const by = actorOf(arrival);
    const { ruleSet, text } = changed;
    const outputs = machine.accept({ kind: "rules", ruleSet, by }, options.run().tick);
    if (!save(outputs, { rules: { hash: ruleSet.hash, yaml: text, actor: by.operator } })) {
      changed.undo();
      return unavailable();
    }
    const payload = { kind: "incident", hash: ruleSet.hash, text };
    publisher.publish({ ...moment(), subject: SUBJECTS.recordRules, source: CLOUD_EVENTS.audit.source, payload });
    options.onRulesChanged();
    return undefined;
  }

  function save(outputs: readonly AlarmsOutput[], more: Pick<AlarmsBatch, "rules">): boolean {
    const audit = outputs.flatMap((output) => (output.kind === "audit" ? [{ draft: output.draft, publish: true }] : []));
    if (options.store({ wallMs: clock.nowMs(), audit, state: machine.takeStateChanges(), ...more }, outputs)) return true;
    options.restore();
    return false;
  }

  function unavailable(): CommandRefusal {
    return {
      code: "exception",
      reason: "audit_unavailable",
      message: `audit_unavailable: ${options.problem() ?? "the store is not written"}`,
    };
  }

  function moment(): { readonly timeMs: number; readonly tick: Tick; readonly runId: RunId } {
    const { id, tick } = options.run();
    return { timeMs: eventTimeMs(time.epochMs, tick, time.tickMs), tick, runId: id };
  }

  function report(arrival: CommandArrival, kind: "command_result" | "command_effect", ok: boolean, body: Record<string, unknown>): void {
    const { command, actor } = arrival;
    const fact = { kind, ...actor, requestId: command.requestId, commandName: command.name, ok, body };
    publisher.publish(auditMessage({ ...moment(), ...fact }));
  }

  /** Every effect of these commands can be seen as soon as they are applied. */
  function reportEffect(arrival: CommandArrival, spec: CommandSpec, values: CommandValues): void {
    if (spec.effect === undefined || arrival.command.requestId === null) return;
    const conditions = watchedConditions(spec.effect, values, {
      tick: 0,
      tickMs: time.tickMs,
      softStartS: 0,
      turnRateDps: 1,
      defaultPort: null,
    });
    const seen = spec.name.startsWith("rules.")
      ? rules.ruleView(String(values.rule_id))
      : machine.views().find((view) => view.incident_id === values.incident_id);
    const ok = effectHolds(conditions, seen);
    const effect = ok ? { effect: "effect_confirmed" } : { effect: "effect_missing", reason: "deadline", wanted: conditions };
    report(arrival, "command_effect", ok, { ...effect, observed: observedValues(conditions, seen) });
  }

  return (arrival) => {
    const isStored = options.flush();
    const { id: runId, tick } = options.run();
    const [name, requestId] =
      arrival.kind === "command" ? [arrival.command.name, arrival.command.requestId] : [arrival.name, arrival.requestId];
    const context = {
      name,
      requestId,
      timeMs: moment().timeMs,
      tick: (tick + 1) as Tick,
      order: nextOrder({ id: runId, tick }),
      runId,
      afterSeq: machine.afterSeq(),
    };
    const decision: Decision = isStored || arrival.refusal !== undefined ? decide(arrival) : { kind: "refused", refusal: unavailable() };
    const ack = ackOf(context, decision.kind === "refused" ? decision.refusal : undefined);
    return {
      ack,
      publishRest() {
        if (arrival.kind !== "command") return;
        const { parameters } = arrival.command;
        if (decision.kind === "refused") {
          const { code, message } = decision.refusal;
          report(arrival, "command_result", false, { code, message, applied_tick: null, order: ack.order, parameters });
        } else {
          report(arrival, "command_result", true, { parameters, applied_tick: ack.tick, order: ack.order });
          reportEffect(arrival, decision.spec, decision.values);
        }
      },
    };
  };
}

function actorOf({ command, actor }: CommandArrival): { operator: string; role: string; requestId?: string } {
  return { ...actor, ...(command.requestId === null ? {} : { requestId: command.requestId }) };
}

function refusedRules(reason: RulesRefusal, message: string, values: CommandValues): CommandRefusal {
  switch (reason) {
    case "unknown_rule":
      return { code: "invalid_parameter", field: "rule_id", given: values.rule_id, reason, message };
    case "file_unreadable":
    case "file_unwritable":
      return { code: "exception", reason, message };
    default:
      return { code: "not_allowed_in_state", reason, message };
  }
}
