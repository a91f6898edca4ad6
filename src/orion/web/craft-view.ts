import type { CraftFacts } from "#contracts/craft-facts.ts";
import type { Rate } from "#orion/model/history.ts";
import { type ReasonInForce, reasonsInForce } from "#orion/model/reasons.ts";
import { thermalNetwork, type ThermalNetwork } from "#orion/model/thermal.ts";
import { model } from "./console.ts";

export function rateOf(path: string): Rate {
  return model.history.rate(path);
}

/** What is shed, throttled, tripped or held now; undefined until telemetry says. */
export function reasons(): readonly ReasonInForce[] | undefined {
  return reasonsInForce(model.value, rateOf);
}

/** What the run's record tells of the profile; undefined where it does not. */
export function craftFacts(): CraftFacts | undefined {
  const run = model.records("system").value.get("run") as { readonly craft?: CraftFacts } | undefined;
  return run?.craft;
}

export function network(): ThermalNetwork | undefined {
  return thermalNetwork(model.value, rateOf, reasons(), craftFacts()?.thermal);
}
