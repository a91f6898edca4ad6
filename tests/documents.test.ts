import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { generatedFiles } from "#cli/generated-files.ts";
import { DICTIONARY, dictionaryEntry, type ParameterType } from "#contracts/dictionary.ts";
import { EXPLAIN_KINDS } from "#contracts/reasons.ts";
import { telemetrySchema } from "#contracts/telemetry.ts";
import { explainIds, RUNTIME_FAULTS, SHED_REASONS } from "#craft/reasons.ts";
import { ROOT } from "./running-twin.ts";

const DOCUMENTS = ["load-shedding", "thermal", "telemetry", "commands", "profile", "radar", "scenarios"].map((name) => `docs/${name}.md`);

describe("generated files", () => {
  test("generate - schemas and document tables are as 'npm run generate' writes them", () => {
    const files = generatedFiles();
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining([...DOCUMENTS, "schemas/scenario.schema.json"]));
    for (const { path, before, text } of files) expect(before === text, `${path} is out of date: npm run generate`).toBe(true);
  });

  test("documents - what they link to exists", () => {
    let links = 0;
    for (const path of DOCUMENTS) {
      for (const [, target] of readFileSync(join(ROOT, path), "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        expect(existsSync(join(ROOT, dirname(path), target!)), `${path} links to ${target}`).toBe(true);
        links += 1;
      }
    }
    expect(links).toBeGreaterThan(5);
  });
});

describe("load shedding and thermal documents", () => {
  const text = ["docs/load-shedding.md", "docs/thermal.md"].map((path) => readFileSync(join(ROOT, path), "utf8")).join("\n");
  const configFaults = ["BATTERY_CAPACITY_MISSING", "POWER_PLANE_CONFIG_MISSING", "THERMAL_PLANE_PARAM_INVALID:x:hys_zero"];
  const explained = explainIds({ thermalPlane: { nodes: [{ id: "x" }] }, configFaults }).map((id) => id.split(":")[2]!);
  const names = [...RUNTIME_FAULTS, ...SHED_REASONS, ...explained, ...Object.keys(EXPLAIN_KINDS)];

  test.each([...new Set(names)])("documents - %s is explained", (name) => {
    expect(text).toMatch(new RegExp(`\`${name}[\`:]`));
  });
});

describe("dictionary", () => {
  const leaves = contractLeaves();

  test("VM-009 dictionary - every path of the telemetry contract has an entry and no entry lacks its path", () => {
    expect([...leaves.keys()].sort()).toEqual(DICTIONARY.map(({ path }) => path).sort());
  });

  test("VM-009 dictionary - every entry has labels, a unit and the type of the contract", () => {
    for (const { path, label, unit, type } of DICTIONARY) {
      expect([label.en.trim(), label.ru.trim()], path).not.toContain("");
      expect(typeof unit, path).toBe("string");
      expect(FITS[type], path).toContain(leaves.get(path));
    }
  });
});

type Schema = { readonly [key: string]: unknown };

/** Types of a JSON Schema that each type of the dictionary stands for. */
const FITS: Readonly<Record<ParameterType, readonly string[]>> = {
  number: ["number"],
  // A count that a profile gives may be any number.
  integer: ["integer", "number"],
  boolean: ["boolean"],
  text: ["string"],
  list: ["array"],
  vector: ["array"],
  map: ["object"],
};

/** Paths of the contract as the dictionary writes them, with the type each has; what the dictionary calls whole is one leaf. */
function contractLeaves(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (schema: Schema, path: string): void => {
    const one = ((schema.anyOf as readonly Schema[] | undefined) ?? [schema]).find((choice) => choice.type !== "null") ?? schema;
    if (path !== "" && dictionaryEntry(path) === undefined) {
      if (one.type === "object") return walkMembers(one, `${path}.`);
      if (one.type === "array") return walkMembers(one.items as Schema, `${path}[].`);
    }
    // A value that is always null is a number that is not modelled.
    found.set(path, typeOf(one));
  };
  const walkMembers = (schema: Schema, prefix: string): void => {
    for (const [key, member] of Object.entries(schema.properties as Readonly<Record<string, Schema>>)) walk(member, `${prefix}${key}`);
  };
  walkMembers(z.toJSONSchema(telemetrySchema, { io: "input" }) as Schema, "");
  return found;
}

function typeOf({ type }: Schema): string {
  const types = Array.isArray(type) ? (type as readonly string[]) : [type as string];
  return types.find((one) => one !== "null") ?? "number";
}
