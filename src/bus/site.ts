import { QikiError } from "#base/error.ts";
import type { DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import { EVENTS_PREFIX, QUERY_PREFIX, RADAR_PREFIX, RECORDING_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { checkSubject } from "./subject.ts";

/** A stream of another name or with other limits. */
export type StreamSite = { readonly name?: string } & Partial<Pick<StreamDefinition, "maxAgeMs" | "maxBytes" | "dedupWindowMs">>;
/** A durable of another name or with another policy. */
export type DurableSite = { readonly name?: string } & Partial<Pick<DurableDefinition, "ackWaitMs" | "maxDeliver" | "maxAckPending">>;

/** What an installation calls or limits otherwise than the contracts do (operations §10), by the contracts' names. */
export interface BusSite {
  readonly subjects: Readonly<Record<string, string>>;
  readonly streams: Readonly<Record<string, StreamSite>>;
  readonly durables: Readonly<Record<string, DurableSite>>;
}

/** As the contracts say. */
export const PLAIN_SITE: BusSite = { subjects: {}, streams: {}, durables: {} };

const PRODUCT_PREFIX = "qiki.";
const OTHER_FAMILIES = [EVENTS_PREFIX, RECORDING_PREFIX, QUERY_PREFIX, "qiki.commands."];

/**
 * Checks another name of one of our subjects. A subject of the radar stays under `qiki.radar.v1.`, and every other one under `qiki.`
 * outside the families, so that whoever listens to a family still hears what belongs to it and nothing else.
 * @throws QikiError bad_subject
 */
export function checkSiteSubject(ours: string, theirs: string): void {
  if (theirs === ours) return;
  checkSubject(theirs);
  const isRadar = ours.startsWith(RADAR_PREFIX);
  const family = isRadar ? RADAR_PREFIX : PRODUCT_PREFIX;
  const others = isRadar ? [] : [...OTHER_FAMILIES, RADAR_PREFIX];
  const taken = others.find((prefix) => theirs.startsWith(prefix));
  if (!theirs.startsWith(family) || taken !== undefined) {
    const but = taken === undefined ? "" : `, not under ${taken}`;
    throw new QikiError("bad_subject", `${theirs} cannot stand for ${ours}: choose a subject under ${family}${but}`);
  }
  if (Object.values<string>(SUBJECTS).includes(theirs))
    throw new QikiError("bad_subject", `${theirs} cannot stand for ${ours}: it has a meaning of its own`);
}
