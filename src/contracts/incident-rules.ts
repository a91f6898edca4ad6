import { z } from "zod";
import { SEVERITIES } from "./audit.ts";

const seconds = z.number().min(0).max(31_622_400);
const op = z.enum([">", ">=", "<", "<=", "=", "!="]);
const word = z.string().regex(/\S/);
const id = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/);
const severity = z.enum(SEVERITIES).describe("I information, W warning, C caution, A alarm.");
const textPair = z.strictObject({ en: word, ru: word });

const match = z
  .strictObject({
    type: word.nullish().describe("Kind of the event, such as sensor."),
    source: word.nullish().describe("Where it comes from, such as thermal."),
    subject: word.nullish().describe("What it is about, such as core; absent: each subject has incidents of its own."),
    field: word.nullish().describe("Member of the event that is compared."),
  })
  .describe("Events that the rule looks at.");

const threshold = z
  .strictObject({
    op: op.describe("How the field is compared."),
    value: z.number().nullish().describe("With this number, in the field's unit."),
    value_field: word.nullish().describe("A numeric member of the event that replaces the value."),
    min_duration_s: seconds.nullish().describe("Seconds it must hold; the same as on_delay_s."),
    cooldown_s: seconds.nullish().describe("Seconds after an end in which it does not open again."),
  })
  .describe("When the condition is true.");

const clearOn = z
  .strictObject({ field: word, op: op.nullish(), value: z.union([z.number(), z.string()]) })
  .describe("Event that ends it, where another one than the condition's own end does.");

const rule = z.strictObject({
  id: id.describe("Name of the rule, unique."),
  enabled: z.boolean().nullish().describe("false: it opens nothing; true unless given."),
  title: word.nullish().describe("Name of the incident for people."),
  description: word.nullish().describe("What it means."),
  match,
  threshold: threshold.nullish(),
  severity,
  require_ack: z.boolean().nullish().describe("Whether somebody must acknowledge it."),
  auto_clear: z.boolean().nullish().describe("false: it stays until somebody clears it."),
  deadband: z.number().min(0).nullish().describe("Distance from the threshold at which the condition ends, in the field's unit."),
  on_delay_s: seconds.nullish().describe("Seconds the condition must hold before it opens."),
  off_delay_s: seconds.nullish().describe("Seconds the condition must be over before it ends."),
  gap_tolerance_s: seconds.nullish().describe("Seconds without events that do not interrupt it."),
  clear_on: clearOn.nullish(),
  levels: z
    .array(z.strictObject({ value: z.number(), severity }))
    .nullish()
    .describe("Further values at which the severity rises."),
  group: word.nullish().describe("Rules of one group stand together on screens."),
  suppresses: z.array(id).nullish().describe("Rules that say nothing while this one is open."),
  scope: z.enum(["same_subject", "any"]).nullish().describe("Whether it suppresses them for its own subject or for any."),
  shelve_max_s: z.number().min(60).max(31_622_400).nullish().describe("Seconds for which it can be shelved at most."),
  text: z
    .strictObject({ title: textPair.nullish(), consequence: textPair.nullish(), action: textPair.nullish() })
    .nullish()
    .describe("What consoles show: the name, what follows, what to do."),
});

/**
 * The form of `config/incident_rules.yaml` (operations §6.1), from which its JSON Schema is made. The alarms room reads
 * files by the same rules and adds the lint; a test holds the two together.
 */
export const incidentRulesFileSchema = z.strictObject({
  version: z.literal(1),
  rules: z.array(rule).max(1000),
});
