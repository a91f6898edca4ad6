import type { Context } from "hono";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import { Problem } from "./problem.ts";

export type Answer = Readonly<Record<string, unknown>>;

const QUERY_MS = 10_000;
/** Rows of one page. */
const PAGE = 500;

/** A whole number in the address, undefined when it is not there. @throws Problem invalid_parameter */
export function integerAsked(c: Context, path: string, low: number, high: number): number | undefined {
  const text = c.req.query(path);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= low && value <= high) return value;
  const expected = `a whole number in [${low}, ${high}]`;
  throw new Problem("invalid_parameter", `${path} is ${text.slice(0, 40)}, expected ${expected}`, { path, expected });
}

/** Asks another role for what it stores. @throws Problem bus_unavailable when it does not answer, else with what it says */
export async function query(bus: Bus, subject: string, request: Answer): Promise<Answer> {
  const answer = await ask(bus, subject, request);
  if (answer.ok === true) return answer;
  const { code, message = "it did not say why" } = (answer.error_detail ?? {}) as { readonly code?: string; readonly message?: string };
  const known = code === "invalid_parameter" || code === "not_found" ? code : "internal";
  throw new Problem(known, `${subject} was refused: ${message}`);
}

interface Gathered {
  readonly items: readonly unknown[];
  readonly first: Answer;
  readonly next: number | undefined;
}

/** Page after page, up to `max` rows. @throws as query */
export async function allPages(bus: Bus, subject: string, filters: Answer, max: number, after = -1): Promise<Gathered> {
  const items: unknown[] = [];
  let first: Answer | undefined;
  let next: number | undefined = after;
  while (next !== undefined && items.length < max) {
    const page: Answer = await query(bus, subject, { filters, after: next, limit: Math.min(PAGE, max - items.length) });
    first ??= page;
    items.push(...(page.items as readonly unknown[]));
    next = page.next as number | undefined;
  }
  return { items, first: first!, next };
}

async function ask(bus: Bus, subject: string, request: Answer): Promise<Answer> {
  try {
    const reply = await bus.request(subject, Buffer.from(JSON.stringify(request)), { timeoutMs: QUERY_MS });
    return JSON.parse(Buffer.from(reply.bytes).toString("utf8")) as Answer;
  } catch (error) {
    if (!(error instanceof QikiError)) throw error;
    throw new Problem("bus_unavailable", `${subject} was not answered: ${error.message}. Is the role that keeps it running?`);
  }
}
