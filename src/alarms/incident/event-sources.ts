/** What one field of an event can hold. Strings and flags have no numeric domain. */
export interface EventField {
  readonly unit?: string;
  /** Smallest and largest value the publisher can send, inclusive. */
  readonly domain?: readonly [number, number];
}

/**
 * Periodic sources send a sample each period, so silence means something; edge sources send one event per transition,
 * so the last one holds.
 */
export type Cadence = { readonly kind: "periodic"; readonly clock: SampleClock } | { readonly kind: "edge" };

/** Whose period a periodic source follows. */
export type SampleClock = "events" | "storage";
export type SamplePeriodsMs = Readonly<Record<SampleClock, number>>;

/** Periods of a default configuration: events each second, the recorder's storage reading each ten. */
export const DEFAULT_PERIODS_MS: SamplePeriodsMs = { events: 1000, storage: 10_000 };

export interface EventSource {
  readonly busSubject: string;
  readonly publisher: "sim" | "tracker" | "recorder";
  readonly type: string;
  readonly source: string;
  /** Domain subjects that can occur; `any` where configuration names them. */
  readonly subjects: readonly string[] | "any";
  readonly cadence: Cadence;
  readonly fields: Readonly<Record<string, EventField>>;
  /** A field whose value says that the subject is no longer observed, unless `clear_on` takes it as a return to normal. */
  readonly goneWhen?: { readonly field: string; readonly value: string };
}

const PERIODIC: Cadence = { kind: "periodic", clock: "events" };
const EDGE: Cadence = { kind: "edge" };
const FLAG: EventField = { domain: [0, 1] };
const TEMPERATURE: EventField = { unit: "C", domain: [-120, 160] };
const UNBOUNDED = Number.MAX_VALUE;
const CURRENT: EventField = { unit: "A", domain: [0, UNBOUNDED] };
const VOLTAGE: EventField = { unit: "V", domain: [0, UNBOUNDED] };
const POWER: EventField = { unit: "W", domain: [0, UNBOUNDED] };

/** Every event that incident rules can look at (operations §5.1, radar §2.5): the catalogue that the lint holds rules against. */
export const EVENT_SOURCES: readonly EventSource[] = [
  {
    busSubject: "qiki.events.v1.sensor.thermal",
    publisher: "sim",
    type: "sensor",
    source: "thermal",
    subjects: ["core"],
    cadence: PERIODIC,
    fields: { temp: TEMPERATURE },
  },
  {
    busSubject: "qiki.events.v1.sensor.thermal.trip",
    publisher: "sim",
    type: "sensor",
    source: "thermal",
    subjects: "any",
    cadence: EDGE,
    fields: { tripped: FLAG, temp: TEMPERATURE, trip_c: TEMPERATURE, hys_c: { unit: "C", domain: [0, 280] }, kind: {}, reason: {} },
  },
  {
    busSubject: "qiki.events.v1.power.bus",
    publisher: "sim",
    type: "power",
    source: "bus",
    subjects: ["main"],
    cadence: PERIODIC,
    fields: { current: CURRENT, bus_v: VOLTAGE, demand_a: CURRENT, max_bus_a: CURRENT },
  },
  {
    busSubject: "qiki.events.v1.power.pdu",
    publisher: "sim",
    type: "power",
    source: "pdu",
    subjects: ["main"],
    cadence: PERIODIC,
    fields: { overcurrent: FLAG, pdu_limit_w: POWER, power_out_w: POWER, bus_a: CURRENT, bus_v: VOLTAGE },
  },
  {
    busSubject: "qiki.events.v1.radar.sensor",
    publisher: "sim",
    type: "radar",
    source: "sensor",
    subjects: ["ppi"],
    cadence: PERIODIC,
    fields: { value: FLAG, detections: { domain: [0, UNBOUNDED] }, reason: {} },
  },
  {
    busSubject: "qiki.events.v1.radar.guard",
    publisher: "tracker",
    type: "radar",
    source: "guard",
    subjects: "any",
    cadence: EDGE,
    fields: {
      range_m: { unit: "m", domain: [0, UNBOUNDED] },
      quality: { domain: [0, 1] },
      iff: { domain: [0, 3] },
      transponder_on: {},
      transponder_mode: { domain: [0, 3] },
      last_range_m: { unit: "m", domain: [0, UNBOUNDED] },
      last_quality: { domain: [0, 1] },
      occurrence: { domain: [1, UNBOUNDED] },
      active_s: { unit: "s", domain: [0, UNBOUNDED] },
      kind: {},
      severity: {},
      fsm_event: {},
      clear_reason: {},
    },
    goneWhen: { field: "kind", value: "guard_clear" },
  },
  {
    busSubject: "qiki.events.v1.record.storage",
    publisher: "recorder",
    type: "record",
    source: "recorder",
    subjects: ["storage"],
    cadence: { kind: "periodic", clock: "storage" },
    fields: { used_pct: { unit: "%", domain: [0, 100] } },
  },
];

/** Events that carry event time, and so move the clock, but that no rule looks at. */
const CLOCK_SUBJECTS: ReadonlyMap<string, EventSource["publisher"]> = new Map([
  ["qiki.events.v1.system_mode", "sim"],
  ["qiki.events.v1.radar.tracker", "tracker"],
]);
const BY_SUBJECT: ReadonlyMap<string, EventSource> = new Map(EVENT_SOURCES.map((source) => [source.busSubject, source]));

const SUBJECT_WORDS: ReadonlyMap<EventSource, readonly string[]> = new Map(
  EVENT_SOURCES.map((source) => [source, source.busSubject.split(".").slice(3)]),
);

/** Words of a source's bus subject after `qiki.events.v1.`. */
export function subjectWordsOf(source: EventSource): readonly string[] {
  return SUBJECT_WORDS.get(source) ?? [];
}

/** The source that publishes on a bus subject, if rules may look at it. */
export function eventSourceOf(busSubject: string): EventSource | undefined {
  return BY_SUBJECT.get(busSubject);
}

/**
 * Who publishes event time on a bus subject; undefined for subjects whose times are somebody's wall clock (consoles,
 * foreign services): those must not move the clock of incidents.
 */
export function eventTimePublisher(busSubject: string): EventSource["publisher"] | undefined {
  return BY_SUBJECT.get(busSubject)?.publisher ?? CLOCK_SUBJECTS.get(busSubject);
}

/** The sources that the labels of a rule can match. */
export function sourcesMatching(match: { readonly type?: string; readonly source?: string; readonly subject?: string }): EventSource[] {
  return EVENT_SOURCES.filter(
    (candidate) =>
      (match.type === undefined || match.type === candidate.type) &&
      (match.source === undefined || match.source === candidate.source) &&
      (match.subject === undefined || candidate.subjects === "any" || candidate.subjects.includes(match.subject)),
  );
}
