import { z } from "zod";
import { FRIEND_FOE_NAMES, GUARD_RULE_KEYS, MODE_NAMES } from "#alarms/guard/rules.ts";
import { assertNever } from "#base/assert.ts";
import { type JsonSchema, keySchema, objectSchema } from "#base/key-json-schema.ts";
import { joinPath } from "#base/key-reader.ts";
import type { KeySpec } from "#base/key-spec.ts";
import type { CommandSpec, ParameterSpec } from "#contracts/command-catalogue.ts";
import { incidentRulesFileSchema } from "#contracts/incident-rules.ts";
import { FAULT_KINDS, type FaultKindSpec } from "#craft/faults.ts";
import { INIT_KEYS, INIT_TEMPERATURE } from "#craft/initialise.ts";
import { PROFILE_KEYS } from "#craft/profile-schema.ts";
import { CONTACT_KEYS, POINT_KEYS, POLAR_KEYS, POSITION_KEYS, SEGMENT_KEYS, TRAJECTORY_KEYS } from "#radar/contacts.ts";
import { EXPECTATION_PATTERN } from "#twin/expectation.ts";
import { ACTION_KEYS, AT_KEY, INIT_RUN, SCENARIO_KEYS, TIMELINE_COMMANDS } from "#twin/scenario-keys.ts";
import { SETTING_SECTIONS } from "#twin/settings.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/**
 * JSON Schemas of the files that people write, by name, made from the tables that the readers of these files use. What a
 * schema cannot say (references, values that contradict each other), `qiki scenario check` and its like say.
 */
export const FILE_SCHEMAS: Readonly<Record<string, () => JsonSchema>> = {
  scenario: () => headed("QIKI scenario", scenarioSchema()),
  profile: () => headed("QIKI craft profile", profileSchema()),
  guard_rules: () => headed("QIKI guard rules", guardRulesSchema()),
  incident_rules: () => headed("QIKI incident rules", z.toJSONSchema(incidentRulesFileSchema, { io: "input" })),
};

function headed(title: string, { $schema: _, ...schema }: JsonSchema): JsonSchema {
  return { $schema: DIALECT, title, ...schema };
}

function guardRulesSchema(): JsonSchema {
  const byName = (names: readonly string[], least: number): JsonSchema => ({
    type: ["string", "integer"],
    enum: [...names.slice(least), ...names.map((_, number) => number).slice(least)],
  });
  const rule = objectSchema(GUARD_RULE_KEYS, "refused", {
    iff: byName(FRIEND_FOE_NAMES, 1),
    allowed_transponder_modes: { items: byName(MODE_NAMES, 0) },
  }) as { readonly properties: Readonly<Record<string, JsonSchema>>; readonly required: readonly string[] };
  // Null says the same as leaving a key out.
  const properties = Object.entries(rule.properties).map(([key, schema]) => [key, rule.required.includes(key) ? schema : orNull(schema)]);
  return {
    type: "object",
    properties: {
      schema_version: { const: 1 },
      rules: { type: "array", items: { ...rule, properties: Object.fromEntries(properties) as JsonSchema } },
    },
    required: ["schema_version", "rules"],
    additionalProperties: false,
  };
}

function orNull(schema: JsonSchema): JsonSchema {
  const words = schema.enum as readonly unknown[] | undefined;
  return { ...schema, type: [schema.type, "null"].flat(), ...(words === undefined ? {} : { enum: [...words, null] }) };
}

function profileSchema(): JsonSchema {
  return {
    type: "object",
    properties: {
      hardware_profile: objectSchema(PROFILE_KEYS, "ignored"),
      hardware_manifest: { description: "What the craft is built of; only part of the hash." },
    },
    required: ["hardware_profile"],
  };
}

function scenarioSchema(): JsonSchema {
  const init = objectSchema([...INIT_KEYS, INIT_RUN], "refused", { temps: { additionalProperties: keySchema(INIT_TEMPERATURE) } });
  const config = Object.fromEntries(
    Object.entries(SETTING_SECTIONS).flatMap(([prefix, keys]) => keys.map((spec) => [`${prefix}.${spec.key}`, keySchema(spec)])),
  );
  return objectSchema(SCENARIO_KEYS, "refused", {
    set: {
      properties: Object.fromEntries(profilePaths(PROFILE_KEYS, "")),
      patternProperties: { [LIST_MEMBER]: {} },
      additionalProperties: false,
    },
    config: { properties: config, additionalProperties: false },
    init,
    timeline: { items: { anyOf: entrySchemas() } },
    expect: { items: { type: "string", pattern: EXPECTATION_PATTERN } },
    contacts: { items: contactSchema() },
  });
}

function contactSchema(): JsonSchema {
  const place: JsonSchema = { anyOf: [objectSchema(POSITION_KEYS, "refused"), objectSchema(POLAR_KEYS, "refused")] };
  const listOf = (keys: readonly KeySpec[]): JsonSchema => ({ items: objectSchema(keys, "refused", { at: place }) });
  const kinds = Object.entries(TRAJECTORY_KEYS).map(([kind, keys]: [string, readonly KeySpec[]]) => {
    const schema = objectSchema(keys, "refused", { at: place, centre: place, points: listOf(POINT_KEYS), segments: listOf(SEGMENT_KEYS) });
    return { ...schema, properties: { kind: { const: kind }, ...(schema.properties as JsonSchema) } };
  });
  const contact = objectSchema(CONTACT_KEYS, "refused", { trajectory: { anyOf: kinds } });
  return { ...contact, required: [...(contact.required as string[]), "trajectory"] };
}

/** A path to a member of a list, which is named by its id or index: no schema can list these. */
const LIST_MEMBER = "\\[";

/** The other paths that a scenario's `set` can name, with what they take. */
function profilePaths(keys: readonly KeySpec[], parent: string): [string, JsonSchema][] {
  return keys.flatMap((spec): [string, JsonSchema][] => {
    const path = joinPath(parent, spec.key);
    const alias: [string, JsonSchema][] = spec.alias === undefined ? [] : [[joinPath(parent, spec.alias), keySchema(spec)]];
    return [[path, keySchema(spec)], ...alias, ...(spec.kind === "object" ? profilePaths(spec.keys, path) : [])];
  });
}

/** One schema for every command, fault and clear that a timeline can hold, so that an editor knows their parameters. */
function entrySchemas(): JsonSchema[] {
  const entry = (action: string, keys: readonly KeySpec[], instead: Readonly<Record<string, JsonSchema>> = {}): JsonSchema => {
    const schema = objectSchema([AT_KEY, ...keys], "refused", instead) as {
      readonly properties: JsonSchema;
      readonly required: readonly string[];
    };
    return { ...schema, properties: { ...schema.properties, do: { const: action } }, required: [...schema.required, "do"] };
  };
  const commands = TIMELINE_COMMANDS.map((command) =>
    entry("command", ACTION_KEYS.command, {
      name: { const: command.name, description: command.consequence.en },
      params: parametersSchema(command),
    }),
  );
  const faults = Object.entries(FAULT_KINDS as Readonly<Record<string, FaultKindSpec>>).flatMap(([kind, spec]) => [
    entry("fault", faultKeys(ACTION_KEYS.fault, spec), faultValues(kind, spec)),
    entry("clear", faultKeys(ACTION_KEYS.clear, spec), faultValues(kind, spec)),
  ]);
  return [...commands, entry("input", ACTION_KEYS.input), ...faults, entry("contact", ACTION_KEYS.contact)];
}

/** The keys of a fault entry that its kind takes. */
function faultKeys(keys: readonly KeySpec[], spec: FaultKindSpec): readonly KeySpec[] {
  return keys
    .filter(({ key }) => (key !== "target" || spec.targets !== undefined) && (key !== "value" || spec.value !== undefined))
    .map((one): KeySpec => {
      if (one.kind === "target") return spec.isTargetOptional === true ? one : { ...one, required: true };
      return one.kind === "number" && one.key === "value" ? { ...one, required: true } : one;
    });
}

function faultValues(kind: string, { about, targets, value }: FaultKindSpec): Record<string, JsonSchema> {
  const target: JsonSchema =
    targets === "nodes" ? { type: "string" } : targets === "thrusters" ? { type: "integer", minimum: 0 } : { enum: targets };
  return {
    kind: { const: kind, description: `${about.charAt(0).toUpperCase()}${about.slice(1)}.` },
    ...(targets === undefined ? {} : { target }),
    ...(value === undefined ? {} : { value: { minimum: value.min, maximum: value.max, description: `${value.unit}.` } }),
  };
}

function parametersSchema({ parameters }: CommandSpec): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const parameter of parameters) {
    properties[parameter.name] = parameterSchema(parameter);
    if (parameter.alias !== undefined) properties[parameter.alias] = parameterSchema(parameter);
  }
  return { properties, additionalProperties: false };
}

/** Limits that the profile decides are left open. */
function parameterSchema(parameter: ParameterSpec): JsonSchema {
  switch (parameter.kind) {
    case "number":
    case "integer":
      return {
        type: parameter.kind,
        ...(parameter.minExclusive ? { exclusiveMinimum: parameter.min } : { minimum: parameter.min }),
        ...(typeof parameter.max === "number" ? { maximum: parameter.max } : {}),
        ...(parameter.default === undefined ? {} : { default: parameter.default }),
        ...(parameter.unit === "" ? {} : { description: `${parameter.unit}.` }),
      };
    case "word":
      if (parameter.words === "ports") return { type: "string" };
      return parameter.anyCase === true ? { type: "string", examples: parameter.words } : { enum: parameter.words };
    case "text":
      return { type: "string", maxLength: parameter.maxLength };
    case "target":
      return { type: ["string", "integer"] };
    case "boolean":
      return { type: "boolean" };
    default:
      return assertNever(parameter, "parameter");
  }
}
