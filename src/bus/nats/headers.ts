import type { MsgHdrs } from "@nats-io/transport-node";
import type { Headers } from "../port.ts";
import { NO_HEADERS } from "../wire.ts";

/**
 * Headers in the form the client writes to the socket. It asks a message's headers for nothing but their bytes, and
 * writing them from the record at once takes a quarter of the time that its own map takes.
 */
export function encodeHeaders(headers: Headers): MsgHdrs | undefined {
  if (headers === NO_HEADERS) return undefined;
  let text = "NATS/1.0\r\n";
  for (const name in headers) text += `${name}: ${headers[name]!}\r\n`;
  const bytes = Buffer.from(`${text}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
}

/** The first value of each header. */
export function decodeHeaders(headers: MsgHdrs | undefined): Headers {
  if (headers === undefined) return NO_HEADERS;
  const decoded: Record<string, string> = {};
  for (const [name, values] of headers) decoded[name] = values[0]!;
  return decoded;
}
