import type { Detection, TransponderMode } from "./frame.ts";
import { TRANSPONDER_MODE } from "./frame.ts";
import type { TrackerSettings } from "./tracker-settings.ts";

export const IFF = { unspecified: 0, friend: 1, foe: 2, unknown: 3 } as const;
export type Iff = (typeof IFF)[keyof typeof IFF];

/** Numbers of the object types on the wire (radar §2.1). */
const OBJECT_TYPE = { DRONE: 1, SHIP: 2, STATION: 3, ASTEROID: 4, DEBRIS: 5 } as const;

/** What is known of who a track is. Only SR plots and declarations change it (radar §6.11). */
export interface TrackIdentity {
  readonly transponderOn: boolean;
  readonly transponderMode: TransponderMode;
  readonly transponderId: string | null;
  readonly idPresent: boolean | null;
  readonly iff: Iff;
  /** A foe that has been recognised stays one when it falls silent. */
  readonly isFoeLatched: boolean;
  readonly isDeclaredHostile: boolean;
  readonly objectType: number;
}

export interface IdentityRules {
  /** The identity after an SR plot. */
  heard(before: TrackIdentity, detection: Detection): TrackIdentity;
  declared(before: TrackIdentity, isHostile: boolean): TrackIdentity;
}

/** A newborn without an SR plot: `idPresent` is false on LR, null where the band is not said. */
export function noIdentity(idPresent: false | null): TrackIdentity {
  // In canonical order, which copies keep: many are written when a tracker's state is.
  return {
    idPresent,
    iff: IFF.unknown,
    isDeclaredHostile: false,
    isFoeLatched: false,
    objectType: 0,
    transponderId: null,
    transponderMode: TRANSPONDER_MODE.off,
    transponderOn: false,
  };
}

export function createIdentityRules({ iff, identity }: Pick<TrackerSettings, "iff" | "identity">): IdentityRules {
  const friends = iff.friends.map(globPattern);
  const foes = iff.foes.map(globPattern);
  const types = identity.types.map(({ match, type }) => ({ pattern: globPattern(match), type: OBJECT_TYPE[type] }));

  function classified(before: TrackIdentity): TrackIdentity {
    const { transponderOn, transponderMode, transponderId } = before;
    const id = transponderOn && transponderMode === TRANSPONDER_MODE.on && transponderId !== null ? transponderId : undefined;
    const objectType = (id === undefined ? undefined : types.find(({ pattern }) => pattern.test(id))?.type) ?? before.objectType;
    const known = { ...before, objectType };
    if (transponderMode === TRANSPONDER_MODE.spoof) return { ...known, iff: IFF.unknown };
    if (before.isDeclaredHostile) return { ...known, iff: IFF.foe };
    if (id !== undefined && foes.some((pattern) => pattern.test(id))) return { ...known, iff: IFF.foe, isFoeLatched: true };
    if (id !== undefined && friends.some((pattern) => pattern.test(id))) return { ...known, iff: IFF.friend, isFoeLatched: false };
    return { ...known, iff: before.isFoeLatched ? IFF.foe : IFF.unknown };
  }

  return {
    heard(before, { transponderOn, transponderMode, transponderId, idPresent }) {
      const isPresent = idPresent ?? (transponderId !== null && transponderId !== "");
      return classified({ ...before, transponderOn, transponderMode, transponderId, idPresent: isPresent });
    },
    declared: (before, isHostile) => classified({ ...before, isDeclaredHostile: isHostile }),
  };
}

/** A glob with `*` and `?`, case-sensitive, as a regular expression of the whole text. */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}
