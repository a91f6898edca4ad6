import { expect, test } from "vitest";
import { createFlow } from "./flow.ts";

const events = (last: number): Map<"events", number> => new Map([["events", last]]);

test("flow - a flush is acknowledged by the state number and every log position in it", () => {
  const flow = createFlow();
  flow.sent({ seq: 5, logs: events(9) }, 0);
  flow.acknowledge(5, {}, 1);
  flow.acknowledge(4, { events: 9 }, 2);
  flow.acknowledge(5, { events: 8 }, 3);
  flow.acknowledge(5, { events: "9" }, 4);
  expect([flow.unacked, flow.stuckSinceMs]).toEqual([1, 0]);
  flow.acknowledge(5, { events: 9 }, 5);
  expect([flow.unacked, flow.stuckSinceMs]).toEqual([0, undefined]);
});

test("flow - stuck time counts from the last progress or the oldest flush, whichever is later", () => {
  const flow = createFlow();
  flow.sent({ seq: 1, logs: new Map() }, 100);
  flow.sent({ seq: 2, logs: new Map() }, 200);
  expect(flow.stuckSinceMs).toBe(100);
  flow.acknowledge(1, {}, 900);
  expect([flow.unacked, flow.stuckSinceMs]).toEqual([1, 900]);
  flow.acknowledge(1, {}, 950);
  expect(flow.stuckSinceMs).toBe(900);
  flow.acknowledge(2, {}, 1000);
  flow.sent({ seq: 3, logs: new Map() }, 5000);
  expect(flow.stuckSinceMs).toBe(5000);
});

test("flow - forgetting the state leaves the logs to be acknowledged", () => {
  const flow = createFlow();
  flow.sent({ seq: 1, logs: new Map() }, 0);
  flow.sent({ seq: 2, logs: events(3) }, 1);
  flow.forgetState();
  expect(flow.unacked).toBe(1);
  flow.acknowledge(0, { events: 3 }, 2);
  expect(flow.unacked).toBe(0);
});
