/** `npm run generate`: writes what is generated from the code's own data, schemas and the marked tables of the documents. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { generatedFiles } from "./generated-files.ts";
import { PRODUCT_ROOT } from "./version.ts";

for (const { path, before, text } of generatedFiles()) {
  const file = resolve(PRODUCT_ROOT, path);
  mkdirSync(dirname(file), { recursive: true });
  if (before !== text) writeFileSync(file, text);
  process.stdout.write(`${before === text ? "same   " : "written"} ${path}\n`);
}
