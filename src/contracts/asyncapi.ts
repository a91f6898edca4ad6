import { type JsonSchema, messageSchema } from "./json-schema.ts";
import {
  BAND_HEADER,
  HEARTBEAT_HEADER,
  MSG_ID_HEADER,
  OWN_VELOCITY_HEADER,
  RUN_HEADER,
  SCAN_HEADER,
  SEQ_HEADER,
  TICK_HEADER,
} from "./message.ts";
import { MESSAGES, type MessageContract } from "./messages.ts";

const text = (description: string): JsonSchema => ({ type: "string", description });

/** Headers that every message of ours has (operations §2.2). */
const COMMON_HEADERS = {
  [RUN_HEADER]: text("run id"),
  [TICK_HEADER]: text("tick, a whole number"),
  [SEQ_HEADER]: text("grows by one per publisher and subject; a jump is a loss"),
  [HEARTBEAT_HEADER]: text("the n-th repeat of the same tick's message; absent on the first"),
};
const RADAR_HEADERS = {
  [BAND_HEADER]: text("RR_LR, RR_SR or RR_UNSPECIFIED"),
  [SCAN_HEADER]: text("bands that looked: LR, SR or LR,SR; absent means both"),
  [OWN_VELOCITY_HEADER]: text("own velocity as JSON [vx,vy,vz], m/s; absent means unchanged"),
};

/** The product's interface on the bus as an AsyncAPI 3 document, made from the catalogue of messages. */
export function asyncApi(version: string): JsonSchema {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "QIKI",
      version,
      description: "Messages of the QIKI spacecraft twin on NATS: UTF-8 JSON, CloudEvents in binary mode.",
      license: { name: "Apache-2.0" },
    },
    defaultContentType: "application/json",
    servers: { nats: { host: "localhost:4222", protocol: "nats", description: "NATS with JetStream" } },
    channels: Object.fromEntries(MESSAGES.map((contract) => [contract.name, channelOf(contract)])),
    operations: Object.fromEntries(MESSAGES.map((contract) => [operationName(contract), operationOf(contract)])),
    components: { messages: Object.fromEntries(MESSAGES.map((contract) => [contract.name, messageOf(contract)])) },
  };
}

function channelOf({ name, subject, stream }: MessageContract): JsonSchema {
  return {
    address: subject,
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    description: stream === undefined ? "Core NATS; nothing is kept." : `Kept in the stream ${stream}.`,
  };
}

/** Seen from the product: it receives what clients send. */
function operationName({ name, publisher }: MessageContract): string {
  return `${publisher === "clients" ? "receive" : "send"}_${name}`;
}

function operationOf({ name, publisher, about }: MessageContract): JsonSchema {
  const isReceived = publisher === "clients";
  return {
    action: isReceived ? "receive" : "send",
    channel: { $ref: `#/channels/${name}` },
    messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
    summary: isReceived ? `From ${publisher}: ${about}.` : `By ${publisher}: ${about}.`,
    ...(isReceived ? { reply: { channel: { $ref: "#/channels/ack" }, messages: [{ $ref: "#/channels/ack/messages/ack" }] } } : {}),
  };
}

function messageOf({ name, type, publisher, subject }: MessageContract): JsonSchema {
  const { $schema: _schema, title, description, ...payload } = messageSchema(name)!;
  const cloudEvent =
    type === undefined
      ? {}
      : {
          ce_type: { const: type },
          ce_id: text(`equal to ${MSG_ID_HEADER}`),
          ce_source: text("publisher"),
          ce_time: text("event time, ms, Z"),
          [MSG_ID_HEADER]: text("what streams drop repeats by"),
        };
  const headers = { ...cloudEvent, ...COMMON_HEADERS, ...(subject.startsWith("qiki.radar.") ? RADAR_HEADERS : {}) };
  return {
    name,
    title,
    description,
    contentType: "application/json",
    ...(publisher === "clients" ? {} : { headers: { type: "object", properties: headers } }),
    payload: { schemaFormat: "application/schema+json;version=draft-2020-12", schema: payload },
  };
}
