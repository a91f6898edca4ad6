import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { openRunRecorder } from "#cli/run-recorder.ts";
import type { IncidentKpiWire, IncidentWire } from "#contracts/incident.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { openPlayer, type PlayerSink, type RecordingPlayer } from "#recording/player.ts";
import { removeFolder } from "./running-twin.ts";

const SEED = 20_261_125;
const folder = mkdtempSync(join(tmpdir(), "qiki-player-"));
afterAll(() => removeFolder(folder));

/** What somebody knows who has been handed the rows. */
interface Known {
  telemetry: Readonly<Record<string, unknown>> | undefined;
  tracks: Map<string, unknown>;
  incidents: readonly IncidentWire[];
  kpi: IncidentKpiWire | undefined;
  events: number;
}

function knower(): { readonly known: Known; readonly sink: PlayerSink } {
  const known: Known = { telemetry: undefined, tracks: new Map(), incidents: [], kpi: undefined, events: 0 };
  return {
    known,
    sink: {
      reset: () => Object.assign(known, { telemetry: undefined, tracks: new Map(), incidents: [], kpi: undefined, events: 0 }),
      row(row) {
        if (row.head.subject === SUBJECTS.telemetry) known.telemetry = row.data as Known["telemetry"];
        if (row.head.subject === SUBJECTS.radarTracks) {
          const track = row.data as { track_id: string; status: number };
          if (track.status === 3) known.tracks.delete(track.track_id);
          else known.tracks.set(track.track_id, track);
        }
        known.events += Number(row.head.subject.startsWith("qiki.events.v1."));
      },
      incidents: (views, kpi) => Object.assign(known, { incidents: views, kpi }),
    },
  };
}

let files = 0;
async function playerOf(file: string): Promise<{ readonly player: RecordingPlayer; readonly known: Known }> {
  files += 1;
  const { known, sink } = knower();
  return { player: await openPlayer(file, join(folder, `spool-${files}`), sink), known };
}

async function recorded(name: string, text: string): Promise<string> {
  const scenario = join(folder, `${name}.yaml`);
  writeFileSync(scenario, text);
  const loaded = loadRun({ scenario, bootId: "0" });
  const file = join(folder, `${name}.jsonl`);
  await runScenario(loaded, await openRunRecorder(file, true, loaded));
  return file;
}

const EVENTFUL = `
name: eventful
duration_s: 200
timeline:
  - { at: 20s, do: fault, kind: heat_leak, target: core, value: 900, for_s: 60 }
  - { at: 90s, do: command, name: power.nbl.set_max, params: { max_power_w: 3 } }
contacts:
  - id: passer
    type: SHIP
    trajectory: { kind: constant_velocity, at: { x: -400, y: 40, z: 0 }, velocity: { x: 6, y: 0, z: 0 } }
`;

describe("player", () => {
  test("REP-005 seek - at any moment it knows what playing up to there from the start knows, without reading what lies before", async () => {
    const file = await recorded("eventful", EVENTFUL);
    const played = await playerOf(file);
    const { first, last } = played.player;
    expect([first, last]).toEqual([0, 2000]);
    played.player.seek(first);
    const want = new Map<number, object>();
    for (let at = first; at <= last; at += 1) {
      played.player.advance(at);
      const { telemetry, tracks, incidents, kpi } = played.known;
      want.set(at, structuredClone({ telemetry, tracks, incidents, kpi }));
    }
    const jumped = await playerOf(file);
    fc.assert(
      fc.property(fc.integer({ min: first, max: last }), (at) => {
        jumped.player.seek(at);
        const { telemetry, tracks, incidents, kpi } = jumped.known;
        expect({ at, telemetry, tracks, incidents, kpi }).toEqual({ at, ...want.get(at) });
        expect(jumped.player.at).toBeLessThanOrEqual(at);
        // From the last keyframe on, and three seconds before: not from the start.
        if (at > 1300) expect(jumped.known.events).toBeLessThan(700);
      }),
      { seed: SEED, numRuns: 60 },
    );
    expect(played.known.incidents.length).toBeGreaterThan(0);
    expect(new Set(played.player.marks.map(({ lane }) => lane))).toEqual(new Set(["alarms", "guards", "modes"]));
  });

  test("REP-006 step - a tick hands out its rows only, an event all up to itself", async () => {
    const { player, known } = await playerOf(await recorded("stepped", "name: stepped\nduration_s: 5\n"));
    player.seek(0);
    const before = known.events;
    player.step("event");
    expect(known.events).toBe(before + 1);
    player.step("tick");
    const { at } = player;
    player.step("tick");
    expect(player.at).toBeGreaterThan(at);
    while (!player.isAtEnd) player.step("tick");
    expect(known.telemetry?.tick).toBe(50);
    player.step("event");
    expect(player.at).toBe(50);
  });

  test("clock - it goes on through a reset, where ticks begin anew", async () => {
    const text = `name: anew\nduration_s: 20\ntimeline:\n  - { at: 5s, do: command, name: sim.reset }\n`;
    const { player, known } = await playerOf(await recorded("anew", text));
    player.seek(player.last);
    expect(known.telemetry?.tick).toBeLessThan(player.last);
    const runs = new Set<unknown>();
    for (let at = player.first; at <= player.last; at += 10) {
      player.seek(at);
      runs.add((known.telemetry!.run as { id: string }).id);
    }
    expect(runs.size).toBe(2);
  });

  test("old file - one without a meta row is played, and says that it has no incidents", async () => {
    const file = join(folder, "old.jsonl");
    const line = (ts: number, subject: string, data: object): string =>
      `${JSON.stringify({ schema_version: 1, type: "event", ts_epoch: ts, ts_ingest_epoch: ts, subject, data })}\n`;
    writeFileSync(file, line(1, "qiki.events.v1.power.bus", { current: 1 }) + line(2, "qiki.telemetry", { tick: 3 }));
    const { player, known } = await playerOf(file);
    expect([player.hasIncidents, player.meta, player.tickMs]).toEqual([false, undefined, 100]);
    player.seek(player.last);
    expect(known.telemetry).toEqual({ tick: 3 });
    writeFileSync(file, "rubbish\n");
    await expect(playerOf(file)).rejects.toMatchObject({ code: "recording_damaged" });
  });
});
