import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { QikiError } from "#base/error.ts";
import type { Metrics } from "./metrics.ts";
import type { ReadinessCheck } from "./roles.ts";

export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  readonly checks: () => readonly ReadinessCheck[];
  readonly metrics: Metrics;
  /** Why the loop does not turn as it should, undefined while it does. */
  readonly stalled: () => string | undefined;
}

export interface Health {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers `/healthz`, `/readyz` and `/metrics` for a role that serves nothing else. @throws QikiError port_in_use */
export async function serveHealth({ host, port, checks, metrics, stalled }: HealthOptions): Promise<Health> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") {
      const reason = stalled();
      return reason === undefined ? answer(200, { ok: true }) : answer(503, { ok: false, reason });
    }
    if (path === "/readyz") {
      const all = checks();
      return answer(all.every(({ ok }) => ok) ? 200 : 503, { checks: all });
    }
    if (path === "/metrics") {
      void metrics
        .text()
        .then(({ type, text }) => response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(text));
      return;
    }
    return answer(404, { detail: "here are /healthz, /readyz and /metrics" });

    function answer(status: number, body: unknown): void {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(JSON.stringify(body));
    }
  });
  await new Promise<void>((done, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const what = error.code === "EADDRINUSE" ? "is in use: give another in QIKI_HEALTH_PORT" : `cannot be opened: ${error.message}`;
      fail(new QikiError("port_in_use", `health port ${port} of ${host} ${what}`, error));
    });
    server.listen(port, host, done);
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
