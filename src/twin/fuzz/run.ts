import { canonicalJson } from "#base/canonical-json.ts";
import type { ControlCommand } from "#contracts/command.ts";
import type { Message } from "#contracts/message.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { commandSpec } from "#contracts/command-catalogue.ts";
import { createLinks, type Link, type LinkFault } from "../links.ts";
import { createTwin, digest, type SteppedTwin, type TwinInput, type TwinOptions } from "../twin.ts";
import { commandWatch, contractWatch, edgeWatch } from "./command-watch.ts";
import { craftWatch } from "./craft-watch.ts";
import { Draw } from "./draw.ts";
import { incidentWatch } from "./incident-watch.ts";
import type { FuzzBase, FuzzRun, LiveCommand } from "./plan.ts";
import { radarWatch } from "./radar-watch.ts";
import { type Invariant, type Step, Violation, type Watch } from "./step.ts";

/** Where and how an invariant failed. */
export interface FuzzFinding {
  readonly invariant: Invariant;
  readonly tick: number;
  readonly message: string;
}

export interface FuzzOutcome {
  readonly finding: FuzzFinding | undefined;
  /** Tick inputs given. */
  readonly ticks: number;
  /** Live commands as they were given. */
  readonly commands: readonly LiveCommand[];
  /** All that was given, the last of which showed the finding. */
  readonly inputs: readonly TwinInput[];
}

type Rules = Pick<FuzzBase, "ruleSet" | "guardRuleSet">;

/** Runs a twin under every invariant until one fails; then the same again with restarts from snapshots in between. */
export function runFuzz(run: FuzzRun, rules: Rules): FuzzOutcome {
  const links = heardLinks(run.links);
  const twin = fuzzTwin(run, rules, { links });
  const watches = watchesOf(run, rules);
  const steps: { readonly input: TwinInput; readonly text: string }[] = [];
  const commands: LiveCommand[] = [];
  const inputs: TwinInput[] = [];
  const entryTicks = new Set(run.model.setup.scenario.timeline.map(({ afterTick }) => afterTick));
  let before = twin.sim.telemetry();
  let isFresh = true;
  let ticks = 0;

  function give(input: TwinInput): void {
    const runId = twin.sim.runId;
    inputs.push(input);
    const isCommand = input.kind === "command" || input.kind === "incident_command";
    const hashBefore = isCommand ? hashOf(twin) : "";
    const outputs = twin.step([input]);
    steps.push({ input, text: JSON.stringify(outputs) });
    const after = twin.sim.telemetry();
    const isNewRun = twin.sim.runId !== runId;
    const reachesTimeline = input.kind !== "boot" && input.kind !== "incident_command";
    const step: Step = {
      input,
      outputs,
      made: [
        ...links.heard(),
        ...outputs.flatMap((output) => (output.kind === "message" && !isOnLink(output.message) ? [output.message] : [])),
      ],
      twin,
      before,
      after,
      hasChanged: isCommand && hashOf(twin) !== hashBefore,
      hasTicked: after.tick !== before.tick && !isNewRun,
      isNewRun,
      hasEntries: isFresh && reachesTimeline && entryTicks.has(before.tick),
    };
    isFresh = step.hasTicked || isNewRun || (isFresh && !reachesTimeline);
    before = after;
    for (const watch of watches) watch.see(step);
  }

  const finding = findingOf(
    () => twin.sim.tick,
    () => {
      give({ kind: "boot" });
      let next = 0;
      for (;;) {
        const canTick = twin.sim.runState === "RUNNING" || twin.sim.pendingSteps > 0;
        const live = run.commands[next];
        const isDue = live !== undefined && (live.afterTick <= twin.sim.tick || !canTick);
        if (ticks >= run.ticks && !isDue) break;
        if (isDue) {
          next += 1;
          give(commandInput(live, twin, commands));
        } else if (canTick) {
          ticks += 1;
          give({ kind: "tick" });
        } else give(commandInput(START, twin, commands));
      }
      for (const watch of watches) watch.end?.(twin);
    },
  );
  return { finding: finding ?? replayFinding(run, rules, steps, digest(twin)), ticks, commands, inputs };
}

/** The twin of a run, its links with it; `start` continues another one. */
export function fuzzTwin(
  { model, links }: Pick<FuzzRun, "model" | "links">,
  rules: Rules,
  more: Partial<Pick<TwinOptions, "hashesIncidents" | "links" | "start">> = {},
): SteppedTwin {
  return createTwin({ model, ...rules, hashesIncidents: false, links: createLinks(links), ...more });
}

/** Links that remember what they were given until it is asked for. */
function heardLinks(faults: readonly LinkFault[]): ReturnType<typeof createLinks> & { heard(): readonly Message[] } {
  let given: Message[] = [];
  const heard = (link: Link): Link => ({
    due: link.due,
    take(message, tick) {
      given.push(message);
      return link.take(message, tick);
    },
  });
  const { frames, events } = createLinks(faults);
  return {
    frames: heard(frames),
    events: heard(events),
    heard() {
      const all = given;
      given = [];
      return all;
    },
  };
}

function isOnLink({ subject }: Message): boolean {
  return subject.startsWith(EVENTS_PREFIX) || subject === SUBJECTS.radarFrames;
}

/** A run that somebody has stopped goes on, so that every seed has its ticks. */
const START: LiveCommand = { afterTick: 0, name: "sim.start", parameters: {} };

function watchesOf({ model, commands }: FuzzRun, { ruleSet }: Rules): Watch[] {
  const losesCapacity = canonicalJson([model.setup.scenario.timeline, commands]).includes("battery_capacity_loss");
  return [contractWatch(), craftWatch(model.config, losesCapacity), commandWatch(model), edgeWatch(), radarWatch(), incidentWatch(ruleSet)];
}

function hashOf({ sim }: SteppedTwin): string {
  return `${sim.hash()} ${sim.sceneHash()}`;
}

function findingOf(tick: () => number, act: () => void): FuzzFinding | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const invariant = error instanceof Violation ? error.invariant : "no_fault";
    return { invariant, tick: tick(), message: (error as Error).message };
  }
}

function commandInput({ name, parameters: given, incidentAt }: LiveCommand, twin: SteppedTwin, all: LiveCommand[]): TwinInput {
  let parameters = given;
  if (incidentAt !== undefined) {
    const views = twin.alarms.views();
    const view = views[Math.floor(incidentAt * views.length)];
    // Now and then the occurrence that was drawn stays: a wrong one is to be refused.
    if (view !== undefined)
      parameters = { ...given, incident_id: view.incident_id, ...(given.occ === undefined || given.occ === 0 ? {} : { occ: view.occ }) };
  }
  all.push({ afterTick: twin.sim.tick, name, parameters });
  const requestId = `fuzz-${all.length}`;
  const command: ControlCommand = { name, parameters, metadata: { messageId: requestId, source: "fuzz" }, requestId };
  const kind = commandSpec(name)?.owner === "alarms" ? "incident_command" : "command";
  return { kind, command, actor: { operator: "fuzz", role: "operator" } };
}

/** Gives the inputs again to twins that are restored from each other's snapshots: every output must come out the same. */
function replayFinding(
  run: FuzzRun,
  rules: Rules,
  steps: readonly { readonly input: TwinInput; readonly text: string }[],
  end: string,
): FuzzFinding | undefined {
  const links = createLinks(run.links);
  const draw = new Draw(`fuzz/${run.model.settings.seed}/restarts`);
  const restarts = new Set(Array.from({ length: RESTARTS }, () => draw.integer(1, Math.max(1, steps.length - 1))));
  let twin = fuzzTwin(run, rules, { links });
  return findingOf(
    () => twin.sim.tick,
    () => {
      steps.forEach(({ input, text }, index) => {
        if (restarts.has(index)) twin = fuzzTwin(run, rules, { links, start: twin.now() });
        const again = JSON.stringify(twin.step([input]));
        if (again !== text) throw new Violation("replay", differenceOf(text, again));
      });
      if (digest(twin) !== end) throw new Violation("replay", `the digest of all rooms at the end is ${digest(twin)}, was ${end}`);
    },
  );
}

const RESTARTS = 3;

function differenceOf(first: string, again: string): string {
  const before = JSON.parse(first) as readonly unknown[];
  const after = JSON.parse(again) as readonly unknown[];
  const at = Array.from({ length: Math.max(before.length, after.length) }, (_, index) => index).find(
    (index) => JSON.stringify(before[index]) !== JSON.stringify(after[index]),
  )!;
  const [was, is] = [before[at], after[at]].map((value) => JSON.stringify(value) ?? "nothing");
  let place = 0;
  while (place < was!.length && was![place] === is![place]) place += 1;
  const shown = (text: string): string => text.slice(Math.max(0, place - 80), place + 40);
  return `output ${at} of the step: first …${shown(was!)}…, again …${shown(is!)}…`;
}
