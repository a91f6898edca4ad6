import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { Context } from "hono";
import { QikiError } from "#base/error.ts";

/** Answers with a file of the built console, or with nothing when there is none of that path. */
export type WebAssets = (c: Context) => Response | undefined;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".woff2": "font/woff2",
};
/** File names in here carry a hash of their content. */
const HASHED = "/assets/";

/** Reads the built console into memory: only these files are ever served. @throws QikiError file_unreadable */
export function loadWebAssets(folder: string): WebAssets {
  const files = new Map<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string }>();
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      const type = CONTENT_TYPES[extname(name)];
      if (type !== undefined)
        files.set(`/${name.replaceAll("\\", "/")}`, { bytes: new Uint8Array(readFileSync(join(folder, name))), type });
    }
  } catch (error) {
    throw new QikiError("file_unreadable", `the built console is not in ${folder}: run 'npm run prepare'`, error);
  }
  return (c) => {
    const path = c.req.path === "/" ? "/index.html" : c.req.path;
    const file = files.get(path);
    if (file === undefined) return undefined;
    const caching = path.startsWith(HASHED) ? "public, max-age=31536000, immutable" : "no-cache";
    return c.body(file.bytes, 200, { "content-type": file.type, "cache-control": caching });
  };
}
