import { HEAT_TERMS } from "#craft/heat.ts";
import type { ThermalNode, ThermalPlane } from "#craft/profile.ts";
import { largestStableStep } from "#craft/profile-stability.ts";
import { checkProfile, readProfileFile } from "../load-profile.ts";
import { PRODUCT_ROOT } from "../version.ts";
import { code, figure, table } from "./markdown.ts";

const TICK_MS = 100;

/** Thermal plane of the shipped profile. */
export function shippedPlane(): ThermalPlane {
  const file = readProfileFile("profiles/shipped.json", PRODUCT_ROOT);
  return checkProfile(file.path, file.value, TICK_MS).profile.thermalPlane;
}

/** What heats each node. */
export function heatTerms(): string {
  const rows = HEAT_TERMS.map(({ node, share, of }) => {
    const isCurrent = of.every((path) => path.endsWith("_a"));
    const sum = of.map(code).join(" + ");
    return [code(node), typeof share === "number" ? share : code(share), isCurrent ? `${sum} squared` : sum, isCurrent ? "W/A²" : "W/W"];
  });
  return table(["node", "share", "of", "unit"], rows);
}

/** The shipped network's nodes, with where each warning and trip begins and ends, and what a trip sheds. */
export function thermalNodes(): string {
  const plane = shippedPlane();
  const rows = plane.nodes.map((node) => [
    code(node.id),
    figure(node.heatCapacityJPerC),
    figure(node.coolingWPerC + plane.ambientExchangeWPerC),
    figure(node.initialC),
    ...thresholds(node),
    node.sheds.join(", "),
    longestStepS(node.id),
  ]);
  return table(
    ["node", "J/C", "to the ambient, W/C", "start, C", "warns at", "until", "trips at", "until", "a trip sheds", "longest tick, s"],
    rows,
  );
}

function thresholds({ tripC, warnC, effectiveHysteresisC }: ThermalNode): string[] {
  const warn = warnC === undefined ? ["", ""] : [figure(warnC), figure(warnC - effectiveHysteresisC)];
  return [...warn, ...(tripC === 0 ? ["", ""] : [figure(tripC), figure(tripC - effectiveHysteresisC)])];
}

/** The limit of one node: of a network in which only this node is light. */
function longestStepS(id: string): string {
  const plane = shippedPlane();
  const nodes = plane.nodes.map((node) => ({ ...node, heatCapacityJPerC: node.id === id ? node.heatCapacityJPerC : 1e9 }));
  return figure(Number((largestStableStep({ ...plane, nodes } as never)?.stepS ?? 0).toFixed(1)));
}

/** The shipped network's couplings. */
export function thermalCouplings(): string {
  return table(
    ["between", "and", "W/C"],
    shippedPlane().couplings.map(({ a, b, kWPerC }) => [code(a), code(b), figure(kWPerC)]),
  );
}
