import fc from "fast-check";
import { expect, test } from "vitest";
import { reasonsInForce } from "./reasons.ts";
import { ratesOf, readOf, SHED } from "./test-telemetry.ts";
import { byMargin, columnsOf, thermalNetwork } from "./thermal.ts";

const FACTS = {
  nodes: [
    { id: "core", ambient_w_per_c: 1.4, sheds: ["nbl"] },
    { id: "pdu", ambient_w_per_c: 1.1, sheds: ["radar", "transponder", "nbl"] },
    { id: "hull", ambient_w_per_c: 1.7, sheds: [] },
  ],
  couplings: [
    { a: "core", b: "pdu", k_w_per_c: 0.4 },
    { a: "core", b: "hull", k_w_per_c: 0.2 },
  ],
};
const read = readOf(SHED);
const network = (perS: Readonly<Record<string, number>> = {}, facts: typeof FACTS | undefined = FACTS) =>
  thermalNetwork(read, ratesOf(perS), reasonsInForce(read, ratesOf(perS)), facts)!;

test("thermal - a node stands against warning, trip and band, with the reason it is tripped for", () => {
  const [core, pdu, hull] = network().nodes;
  expect(core).toMatchObject({ state: "tripped", warnC: 80, tripC: 90, bandC: 5, marginC: -2, sheds: ["nbl"] });
  expect(core!.reasons.map(({ record }) => record.id)).toEqual(["trip:core:thermal_trip"]);
  expect(core!.toAmbientW).toBeCloseTo(1.4 * 152, 9);
  // A trip without hysteresis in the profile acts with 1 °C; a node without thresholds has none.
  expect(pdu).toMatchObject({ state: "nominal", bandC: 1, marginC: 74, rate: { kind: "absent" }, tripInS: undefined });
  expect(hull).toMatchObject({ warnC: undefined, tripC: undefined, marginC: undefined, sheds: [] });
});

test("thermal - the time to a trip is told of a node that warms towards one, not of others", () => {
  const paths = (perS: number): Record<string, number> =>
    Object.fromEntries(["core", "pdu", "hull"].map((id) => [`thermal.nodes[id=${id}].temp_c`, perS]));
  expect(network(paths(0.5)).nodes.map((node) => node.tripInS)).toEqual([undefined, 148, undefined]);
  expect(network(paths(0.02)).nodes[1]!.tripInS).toBeUndefined();
  expect(network(paths(-0.5)).nodes.map((node) => node.tripInS)).toEqual([undefined, undefined, undefined]);
});

test("thermal - couplings and their heat are shown only where the profile is published", () => {
  expect(network().links).toEqual([
    { a: "core", b: "pdu", conductanceWPerC: 0.4, flowW: 0.4 * 71 },
    { a: "core", b: "hull", conductanceWPerC: 0.2, flowW: 0.2 * 142 },
  ]);
  const bare = thermalNetwork(read, ratesOf({}), undefined, undefined)!;
  expect(bare.links).toBeUndefined();
  expect(bare.nodes[0]).toMatchObject({ sheds: undefined, toAmbientW: undefined, reasons: [] });
  expect(thermalNetwork(readOf({}), ratesOf({}), undefined, FACTS)).toBeUndefined();
});

test("thermal - nearest its trip first, nodes without a trip last", () => {
  expect(byMargin(network().nodes).map((node) => node.id)).toEqual(["core", "pdu", "hull"]);
});

test("thermal - columns: the shipped network from its centre outwards", () => {
  const ids = ["core", "pdu", "supercap", "battery", "dock_bridge", "hull"];
  const links = ["core pdu", "pdu supercap", "pdu battery", "dock_bridge hull", "core hull"].map((pair) => {
    const [a, b] = pair.split(" ") as [string, string];
    return { a, b };
  });
  expect(columnsOf(ids, links)).toEqual([["core"], ["pdu", "hull"], ["supercap", "battery", "dock_bridge"]]);
  expect(columnsOf(ids, [])).toEqual([
    ["core", "pdu", "supercap"],
    ["battery", "dock_bridge", "hull"],
  ]);
});

test("thermal - columns: every node once, and couplings join the same or neighbouring columns", () => {
  const graph = fc.integer({ min: 1, max: 9 }).chain((count) => {
    const id = fc.integer({ min: 0, max: count - 1 }).map((number) => `n${number}`);
    return fc.record({ count: fc.constant(count), links: fc.array(fc.record({ a: id, b: id }), { maxLength: 14 }) });
  });
  fc.assert(
    fc.property(graph, ({ count, links }) => {
      const ids = Array.from({ length: count }, (_, place) => `n${place}`);
      const joined = links.filter(({ a, b }) => a !== b);
      const columns = columnsOf(ids, joined);
      expect(columns.flat().toSorted()).toEqual(ids);
      const columnOf = (id: string): number => columns.findIndex((column) => column.includes(id));
      for (const { a, b } of joined) expect(Math.abs(columnOf(a) - columnOf(b))).toBeLessThanOrEqual(1);
    }),
    { seed: 20260102 },
  );
});
