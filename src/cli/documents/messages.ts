import { z } from "zod";
import { COMMANDS, type CommandSpec, type EffectCondition, type ParameterSpec } from "#contracts/command-catalogue.ts";
import { DICTIONARY } from "#contracts/dictionary.ts";
import { telemetrySchema } from "#contracts/telemetry.ts";
import { FAULT_KINDS, type FaultKindSpec } from "#craft/faults.ts";
import { code, table } from "./markdown.ts";

/** Every path of telemetry. */
export function telemetryPaths(): string {
  const schema = z.toJSONSchema(telemetrySchema, { io: "input" });
  const rows = DICTIONARY.map(({ path, label, unit, type, why }) => [
    code(path),
    label.en,
    label.ru,
    type,
    unit,
    presence(schema, path),
    why?.en ?? "",
  ]);
  return table(["path", "EN", "RU", "type", "unit", "may be missing", "why it matters"], rows);
}

type Schema = { readonly [key: string]: unknown };

/** Whether the contract lets a path be null or absent. */
function presence(root: Schema, path: string): string {
  let schema: Schema = root;
  let isAbsent = false;
  let isNull = false;
  for (const part of path.split(".")) {
    const key = part.replace("[]", "");
    isAbsent ||= !((schema.required as readonly string[] | undefined) ?? []).includes(key);
    const member = (schema.properties as Readonly<Record<string, Schema>>)[key]!;
    const choices = (member.anyOf as readonly Schema[] | undefined) ?? [member];
    isNull = choices.some(({ type }) => type === "null" || (Array.isArray(type) && type.includes("null")));
    schema = choices.find((choice) => choice.type !== "null") ?? member;
    if (part.endsWith("[]")) schema = schema.items as Schema;
  }
  return [isAbsent ? "absent" : "", isNull ? "null" : ""].filter((word) => word !== "").join(", ");
}

const HAZARDS = { none: "", confirm: "confirm", arm: "arm" } as const;

/** The commands, with parameters, hazard, role and effect. */
export function commands(): string {
  const rows = COMMANDS.map((command) => [
    code(command.name),
    command.parameters.map(parameterText).join("; "),
    [HAZARDS[command.hazard], command.role === "supervisor" ? "supervisor" : ""].filter((word) => word !== "").join(", "),
    effectText(command),
    command.consequence.en,
  ]);
  return table(["command", "parameters", "asks for", "effect that is watched", "what it does"], rows);
}

function parameterText(parameter: ParameterSpec): string {
  const name = parameter.alias === undefined ? code(parameter.name) : `${code(parameter.name)} or ${code(parameter.alias)}`;
  const isOptional =
    ("optional" in parameter && parameter.optional === true) || ("default" in parameter && parameter.default !== undefined);
  const fallback = "default" in parameter && parameter.default !== undefined ? `, ${parameter.default} unless given` : "";
  return `${name} ${rangeOf(parameter)}${fallback !== "" ? fallback : isOptional ? ", optional" : ""}`;
}

function rangeOf(parameter: ParameterSpec): string {
  switch (parameter.kind) {
    case "number":
    case "integer": {
      const max = typeof parameter.max === "number" ? parameter.max : code(parameter.max);
      const low = parameter.minExclusive === true ? `above ${parameter.min} to` : `${parameter.min} to`;
      return `${parameter.kind === "integer" ? "whole " : ""}${low} ${max}${parameter.unit === "" ? "" : ` ${parameter.unit}`}`;
    }
    case "word":
      return parameter.words === "ports"
        ? "a port of the profile"
        : `${parameter.words.join(", ")}${parameter.anyCase ? " (any case)" : ""}`;
    case "text":
      return `text of at most ${parameter.maxLength}`;
    case "target":
      return "a name or an index";
    case "boolean":
      return "true or false";
  }
}

const DEADLINES = { soft_start: "the soft start and 1 s", turn: "the turn's time and 1 s", steps: "the ticks" } as const;

function effectText({ effect }: CommandSpec): string {
  if (effect === undefined) return "none";
  const { deadline } = effect;
  const within = deadline === 0 ? "at once" : `within ${typeof deadline === "number" ? `${deadline} s` : DEADLINES[deadline]}`;
  return `${effect.all.map(conditionText).join(" and ")}, ${within}`;
}

function conditionText({ path, op, value }: EffectCondition): string {
  const wanted =
    typeof value !== "object"
      ? String(value)
      : "parameter" in value
        ? `the given ${value.parameter}`
        : "ticksAfter" in value
          ? `before + ${value.ticksAfter}`
          : value.join(" or ");
  return `${code(path)} ${op === "==" ? "=" : op} ${wanted}`;
}

/** Faults that can be injected. */
export function faultKinds(): string {
  const rows = Object.entries(FAULT_KINDS as Readonly<Record<string, FaultKindSpec>>).map(([kind, spec]) => {
    const { about, targets, value, isTargetOptional } = spec;
    const target =
      targets === undefined
        ? "none"
        : targets === "nodes"
          ? "a thermal node"
          : targets === "thrusters"
            ? "index of a thruster"
            : targets.join(", ");
    const range = value === undefined ? "none" : `${value.min} to ${value.max} ${value.unit}`;
    return [code(kind), isTargetOptional === true ? `${target}, or none` : target, range, about];
  });
  return table(["kind", "target", "value", "what happens"], rows);
}
