import type { DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import type { ConsumeOptions } from "./port.ts";
import type { WireNames } from "./wire.ts";

const ACK_WAIT_MS = 45_000;
const MAX_DELIVER = 7;
const MAX_ACK_PENDING = 512;

/** The durable that the options of a reader ask for, in the wire's names; undefined without a durable. */
export function durableOf(stream: string, options: ConsumeOptions, names: WireNames): DurableDefinition | undefined {
  if (options.durable === undefined) return undefined;
  const definition = {
    name: options.durable,
    stream,
    filter: options.filter ?? ">",
    deliver: options.deliver,
    ackWaitMs: options.ackWaitMs ?? ACK_WAIT_MS,
    maxDeliver: options.maxDeliver ?? MAX_DELIVER,
    maxAckPending: options.maxAckPending ?? MAX_ACK_PENDING,
  };
  return wireDurable(definition, names);
}

/** A stream's definition in the wire's names and with the site's limits. @throws QikiError bad_subject */
export function wireStream(definition: StreamDefinition, names: WireNames): StreamDefinition {
  const { source } = definition;
  return {
    ...definition,
    ...names.site.streams[definition.name],
    name: names.store(definition.name),
    subjects: definition.subjects.map(names.pattern),
    ...(source === undefined ? {} : { source: { stream: names.store(source.stream), filter: names.pattern(source.filter) } }),
  };
}

/** A durable's definition in the wire's names and with the site's policy. @throws QikiError bad_subject */
export function wireDurable(definition: DurableDefinition, names: WireNames): DurableDefinition {
  return {
    ...definition,
    ...names.site.durables[definition.name],
    name: names.durable(definition.name),
    stream: names.store(definition.stream),
    filter: names.pattern(definition.filter),
  };
}
