import { assertNever } from "./assert.ts";
import type { UnknownKeys } from "./key-reader.ts";
import type { KeySpec } from "./key-spec.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Schema of an object read by a table of keys; `instead` replaces the schema of keys whose members other tables read. */
export function objectSchema(
  keys: readonly KeySpec[],
  unknown: UnknownKeys,
  instead: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const spec of keys) {
    const schema = { ...keySchema(spec), ...instead[spec.key] };
    properties[spec.key] = schema;
    if (spec.alias !== undefined) properties[spec.alias] = { ...schema, description: `Another name for ${spec.key}.` };
  }
  const required = keys.filter((spec) => "required" in spec && spec.required === true).map((spec) => spec.key);
  return {
    type: "object",
    properties,
    ...(required.length > 0 ? { required } : {}),
    ...(unknown === "notes_only" ? { patternProperties: { "^_": {} } } : {}),
    ...(unknown === "ignored" ? {} : { additionalProperties: false }),
  };
}

/** Schema of one key's value, with what it means, its unit and its default. */
export function keySchema(spec: KeySpec): JsonSchema {
  const description = descriptionOf(spec);
  const fallback = "default" in spec && spec.default !== undefined ? { default: spec.default } : {};
  return { ...(description === "" ? {} : { description }), ...valueSchema(spec), ...fallback };
}

/** What stands beside a key in an editor: its meaning, unit and note. */
export function descriptionOf(spec: KeySpec): string {
  const unit = "unit" in spec && spec.unit !== "1" ? spec.unit : "";
  const meaning = [spec.about ?? "", unit].filter((part) => part !== "").join(", ");
  const sentences = [meaning, spec.note ?? ""].filter((part) => part !== "");
  return sentences.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}.`).join(" ");
}

function valueSchema(spec: KeySpec): JsonSchema {
  switch (spec.kind) {
    case "number":
      return numberSchema(spec, spec.integer === true);
    case "vector":
      return { type: "array", items: numberSchema(spec, false), minItems: 3, maxItems: 3 };
    case "boolean":
      return { type: "boolean" };
    case "text":
      return { type: "string", minLength: 1, ...(spec.pattern === undefined ? {} : { pattern: spec.pattern }) };
    case "word":
      return { type: "string", enum: spec.words };
    case "texts":
      return { type: "array", items: spec.words === undefined ? { type: "string", minLength: 1 } : { type: "string", enum: spec.words } };
    case "object":
      return objectSchema(spec.keys, "notes_only");
    case "list":
      return { type: "array", items: objectSchema(spec.keys, spec.open === true ? "ignored" : "notes_only") };
    case "target":
      return { type: ["string", "integer"] };
    case "mapping":
      return { type: "object" };
    case "sequence":
      return { type: "array" };
    default:
      return assertNever(spec, "key of a file");
  }
}

function numberSchema(spec: Extract<KeySpec, { kind: "number" | "vector" }>, isInteger: boolean): JsonSchema {
  const low = spec.min === undefined ? {} : spec.minExclusive ? { exclusiveMinimum: spec.min } : { minimum: spec.min };
  return { type: isInteger ? "integer" : "number", ...low, ...(spec.max === undefined ? {} : { maximum: spec.max }) };
}
