import { z } from "zod";

const vector = z.tuple([z.number(), z.number(), z.number()]);

/**
 * What a run's profile says of the craft that telemetry does not carry: member `craft` of the last value `run`. A publisher
 * may leave it out; then a console shows neither couplings nor thruster places.
 */
export const craftFactsSchema = z.object({
  thermal: z.object({
    nodes: z.array(
      z.object({
        id: z.string(),
        /** Cooling and exchange with the environment together. */
        ambient_w_per_c: z.number().nonnegative(),
        /** Loads that a trip of this node cuts, in its order. */
        sheds: z.array(z.string()),
      }),
    ),
    /** One per pair of nodes; parallel couplings are added up. */
    couplings: z.array(z.object({ a: z.string(), b: z.string(), k_w_per_c: z.number().positive() })),
  }),
  propulsion: z.object({
    /** Body axes: X forward, Y left, Z up; `direction` is where the thruster pushes the craft. */
    thrusters: z.array(
      z.object({ index: z.int(), cluster_id: z.string(), position_m: vector, direction: vector, f_max_newton: z.number().nonnegative() }),
    ),
    /** Thruster indices that burn for each axis; an axis that none serves is missing. */
    groups: z.record(z.string(), z.array(z.int())),
  }),
});

export type CraftFacts = z.infer<typeof craftFactsSchema>;
