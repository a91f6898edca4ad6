import { FRIEND_FOE_NAMES, GUARD_RULE_KEYS, type GuardRule, MODE_NAMES } from "#alarms/guard/rules.ts";
import { DEG_PER_RAD } from "#base/units.ts";
import { decibel, detectionProbability, exp10, measurementSigma, snrRatio } from "#radar/detectability.ts";
import { parseSettings } from "#twin/settings.ts";
import { loadGuardRules } from "../load-rules.ts";
import { code, figure, table } from "./markdown.ts";
import { keyCells } from "./profile.ts";

/** Keys of one rule of the guard rules file. */
export function guardRuleKeys(): string {
  return table(["key", "what it is", "takes", "absent"], GUARD_RULE_KEYS.map(keyCells));
}

/** The shipped guard rules, as they are read. */
export function guardRules(): string {
  const rows = loadGuardRules()
    .ruleSet()
    .rules.map((rule) => [
      code(rule.id),
      rule.severity,
      conditionOf(rule),
      rule.minQuality,
      `${rule.hysteresisM} m`,
      `${rule.cooldownUs / 1e6} s`,
    ]);
  return table(["rule", "severity", "alerts when", "quality at least", "ends farther by", "next alert after"], rows);
}

/** What each band of the default radar makes of some contacts. */
export function noiseExamples(): string {
  const parsed = parseSettings({});
  if (parsed.kind === "refused") throw new Error(parsed.problems.join("; "));
  const { sensor } = parsed.settings;
  const examples = [
    ["sr", 0, 500],
    ["sr", 0, 5000],
    ["sr", -20, 5000],
    ["lr", 0, 5000],
    ["lr", 0, 20_000],
    ["lr", 25, 60_000],
    ["lr", 25, 100_000],
  ] as const;
  const rows = examples.map(([name, rcsDbsm, rangeM]) => {
    const band = sensor[name];
    const snrDb = decibel(snrRatio(sensor, band, rcsDbsm, rangeM));
    const sigma = measurementSigma(band, Math.min(snrDb, sensor.snrCapDb));
    return [
      band.name,
      `${rcsDbsm} dBsm at ${rangeM / 1000} km`,
      `${snrDb.toFixed(1)} dB`,
      figure(Number(detectionProbability("swerling1", exp10(snrDb / 10), sensor.pfa).toFixed(3))),
      `${sigma.rangeM.toFixed(1)} m`,
      `${(sigma.angleRad * DEG_PER_RAD).toFixed(3)} deg`,
      `${sigma.rangeRateMps.toFixed(2)} m/s`,
    ];
  });
  return table(["band", "contact", "SNR", "detected", "range", "angles", "range rate"], rows);
}

function conditionOf(rule: GuardRule): string {
  const modes = MODE_NAMES.filter((_, mode) => ((rule.modes >>> mode) & 1) === 1);
  return [
    ...(rule.iff === undefined ? [] : [FRIEND_FOE_NAMES[rule.iff]!]),
    ...(rule.requireTransponderOn === undefined ? [] : [`transponder ${rule.requireTransponderOn ? "on" : "off"}`]),
    ...(modes.length === MODE_NAMES.length ? [] : [`mode ${modes.join(" or ")}`]),
    `${rule.minRangeM} to ${Number.isFinite(rule.maxRangeM) ? `${rule.maxRangeM} m` : "any distance"}`,
  ].join(", ");
}
