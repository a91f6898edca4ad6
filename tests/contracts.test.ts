import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, test } from "vitest";
import { asyncApi } from "#contracts/asyncapi.ts";
import { messageSchema } from "#contracts/json-schema.ts";
import { MESSAGES } from "#contracts/messages.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { type Body, cleanUpRigs, startRig } from "./service-rig.ts";

afterAll(cleanUpRigs);

/** Formats are told by name alone; zod writes the pattern beside each. */
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
const validators = new Map(MESSAGES.map(({ name, subject }) => [subject, { name, validate: ajv.compile(messageSchema(name)!) }]));

describe("contracts as documents", () => {
  test("contracts - every subject of ours is in the catalogue, each once", () => {
    const subjects = MESSAGES.map(({ subject }) => subject);
    const asked = new Set<string>([SUBJECTS.recordKeyframeGet]);
    expect([...subjects].sort()).toEqual(
      Object.values(SUBJECTS)
        .filter((subject) => !asked.has(subject))
        .sort(),
    );
    expect(new Set(MESSAGES.map(({ name }) => name)).size).toBe(MESSAGES.length);
  });

  test("contracts - the AsyncAPI document is valid AsyncAPI 3.0", () => {
    const specification = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0-without-$id.json") as object;
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(specification);
    const document = asyncApi("1.2.3");
    expect(validate(document), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true);
    expect(validate({ ...document, channels: { bad: { address: 5 } } })).toBe(false);
  });

  test("BUS-026 contracts - all that a run says fits the schemas, and closed objects take no other key", async () => {
    const rig = await startRig({ scenario: readFileSync(new URL("../scenarios/close_pass.yaml", import.meta.url), "utf8"), running: true });
    const heard: { subject: string; payload: Body }[] = [];
    rig.bus.subscribe(
      "qiki.>",
      ({ subject, bytes }) => void heard.push({ subject, payload: JSON.parse(Buffer.from(bytes).toString("utf8")) as Body }),
      {
        name: "test.all",
      },
    );
    await rig.clock.advance(60_000);
    await rig.command("power.nbl.set_max", { max_power_w: 10 });
    await rig.command("power.nbl.set_max", { max_power_w: -1 });
    const seen = new Set<string>();
    for (const { subject, payload } of heard) {
      const contract = validators.get(subject);
      expect(contract, subject).toBeDefined();
      const valid = contract!.validate(payload);
      expect(
        valid,
        `${contract!.name}: ${JSON.stringify(contract!.validate.errors?.slice(0, 3))} ${JSON.stringify(payload).slice(0, 300)}`,
      ).toBe(true);
      seen.add(contract!.name);
    }
    expect([...seen]).toEqual(
      expect.arrayContaining([
        "telemetry",
        "command",
        "ack",
        "radar_frame",
        "radar_track",
        "radar_guard",
        "radar_tracker",
        "thermal",
        "audit",
        "incident_record",
      ]),
    );
    const closed: [string, string[]][] = [
      ["telemetry", ["power", "power.sources_w", "power.loads_w", "thermal", "position", "attitude", "hull", "velocity_xyz_m_s", "orbit"]],
      ["radar_frame", ["", "detections.0"]],
      ["radar_track", [""]],
    ];
    for (const [name, paths] of closed) {
      const { subject } = MESSAGES.find((one) => one.name === name)!;
      const sample = heard.find(
        (one) => one.subject === subject && (name !== "radar_frame" || (one.payload.detections as unknown[]).length > 0),
      )!;
      for (const path of paths) {
        const copy = structuredClone(sample.payload) as Record<string, unknown>;
        let at = copy;
        for (const key of path.split(".").filter((part) => part !== "")) at = at[key] as Record<string, unknown>;
        at.one_key_too_many = 1;
        expect(validators.get(subject)!.validate(copy), `${name} ${path}`).toBe(false);
      }
    }
    await rig.stop();
  });
});
