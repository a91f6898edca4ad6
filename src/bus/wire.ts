import { assert } from "#base/assert.ts";
import { QikiError } from "#base/error.ts";
import { MSG_ID_HEADER } from "#contracts/message.ts";
import type { Headers } from "./port.ts";
import { type BusSite, PLAIN_SITE } from "./site.ts";
import { checkPattern, checkSubject, INBOX_PREFIX } from "./subject.ts";

/** Bytes and encoded headers of one message together (the server's default `max_payload`). */
export const PAYLOAD_MAX_BYTES = 1_048_576;

export const NO_HEADERS: Headers = Object.freeze({});

/** How one connection names things to its owner and on the wire. */
export interface WireNames {
  /** @throws QikiError bad_subject */
  readonly subject: (name: string) => string;
  /** @throws QikiError bad_subject */
  readonly pattern: (name: string) => string;
  /** The owner's name of a subject that came in. */
  readonly incoming: (wire: string) => string;
  /** Streams, durables' streams and buckets of a prefixed connection are its own, so a replay never reads live state. */
  readonly store: (name: string) => string;
  readonly incomingStore: (wire: string) => string;
  readonly durable: (name: string) => string;
  readonly incomingDurable: (wire: string) => string;
  readonly site: BusSite;
}

/**
 * Names of a connection: with a prefix, which knows no site, else those of the site.
 * @throws QikiError bad_subject when the prefix is no subject
 */
export function wireNames(prefix: string | undefined, site: BusSite = PLAIN_SITE): WireNames {
  if (prefix !== undefined) return prefixedNames(prefix);
  const subject = renaming(Object.entries(site.subjects));
  const stream = renaming(Object.entries(site.streams).map(([ours, { name }]) => [ours, name ?? ours]));
  const durable = renaming(Object.entries(site.durables).map(([ours, { name }]) => [ours, name ?? ours]));
  return {
    subject: (name) => checkedSubject(subject.out(name)),
    pattern: (name) => checkedPattern(subject.out(name)),
    incoming: subject.back,
    store: stream.out,
    incomingStore: stream.back,
    durable: durable.out,
    incomingDurable: durable.back,
    site,
  };
}

function prefixedNames(prefix: string): WireNames {
  checkSubject(prefix);
  const before = `${prefix}.`;
  const storeBefore = `${prefix.replaceAll(".", "_")}_`;
  return {
    subject: (name) => checkedSubject(name.startsWith(INBOX_PREFIX) ? name : before + name),
    pattern: (name) => checkedPattern(name.startsWith(INBOX_PREFIX) ? name : before + name),
    incoming: (wire) => (wire.startsWith(before) ? wire.slice(before.length) : wire),
    store: (name) => storeBefore + name,
    incomingStore: (wire) => (wire.startsWith(storeBefore) ? wire.slice(storeBefore.length) : wire),
    durable: (name) => name,
    incomingDurable: (wire) => wire,
    site: PLAIN_SITE,
  };
}

/** Names there and back; those that are not renamed stay. */
function renaming(pairs: readonly (readonly [string, string])[]): Record<"out" | "back", (name: string) => string> {
  const [out, back] = [new Map(pairs), new Map(pairs.map(([ours, theirs]) => [theirs, ours]))];
  if (pairs.length === 0) return { out: (name) => name, back: (name) => name };
  return { out: (name) => out.get(name) ?? name, back: (name) => back.get(name) ?? name };
}

/** @throws QikiError payload_too_large */
export function checkPayload(subject: string, bytes: Uint8Array, headers: Headers): void {
  // Headers of ours are below 1 KiB: only near the limit is their exact size worth its time.
  if (bytes.length <= PAYLOAD_MAX_BYTES - 65_536 && headers === NO_HEADERS) return;
  const size = bytes.length + encodedHeaderLength(headers);
  if (size <= PAYLOAD_MAX_BYTES) return;
  throw new QikiError(
    "payload_too_large",
    `${subject}: ${size} bytes with headers, at most ${PAYLOAD_MAX_BYTES}; send pages or parts of 700 KiB`,
  );
}

/** A copy of the headers with the message id among them. */
export function ownHeaders(headers: Headers | undefined, msgId: string | undefined): Headers {
  if (headers === undefined) return msgId === undefined ? NO_HEADERS : { [MSG_ID_HEADER]: msgId };
  const own: Record<string, string> = msgId === undefined ? { ...headers } : { ...headers, [MSG_ID_HEADER]: msgId };
  for (const name in own) assert(isHeaderLine(name, own[name]!), "a header is a token and one line", { name, value: own[name] });
  return own;
}

function encodedHeaderLength(headers: Headers): number {
  let length = 0;
  for (const name in headers) length += name.length + 4 + Buffer.byteLength(headers[name]!);
  return length === 0 ? 0 : length + "NATS/1.0\r\n\r\n".length;
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const knownNames = new Set<string>();

function isHeaderLine(name: string, value: string): boolean {
  if (value.includes("\n") || value.includes("\r")) return false;
  if (knownNames.has(name)) return true;
  if (!HEADER_NAME.test(name)) return false;
  if (knownNames.size < 1_000) knownNames.add(name);
  return true;
}

function checkedSubject(subject: string): string {
  checkSubject(subject);
  return subject;
}

function checkedPattern(pattern: string): string {
  checkPattern(pattern);
  return pattern;
}
