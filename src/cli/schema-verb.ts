import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { asyncApi } from "#contracts/asyncapi.ts";
import { messageSchema } from "#contracts/json-schema.ts";
import { MESSAGES } from "#contracts/messages.ts";
import { FILE_SCHEMAS } from "./file-schemas.ts";
import { PRODUCT_VERSION } from "./version.ts";

interface SchemaEntry {
  readonly name: string;
  /** Below the folder of schemas. */
  readonly path: string;
  readonly make: () => unknown;
}

/** Every schema by name: of files that people write, of messages on the bus, and the document that describes the bus. */
export const SCHEMAS: readonly SchemaEntry[] = [
  ...Object.entries(FILE_SCHEMAS).map(([name, make]) => ({ name, path: `${name}.schema.json`, make })),
  ...MESSAGES.map(({ name }) => ({ name, path: `messages/${name}.schema.json`, make: () => messageSchema(name) })),
  { name: "asyncapi", path: "asyncapi.json", make: () => asyncApi(PRODUCT_VERSION) },
];

/** `qiki schema`: JSON Schemas of files and messages, and AsyncAPI. */
export function addSchemaVerb(program: Command): void {
  program
    .command("schema")
    .description("print the JSON Schema of a kind of file or message, or the AsyncAPI document; without a name list them")
    .argument("[name]", `such as ${Object.keys(FILE_SCHEMAS).join(", ")}, telemetry, radar_track, asyncapi`)
    .option("--out <folder>", "write it, or all of them, into a folder as they lie in schemas/")
    .action(schema);
}

/** A schema as the text of its file. */
export function schemaText({ make }: SchemaEntry): string {
  return `${JSON.stringify(make(), null, 2)}\n`;
}

function schema(name: string | undefined, flags: { readonly out?: string }): void {
  const wanted = name === undefined ? SCHEMAS : SCHEMAS.filter((entry) => entry.name === name);
  if (wanted.length === 0)
    throw new QikiError("usage", `there is no schema ${name}: give one of ${SCHEMAS.map((entry) => entry.name).join(", ")}`);
  if (flags.out === undefined) {
    process.stdout.write(name === undefined ? `${SCHEMAS.map((entry) => entry.name).join("\n")}\n` : schemaText(wanted[0]!));
    return;
  }
  try {
    for (const entry of wanted) {
      const path = join(resolve(flags.out), entry.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, schemaText(entry));
      process.stdout.write(`${path}\n`);
    }
  } catch (error) {
    throw new QikiError("folder_unwritable", `the schemas cannot be written to ${flags.out}: ${(error as Error).message}`, error);
  }
}
