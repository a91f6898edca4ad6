import type { CraftFacts } from "#contracts/craft-facts.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { Rate } from "./history.ts";
import { type RateOf, type ReasonInForce, timeToS } from "./reasons.ts";
import type { Read } from "./sampling.ts";

export type NodeState = "tripped" | "warned" | "nominal";

/** A thermal node against its thresholds. Thresholds that it does not have are undefined. */
export interface NodeView {
  readonly id: string;
  readonly tempC: number;
  readonly state: NodeState;
  readonly warnC: number | undefined;
  readonly tripC: number | undefined;
  /** Width of the hysteresis as it acts: a trip without one in the profile has 1 °C (simulation, S8). */
  readonly bandC: number;
  readonly marginC: number | undefined;
  /** °C per second. */
  readonly rate: Rate;
  /** At that rate the trip comes in this time, an hour at most; undefined while the node is not warming towards one. */
  readonly tripInS: number | undefined;
  /** Loads that its trip cuts; undefined where the profile is not published. */
  readonly sheds: readonly string[] | undefined;
  /** Cooling and exchange with the environment; undefined where the profile is not published. */
  readonly ambientWPerC: number | undefined;
  /** Heat to the environment, W; negative warms the node. */
  readonly toAmbientW: number | undefined;
  readonly reasons: readonly ReasonInForce[];
}

export interface LinkView {
  readonly a: string;
  readonly b: string;
  readonly conductanceWPerC: number;
  /** Heat from a to b, W. */
  readonly flowW: number;
}

export interface ThermalNetwork {
  readonly nodes: readonly NodeView[];
  /** Undefined where the profile's couplings are not published. */
  readonly links: readonly LinkView[] | undefined;
}

const DEFAULT_BAND_C = 1;

/** All nodes in the profile's order, or undefined until telemetry tells of them; empty when the plane is disabled. */
export function thermalNetwork(
  read: Read,
  rateOf: RateOf,
  reasons: readonly ReasonInForce[] | undefined,
  facts: CraftFacts["thermal"] | undefined,
): ThermalNetwork | undefined {
  const nodes = read("thermal.nodes") as TelemetryPayload["thermal"]["nodes"] | undefined;
  if (nodes === undefined) return undefined;
  const ambientC = read("temp_external_c");
  const tempOf = (id: string): number | undefined => nodes.find((node) => node.id === id)?.temp_c;
  return {
    nodes: nodes.map((node) => {
      const rate = rateOf(`thermal.nodes[id=${node.id}].temp_c`);
      const fact = facts?.nodes.find((one) => one.id === node.id);
      const tripC = node.trip_c > 0 ? node.trip_c : undefined;
      return {
        id: node.id,
        tempC: node.temp_c,
        state: node.tripped ? "tripped" : node.warned ? "warned" : "nominal",
        warnC: node.warn_c > 0 ? node.warn_c : undefined,
        tripC,
        bandC: node.hys_c > 0 ? node.hys_c : DEFAULT_BAND_C,
        marginC: tripC === undefined ? undefined : tripC - node.temp_c,
        rate,
        tripInS: tripC === undefined || node.tripped ? undefined : timeToS(node.temp_c, tripC, rate),
        sheds: fact?.sheds,
        ambientWPerC: fact?.ambient_w_per_c,
        toAmbientW: fact !== undefined && typeof ambientC === "number" ? fact.ambient_w_per_c * (node.temp_c - ambientC) : undefined,
        reasons: reasons?.filter(({ record }) => record.node === node.id && record.kind !== "fault") ?? [],
      };
    }),
    links: facts?.couplings.flatMap(({ a, b, k_w_per_c: conductanceWPerC }) => {
      const [tempA, tempB] = [tempOf(a), tempOf(b)];
      return tempA === undefined || tempB === undefined ? [] : [{ a, b, conductanceWPerC, flowW: conductanceWPerC * (tempA - tempB) }];
    }),
  };
}

/** The node nearest its trip first; nodes without a trip last. */
export function byMargin(nodes: readonly NodeView[]): readonly NodeView[] {
  const margin = (node: NodeView): number => node.marginC ?? Number.POSITIVE_INFINITY;
  return nodes.toSorted((a, b) => margin(a) - margin(b));
}

const LONE_PER_COLUMN = 3;

/**
 * Nodes in columns such that couplings join neighbours: breadth-first from the node that is nearest to all others. Parts
 * without a coupling between them follow one another; nodes without any coupling come last, several to a column.
 */
export function columnsOf(ids: readonly string[], links: readonly Pick<LinkView, "a" | "b">[]): readonly (readonly string[])[] {
  const neighbours = (id: string): string[] => links.flatMap(({ a, b }) => (a === id ? [b] : b === id ? [a] : []));
  const layersFrom = (start: string): string[][] => {
    const seen = new Set([start]);
    const layers = [[start]];
    for (;;) {
      const next = layers
        .at(-1)!
        .flatMap(neighbours)
        .filter((id) => ids.includes(id) && !seen.has(id) && seen.add(id));
      if (next.length === 0) return layers;
      layers.push(next);
    }
  };
  const columns: string[][] = [];
  const lone = ids.filter((id) => neighbours(id).length === 0);
  let left = ids.filter((id) => !lone.includes(id));
  while (left.length > 0) {
    const part = new Set(layersFrom(left[0]!).flat());
    const trees = left.filter((id) => part.has(id)).map(layersFrom);
    columns.push(...trees.reduce((best, tree) => (tree.length < best.length ? tree : best)));
    left = left.filter((id) => !part.has(id));
  }
  for (let at = 0; at < lone.length; at += LONE_PER_COLUMN) columns.push(lone.slice(at, at + LONE_PER_COLUMN));
  return columns;
}
