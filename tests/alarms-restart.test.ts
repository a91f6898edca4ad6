import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type FoldedRecord, foldIncidentRecords } from "#alarms/incident/fold-records.ts";
import { utf8Decode } from "#base/utf8.ts";
import type { AuditDraft, AuditRecord } from "#contracts/audit.ts";
import { openAlarmsStore } from "#store/alarms-store.ts";
import { verdictText } from "#store/verify-chain.ts";
import { joinAlarmsState } from "#twin/alarms-machine.ts";
import { restartInputs, shippedAlarms } from "./alarms-restart-child.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-restart-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Kills per run of this test; the soak runs the hundred of the acceptance case. */
const KILLS = process.env.QIKI_SOAK === "1" ? 100 : 8;

test("INC-030 restart - killed at random moments, states, occurrences and chain equal an unbroken run", async () => {
  const path = join(folder, "qiki.sqlite");
  const unbroken = shippedAlarms();
  const drafts: AuditDraft[] = [];
  for (const input of restartInputs()) {
    for (const output of unbroken.accept(input, 0 as never)) if (output.kind === "audit") drafts.push(output.draft);
  }
  expect(drafts.length).toBeGreaterThan(80);

  const total = restartInputs().length;
  let kills = 0;
  for (let round = 0; round < KILLS; round += 1) if (await work(path, Math.floor(((total / KILLS) * ((round * 7) % 10)) / 10))) kills += 1;
  expect(kills).toBeGreaterThanOrEqual(Math.min(KILLS, 5));
  expect(await work(path, Number.POSITIVE_INFINITY)).toBe(false);

  const store = openAlarmsStore(path, 0);
  const records = [...store.records()] as AuditRecord[];
  const incidents = records.filter((record) => record.subject === "incident");
  const chained = incidents.map(({ chain_id: _chain, seq: _seq, prev_hash: _prev, hash: _hash, wall: _wall, ...draft }) => draft);
  expect(chained).toEqual(drafts);
  expect(verdictText(store.verify())).toMatch(/^OK/);
  const state = store.loadState()!;
  expect(utf8Decode(joinAlarmsState(state.reducer, state.incidents))).toBe(utf8Decode(unbroken.snapshot()));

  const folded = foldIncidentRecords(incidents as FoldedRecord[]);
  const views = unbroken.views();
  expect(folded.size).toBe(views.length);
  for (const view of views) expect(folded.get(view.incident_id)).toEqual({ occ: view.occ, level: view.level, letter: view.letter });
  store.close(0);
});

/** Runs a worker until it has said so many lines, then kills it; false if it came to the end before. */
function work(path: string, lines: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["tests/alarms-restart-child.ts", path], { stdio: ["ignore", "pipe", "pipe"] });
    let said = 0;
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString().split("\n").length - 1;
      if (said > lines) child.kill("SIGKILL");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on("exit", (code) => {
      if (code !== null && code !== 0) reject(new Error(errors));
      else resolve(code === null);
    });
  });
}
