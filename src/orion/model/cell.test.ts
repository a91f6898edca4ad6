import { expect, test } from "vitest";
import { cellOf } from "./cell.ts";

const context = { ageMs: 40, stale: false, fieldSources: { hull: "fixture" } };
const cell = (path: string, record: unknown): ReturnType<typeof cellOf> => cellOf(path, record, context);

test.each([
  ["null", "power.dock_v", { dock_v: null }, "null_from_source"],
  ["a missing member", "power.dock_v", {}, "not_published"],
  ["a missing record", "power.dock_v", undefined, "not_published"],
  ["a record of null", "power.dock_v", null, "null_from_source"],
  ["NaN", "power.dock_v", { dock_v: Number.NaN }, "out_of_range"],
  ["infinity", "power.dock_v", { dock_v: Number.POSITIVE_INFINITY }, "out_of_range"],
  ["null in a part that is off", "docking.port", { enabled: false, port: null }, "disabled"],
  ["missing in a part that is off", "docking.port", { enabled: false }, "disabled"],
  ["a path through a number", "power.dock_v.x", { dock_v: 7 }, "not_published"],
  ["an item that is not there", "thermal.nodes[id=core].temp_c", { nodes: [{ id: "pdu", temp_c: 1 }] }, "not_published"],
])("VM-004 cell - %s", (_what, path, record, reason) => {
  expect(cell(path, record)).toMatchObject({ kind: "absent", reason });
});

test("VM-004 cell - 0, false and the empty text are values", () => {
  for (const value of [0, false, ""]) expect(cell("power.dock_v", { dock_v: value })).toMatchObject({ kind: "value", value, ageMs: 40 });
});

test("cell - finds items by id and by place, units in the dictionary, constants by their origin", () => {
  const thermal = { nodes: [{ id: "core", temp_c: 31 }] };
  expect(cell("thermal.nodes[id=core].temp_c", thermal)).toMatchObject({ value: 31, unit: "°C" });
  expect(cell("thermal.nodes[0].temp_c", thermal)).toMatchObject({ value: 31 });
  expect(cell("power.bus_v", { bus_v: 27 })).toMatchObject({ unit: "V", constant: undefined, entry: { path: "power.bus_v" } });
  expect(cell("hull.integrity", { integrity: 100 })).toMatchObject({ constant: "fixture" });
});
