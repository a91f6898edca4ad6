import { randomUUID } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect } from "vitest";
import type { Ack } from "#contracts/ack.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import type { Verification } from "#recording/proof.ts";
import { verifyRecording } from "#recording/verify.ts";
import { type Embedded, type EmbeddedOptions, startEmbedded } from "#services/embedded.ts";
import { loadGuardRules, RULES_PATH } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { ROOT } from "./running-twin.ts";
import { cleanUpRigs, commandText, type ManualClock, manualClock, newFolder, settle } from "./service-rig.ts";

type Answer = Omit<Ack, "error_detail"> & { readonly error_detail?: { readonly code: string } };

/** A whole recorded twin in this process whose clock a test moves. */
export interface Session {
  readonly twin: Embedded;
  readonly clock: ManualClock;
  readonly acks: readonly Answer[];
  send(name: string, parameters?: Record<string, unknown>, metadata?: Record<string, unknown>): Promise<Answer>;
  raw(...texts: (string | Uint8Array)[]): Promise<void>;
  /** Ends the twin and recomputes what it recorded. */
  verdict(): Promise<Verification>;
}

const open = new Set<Embedded>();

/** Ends the twins that a test left running and removes every folder. */
export async function cleanUpSessions(): Promise<void> {
  for (const twin of open) await twin.stop();
  open.clear();
  await cleanUpRigs();
}

export async function startSession(
  scenario = "name: test\nprofile: profiles/shipped.json\n",
  folder = newFolder(),
  more: Pick<EmbeddedOptions, "openBus" | "storage"> = {},
): Promise<Session> {
  const clock = manualClock();
  const scenarioPath = join(folder, "scenario.yaml");
  writeFileSync(scenarioPath, scenario);
  const rulesPath = join(folder, "incident_rules.yaml");
  copyFileSync(RULES_PATH, rulesPath);
  const { model, scenarioFile } = loadRun({ scenario: scenarioPath, bootId: "0" });
  const twin = await startEmbedded({
    clock,
    log: pino({ level: "silent" }),
    model,
    scenario: scenarioFile,
    dataFolder: folder,
    guardRules: loadGuardRules(),
    publishesGuards: true,
    rulesPath,
    webFolder: folder,
    host: "127.0.0.1",
    port: 0,
    portsToTry: 1,
    records: true,
    productVersion: "test",
    ...more,
    onViolation(subject, problem) {
      throw new Error(`${subject}: ${problem}`);
    },
  });
  open.add(twin);
  const acks: Answer[] = [];
  twin.bus.subscribe(SUBJECTS.responses, ({ bytes }) => void acks.push(JSON.parse(Buffer.from(bytes).toString()) as Answer), {
    name: "test.acks",
  });
  await settle();
  const session: Session = {
    twin,
    clock,
    acks,
    async send(name, parameters = {}, metadata = {}) {
      await session.raw(commandText(name, parameters, { message_id: randomUUID(), ...metadata }));
      return acks.at(-1)!;
    },
    async raw(...texts) {
      for (const text of texts) twin.bus.publish(SUBJECTS.commands, typeof text === "string" ? Buffer.from(text) : text);
      await settle();
    },
    async verdict() {
      await twin.stop();
      open.delete(twin);
      return verifyRecording({ rows: () => drivenRows(twin.recording!, (problem) => expect(problem).toBeUndefined()) });
    },
  };
  return session;
}

export const OVERLOAD = readFileSync(join(ROOT, "scenarios/overload.yaml"), "utf8").replace(/profile: /, `profile: ${ROOT}/`);
