import type { Context, Hono } from "hono";
import type { CommandDesk, CommandRequest } from "./command-desk.ts";
import type { CommandRow } from "#contracts/command-row.ts";
import type { Hub } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { Problem, type ProblemCode } from "./problem.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { jsonBody } from "./request-body.ts";

export interface CommandRouteContext {
  readonly hub: Hub;
  readonly desk: CommandDesk;
  readonly commands: RateLimiter;
  readonly sender: (c: Context) => Identity;
}

const ACK_WAIT_MS = 5000;
const BULK_MAX = 500;
const INCIDENT_OPS: Readonly<Record<string, string>> = {
  ack: "incident.ack",
  shelve: "incident.shelve",
  unshelve: "incident.unshelve",
  clear: "incident.clear",
  oos: "incident.out_of_service",
  return: "incident.return",
};
/** Refusals that say: what you saw is not what is. */
const CONFLICTS: ReadonlyMap<unknown, ProblemCode> = new Map([
  ["occ_mismatch", "stale_occurrence"],
  ["condition_active", "condition_still_true"],
  ["id_reused", "request_id_reused"],
]);

/** Commands, and what becomes one: actions on incidents and rules (console §2.2). */
export function addCommandRoutes(app: Hono, context: CommandRouteContext): void {
  const { hub, desk, sender } = context;
  const isWaiting = (c: Context): boolean => c.req.query("wait") === "ack";

  app.post("/api/commands/arm", async (c) => c.json(desk.arm(await jsonBody(c), sender(c))));
  app.post("/api/commands", async (c) => answerCommand(c, await jsonBody(c), isWaiting(c)));
  app.get("/api/commands", (c) => c.json({ items: desk.rows() }));
  app.get("/api/commands/:id", (c) => {
    const row = desk.row(c.req.param("id"));
    if (row === undefined) throw new Problem("not_found", `no command with request id ${c.req.param("id")} is known to this gateway`);
    return c.json(row);
  });

  app.get("/api/incidents", (c) => c.json({ items: [...hub.entries("incidents").values()].map(({ value }) => value) }));
  app.post("/api/incidents/ack", async (c) => {
    const { items, comment } = await jsonBody(c);
    if (!Array.isArray(items) || items.length === 0 || items.length > BULK_MAX) {
      const expected = `a list of 1 to ${BULK_MAX} {key, occ}`;
      throw new Problem("invalid_parameter", `items is not ${expected}`, { path: "items", expected });
    }
    takeCommand(sender(c));
    return c.json({ items: await Promise.all(items.map((item: unknown) => acknowledgeOne(c, item, comment))) });
  });
  app.post("/api/incidents/:key/:op", async (c) => {
    const { key, op } = c.req.param();
    const name = INCIDENT_OPS[op];
    if (name === undefined)
      throw new Problem("not_found", `incidents have no operation ${op}: expected ${Object.keys(INCIDENT_OPS).join(", ")}`);
    const { request_id, confirm, arm_token, ...parameters } = await jsonBody(c);
    const command = { command_name: name, parameters: { ...parameters, incident_id: key }, incident_key: key };
    return answerCommand(c, { request_id, confirm, arm_token, ...command }, true);
  });

  app.get("/api/rules", (c) => c.json(published(hub, "rules")));
  app.patch("/api/rules/:id", async (c) => {
    const { enabled, rules_hash, ...rest } = await jsonBody(c);
    const { hash } = published(hub, "rules");
    if (rules_hash !== hash)
      throw new Problem("rules_changed", `the rules have changed since you saw them: their hash is ${String(hash)}`, {
        path: "rules_hash",
      });
    const { request_id, confirm } = rest;
    const parameters = { rule_id: c.req.param("id"), enabled };
    return answerCommand(c, { request_id, confirm, command_name: "rules.set_enabled", parameters }, true);
  });
  app.post("/api/recordings", async (c) => {
    const { request_id, ...parameters } = await jsonBody(c);
    return answerCommand(c, { request_id, command_name: "record.start", parameters }, true);
  });
  app.post("/api/recordings/:id/stop", async (c) => {
    const { request_id } = await jsonBody(c);
    const { asked } = published(hub, "recorder") as { readonly asked: { readonly recording_id?: string } | null };
    if (asked?.recording_id !== c.req.param("id"))
      throw new Problem("not_found", `no recording ${c.req.param("id")} that record.start began is under way`);
    return answerCommand(c, { request_id, command_name: "record.stop", parameters: {} }, true);
  });
  app.get("/api/kpi", (c) => c.json(published(hub, "kpi")));

  function takeCommand(who: Identity): void {
    if (!context.commands.take(who.name))
      throw new Problem("rate_limited", `${who.name} sends more than 5 commands a second (10 at once): slow down`);
  }

  async function answerCommand(c: Context, request: CommandRequest, waits: boolean): Promise<Response> {
    takeCommand(sender(c));
    const { row, isReplay } = await sendCommand(c, request, waits);
    return c.json({ ...row, ...(isReplay ? { idempotent_replay: true } : {}) }, waits ? 200 : 202);
  }

  async function sendCommand(
    c: Context,
    request: CommandRequest,
    waits: boolean,
  ): Promise<{ readonly row: CommandRow; readonly isReplay: boolean }> {
    const { row, isReplay } = desk.send(request, sender(c));
    if (row.stage === "NOT_SENT")
      throw new Problem("bus_unavailable", row.detail ?? "the bus is not connected", { request_id: row.request_id });
    if (!waits) return { row, isReplay };
    const settled = (await desk.settled(row.request_id, ACK_WAIT_MS)) ?? row;
    const details = settled.details as { readonly reason?: unknown } | undefined;
    const conflict = settled.stage === "REJECTED" ? CONFLICTS.get(details?.reason) : undefined;
    if (conflict === undefined) return { row: settled, isReplay };
    throw new Problem(conflict, settled.detail ?? String(details?.reason), { request_id: row.request_id, details });
  }

  /** What became of one incident of a bulk acknowledgement; a refusal of one does not keep the others from it. */
  async function acknowledgeOne(c: Context, item: unknown, comment: unknown): Promise<Record<string, unknown>> {
    const { key, occ } = (item ?? {}) as Readonly<Record<string, unknown>>;
    const parameters = { incident_id: key, occ, ...(comment === undefined ? {} : { comment }) };
    const request = { command_name: "incident.ack", parameters, ...(typeof key === "string" ? { incident_key: key } : {}) };
    try {
      const { row } = await sendCommand(c, request, true);
      return { key, ok: row.stage === "APPLIED" || row.stage === "EFFECT_CONFIRMED", row };
    } catch (error) {
      // Who may not do it at all is told once, not once an incident.
      if (!(error instanceof Problem) || error.code === "forbidden") throw error;
      return { key, ok: false, problem: error.body() };
    }
  }
}

function published(hub: Hub, key: "rules" | "kpi" | "recorder"): Record<string, unknown> {
  const record = hub.get("system", key);
  if (record === undefined) throw new Problem("not_published", `nobody has published ${key} yet: is the alarms service running?`);
  return record.value as Record<string, unknown>;
}
