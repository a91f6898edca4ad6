import { assertNever } from "#base/assert.ts";
import { utf8Decode } from "#base/utf8.ts";
import { type CommandSpec, commandSpec, type LimitName, type ParameterSpec } from "./command-catalogue.ts";

/** Bytes of a command message at most. */
export const COMMAND_BYTES_MAX = 65_536;
/** How far into a broken message an id is looked for. */
const SALVAGE_CHARACTERS = 4096;

/** Codes of a refused command (operations §4.4). */
export type CommandCode =
  | "malformed"
  | "unknown_command"
  | "invalid_parameter"
  | "not_allowed_in_state"
  | "subsystem_disabled"
  | "comms_disabled"
  | "invalid_mode"
  | "not_authorized"
  | "expired"
  | "exception";

export interface CommandRefusal {
  readonly code: CommandCode;
  readonly message: string;
  readonly field?: string;
  readonly given?: unknown;
  readonly expected?: string;
  readonly unit?: string;
  /** A finer word beside the code, such as `condition_active` or `id_reused`. */
  readonly reason?: string;
  readonly hint?: string;
  /** The incident's occurrence now, when the one given is not it. */
  readonly currentOcc?: number;
}

export interface CommandMetadata {
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly expiresAt?: string;
  readonly actor?: { readonly id: string; readonly role: string };
  readonly confirm?: boolean;
  readonly keyId?: string;
  readonly signature?: string;
}

/** A command message that could be read. Parameters are not checked yet. */
export interface ControlCommand {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metadata: CommandMetadata;
  /** correlation id, else message id, else null: what ACK, effect and audit are matched by. */
  readonly requestId: string | null;
}

export type DecodedCommand =
  /** `message` is the whole object, which a signature is computed over. */
  | { readonly kind: "command"; readonly command: ControlCommand; readonly message: Readonly<Record<string, unknown>> }
  | { readonly kind: "malformed"; readonly name: string; readonly requestId: string | null; readonly refusal: CommandRefusal };

/** Reads a message of `qiki.commands.control`; snake_case and camelCase metadata are one (operations §4.1, §4.2). */
export function decodeCommand(bytes: Uint8Array): DecodedCommand {
  if (bytes.length > COMMAND_BYTES_MAX) {
    return malformed(
      utf8Decode(bytes.subarray(0, SALVAGE_CHARACTERS)) ?? "",
      undefined,
      `${bytes.length} bytes, at most ${COMMAND_BYTES_MAX} are read`,
    );
  }
  const text = utf8Decode(bytes);
  if (text === undefined) return malformed("", undefined, "the message is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed(text, undefined, `the message is not JSON: ${(error as Error).message}`);
  }
  if (!isRecord(value)) return malformed(text, undefined, "the message is not a JSON object");
  if (typeof value.command_name !== "string" || value.command_name === "")
    return malformed(text, value, "command_name is missing or not a text");
  if (value.parameters !== undefined && !isRecord(value.parameters)) return malformed(text, value, "parameters is not an object");
  if (!isRecord(value.metadata)) return malformed(text, value, "metadata is missing or not an object");
  const metadata = readMetadata(value.metadata);
  const requestId = metadata.correlationId ?? metadata.messageId ?? null;
  if ("clash" in metadata) {
    const refusal: CommandRefusal = {
      code: "invalid_parameter",
      field: `metadata.${metadata.clash}`,
      message: `metadata.${metadata.clash} is given twice with different values`,
    };
    return { kind: "malformed", name: value.command_name, requestId, refusal };
  }
  return {
    kind: "command",
    command: { name: value.command_name, parameters: value.parameters ?? {}, metadata, requestId },
    message: value,
  };
}

/** Values that the running configuration allows, for the ranges that the catalogue leaves to it. */
export interface CommandLimits extends Readonly<Record<LimitName, number>> {
  readonly ports: readonly string[];
}

/** Checked parameters of a command, by their catalogue names, with defaults filled in. */
export type CommandValues = Readonly<Record<string, number | string | boolean>>;

/** Checks parameters against the catalogue: finite JSON numbers, nothing converted, unknown keys refused, null means omitted. */
export function checkParameters(
  spec: CommandSpec,
  given: Readonly<Record<string, unknown>>,
  limits: CommandLimits,
): { readonly kind: "ok"; readonly values: CommandValues } | { readonly kind: "refused"; readonly refusal: CommandRefusal } {
  const known = new Set(
    spec.parameters.flatMap((parameter) => [parameter.name, ...(parameter.alias === undefined ? [] : [parameter.alias])]),
  );
  for (const key of Object.keys(given)) {
    if (!known.has(key)) {
      const expected = known.size === 0 ? "no parameters" : `one of ${[...known].join(", ")}`;
      return refusedParameter(key, given[key], expected, `${spec.name} has no parameter ${key}: ${expected}`);
    }
  }
  const values: Record<string, number | string | boolean> = {};
  for (const parameter of spec.parameters) {
    const value = valueOf(parameter, given);
    if (value === CLASH) {
      return refusedParameter(
        parameter.name,
        given[parameter.name],
        "one value",
        `${parameter.name} and ${parameter.alias} differ: give one of them`,
      );
    }
    if (value === undefined) {
      const fallback = "default" in parameter ? parameter.default : undefined;
      if (fallback !== undefined) values[parameter.name] = fallback;
      else if (!("optional" in parameter)) {
        const expected = expectedText(parameter, limits);
        return refusedParameter(parameter.name, null, expected, `${parameter.name} is required: ${expected}`);
      }
      continue;
    }
    const checked = checkValue(parameter, value, limits);
    if (checked === undefined) {
      const code = spec.name === "sim.xpdr.mode" && typeof value === "string" ? "invalid_mode" : "invalid_parameter";
      const expected = expectedText(parameter, limits);
      const message =
        code === "invalid_mode" ? `invalid mode: ${printed(value)}` : `${parameter.name} is ${printed(value)}, expected ${expected}`;
      return refusedParameter(parameter.name, value, expected, message, code, "unit" in parameter ? parameter.unit : undefined);
    }
    if (checked !== "") values[parameter.name] = checked;
  }
  return { kind: "ok", values };
}

/** The command's entry in the catalogue, or the refusal for a name that is not in it. */
export function specOf(name: string): CommandSpec | CommandRefusal {
  return (
    commandSpec(name) ?? {
      code: "unknown_command",
      message: `there is no command ${name}`,
      given: name,
      expected: "a command of the catalogue",
    }
  );
}

const CLASH = Symbol("alias clash");

function valueOf(parameter: ParameterSpec, given: Readonly<Record<string, unknown>>): unknown {
  const own = given[parameter.name] ?? undefined;
  const alias = parameter.alias === undefined ? undefined : (given[parameter.alias] ?? undefined);
  if (own !== undefined && alias !== undefined && own !== alias) return CLASH;
  return own ?? alias;
}

function checkValue(parameter: ParameterSpec, value: unknown, limits: CommandLimits): number | string | boolean | undefined {
  switch (parameter.kind) {
    case "number":
    case "integer": {
      if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
      if (parameter.kind === "integer" && !Number.isSafeInteger(value)) return undefined;
      const max = typeof parameter.max === "number" ? parameter.max : limits[parameter.max];
      if (value > max || value < parameter.min || (parameter.minExclusive && value === parameter.min)) return undefined;
      return value;
    }
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "text":
      if (typeof value !== "string" || value.length > parameter.maxLength) return undefined;
      return value.trim() !== "" || parameter.optional ? value.trim() : undefined;
    case "target":
      return typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value)) ? value : undefined;
    case "word": {
      if (typeof value !== "string") return undefined;
      const trimmed = value.trim();
      if (parameter.words === "ports") return trimmed === "" || limits.ports.includes(trimmed) ? trimmed : undefined;
      return parameter.words.find((word) => word === trimmed || (parameter.anyCase && word.toLowerCase() === trimmed.toLowerCase()));
    }
    default:
      return assertNever(parameter, "parameter kind");
  }
}

/** What a parameter accepts, in words, as errors and consoles show it. */
export function expectedText(parameter: ParameterSpec, limits: CommandLimits): string {
  switch (parameter.kind) {
    case "number":
    case "integer": {
      const max = typeof parameter.max === "number" ? parameter.max : limits[parameter.max];
      const unit = parameter.unit === "" ? "" : ` ${parameter.unit}`;
      const what = parameter.kind === "integer" ? "a whole number" : "a number";
      return `${what} in ${parameter.minExclusive ? "(" : "["}${parameter.min}, ${max}]${unit}`;
    }
    case "boolean":
      return "true or false";
    case "text":
      return `a text of 1 to ${parameter.maxLength} characters`;
    case "target":
      return "what the fault acts on";
    case "word":
      return `one of ${(parameter.words === "ports" ? limits.ports : parameter.words).join(", ")}`;
    default:
      return assertNever(parameter, "parameter kind");
  }
}

function refusedParameter(
  field: string,
  given: unknown,
  expected: string,
  message: string,
  code: CommandCode = "invalid_parameter",
  unit?: string,
): { readonly kind: "refused"; readonly refusal: CommandRefusal } {
  return { kind: "refused", refusal: { code, field, given, expected, message, ...(unit ? { unit } : {}) } };
}

function printed(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? typeof value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type ReadMetadata = CommandMetadata & { readonly clash?: string };

function readMetadata(raw: Readonly<Record<string, unknown>>): ReadMetadata {
  let clash: string | undefined;
  const text = (snake: string, camel: string): string | undefined => {
    const first = raw[snake] ?? undefined;
    const second = raw[camel] ?? undefined;
    if (first !== undefined && second !== undefined && first !== second) clash ??= snake;
    const value = first ?? second;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const members = {
    messageId: text("message_id", "messageId"),
    correlationId: text("correlation_id", "correlationId"),
    source: text("source", "source"),
    destination: text("destination", "destination"),
    expiresAt: text("expires_at", "expiresAt"),
    keyId: text("key_id", "keyId"),
    signature: text("signature", "signature"),
  };
  const metadata: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(members)) if (value !== undefined) metadata[key] = value;
  if (isRecord(raw.actor) && typeof raw.actor.id === "string") {
    metadata.actor = { id: raw.actor.id, role: typeof raw.actor.role === "string" ? raw.actor.role : "operator" };
  }
  if (raw.confirm === true) metadata.confirm = true;
  if (clash !== undefined) metadata.clash = clash;
  return metadata as ReadMetadata;
}

function malformed(text: string, value: Readonly<Record<string, unknown>> | undefined, message: string): DecodedCommand {
  const name = typeof value?.command_name === "string" && value.command_name !== "" ? value.command_name : "unknown";
  let requestId: string | null = null;
  if (value !== undefined && isRecord(value.metadata)) {
    const metadata = readMetadata(value.metadata);
    requestId = metadata.correlationId ?? metadata.messageId ?? null;
  }
  requestId ??= salvageId(text);
  return {
    kind: "malformed",
    name,
    requestId,
    refusal: { code: "malformed", message, expected: "a UTF-8 JSON object with command_name, parameters and metadata" },
  };
}

const UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

function salvageId(text: string): string | null {
  const head = text.slice(0, SALVAGE_CHARACTERS);
  for (const keys of ["correlation_id|correlationId", "message_id|messageId"]) {
    const match = new RegExp(`(?:${keys})[^0-9a-fA-F]{1,16}(${UUID})`).exec(head);
    if (match?.[1] !== undefined) return match[1];
  }
  return null;
}
