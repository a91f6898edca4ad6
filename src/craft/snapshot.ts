import type { CraftConfig } from "./config.ts";
import type { Field } from "./layout.ts";
import { CraftState, createCraftState } from "./state.ts";

/** A snapshot's value of one field: numbers as they are, flags, words of enumerations, null for none. */
export type FieldValue = number | boolean | string | null;
export type CraftSnapshot = Readonly<Record<string, FieldValue>>;

/** The whole state by field name, hashed or not; its canonical JSON restores every bit. */
export function snapshotCraft(state: CraftState, config: CraftConfig): CraftSnapshot {
  return Object.fromEntries(config.layout.fields.map((field) => [field.name, encode(field, state.values[field.offset]!)]));
}

/** The craft of a snapshot taken with the same configuration, or what is wrong with it. */
export function restoreCraft(config: CraftConfig, snapshot: Readonly<Record<string, unknown>>): CraftState | { readonly problem: string } {
  const state = createCraftState(config);
  const { fields } = config.layout;
  for (const field of fields) {
    const value = decode(field, snapshot[field.name]);
    if (value === undefined)
      return { problem: `${field.name} is ${JSON.stringify(snapshot[field.name]) ?? "missing"}, expected ${expected(field)}` };
    state.values[field.offset] = value;
  }
  const unknown = Object.keys(snapshot).length - fields.length;
  return unknown === 0 ? state : { problem: `${unknown} fields that this layout does not have` };
}

/** Name and values of the first field in hash order in which two crafts of one configuration differ, or undefined. */
export function firstDivergence(
  ours: CraftState,
  theirs: CraftState,
  config: CraftConfig,
): { readonly path: string; readonly ours: FieldValue; readonly theirs: FieldValue } | undefined {
  const { fields } = config.layout;
  const inHashOrder = [...fields.filter((field) => field.hashed), ...fields.filter((field) => !field.hashed)];
  const field = inHashOrder.find((one) => !Object.is(ours.values[one.offset], theirs.values[one.offset]));
  return field === undefined
    ? undefined
    : { path: field.name, ours: encode(field, ours.values[field.offset]!), theirs: encode(field, theirs.values[field.offset]!) };
}

function encode(field: Field, value: number): FieldValue {
  if (field.nullable && value === -1) return null;
  if (field.kind === "boolean") return value === 1;
  if (field.kind === "word") return field.words![value]!;
  return value;
}

function decode(field: Field, value: unknown): number | undefined {
  if (value === null) return field.nullable ? -1 : undefined;
  switch (field.kind) {
    case "boolean":
      return typeof value === "boolean" ? Number(value) : undefined;
    case "word": {
      const index = field.words!.indexOf(value as string);
      return index < 0 ? undefined : index;
    }
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
    case "number":
      return typeof value === "number" && Number.isFinite(value) ? value + 0 : undefined;
  }
}

function expected(field: Field): string {
  const orNull = field.nullable ? " or null" : "";
  switch (field.kind) {
    case "boolean":
      return `true or false${orNull}`;
    case "word":
      return `one of ${field.words!.join(", ")}${orNull}`;
    case "count":
      return `a whole number from 0${orNull}`;
    case "number":
      return `a finite number${orNull}`;
  }
}
