import { zstdDecompressSync } from "node:zlib";

/** What stands at a place of a zstd file, by its headers alone (RFC 8878 §3.1). */
export type FrameScan =
  /** A whole frame, or a skippable one, which holds no text. */
  | { readonly kind: "whole" | "skippable"; readonly end: number }
  /** A frame whose end is not there; its blocks are whole up to `blocksEnd`. */
  | { readonly kind: "open"; readonly blocksEnd: number }
  | { readonly kind: "none"; readonly reason: string };

/** What a frame begins with. */
export const FRAME_MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
const MAGIC = FRAME_MAGIC.readUInt32LE();
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CHECKSUM_FLAG = 4;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;
/** A last block without content. */
const LAST_BLOCK = Uint8Array.of(1, 0, 0);
/** Text of one frame at most: the recorder's have a few MiB, other programs put a whole file into one. */
const FRAME_TEXT_MAX = 1_073_741_824;

/** Finds the end of the frame that begins at this place. */
export function scanFrame(bytes: Buffer, at: number): FrameScan {
  if (bytes.length - at < 5) return { kind: "open", blocksEnd: at };
  const magic = bytes.readUInt32LE(at);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
    const end = bytes.length - at < 8 ? Number.POSITIVE_INFINITY : at + 8 + bytes.readUInt32LE(at + 4);
    return end > bytes.length ? { kind: "open", blocksEnd: at } : { kind: "skippable", end };
  }
  if (magic !== MAGIC) return { kind: "none", reason: "no zstd frame begins there" };
  const descriptor = bytes[at + 4]!;
  let place = at + 5 + headerRest(descriptor);
  for (let blocksEnd = at; ; blocksEnd = place) {
    if (place + 3 > bytes.length) return { kind: "open", blocksEnd };
    const header = bytes.readUIntLE(place, 3);
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) return { kind: "none", reason: `the block at ${place - at} of it is of no known type` };
    place += 3 + (type === RLE_BLOCK ? 1 : header >> 3);
    if (place > bytes.length) return { kind: "open", blocksEnd };
    if ((header & 1) === 0) continue;
    const end = place + ((descriptor & CHECKSUM_FLAG) === 0 ? 0 : 4);
    return end > bytes.length ? { kind: "open", blocksEnd: place } : { kind: "whole", end };
  }
}

/** Text of a whole frame. @throws Error when it is damaged */
export function frameText(frame: Buffer): Buffer {
  return zstdDecompressSync(frame, { maxOutputLength: FRAME_TEXT_MAX });
}

/** Text of the whole blocks of a frame whose end is torn off; none when that cannot be told. */
export function tornFrameText(blocks: Buffer): Buffer {
  if (blocks.length === 0) return blocks;
  const ended = Buffer.concat([blocks, LAST_BLOCK]);
  // The digest of the whole text is not that of a part.
  ended[4]! &= ~CHECKSUM_FLAG;
  try {
    return frameText(ended);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Length of a frame's header after its descriptor. */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag;
  return (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3] + sizeBytes;
}
