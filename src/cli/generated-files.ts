import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { DOCUMENT_TABLES } from "./document-tables.ts";
import { SCHEMAS, schemaText } from "./schema-verb.ts";
import { PRODUCT_ROOT } from "./version.ts";

/** A file with generated content: how it lies there now, and how it has to be. */
export interface GeneratedFile {
  readonly path: string;
  readonly before: string | undefined;
  readonly text: string;
}

/** Every file that `npm run generate` writes; a test fails while one differs. */
export function generatedFiles(): readonly GeneratedFile[] {
  const schemas = SCHEMAS.map((entry) => {
    const path = `schemas/${entry.path}`;
    return { path, before: textOf(path), text: schemaText(entry) };
  });
  const documents = readdirSync(resolve(PRODUCT_ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => {
      const path = `docs/${file}`;
      const before = textOf(path)!;
      return { path, before, text: withTables(before, path) };
    });
  return [...schemas, ...documents.filter(({ text }) => text.includes("<!-- generated:"))];
}

const MARKED = /<!-- generated: ([a-z-]+) -->(?:(?!<!-- )[\s\S])*<!-- end -->/g;

/** A document with every marked part replaced by its table. */
function withTables(text: string, path: string): string {
  return text.replace(MARKED, (_all, name: string) => {
    const table = DOCUMENT_TABLES[name];
    if (table === undefined) throw new Error(`${path} asks for the table ${name}: known are ${Object.keys(DOCUMENT_TABLES).join(", ")}`);
    return `<!-- generated: ${name} -->\n\n${table()}\n\n<!-- end -->`;
  });
}

function textOf(path: string): string | undefined {
  const file = resolve(PRODUCT_ROOT, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
