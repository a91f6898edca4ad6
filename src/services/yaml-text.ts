import { parseDocument } from "yaml";

/** One thing that makes a text no YAML. */
export interface YamlProblem {
  readonly code: string;
  /** One line; it says where. */
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

/** Deeper nesting is refused before anything walks through it. */
export const DEPTH_MAX = 64;
export const TOO_DEEP = `it is nested deeper than ${DEPTH_MAX} levels`;
/** Aliases may multiply a small file without end. */
const ALIASES_MAX = 100;

/** Value of a YAML 1.2 text, or why it has none. */
export function parseYamlText(text: string): { readonly value: unknown } | { readonly problems: readonly YamlProblem[] } {
  try {
    const document = parseDocument(text, { version: "1.2" });
    const wrong = [...document.errors, ...document.warnings];
    if (wrong.length > 0) return { problems: wrong.map(problemOf) };
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return isTooDeep(value) ? { problems: [{ code: "TOO_DEEP", message: TOO_DEEP }] } : { value };
  } catch (error) {
    if (error instanceof ReferenceError)
      return { problems: [{ code: "ALIASES", message: "its aliases expand to far more than it holds" }] };
    if (error instanceof RangeError) return { problems: [{ code: "TOO_DEEP", message: TOO_DEEP }] };
    throw error;
  }
}

/** Whether lists and mappings lie in each other deeper than files of this product do. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEPTH_MAX) return true;
    level = [...new Set(level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : [])))];
  }
  return false;
}

type YamlError = ReturnType<typeof parseDocument>["errors"][number] | ReturnType<typeof parseDocument>["warnings"][number];

function problemOf({ code, message, linePos }: YamlError): YamlProblem {
  const place = linePos === undefined ? {} : { line: linePos[0].line, column: linePos[0].col };
  if (code === "RESOURCE_EXHAUSTION") return { code, message: TOO_DEEP, ...place };
  if (code === "MULTIPLE_DOCS") return { code, message: "it holds more than one document: give one file for each", ...place };
  return { code, message: message.split("\n")[0]!.replace(/:$/, ""), ...place };
}
