import { commands, faultKinds, telemetryPaths } from "./documents/messages.ts";
import { explainKinds, ladderExample, powerFaults, powerThresholds, reasons, shedRules } from "./documents/power.ts";
import { profileKeys, thrusterKeys } from "./documents/profile.ts";
import { guardRuleKeys, guardRules, noiseExamples } from "./documents/radar.ts";
import { contactKeys, scenarioKeys, scenarioList, settings, timelineActions } from "./documents/scenarios.ts";
import { heatTerms, thermalCouplings, thermalNodes } from "./documents/thermal.ts";

/** Generated parts of the documents, by the name that stands in `<!-- generated: NAME -->`. */
export const DOCUMENT_TABLES: Readonly<Record<string, () => string>> = {
  commands,
  "contact-keys": contactKeys,
  "explain-kinds": explainKinds,
  "fault-kinds": faultKinds,
  "guard-rule-keys": guardRuleKeys,
  "guard-rules": guardRules,
  "heat-terms": heatTerms,
  "ladder-example": ladderExample,
  "noise-examples": noiseExamples,
  "power-faults": powerFaults,
  "power-thresholds": powerThresholds,
  "profile-keys": profileKeys,
  reasons,
  "scenario-keys": scenarioKeys,
  "scenario-list": scenarioList,
  settings,
  "shed-rules": shedRules,
  "telemetry-paths": telemetryPaths,
  "thermal-couplings": thermalCouplings,
  "thermal-nodes": thermalNodes,
  "thruster-keys": thrusterKeys,
  "timeline-actions": timelineActions,
};
