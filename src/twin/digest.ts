import { hash128, hash128Hex } from "#base/murmur3.ts";

/** Rooms in the order in which their digests enter the digest of everything (operations §7.2). */
export const ROOMS = ["craft", "scene", "tracks", "guards", "incidents"] as const;
export type Room = (typeof ROOMS)[number];

/** The digest `all`: the same hash over the 16-byte digests of the rooms present, in their fixed order. */
export function allHash(digests: Readonly<Partial<Record<Room, string>>>): string {
  const present = ROOMS.filter((room) => digests[room] !== undefined);
  const words = new Uint32Array(present.length * 4);
  present.forEach((room, index) => {
    for (let word = 0; word < 4; word += 1) words[index * 4 + word] = Number.parseInt(digests[room]!.slice(word * 8, word * 8 + 8), 16);
  });
  return hash128Hex(hash128(new Uint8Array(words.buffer)));
}
