import type { Context, Hono } from "hono";
import type { Identity } from "./identity.ts";
import { Problem } from "./problem.ts";
import { REPLAY_SPEED, type ReplayOp, type Replays } from "./replays.ts";
import { jsonBody } from "./request-body.ts";

/** Recordings that are looked at again (console §2.2): opened, controlled, closed. A console watches one as the source `replay:ID`. */
export function addReplayRoutes(app: Hono, replays: Replays, sender: (c: Context) => Identity): void {
  app.get("/api/replays", (c) => c.json({ items: replays.list() }));
  app.post("/api/replays", async (c) => {
    const { source, from_tick: fromTick } = await jsonBody(c);
    const recording = (source as { readonly recording?: unknown } | null | undefined)?.recording;
    if (typeof recording !== "string") throw wrong("source", "an object with `recording`, the id of one that GET /api/recordings lists");
    if (fromTick !== undefined && !isTick(fromTick)) throw wrong("from_tick", "a tick, a whole number from 0");
    return c.json(await replays.open(recording, fromTick, sender(c)), 201);
  });
  app.post("/api/replays/:id/control", async (c) => c.json(replays.control(c.req.param("id"), opOf(await jsonBody(c)), sender(c))));
  app.delete("/api/replays/:id", (c) => {
    replays.close(c.req.param("id"), sender(c));
    return c.json({ ok: true });
  });
}

function opOf({ op, tick, by, speed }: Readonly<Record<string, unknown>>): ReplayOp {
  switch (op) {
    case "play":
    case "pause":
      return { op };
    case "step":
      if (by !== undefined && by !== "event" && by !== "tick") throw wrong("by", "event or tick");
      return { op, by: by ?? "tick" };
    case "seek":
      if (!isTick(tick)) throw wrong("tick", "a tick, a whole number from 0");
      return { op, tick };
    case "speed":
      if (speed !== "max" && !(typeof speed === "number" && speed >= REPLAY_SPEED.min && speed <= REPLAY_SPEED.max))
        throw wrong("speed", `a number in [${REPLAY_SPEED.min}, ${REPLAY_SPEED.max}] or max`);
      return { op, speed };
    default:
      throw wrong("op", "play, pause, step, seek or speed");
  }
}

function isTick(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function wrong(path: string, expected: string): Problem {
  return new Problem("invalid_parameter", `${path} is not ${expected}`, { path, expected });
}
