import { expect, test } from "vitest";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { wireDurable, wireStream } from "./definitions.ts";
import { type BusSite, checkSiteSubject } from "./site.ts";
import { wireNames } from "./wire.ts";

const SITE: BusSite = {
  subjects: { "qiki.telemetry": "qiki.sat1", "qiki.radar.v1.frames": "qiki.radar.v1.looks" },
  streams: { QIKI_RADAR_V1: { name: "SAT_RADAR", maxBytes: 1_048_576 } },
  durables: { radar_frames_pull: { name: "sat_frames", maxDeliver: 3 } },
};

test("site - subjects, streams and durables are renamed there and back, and what is not named stays", () => {
  const names = wireNames(undefined, SITE);
  for (const [ours, theirs] of Object.entries(SITE.subjects))
    expect([names.subject(ours), names.pattern(ours), names.incoming(theirs)]).toEqual([theirs, theirs, ours]);
  expect([names.subject("qiki.events.v1.audit"), names.pattern("qiki.>"), names.incoming("qiki.x")]).toEqual([
    "qiki.events.v1.audit",
    "qiki.>",
    "qiki.x",
  ]);
  expect([names.store("QIKI_RADAR_V1"), names.incomingStore("SAT_RADAR"), names.store("QIKI_STATE")]).toEqual([
    "SAT_RADAR",
    "QIKI_RADAR_V1",
    "QIKI_STATE",
  ]);
  expect(wireStream(STREAMS.radar, names)).toEqual({ ...STREAMS.radar, name: "SAT_RADAR", maxBytes: 1_048_576 });
  expect(wireDurable(DURABLES.radarFrames, names)).toEqual({
    ...DURABLES.radarFrames,
    name: "sat_frames",
    stream: "SAT_RADAR",
    filter: "qiki.radar.v1.looks",
    maxDeliver: 3,
  });
  expect(wireDurable(DURABLES.eventsAudit, names)).toEqual(DURABLES.eventsAudit);
});

test("site - a prefixed connection knows none of it: a replay has the contracts' names", () => {
  const names = wireNames("replay", SITE);
  expect([names.subject("qiki.telemetry"), names.store("QIKI_RADAR_V1")]).toEqual(["replay.qiki.telemetry", "replay_QIKI_RADAR_V1"]);
});

test.each([
  ["qiki.telemetry", "qiki.telemetry", undefined],
  ["qiki.telemetry", "qiki.sat1.telemetry", undefined],
  ["qiki.telemetry", "sat1.telemetry", "choose a subject under qiki."],
  ["qiki.telemetry", "qiki.events.v1.telemetry", "not under qiki.events.v1."],
  ["qiki.telemetry", "qiki.radar.v1.telemetry", "not under qiki.radar.v1."],
  ["qiki.telemetry", "qiki.responses.control", "has a meaning of its own"],
  ["qiki.radar.v1.frames", "qiki.radar.v1.looks", undefined],
  ["qiki.radar.v1.frames", "qiki.looks", "choose a subject under qiki.radar.v1."],
  ["qiki.radar.v1.frames", "qiki.radar.v1.tracks", "has a meaning of its own"],
  ["qiki.telemetry", "qiki.>", "qiki.>"],
  ["qiki.telemetry", "", ""],
])("site - %s as %s: %s", (ours, theirs, problem) => {
  const check = (): void => checkSiteSubject(ours, theirs);
  if (problem === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code: "bad_subject", message: expect.stringContaining(problem) as string }));
});
