import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { FILE_SCHEMAS } from "./file-schemas.ts";

/** `qiki schema`: JSON Schemas of the files that people write, which editors use for completion. */
export function addSchemaVerb(program: Command): void {
  program
    .command("schema")
    .description("print the JSON Schema of a kind of file; without a name list the kinds")
    .argument("[name]", `one of ${Object.keys(FILE_SCHEMAS).join(", ")}`)
    .option("--out <folder>", "write it, or all of them, into a folder as NAME.schema.json")
    .action(schema);
}

/** A schema as the text of its file. */
export function schemaText(name: string): string {
  return `${JSON.stringify(FILE_SCHEMAS[name]!(), null, 2)}\n`;
}

export function schemaFileName(name: string): string {
  return `${name}.schema.json`;
}

function schema(name: string | undefined, flags: { readonly out?: string }): void {
  const known = Object.keys(FILE_SCHEMAS);
  if (name !== undefined && !known.includes(name))
    throw new QikiError("usage", `there is no schema ${name}: give one of ${known.join(", ")}`);
  const names = name === undefined ? known : [name];
  if (flags.out === undefined) {
    process.stdout.write(name === undefined ? `${known.join("\n")}\n` : schemaText(name));
    return;
  }
  try {
    mkdirSync(flags.out, { recursive: true });
    for (const one of names) {
      const path = join(resolve(flags.out), schemaFileName(one));
      writeFileSync(path, schemaText(one));
      process.stdout.write(`${path}\n`);
    }
  } catch (error) {
    throw new QikiError("folder_unwritable", `the schemas cannot be written to ${flags.out}: ${(error as Error).message}`, error);
  }
}
