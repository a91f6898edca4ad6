import type { Headers, StoredMsg } from "../port.ts";

/** A message in a stream, with the bytes it counts against the stream's limit. */
export interface StoredMessage extends StoredMsg {
  readonly size: number;
}

/** Bytes that a message counts: its subject, headers and payload. */
export function storedSize(subject: string, headers: Headers, bytes: Uint8Array): number {
  let size = subject.length + bytes.length;
  for (const name in headers) size += name.length + headers[name]!.length + 4;
  return size;
}
