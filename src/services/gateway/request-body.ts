import type { Context } from "hono";
import { utf8Decode } from "#base/utf8.ts";
import { Problem } from "./problem.ts";

/** The JSON object a request carries. @throws Problem malformed, payload_too_large */
export async function jsonBody(c: Context): Promise<Record<string, unknown>> {
  const text = utf8Decode(new Uint8Array(await c.req.arrayBuffer()));
  if (text === undefined) throw new Problem("malformed", "the body is not UTF-8: expected a JSON object in UTF-8");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Problem("malformed", `the body is not JSON: ${(error as Error).message}`);
  }
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new Problem("malformed", "the body is JSON, but not an object: expected { … }");
}
