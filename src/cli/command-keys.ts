import { QikiError } from "#base/error.ts";
import { isRaw, type KeyProblemCode, readObject, secretKeyProblemText } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { ROLES } from "#contracts/command-catalogue.ts";
import type { CommandPolicy } from "#services/command-door.ts";
import type { CommandKeys } from "#services/command-signature.ts";
import { readText } from "./read-file.ts";
import { settings } from "./settings.ts";

/** Id of the key that a gateway signs with. */
export const GATEWAY_KEY_ID = "gateway";

const KEY_KEYS = [
  { kind: "word", key: "role", required: true, words: ROLES },
  { kind: "text", key: "key", required: true, pattern: "^.{32,}$", form: "at least 32 characters" },
] as const satisfies readonly KeySpec[];

/** What senders of commands on the bus must bring. */
export function commandPolicy(): CommandPolicy {
  const { auth, commands } = settings();
  return {
    requiresSignature: auth.mode === "signed",
    unsignedRole: auth.unsignedRole as CommandPolicy["unsignedRole"],
    requiresConfirm: commands.requireConfirm,
  };
}

/** Keys of command senders from the file that QIKI_COMMAND_KEYS_FILE names, `{id: {role, key}}`; none without it. @throws QikiError `config_invalid`, `file_unreadable` */
export function commandKeys(path: string | undefined = settings().auth.keysFile): CommandKeys {
  if (path === undefined) return new Map();
  let raw: unknown;
  try {
    raw = JSON.parse(readText(path, "command keys file"));
  } catch (cause) {
    if (cause instanceof QikiError) throw cause;
    throw new QikiError("config_invalid", `the command keys file ${path} is not JSON`);
  }
  // Of what the file holds nothing is repeated: it may be a secret.
  const report = (code: KeyProblemCode, where: string, _got: unknown, expected: string): never => {
    throw new QikiError("config_invalid", `the command keys file ${path}: ${where}: ${secretKeyProblemText(code, expected)}`);
  };
  if (!isRaw(raw)) return report("wrong_type", "it", raw, "an object {id: {role, key}}");
  return new Map(
    Object.entries(raw).map(([id, entry]) => {
      if (!isRaw(entry)) return report("wrong_type", id, entry, "an object {role, key}");
      return [id, readObject(KEY_KEYS, entry, id, "refused", report) as ValuesOf<typeof KEY_KEYS>];
    }),
  );
}
