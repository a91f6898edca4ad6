import { expect, test } from "vitest";
import { loadRun } from "#cli/load-run.ts";
import { craftFactsSchema } from "#contracts/craft-facts.ts";
import { craftFactsOf } from "#services/craft-facts.ts";

test("craft facts - couplings, sheds and thrusters of the shipped profile, as the contract has them", () => {
  const { model } = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" });
  const facts = craftFactsOf(model.config);
  expect(craftFactsSchema.parse(structuredClone(facts))).toEqual(facts);
  expect(facts.thermal.couplings).toHaveLength(5);
  expect(facts.thermal.couplings[0]).toEqual({ a: "core", b: "pdu", k_w_per_c: 0.4 });
  expect(facts.thermal.nodes[1]).toEqual({ id: "pdu", ambient_w_per_c: 0.9 + 0.2, sheds: ["radar", "transponder", "nbl"] });
  expect(facts.propulsion.thrusters).toHaveLength(16);
  expect(Object.keys(facts.propulsion.groups)).toEqual(["forward", "aft", "port", "starboard", "up", "down"]);
  for (const members of Object.values(facts.propulsion.groups)) expect([2, 4]).toContain(members.length);
});

test("craft facts - parallel couplings add up whichever way they are written", () => {
  const { model } = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" });
  const { profile } = model.config;
  const couplings = [
    { a: "core", b: "pdu", kWPerC: 0.4 },
    { a: "pdu", b: "core", kWPerC: 0.1 },
  ];
  const config = { ...model.config, profile: { ...profile, thermalPlane: { ...profile.thermalPlane, couplings } } };
  expect(craftFactsOf(config).thermal.couplings).toEqual([{ a: "core", b: "pdu", k_w_per_c: 0.5 }]);
});
