import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** Puts the security headers on every answer, errors too; what the API says is kept nowhere. */
export function secureResponses(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    if (c.req.path.startsWith("/api/")) c.header("Cache-Control", "no-store");
  };
}

/** Turns away requests under another name: a foreign page could have had its own name point here. */
export function guardHost(hosts: () => readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (!hosts().includes(host.toLowerCase())) {
      throw new Problem("bad_host", `this gateway does not answer to the name ${host.slice(0, 100)}: expected ${hosts().join(", ")}`);
    }
    await next();
  };
}
