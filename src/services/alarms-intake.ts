import { QikiError } from "#base/error.ts";
import type { RunId, Tick } from "#base/units.ts";
import { utf8Decode } from "#base/utf8.ts";
import { InOrderReader } from "#bus/in-order.ts";
import type { Bus, StreamMsg } from "#bus/port.ts";
import { RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { EVENTS_PREFIX } from "#contracts/subjects.ts";
import type { AlarmsBatch } from "#store/alarms-store.ts";
import type { AlarmsMachine, AlarmsOutput } from "#twin/alarms-machine.ts";
import { chainedDraft } from "./audit-records.ts";
import type { Clock } from "./clock.ts";

/** Inputs stored in one transaction at most, so that none holds up the loop, and how long the first of them may wait for others. */
const BATCH_INPUTS = 64;
const BATCH_MS = 5;
/** How soon a batch that could not be stored is tried again. */
const RETRY_MS = 1000;

/** What was taken in together; kept whole until it is stored. */
interface Batch {
  readonly stored: AlarmsBatch;
  readonly messages: readonly StreamMsg[];
  readonly outputs: readonly AlarmsOutput[];
}

export interface AlarmsIntakeOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly machine: AlarmsMachine;
  /** Last position of the audit reader that is stored already. */
  readonly auditPosition: number;
  /** The run that the last process knew. */
  readonly run: { readonly id: RunId; readonly tick: Tick };
  /** Stores a batch and shows what it changed; false if it could not be stored. */
  readonly store: (batch: AlarmsBatch, outputs: readonly AlarmsOutput[]) => boolean;
  /** Hears of every event that the machine took in. */
  readonly onEvent: (seq: number) => void;
  /** Called when all that had arrived is stored. */
  readonly onStored: () => void;
  /** Hears why a reader ended before it was stopped. */
  readonly onFault: (error: Error) => void;
}

/** Reads the event stream and the audit subject into the alarms machine and its store. */
export interface AlarmsIntake {
  /** Newest run and tick heard of from the sim. */
  readonly run: { readonly id: RunId; readonly tick: Tick };
  /** Takes in and stores what has arrived. False: the store cannot be written, nothing new is taken in until it can. */
  flush(): boolean;
  /** Takes in what the stream holds up to now, at most for `timeoutMs`. */
  catchUp(timeoutMs: number): Promise<void>;
  /** The same, then reads no more. */
  drain(timeoutMs: number): Promise<void>;
}

/** Makes the durables and begins to read. */
export async function startAlarmsIntake(options: AlarmsIntakeOptions): Promise<AlarmsIntake> {
  const { bus, clock, machine } = options;
  const events: StreamMsg[] = [];
  const audits: StreamMsg[] = [];
  let batch: Batch | undefined;
  let cancelTimer: (() => void) | undefined;
  let run = options.run;
  let auditPosition = options.auditPosition;
  let isDraining = false;

  function accept(message: StreamMsg): readonly AlarmsOutput[] {
    const runId = message.headers[RUN_HEADER] || undefined;
    const tick = tickOf(message.headers[TICK_HEADER]);
    const { seq, subject } = message;
    if (seq <= machine.afterSeq()) return [];
    const outputs = machine.accept({ kind: "event", seq, subject, payload: parsed(message.bytes), runId, tick }, tick ?? run.tick);
    if (runId !== undefined && tick !== undefined && isOfSim(message)) run = { id: runId as RunId, tick };
    options.onEvent(seq);
    return outputs;
  }

  function chain(message: StreamMsg): NonNullable<AlarmsBatch["audit"]> {
    if (message.seq <= auditPosition) return [];
    auditPosition = message.seq;
    const draft = chainedDraft(parsed(message.bytes) ?? { raw: Buffer.from(message.bytes).toString("utf8") });
    return draft === undefined ? [] : [{ draft, publish: false }];
  }

  function takeIn(): Batch | undefined {
    if (events.length === 0 && audits.length === 0) return undefined;
    const takenEvents = events.splice(0, BATCH_INPUTS);
    const takenAudits = audits.splice(0, BATCH_INPUTS);
    const outputs = takenEvents.flatMap(accept);
    const drafts = outputs.flatMap((output) => (output.kind === "audit" ? [{ draft: output.draft, publish: true }] : []));
    const stored: AlarmsBatch = {
      wallMs: clock.nowMs(),
      audit: [...drafts, ...takenAudits.flatMap(chain)],
      state: machine.takeStateChanges(),
      positions: { [DURABLES.alarmsEvents.name]: machine.afterSeq(), [DURABLES.eventsAudit.name]: auditPosition },
    };
    return { stored, messages: [...takenEvents, ...takenAudits], outputs };
  }

  function flush(): boolean {
    cancelTimer?.();
    cancelTimer = undefined;
    for (batch ??= takeIn(); batch !== undefined; batch = takeIn()) {
      if (!options.store(batch.stored, batch.outputs)) {
        cancelTimer = clock.after(RETRY_MS, retry);
        return false;
      }
      for (const message of batch.messages) message.ack();
    }
    options.onStored();
    return true;
  }

  /** What waits for the store is held, not lost: the bus is told so, or it would deliver it again and give it up. */
  function retry(): void {
    for (const message of [...(batch?.messages ?? []), ...events, ...audits]) message.working();
    flush();
  }

  function received(inbox: StreamMsg[], message: StreamMsg): void {
    inbox.push(message);
    // While a batch waits to be stored again, its retry takes the new ones along.
    if (batch === undefined && inbox.length >= BATCH_INPUTS) flush();
    else cancelTimer ??= clock.after(BATCH_MS, flush);
  }

  function follow(messages: InOrderReader, inbox: StreamMsg[]): void {
    void (async () => {
      try {
        for await (const message of messages) received(inbox, message);
        if (!isDraining) options.onFault(new Error("the bus ended the reader"));
      } catch (error) {
        if (!(error instanceof QikiError && error.code === "closed")) options.onFault(error as Error);
      }
    })();
  }

  /** Messages that the stream still holds for this reader, or that are on their way. */
  async function unsettled(): Promise<number> {
    const { durables } = await bus.streams.info(STREAMS.events.name);
    const own: readonly string[] = [DURABLES.alarmsEvents.name, DURABLES.eventsAudit.name];
    return durables.reduce((sum, { name, pending, ackPending }) => sum + (own.includes(name) ? pending + ackPending : 0), 0);
  }

  async function catchUp(timeoutMs: number): Promise<void> {
    const endMs = clock.monotonicMs() + timeoutMs;
    // During an outage there is nothing to take.
    const isThere = (): boolean => bus.status().state === "connected" && clock.monotonicMs() < endMs;
    while (flush() && isThere() && (await unsettled()) > 0) await new Promise((done) => setImmediate(done));
  }

  await bus.streams.ensureDurable(DURABLES.alarmsEvents);
  await bus.streams.ensureDurable(DURABLES.eventsAudit);
  const start = await startOfReading(bus);
  // In the order of the stream, whatever was killed or cut off: the positions would otherwise pass what comes again later.
  const eventReader = await InOrderReader.open(bus, DURABLES.alarmsEvents, machine.afterSeq() || start);
  const auditReader = await InOrderReader.open(bus, DURABLES.eventsAudit, auditPosition || start);
  // Only now: whoever hears of what is stored must have got this intake before.
  follow(eventReader, events);
  follow(auditReader, audits);

  return {
    get run() {
      return run;
    },
    flush,
    catchUp,
    async drain(timeoutMs) {
      isDraining = true;
      await catchUp(timeoutMs);
      await eventReader.return();
      await auditReader.return();
      flush();
      cancelTimer?.();
    },
  };
}

/** For whoever has stored nothing yet: everything after it is unread. Exact, because the durable leaves no message of its stream out. */
async function startOfReading(bus: Bus): Promise<number> {
  const { lastSeq, durables } = await bus.streams.info(STREAMS.events.name);
  const own = durables.find(({ name }) => name === DURABLES.alarmsEvents.name);
  return lastSeq - (own?.pending ?? 0) - (own?.ackPending ?? 0);
}

function isOfSim(message: StreamMsg): boolean {
  return message.subject.startsWith(EVENTS_PREFIX) && (message.headers.ce_source ?? "").startsWith("urn:qiki:q-sim-service:");
}

/** A tick as a header says it; anything else is none. */
function tickOf(header: string | undefined): Tick | undefined {
  const tick = header === undefined || header === "" ? Number.NaN : Number(header);
  return Number.isSafeInteger(tick) && tick >= 0 ? (tick as Tick) : undefined;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(bytes) ?? "");
  } catch {
    return undefined;
  }
}
