import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalJson } from "#base/canonical-json.ts";
import type { ControlCommand } from "#contracts/command.ts";
import type { Role } from "#contracts/command-catalogue.ts";

export type CommandKeys = ReadonlyMap<string, { readonly role: Role; readonly key: string }>;

/** Signature of a command message: hex HMAC-SHA256 of its canonical JSON without the signature itself (operations §4.7). */
export function signCommand(message: Readonly<Record<string, unknown>>, key: string): string {
  const { signature: _signature, ...metadata } = message.metadata as Record<string, unknown>;
  return createHmac("sha256", key)
    .update(canonicalJson({ ...message, metadata }))
    .digest("hex");
}

export type SignatureCheck =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly role: Role }
  | { readonly kind: "invalid"; readonly reason: string };

/** Whether a message carries a signature, and of whom. */
export function verifySignature(
  message: Readonly<Record<string, unknown>>,
  metadata: ControlCommand["metadata"],
  keys: CommandKeys,
): SignatureCheck {
  if (metadata.signature === undefined) return { kind: "none" };
  const entry = metadata.keyId === undefined ? undefined : keys.get(metadata.keyId);
  if (entry === undefined) return { kind: "invalid", reason: `no key ${metadata.keyId ?? "named"}` };
  const wanted = Buffer.from(signCommand(message, entry.key), "hex");
  const given = Buffer.from(metadata.signature, "hex");
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    return { kind: "invalid", reason: "it does not match the message" };
  return { kind: "valid", role: entry.role };
}
