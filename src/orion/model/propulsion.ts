import type { CraftFacts } from "#contracts/craft-facts.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { Read } from "./sampling.ts";

type Wire = TelemetryPayload["propulsion"]["rcs"]["thrusters"][number];

/** A thruster that telemetry tells of, or that the profile has. */
export interface ThrusterView {
  readonly index: number;
  readonly clusterId: string;
  readonly forceMaxN: number;
  /** Axes whose group it belongs to; empty where the profile is not published. */
  readonly axes: readonly string[];
  /** Where it sits and where it pushes the craft, body axes; undefined where the profile is not published. */
  readonly place: { readonly positionM: readonly number[]; readonly direction: readonly number[] } | undefined;
  /** Of the burn in force; undefined for a thruster that takes no part in it. */
  readonly burn: { readonly dutyPct: number; readonly isOpen: boolean; readonly throttledBy: string | undefined } | undefined;
}

/** All thrusters known, by index; undefined until telemetry tells of propulsion. */
export function thrusterViews(read: Read, facts: CraftFacts["propulsion"] | undefined): readonly ThrusterView[] | undefined {
  const burning = read("propulsion.rcs.thrusters") as readonly Wire[] | undefined;
  if (burning === undefined) return undefined;
  const groups = Object.entries(facts?.groups ?? {});
  const known: readonly (Wire | CraftFacts["propulsion"]["thrusters"][number])[] = facts?.thrusters ?? burning;
  return known
    .map((one) => {
      const burn = burning.find(({ index }) => index === one.index);
      return {
        index: one.index,
        clusterId: one.cluster_id,
        forceMaxN: one.f_max_newton,
        axes: groups.flatMap(([axis, members]) => (members.includes(one.index) ? [axis] : [])),
        place: "position_m" in one ? { positionM: one.position_m, direction: one.direction } : undefined,
        burn:
          burn === undefined
            ? undefined
            : {
                dutyPct: burn.duty_pct,
                isOpen: burn.valve_open,
                throttledBy: burn.status === "throttled" ? (burn.reason ?? "") : undefined,
              },
      };
    })
    .toSorted((a, b) => a.index - b.index);
}
