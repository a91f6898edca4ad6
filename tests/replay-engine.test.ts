import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { openInProcessBroker } from "#bus/in-process.ts";
import { RULES_PATH } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { openRunRecorder } from "#cli/run-recorder.ts";
import type { IncidentWire } from "#contracts/incident.ts";
import { INCIDENT_KEY_PREFIX, STATE_BUCKET, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { readRecordingSync } from "#recording/reader.ts";
import { replayRecording } from "#recording/replay.ts";
import { startAlarms } from "#services/alarms.ts";
import { systemClock } from "#services/clock.ts";
import { openRulesFile } from "#services/incident-rules-file.ts";
import { createPublisher } from "#services/publisher.ts";
import { openAlarmsStore } from "#store/alarms-store.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-replay-engine-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OVERCURRENT = "POWER_PDU_OVERCURRENT:main";
type Body = Readonly<Record<string, unknown>>;
const parsed = (bytes: Uint8Array): Body => JSON.parse(Buffer.from(bytes).toString("utf8")) as Body;

test("INC-039 replay - an overcurrent event comes back as recorded, and an engine on the prefix opens the same incident", async () => {
  const file = join(folder, "run.jsonl");
  const loaded = loadRun({ scenario: "scenarios/pdu-overcurrent.yaml", bootId: "0" });
  await runScenario(loaded, await openRunRecorder(file, false, loaded));
  const rows = (): ReturnType<typeof readRecordingSync> =>
    readRecordingSync(file, { strict: true, data: "checked", onProblem: (problem) => expect.unreachable(JSON.stringify(problem)) });
  const recorded = [...rows()].map(({ head, dataJson }) => ({ subject: head.subject, payload: JSON.parse(dataJson) as Body }));
  const openings = recorded.filter(({ payload }) => payload.kind === "incident_open" && payload.incident_id === OVERCURRENT);
  expect(openings).toHaveLength(1);

  const broker = openInProcessBroker({ nowMs: () => Date.now(), report: (report) => expect.unreachable(JSON.stringify(report)) });
  const live = broker.connect();
  const bus = broker.connect({ prefix: "replay" });
  for (const stream of Object.values(STREAMS)) await bus.streams.ensure(stream);
  const heard: Body[] = [];
  live.subscribe(`replay.${SUBJECTS.powerPdu}`, ({ bytes }) => void heard.push(parsed(bytes)), { name: "listener" });
  const liveHeard: string[] = [];
  live.subscribe("qiki.>", ({ subject }) => void liveHeard.push(subject), { name: "live" });
  const rulesPath = join(folder, "incident_rules.yaml");
  copyFileSync(RULES_PATH, rulesPath);
  const store = openAlarmsStore(join(folder, "replay.sqlite"), Date.now());
  const alarms = await startAlarms({
    bus,
    clock: systemClock,
    log: pino({ level: "silent" }),
    publisher: createPublisher(bus, systemClock, (subject, problem) => expect.unreachable(`${subject}: ${problem}`)),
    store,
    rules: openRulesFile(rulesPath),
    keys: new Map(),
    time: loaded.model.settings,
  });
  try {
    await replayRecording(rows(), {
      publish: (subject, bytes, how) => void bus.publish(subject, bytes, how),
      speed: "no_timing",
      withCommands: false,
      replayId: "r1",
      nowMs: () => performance.now(),
      wait: () => new Promise((done) => setImmediate(done)),
    });
    const incident = async (): Promise<IncidentWire | undefined> => {
      const key = INCIDENT_KEY_PREFIX + Buffer.from(OVERCURRENT).toString("base64url");
      const entry = await bus.lastValue(STATE_BUCKET).get(key);
      return entry === undefined ? undefined : (parsed(entry.bytes) as unknown as IncidentWire);
    };
    await expect.poll(async () => (await incident())?.letter, { timeout: 20_000 }).toBe("B");
    const opened = await incident();
    const [opening] = openings;
    expect(opened).toMatchObject({
      rule_id: "POWER_PDU_OVERCURRENT",
      severity: "A",
      occ: 1,
      opened_ms: Math.round((opening!.payload.ts_epoch as number) * 1000),
    });

    const sent = recorded.filter(({ subject }) => subject === SUBJECTS.powerPdu).map(({ payload }) => payload);
    expect(heard).toEqual(sent);
    expect(heard[0]).toMatchObject({ category: "power", source: "pdu", subject: "main", overcurrent: 1 });
    expect(liveHeard).toEqual([]);
  } finally {
    await alarms.stop();
    store.close(Date.now());
    await broker.close();
  }
});
