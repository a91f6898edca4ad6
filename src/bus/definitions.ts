import type { DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import type { ConsumeOptions } from "./port.ts";
import type { WireNames } from "./wire.ts";

const ACK_WAIT_MS = 45_000;
const MAX_DELIVER = 7;
const MAX_ACK_PENDING = 512;

/** The durable that the options ask for, on the wire's stream and filter; undefined without a durable. */
export function durableOf(stream: string, filter: string, options: ConsumeOptions): DurableDefinition | undefined {
  if (options.durable === undefined) return undefined;
  return {
    name: options.durable,
    stream,
    filter,
    deliver: options.deliver,
    ackWaitMs: options.ackWaitMs ?? ACK_WAIT_MS,
    maxDeliver: options.maxDeliver ?? MAX_DELIVER,
    maxAckPending: options.maxAckPending ?? MAX_ACK_PENDING,
  };
}

/** A stream's definition in the wire's names. @throws QikiError bad_subject */
export function wireStream(definition: StreamDefinition, names: WireNames): StreamDefinition {
  const { source } = definition;
  return {
    ...definition,
    name: names.store(definition.name),
    subjects: definition.subjects.map(names.pattern),
    ...(source === undefined ? {} : { source: { stream: names.store(source.stream), filter: names.pattern(source.filter) } }),
  };
}

/** A durable's definition in the wire's names. @throws QikiError bad_subject */
export function wireDurable(definition: DurableDefinition, names: WireNames): DurableDefinition {
  return { ...definition, stream: names.store(definition.stream), filter: names.pattern(definition.filter) };
}
