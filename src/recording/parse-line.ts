import { type LineHead, lineHead } from "./line.ts";

export type ParsedLine =
  | { readonly kind: "row"; readonly head: LineHead; readonly dataJson: string }
  | { readonly kind: "bad"; readonly reason: string }
  | { readonly kind: "refused"; readonly version: unknown };

const OURS = '{"schema_version":1,"type":"';
const DATA = ',"data":';
const SEQ = ',"seq":';

/** Parses a line without its end. Of a line in our own writer's form only the head is parsed: the payload stays text. */
export function parseLine(text: string): ParsedLine {
  return parseOurs(text) ?? parseAny(text);
}

/**
 * Cuts the payload out between the first `,"data":` and the last `,"seq":`. Before and after it stand numbers and strings
 * alone, in which a quote is escaped, so these are the envelope's own; a cut that went wrong leaves no JSON and is undone.
 */
function parseOurs(text: string): ParsedLine | undefined {
  if (!text.startsWith(OURS)) return undefined;
  const dataAt = text.indexOf(DATA, OURS.length);
  const seqAt = text.lastIndexOf(SEQ);
  if (dataAt < 0 || seqAt <= dataAt + DATA.length) return undefined;
  let line: Readonly<Record<string, unknown>>;
  try {
    line = JSON.parse(text.slice(0, dataAt) + text.slice(seqAt)) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
  const head = lineHead(line);
  return "reason" in head ? undefined : { kind: "row", head, dataJson: text.slice(dataAt + DATA.length, seqAt) };
}

function parseAny(text: string): ParsedLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: "bad", reason: (error as Error).message };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { kind: "bad", reason: "not a JSON object" };
  const line = value as Readonly<Record<string, unknown>>;
  if (line.schema_version !== undefined && line.schema_version !== 1) return { kind: "refused", version: line.schema_version };
  const head = lineHead(line);
  if ("reason" in head) return { kind: "bad", reason: head.reason };
  if (line.data === undefined) return { kind: "bad", reason: "no data" };
  return { kind: "row", head, dataJson: JSON.stringify(line.data) };
}
