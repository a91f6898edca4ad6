import type { Message } from "#contracts/message.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { SteppedTwin, TwinInput, TwinOutput } from "../twin.ts";

/** What must hold in every run (operations §9), by the word under which a violation is reported. */
export const INVARIANTS = {
  no_fault: "nothing breaks down",
  contract: "every message is as its contract says, with finite numbers",
  conservation: "power in and out are equal in every tick to 1e-9 W, and what storage holds changes by what flows",
  bounds: "charges are 0 to 100 %, no propellant is owed, temperatures are -120 to 160 C",
  bus_limit: "the bus carries at most its limit, or says PDU_OVERCURRENT",
  shed_order: "the PDU takes nbl before radar before transponder",
  no_flap: "what was shed or closed stays so for its delay or cooldown, and what opens has been true for its delay",
  hysteresis: "every latch, gate, trip, warning and incident changes at its two thresholds alone",
  edge_events: "a trip and an overcurrent are told once, in the tick in which they change",
  refusal: "a refused command changes nothing",
  one_ack: "every command has one ACK, with the tick that it acts in and its place in it",
  effect: "every effect is seen by its deadline, or is missing with a reason, and is told once",
  tracks: "a confirmed track ends with one LOST and never comes back, one that was not is never LOST",
  guards: "alerts and clears of a rule and track take turns",
  incident_edges: "incidents move along the edges of the state table alone, one occurrence at a time",
  replay: "the same inputs give the same outputs, also from a snapshot in between",
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** Thrown by a watch when an invariant does not hold. */
export class Violation extends Error {
  override name = "Violation";
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string) {
    super(message);
    this.invariant = invariant;
  }
}

/** One input with all that came of it. */
export interface Step {
  readonly input: TwinInput;
  /** With faults of the links, what they let through. */
  readonly outputs: readonly TwinOutput[];
  /** Messages as the machines made them. */
  readonly made: readonly Message[];
  readonly twin: SteppedTwin;
  /** Telemetry as it would have been published before and after. */
  readonly before: TelemetryPayload;
  readonly after: TelemetryPayload;
  /** Whether craft or scene are others than before; told of commands alone. */
  readonly hasChanged: boolean;
  /** Whether the world advanced by a tick. */
  readonly hasTicked: boolean;
  /** Whether a reset began a new run. */
  readonly isNewRun: boolean;
  /** Whether entries of the timeline were applied first. */
  readonly hasEntries: boolean;
}

/** Looks at every step of a run. @throws Violation */
export interface Watch {
  see(step: Step): void;
  /** After the last step. */
  end?(twin: SteppedTwin): void;
}
