import type { CraftFacts } from "#contracts/craft-facts.ts";
import type { CraftConfig } from "#craft/config.ts";
import { BURN_AXES } from "#craft/thrusters.ts";

/** What consoles are told of a run's profile. */
export function craftFactsOf({ profile, groups }: CraftConfig): CraftFacts {
  const { nodes, ambientExchangeWPerC } = profile.thermalPlane;
  return {
    thermal: {
      nodes: nodes.map(({ id, coolingWPerC, sheds }) => ({
        id,
        ambient_w_per_c: coolingWPerC + ambientExchangeWPerC,
        sheds: [...sheds],
      })),
      couplings: nodes.length > 0 ? couplingsOf(profile.thermalPlane.couplings) : [],
    },
    propulsion: {
      thrusters: profile.thrusters.map(({ index, clusterId, positionM, direction, fMaxNewton }) => ({
        index,
        cluster_id: clusterId,
        position_m: [...positionM],
        direction: [...direction],
        f_max_newton: fMaxNewton,
      })),
      groups: Object.fromEntries(
        BURN_AXES.flatMap((axis, place) => {
          const members = groups[place]?.members;
          return members === undefined ? [] : [[axis, members.map((member) => profile.thrusters[member]!.index)]];
        }),
      ),
    },
  };
}

function couplingsOf(
  couplings: readonly { readonly a: string; readonly b: string; readonly kWPerC: number }[],
): CraftFacts["thermal"]["couplings"] {
  const sums: CraftFacts["thermal"]["couplings"] = [];
  for (const { a, b, kWPerC } of couplings) {
    const same = sums.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
    if (same === undefined) sums.push({ a, b, k_w_per_c: kWPerC });
    else same.k_w_per_c += kWPerC;
  }
  return sums;
}
