import type { ValuesOf } from "#base/key-spec.ts";
import type { Report } from "./profile-problem.ts";
import type { PROFILE_KEYS } from "./profile-schema.ts";

type Plane = ValuesOf<typeof PROFILE_KEYS>["thermalPlane"] | undefined;

/**
 * Explicit Euler steps of the thermal network neither overshoot nor oscillate while dt ≤ C/G at every node, G being all its
 * conductances (cooling, ambient exchange, couplings): each new temperature is then a mean of old ones (Patankar, Numerical Heat
 * Transfer and Fluid Flow, 1980, §4.3).
 */
export function checkStability(plane: Plane, tickMs: number, report: Report): void {
  const limit = largestStableStep(plane);
  if (limit === undefined || tickMs / 1000 <= limit.stepS) return;
  const expected = `at most ${limit.stepS} s, because of node ${limit.nodeId}: shorten sim.tick_ms, or raise its heat capacity`;
  report("unstable", `thermal_plane.nodes[${limit.index}]`, `a tick of ${tickMs / 1000} s`, expected);
}

/** The longest step the thermal network stands, and the node that limits it; undefined when nothing does. */
export function largestStableStep(plane: Plane): { readonly index: number; readonly nodeId: string; readonly stepS: number } | undefined {
  if (plane?.enabled !== true || plane.nodes === undefined || plane.couplings === undefined) return undefined;
  let tightest: { index: number; nodeId: string; stepS: number } | undefined;
  for (const [index, node] of plane.nodes.entries()) {
    let conductanceWPerC = node.coolingWPerC + plane.ambientExchangeWPerC;
    for (const coupling of plane.couplings) {
      if (coupling.a === node.id || coupling.b === node.id) conductanceWPerC += coupling.kWPerC;
    }
    const stepS = node.heatCapacityJPerC / conductanceWPerC;
    if (conductanceWPerC > 0 && (tightest === undefined || stepS < tightest.stepS)) tightest = { index, nodeId: node.id, stepS };
  }
  return tightest;
}
