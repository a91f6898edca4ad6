import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalJson } from "#base/canonical-json.ts";
import type { CommandMetadata } from "#contracts/command.ts";
import type { Role } from "#contracts/command-catalogue.ts";

/** Secrets by key id, with the highest role that a message signed with each may have. */
export type CommandKeys = ReadonlyMap<string, { readonly role: Role; readonly key: string }>;

/** Signature of a command message: hex HMAC-SHA256 of its canonical JSON without the signature itself (operations §4.7). */
export function signCommand(message: Readonly<Record<string, unknown>>, key: string): string {
  return macOf(message, key).toString("hex");
}

export type SignatureCheck =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly role: Role }
  | { readonly kind: "invalid"; readonly reason: string };

/** Whether a message carries a signature, and of whom. */
export function verifySignature(message: Readonly<Record<string, unknown>>, metadata: CommandMetadata, keys: CommandKeys): SignatureCheck {
  if (metadata.signature === undefined) return { kind: "none" };
  const entry = metadata.keyId === undefined ? undefined : keys.get(metadata.keyId);
  if (entry === undefined) return { kind: "invalid", reason: metadata.keyId === undefined ? "no key_id" : `no key ${metadata.keyId}` };
  if (!hasCanonicalForm(message)) return { kind: "invalid", reason: "the message holds a number that is not finite" };
  const wanted = macOf(message, entry.key);
  const given = Buffer.from(metadata.signature, "hex");
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    return { kind: "invalid", reason: "it does not match the message" };
  return { kind: "valid", role: entry.role };
}

function macOf(message: Readonly<Record<string, unknown>>, key: string): Buffer {
  const { signature: _signature, ...metadata } = message.metadata as Record<string, unknown>;
  return createHmac("sha256", key)
    .update(canonicalJson({ ...message, metadata }))
    .digest();
}

/** JSON text can hold numbers beyond the largest (1e999), canonical JSON cannot. */
function hasCanonicalForm(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(hasCanonicalForm);
}
