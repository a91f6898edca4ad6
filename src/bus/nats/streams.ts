import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { assertNever } from "#base/assert.ts";
import type { DeliverFrom, DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import { wireDurable, wireStream } from "../definitions.ts";
import { durableDifferences, streamDifferences, widenSubjects } from "../ensure.ts";
import { subjectTaken } from "../failures.ts";
import type { Ensured, StreamCalls } from "../port.ts";
import type { WireNames } from "../wire.ts";
import { apiErrorCode, busFailure, isMissing, SUBJECTS_OVERLAP } from "./failures.ts";
import { decodeHeaders } from "./headers.ts";

const NS_PER_MS = 1_000_000;
const API_TIMEOUT_MS = 5_000;

/** The stream calls of one connection. `onStream` hears of every stream it ensured: ours, the same in the names and limits of the wire, and the subjects it captures there. */
export function natsStreams(
  manager: () => Promise<JetStreamManager>,
  names: WireNames,
  onStream: (definition: StreamDefinition, wanted: StreamDefinition, subjects: readonly string[]) => void,
): StreamCalls {
  async function call<Result>(name: string, ask: (jsm: JetStreamManager) => Promise<Result>): Promise<Result> {
    try {
      return await ask(await manager());
    } catch (error) {
      throw busFailure(error, name, API_TIMEOUT_MS);
    }
  }
  return {
    ensure: (definition) =>
      call(definition.name, async (jsm) => {
        const wanted = wireStream(definition, names);
        const { ensured, config } = await ensureStream(jsm, wanted);
        onStream(definition, wanted, config.subjects ?? []);
        return ensured;
      }),
    ensureDurable: (definition) => call(definition.stream, (jsm) => ensureDurable(jsm, wireDurable(definition, names))),
    info: (name) =>
      call(name, async (jsm) => {
        const { config, state } = await jsm.streams.info(names.store(name));
        const durables: { name: string; pending: number; ackPending: number }[] = [];
        for await (const consumer of jsm.consumers.list(names.store(name))) {
          if (consumer.config.durable_name === undefined) continue;
          durables.push({
            name: names.incomingDurable(consumer.name),
            pending: consumer.num_pending,
            ackPending: consumer.num_ack_pending,
          });
        }
        return {
          name,
          subjects: (config.subjects ?? []).map(names.incoming),
          messages: state.messages,
          bytes: state.bytes,
          // The server says 0 for a stream that never held a message.
          firstSeq: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
          lastSeq: state.last_seq,
          durables,
        };
      }),
    get: (name, which) =>
      call(name, async (jsm) => {
        const query = "seq" in which ? { seq: which.seq } : { last_by_subj: names.subject(which.lastFor) };
        const message = await jsm.streams.getMessage(names.store(name), query);
        if (message === null) return undefined;
        const { seq, subject, data, header, time } = message;
        return { seq, timeMs: time.getTime(), subject: names.incoming(subject), bytes: data, headers: decodeHeaders(header) };
      }),
    purge: (name) => call(name, async (jsm) => void (await jsm.streams.purge(names.store(name)))),
  };
}

/** Makes a durable unless it is there; its name may be another definition's, then that stays. */
export async function ensureDurable(jsm: JetStreamManager, wanted: DurableDefinition): Promise<Ensured> {
  const existing = await findConsumer(jsm, wanted.stream, wanted.name);
  if (existing !== undefined) {
    return { made: false, addedSubjects: [], differences: durableDifferences(durableOf(existing, wanted), wanted) };
  }
  await jsm.consumers.add(wanted.stream, {
    durable_name: wanted.name,
    filter_subject: wanted.filter,
    ...startOf(wanted.deliver),
    ack_policy: AckPolicy.Explicit,
    ack_wait: wanted.ackWaitMs * NS_PER_MS,
    max_deliver: wanted.maxDeliver,
    max_ack_pending: wanted.maxAckPending,
  });
  return { made: true, addedSubjects: [], differences: [] };
}

/** The settings that say where a consumer starts. */
export function startOf(deliver: DeliverFrom): Partial<ConsumerConfig> & Pick<ConsumerConfig, "deliver_policy"> {
  if (typeof deliver === "object") {
    if ("seq" in deliver) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(deliver.seq, 1) };
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(deliver.timeMs).toISOString() };
  }
  switch (deliver) {
    case "all":
      return { deliver_policy: DeliverPolicy.All };
    case "new":
      return { deliver_policy: DeliverPolicy.New };
    case "last":
      return { deliver_policy: DeliverPolicy.Last };
    default:
      return assertNever(deliver, "start of delivery");
  }
}

async function ensureStream(
  jsm: JetStreamManager,
  wanted: StreamDefinition,
): Promise<{ readonly ensured: Ensured; readonly config: StreamConfig }> {
  try {
    const existing = await findStream(jsm, wanted.name);
    if (existing === undefined) {
      const { config } = await jsm.streams.add(configOf(wanted));
      return { ensured: { made: true, addedSubjects: [], differences: [] }, config };
    }
    const known = definitionOf(existing.config);
    const { subjects, added } = widenSubjects(known.subjects, wanted.subjects);
    const { config } = added.length === 0 ? existing : await jsm.streams.update(wanted.name, { ...existing.config, subjects });
    const ensured = { made: false, addedSubjects: added, differences: streamDifferences(known, wanted) };
    return { ensured, config };
  } catch (error) {
    if (apiErrorCode(error) === SUBJECTS_OVERLAP) throw subjectTaken(wanted.name, (error as Error).message, error);
    throw error;
  }
}

function configOf(definition: StreamDefinition): Partial<StreamConfig> & { name: string } {
  const { source } = definition;
  return {
    name: definition.name,
    ...(source === undefined
      ? { subjects: [...definition.subjects] }
      : { sources: [{ name: source.stream, filter_subject: source.filter }] }),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: definition.maxAgeMs * NS_PER_MS,
    max_bytes: definition.maxBytes,
    duplicate_window: definition.dedupWindowMs * NS_PER_MS,
  };
}

function definitionOf(config: StreamConfig): StreamDefinition {
  const [source] = config.sources ?? [];
  return {
    name: config.name,
    subjects: config.subjects ?? [],
    ...(source === undefined ? {} : { source: { stream: source.name, filter: source.filter_subject ?? ">" } }),
    maxAgeMs: config.max_age / NS_PER_MS,
    maxBytes: config.max_bytes,
    dedupWindowMs: config.duplicate_window / NS_PER_MS,
  };
}

/** The existing durable in our words; where it starts is compared by its policy alone. */
function durableOf({ config }: ConsumerInfo, wanted: DurableDefinition): DurableDefinition {
  const hasWantedStart = config.deliver_policy === startOf(wanted.deliver).deliver_policy;
  return {
    name: wanted.name,
    stream: wanted.stream,
    filter: config.filter_subject ?? ">",
    deliver: hasWantedStart ? wanted.deliver : (config.deliver_policy as DeliverFrom),
    ackWaitMs: (config.ack_wait ?? 0) / NS_PER_MS,
    maxDeliver: config.max_deliver ?? -1,
    maxAckPending: config.max_ack_pending ?? -1,
  };
}

async function findStream(jsm: JetStreamManager, name: string) {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (isMissing(error, "stream")) return undefined;
    throw error;
  }
}

async function findConsumer(jsm: JetStreamManager, stream: string, name: string): Promise<ConsumerInfo | undefined> {
  try {
    return await jsm.consumers.info(stream, name);
  } catch (error) {
    if (isMissing(error, "consumer")) return undefined;
    throw error;
  }
}
