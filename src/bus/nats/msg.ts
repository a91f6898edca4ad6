import type { Msg as WireMsg } from "@nats-io/transport-node";
import type { Headers, Msg } from "../port.ts";
import type { WireNames } from "../wire.ts";
import { decodeHeaders } from "./headers.ts";
import { isStoreAnswer } from "./sender.ts";

/** A message off the wire; its headers are decoded when somebody looks. */
export class NatsMsg implements Msg {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly reply: string | undefined;
  private readonly wire: WireMsg;
  private decoded: Headers | undefined;

  constructor(wire: WireMsg, names: WireNames) {
    this.wire = wire;
    this.subject = names.incoming(wire.subject);
    this.bytes = wire.data;
    const { reply } = wire;
    this.reply = reply === undefined || reply === "" || isStoreAnswer(reply) ? undefined : names.incoming(reply);
  }

  get headers(): Headers {
    this.decoded ??= decodeHeaders(this.wire.headers);
    return this.decoded;
  }
}
