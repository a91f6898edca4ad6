import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expectedOf, isRaw, joinPath } from "#base/key-reader.ts";
import type { KeySpec } from "#base/key-spec.ts";
import { PROFILE_KEYS, THRUSTER_KEYS } from "#craft/profile-schema.ts";
import { PRODUCT_ROOT } from "../version.ts";
import { code, table } from "./markdown.ts";

/** Keys of an object of the profile. */
export function keysOf(keys: readonly KeySpec[], name: string): readonly KeySpec[] {
  const spec = keys.find((one) => one.key === name);
  return spec !== undefined && "keys" in spec ? spec.keys : [];
}

/** A table for every object and list of the profile, with what the shipped craft has. */
export function profileKeys(): string {
  return section("", PROFILE_KEYS).join("\n\n");
}

/** Keys of one entry of a thruster file. */
export function thrusterKeys(): string {
  return table(["key", "what it is", "takes", "absent"], THRUSTER_KEYS.map(keyCells));
}

/** The shipped craft's value at a path of the profile, or what holds when it has none. */
export function shippedValue(path: string, spec: KeySpec): string {
  let value: unknown = shippedProfile();
  for (const key of path.split(".")) value = isRaw(value) ? value[key] : undefined;
  const found = value ?? ("default" in spec ? spec.default : undefined);
  return found === undefined ? "" : typeof found === "string" ? found : JSON.stringify(found);
}

let shipped: unknown;

function shippedProfile(): unknown {
  if (shipped === undefined) {
    const file = JSON.parse(readFileSync(resolve(PRODUCT_ROOT, "profiles/shipped.json"), "utf8")) as { hardware_profile: unknown };
    shipped = file.hardware_profile;
  }
  return shipped;
}

function section(path: string, keys: readonly KeySpec[]): string[] {
  const isList = path.endsWith("[]");
  const plain = keys.filter((spec) => spec.kind !== "object" && spec.kind !== "list");
  const rows = plain.map((spec) => {
    const value = isList ? [] : [code(shippedValue(joinPath(path, spec.key), spec))];
    return [...keyCells(spec), ...value];
  });
  const title = path === "" ? "Keys of `hardware_profile` itself:" : `\`${path}\``;
  const head = ["key", "what it is", "takes", "absent", ...(isList ? [] : ["shipped"])];
  const nested = keys.flatMap((spec) => {
    const place = joinPath(path, spec.key);
    if (spec.kind === "object") return section(place, spec.keys);
    return spec.kind === "list" ? section(`${place}[]`, spec.keys) : [];
  });
  return [...(rows.length > 0 ? [path === "" ? title : `### ${title}`, table(head, rows)] : []), ...nested];
}

/** Key with its other name, what it is, what it takes, what holds without it. */
export function keyCells(spec: KeySpec): string[] {
  const name = spec.alias === undefined ? code(spec.key) : `${code(spec.key)} or ${code(spec.alias)}`;
  const absent =
    "required" in spec && spec.required === true
      ? "refused"
      : "default" in spec && spec.default !== undefined
        ? code(typeof spec.default === "string" ? spec.default : JSON.stringify(spec.default))
        : "";
  return [name, [spec.about ?? "", spec.note ?? ""].filter((part) => part !== "").join("; "), expectedOf(spec), absent];
}
