import { checkParameters, specOf } from "#contracts/command.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { SUBJECT_SCHEMAS } from "#contracts/messages.ts";
import { deadlineTicks } from "../effect-watch.ts";
import type { SimModel } from "../sim-state.ts";
import { type Step, Violation, type Watch } from "./step.ts";

/** Every message as its contract says. */
export function contractWatch(): Watch {
  return {
    see({ made, outputs }) {
      for (const { subject, payload } of made) check(subject, payload);
      for (const output of outputs) if (output.kind === "ack") check(SUBJECTS.responses, output.ack);
    },
  };
}

function check(subject: string, payload: unknown): void {
  const checked = SUBJECT_SCHEMAS[subject]?.safeParse(payload);
  if (checked === undefined || checked.success) return;
  const [issue] = checked.error.issues;
  throw new Violation("contract", `${subject}: ${issue?.path.join(".")}: ${issue?.message}`);
}

/** Commands so far since a tick, by who answers them. */
const NONE_SENT = { tick: -1, sim: 0, incidents: 0 };

/** One ACK a command, nothing changed by a refused one, and one word on every effect (operations §4.4, §4.6). */
export function commandWatch(model: SimModel): Watch {
  /** Effects that must still be told: the last tick at which they count. */
  const pending = new Map<string, number>();
  let sent = NONE_SENT;

  function checkAck({ input, outputs, twin, before, hasChanged, hasEntries, isNewRun }: Step): void {
    const acks = outputs.flatMap((output) => (output.kind === "ack" ? [output.ack] : []));
    if (input.kind !== "command" && input.kind !== "incident_command") {
      if (isNewRun) sent = NONE_SENT;
      if (acks.length > 0) throw new Violation("one_ack", `${acks[0]!.request_id} is answered though nothing was asked`);
      return;
    }
    const { name, requestId } = input.command;
    const [ack] = acks;
    if (acks.length !== 1 || ack?.request_id !== requestId)
      throw new Violation(
        "one_ack",
        `${name} ${requestId} has ${acks.length} ACKs, of ${acks.map((one) => one.request_id).join(", ") || "none"}`,
      );
    const owner = input.kind === "command" ? "sim" : "incidents";
    if (sent.tick !== before.tick) sent = { ...NONE_SENT, tick: before.tick };
    // A reset of the timeline comes before the command, which then stands in the new run.
    if (!hasEntries && (ack.tick !== before.tick + 1 || ack.order !== sent[owner]))
      throw new Violation(
        "one_ack",
        `${name} ${requestId} acts in tick ${ack.tick} as number ${ack.order}, expected ${before.tick + 1} and ${sent[owner]}`,
      );
    sent = { ...sent, [owner]: sent[owner] + 1 };
    // A reset is counted in the run that it ended; a command behind a reset of the timeline is the first of the new one.
    if (isNewRun) sent = { ...NONE_SENT, tick: 0, [owner]: ack.run_id === twin.sim.runId ? ack.order + 1 : 0 };
    if (!ack.ok && !hasEntries && hasChanged) throw new Violation("refusal", `${name} was refused and changed the craft`);
  }

  function expectEffect({ input, outputs, before, after }: Step): void {
    if (input.kind !== "command") return;
    const { name, requestId, parameters } = input.command;
    const spec = specOf(name);
    const isApplied = outputs.some((output) => output.kind === "ack" && output.ack.ok);
    if (!isApplied || requestId === null || "code" in spec || spec.effect === undefined) return;
    const checked = checkParameters(spec, parameters, model.limits);
    if (checked.kind === "refused") throw new Violation("refusal", `${name} was applied though ${checked.refusal.message}`);
    const tick = name === "sim.reset" ? 0 : after.tick;
    const { softStartS, turnRateDps, defaultPort } = model;
    const context = { tick: before.tick, tickMs: model.settings.tickMs, softStartS, turnRateDps, defaultPort };
    pending.set(requestId, tick + deadlineTicks(spec.effect, checked.values, context));
  }

  function takeEffects({ made }: Step): void {
    for (const { subject, payload } of made) {
      if (subject !== SUBJECTS.audit || payload.kind !== "command_effect") continue;
      const { request_id: id, ok, reason, command_name: name } = payload;
      if (!pending.delete(String(id)))
        throw new Violation("effect", `the effect of ${String(name)} ${String(id)} is told and nobody waits for it`);
      if (ok !== true && typeof reason !== "string")
        throw new Violation("effect", `the effect of ${String(name)} is missing without a reason`);
    }
  }

  function checkDeadlines(tick: number): void {
    for (const [id, lastTick] of pending)
      if (tick > lastTick) throw new Violation("effect", `the effect of ${id} was due by tick ${lastTick} and nothing is told of it`);
  }

  return {
    see(step) {
      checkAck(step);
      expectEffect(step);
      takeEffects(step);
      if (step.isNewRun && pending.size > 0 && step.input.kind === "tick")
        throw new Violation("effect", `a reset left the effect of ${[...pending.keys()][0]} open`);
      checkDeadlines(step.after.tick);
    },
  };
}

/** Trips and overcurrent are told in their tick, once (simulation §8). */
export function edgeWatch(): Watch {
  /** As the last tick left it: what stands at rest is a preview. */
  let wasOvercurrent = false;
  return {
    see({ made, before, after, hasTicked, isNewRun }) {
      const trips = made
        .filter(({ subject }) => subject === SUBJECTS.thermalTrip)
        .map(({ payload, tick }) => `${String(payload.subject)} ${String(payload.tripped)} at ${tick}`);
      const changed =
        hasTicked || isNewRun ? after.thermal.nodes.filter((node, index) => node.tripped !== before.thermal.nodes[index]!.tripped) : [];
      const expected = changed.map(({ id, tripped }) => `${id} ${tripped ? 1 : 0} at ${after.tick}`);
      if (trips.join() !== expected.join())
        throw new Violation("edge_events", `trips told: ${trips.join(", ") || "none"}; nodes changed: ${expected.join(", ") || "none"}`);
      if (isNewRun) wasOvercurrent = false;
      if (!hasTicked) return;
      const was = wasOvercurrent;
      const is = after.power.faults.includes("PDU_OVERCURRENT");
      wasOvercurrent = is;
      const edges = made.filter(({ subject, payload }) => subject === SUBJECTS.powerPdu && payload.edge === true);
      const wanted = was === is ? 0 : 1;
      if (edges.length !== wanted || edges.some(({ payload, tick }) => payload.overcurrent !== (is ? 1 : 0) || tick !== after.tick))
        throw new Violation("edge_events", `overcurrent goes from ${was} to ${is} and ${edges.length} edges are told`);
    },
  };
}
