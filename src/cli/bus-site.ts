import { QikiError } from "#base/error.ts";
import { type BusSite, checkSiteSubject, type DurableSite, type StreamSite } from "#bus/site.ts";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Silence } from "#services/sim.ts";
import { type ServiceSettings, settings } from "./settings.ts";

type BusSettings = ServiceSettings["bus"];

/** What the settings call or limit otherwise than the contracts do. @throws QikiError `config_invalid` with every problem */
export function busSite(bus: BusSettings = settings().bus): BusSite {
  const subjects = given({
    [SUBJECTS.telemetry]: bus.telemetrySubject,
    [SUBJECTS.responses]: bus.responsesSubject,
    [SUBJECTS.radarFrames]: bus.radarFramesSubject,
    [SUBJECTS.radarFramesLr]: bus.radarLrSubject,
    [SUBJECTS.radarFramesSr]: bus.radarSrSubject,
    [SUBJECTS.radarTracks]: bus.radarTracksSubject,
  });
  const streams: Readonly<Record<string, StreamSite>> = {
    [STREAMS.radar.name]: streamSite(bus.radarStream, bus.radarMaxBytes, bus.radarMaxAgeS, bus.radarDuplicateWindowS),
    [STREAMS.events.name]: streamSite(bus.eventsStream, bus.eventsMaxBytes, bus.eventsMaxAgeS, bus.eventsDuplicateWindowS),
  };
  const durables: Readonly<Record<string, DurableSite>> = {
    [DURABLES.radarFrames.name]: durableSite(bus.radarFramesDurable, bus.radarAckWaitS, bus.radarMaxDeliver, bus.radarMaxAckPending),
    [DURABLES.radarTracks.name]: durableSite(bus.radarTracksDurable, bus.radarAckWaitS, bus.radarMaxDeliver, bus.radarMaxAckPending),
    [DURABLES.eventsAudit.name]: durableSite(bus.eventsAuditDurable, bus.eventsAckWaitS, bus.eventsMaxDeliver, bus.eventsMaxAckPending),
    [DURABLES.alarmsEvents.name]: durableSite(undefined, bus.eventsAckWaitS, bus.eventsMaxDeliver, undefined),
  };
  const namesOf = (definitions: object, site: Readonly<Record<string, { readonly name?: string }>>): readonly string[] =>
    (Object.values(definitions) as readonly { readonly name: string }[]).map(({ name }) => site[name]?.name ?? name);
  const problems = [
    ...Object.entries(subjects).flatMap(([ours, theirs]) => subjectProblem(ours, theirs)),
    ...repeated("subjects", Object.values(subjects)),
    ...repeated("streams", namesOf(STREAMS, streams)),
    ...repeated("durables", namesOf(DURABLES, durables)),
  ];
  if (problems.length > 0) throw new QikiError("config_invalid", problems.map((problem) => `bus: ${problem}`).join("\n"));
  return { subjects, streams, durables };
}

/** What the simulation keeps to itself as the settings have it; switches of NATS mean nothing on a bus of the process's own. */
export function simSilence(isOnNats: boolean, { bus, sim } = settings()): Silence {
  const isOn = (setting: boolean): boolean => !isOnNats || setting;
  return {
    telemetry: !isOn(bus.telemetry),
    events: !sim.events || !isOn(bus.events),
    radar: !isOn(bus.radar),
    commands: !isOn(bus.commands),
  };
}

function subjectProblem(ours: string, theirs: string): readonly string[] {
  try {
    checkSiteSubject(ours, theirs);
    return [];
  } catch (error) {
    if (error instanceof QikiError) return [error.message];
    throw error;
  }
}

function repeated(what: string, names: readonly string[]): readonly string[] {
  return names.filter((name, at) => names.indexOf(name) < at).map((name) => `${name} stands for two ${what}: give each its own`);
}

function streamSite(name?: string, maxBytes?: number, maxAgeS?: number, duplicateWindowS?: number): StreamSite {
  return given({ name, maxBytes, maxAgeMs: inMs(maxAgeS), dedupWindowMs: inMs(duplicateWindowS) });
}

function durableSite(name?: string, ackWaitS?: number, maxDeliver?: number, maxAckPending?: number): DurableSite {
  return given({ name, ackWaitMs: inMs(ackWaitS), maxDeliver, maxAckPending });
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

/** The members that are not undefined: they stand in for those of a contract. */
function given<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
