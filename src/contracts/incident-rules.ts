import { z } from "zod";
import { SEVERITIES } from "./audit.ts";

const seconds = z.number().min(0).max(31_622_400);
const op = z.enum([">", ">=", "<", "<=", "=", "!="]);
const severity = z.enum(SEVERITIES);
const word = z.string().regex(/\S/);
const id = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/);
const textPair = z.strictObject({ en: word, ru: word });

/**
 * The form of `config/incident_rules.yaml` (operations §6.1), from which its JSON Schema is made. The alarms room reads
 * files by the same rules and adds the lint; a test holds the two together.
 */
export const incidentRulesFileSchema = z.strictObject({
  version: z.literal(1),
  rules: z
    .array(
      z.strictObject({
        id,
        enabled: z.boolean().nullish(),
        title: word.nullish(),
        description: word.nullish(),
        match: z.strictObject({ type: word.nullish(), source: word.nullish(), subject: word.nullish(), field: word.nullish() }),
        threshold: z
          .strictObject({
            op,
            value: z.number().nullish(),
            value_field: word.nullish(),
            min_duration_s: seconds.nullish(),
            cooldown_s: seconds.nullish(),
          })
          .nullish(),
        severity,
        require_ack: z.boolean().nullish(),
        auto_clear: z.boolean().nullish(),
        deadband: z.number().min(0).nullish(),
        on_delay_s: seconds.nullish(),
        off_delay_s: seconds.nullish(),
        gap_tolerance_s: seconds.nullish(),
        clear_on: z.strictObject({ field: word, op: op.nullish(), value: z.union([z.number(), z.string()]) }).nullish(),
        levels: z.array(z.strictObject({ value: z.number(), severity })).nullish(),
        group: word.nullish(),
        suppresses: z.array(id).nullish(),
        scope: z.enum(["same_subject", "any"]).nullish(),
        shelve_max_s: z.number().min(60).max(31_622_400).nullish(),
        text: z.strictObject({ title: textPair.nullish(), consequence: textPair.nullish(), action: textPair.nullish() }).nullish(),
      }),
    )
    .max(1000),
});
