import { QikiError } from "#base/error.ts";
import { type BusSite, checkSiteSubject, type DurableSite, type StreamSite } from "#bus/site.ts";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Silence } from "#services/sim.ts";
import { type ServiceSettings, settings } from "./settings.ts";

type BusSettings = ServiceSettings["bus"];

/** What the settings call or limit otherwise than the contracts do. @throws QikiError `config_invalid` with every problem */
export function busSite(bus: BusSettings = settings().bus): BusSite {
  const subjects = {
    [SUBJECTS.telemetry]: bus.telemetrySubject,
    [SUBJECTS.responses]: bus.responsesSubject,
    [SUBJECTS.radarFrames]: bus.radarFramesSubject,
    [SUBJECTS.radarFramesLr]: bus.radarLrSubject,
    [SUBJECTS.radarFramesSr]: bus.radarSrSubject,
    [SUBJECTS.radarTracks]: bus.radarTracksSubject,
  };
  const given = Object.entries(subjects).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const theirs = given.map(([, subject]) => subject);
  const problems = [
    ...given.flatMap(([ours, subject]) => subjectProblem(ours, subject)),
    ...theirs
      .filter((subject, at) => theirs.indexOf(subject) < at)
      .map((subject) => `${subject} stands for two subjects: give each its own`),
  ];
  if (problems.length > 0) throw new QikiError("config_invalid", problems.map((problem) => `bus: ${problem}`).join("\n"));
  return {
    subjects: Object.fromEntries(given),
    streams: {
      [STREAMS.radar.name]: streamSite(bus.radarStream, bus.radarMaxBytes, bus.radarMaxAgeS, bus.radarDuplicateWindowS),
      [STREAMS.events.name]: streamSite(bus.eventsStream, bus.eventsMaxBytes, bus.eventsMaxAgeS, bus.eventsDuplicateWindowS),
    },
    durables: {
      [DURABLES.radarFrames.name]: durableSite(bus.radarFramesDurable, bus.radarAckWaitS, bus.radarMaxDeliver, bus.radarMaxAckPending),
      [DURABLES.radarTracks.name]: durableSite(bus.radarTracksDurable, bus.radarAckWaitS, bus.radarMaxDeliver, bus.radarMaxAckPending),
      [DURABLES.eventsAudit.name]: durableSite(bus.eventsAuditDurable, bus.eventsAckWaitS, bus.eventsMaxDeliver, bus.eventsMaxAckPending),
      [DURABLES.alarmsEvents.name]: durableSite(undefined, bus.eventsAckWaitS, bus.eventsMaxDeliver, undefined),
    },
  };
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
