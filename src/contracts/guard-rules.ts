import { z } from "zod";

/**
 * Last value `guards`, written by the tracker: the guard rules in force, so that a console draws zones from them and from
 * nothing else. A null limit is none; a null condition takes any track.
 */
export const guardRulesInForceSchema = z.object({
  /** SHA-256 of the file's text. */
  hash: z.string(),
  rules: z.array(
    z.looseObject({
      id: z.string(),
      description: z.string(),
      severity: z.enum(["info", "warning", "critical"]),
      /** FriendFoe of the wire. */
      iff: z.int().nullable(),
      require_transponder_on: z.boolean().nullable(),
      /** TransponderModes of the wire. */
      allowed_transponder_modes: z.array(z.int()).nullable(),
      min_range_m: z.number().min(0),
      max_range_m: z.number().nullable(),
      hysteresis_m: z.number().min(0),
      min_quality: z.number(),
      max_radial_velocity_mps: z.number().nullable(),
    }),
  ),
});

export type GuardRulesInForce = z.infer<typeof guardRulesInForceSchema>;
export type GuardRuleWire = GuardRulesInForce["rules"][number];
