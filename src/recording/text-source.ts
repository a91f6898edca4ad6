import { closeSync, openSync, readSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import { FRAME_MAGIC, frameText, scanFrame, tornFrameText } from "./zstd-frames.ts";

/** Where text begins: in the file, and counted in the text itself. The same for a file that is not compressed. */
export interface TextPlace {
  readonly fileOffset: number;
  readonly textOffset: number;
}

/** The text of a recording's file, compressed or not, from front to back. */
export interface TextSource {
  /** Puts the next bytes into the room; how many, 0 at the end. @throws QikiError recording_damaged */
  read(room: Buffer): number;
  /** The end of a compressed file that holds no whole block, once all is read. */
  readonly torn: { readonly offset: number; readonly bytes: number } | undefined;
  /** The last place at or before an offset of the text from which the file can be read. */
  placeBefore(textOffset: number): TextPlace;
  close(): void;
}

const START: TextPlace = { fileOffset: 0, textOffset: 0 };
const CHUNK_BYTES = 1_048_576;

/** Whether a file of this name holds zstd frames. */
export function isCompressed(path: string): boolean {
  return path.endsWith(".zst");
}

/** @throws QikiError file_unreadable */
export function openText(path: string, from: TextPlace = START): TextSource {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new QikiError("file_unreadable", `recording ${path} cannot be read: ${(error as Error).message}`, error);
  }
  return isCompressed(path) ? new ZstdText(path, file, from) : new PlainText(path, file, from);
}

class PlainText implements TextSource {
  readonly torn = undefined;
  readonly #path: string;
  readonly #file: number;
  #at: number;

  constructor(path: string, file: number, { fileOffset }: TextPlace) {
    this.#path = path;
    this.#file = file;
    this.#at = fileOffset;
  }

  read(room: Buffer): number {
    const bytesRead = readAt(this.#path, this.#file, room, this.#at);
    this.#at += bytesRead;
    return bytesRead;
  }

  placeBefore(textOffset: number): TextPlace {
    return { fileOffset: textOffset, textOffset };
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Frame after frame, each opened as a whole; of one that was torn its whole blocks. */
class ZstdText implements TextSource {
  torn: TextSource["torn"];
  readonly #path: string;
  readonly #file: number;
  readonly #frames: TextPlace[] = [];
  /** Bytes of the file that are not opened yet, and where the first of them stands. */
  #packed: Buffer = Buffer.alloc(0);
  #packedAt: number;
  /** Text that is not handed on yet, and how much was opened up to its end. */
  #text: Buffer = Buffer.alloc(0);
  #textEnd: number;

  constructor(path: string, file: number, { fileOffset, textOffset }: TextPlace) {
    this.#path = path;
    this.#file = file;
    this.#packedAt = fileOffset;
    this.#textEnd = textOffset;
  }

  read(room: Buffer): number {
    while (this.#text.length === 0) if (!this.#openFrame()) return 0;
    const bytes = this.#text.copy(room);
    this.#text = this.#text.subarray(bytes);
    return bytes;
  }

  placeBefore(textOffset: number): TextPlace {
    return this.#frames.findLast((frame) => frame.textOffset <= textOffset) ?? START;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Opens the next frame, or what is left of it; false at the end. */
  #openFrame(): boolean {
    for (;;) {
      const scan = scanFrame(this.#packed, 0);
      switch (scan.kind) {
        case "none":
          return this.#openDamaged(scan.reason);
        case "skippable":
          this.#drop(scan.end);
          break;
        case "open":
          if (this.#readMore()) break;
          return this.#openTorn(scan.blocksEnd);
        case "whole":
          return this.#openWhole(scan.end);
      }
    }
  }

  #openWhole(end: number): boolean {
    let text: Buffer;
    try {
      text = frameText(this.#packed.subarray(0, end));
    } catch (error) {
      return this.#openDamaged((error as Error).message);
    }
    this.#take(text, end);
    return true;
  }

  /** At the end of the file: what was written in whole blocks of a frame is still there. */
  #openTorn(blocksEnd: number): boolean {
    const text = tornFrameText(this.#packed.subarray(0, blocksEnd));
    const kept = text.length > 0 ? blocksEnd : 0;
    const bytes = this.#packed.length - kept;
    if (bytes > 0) this.torn = { offset: this.#packedAt + kept, bytes };
    this.#take(text, this.#packed.length);
    return text.length > 0;
  }

  /** A loss of power may leave noise at the end of a file; with a frame behind it, it is damage. @throws QikiError recording_damaged */
  #openDamaged(reason: string): boolean {
    for (;;) {
      if (this.#packedAt === 0 || this.#packed.includes(FRAME_MAGIC, 1))
        throw new QikiError("recording_damaged", `${this.#path}: byte ${this.#packedAt} begins no whole zstd frame: ${reason}`);
      if (!this.#readMore()) return this.#openTorn(0);
    }
  }

  #take(text: Buffer, packedBytes: number): void {
    this.#frames.push({ fileOffset: this.#packedAt, textOffset: this.#textEnd });
    this.#text = text;
    this.#textEnd += text.length;
    this.#drop(packedBytes);
  }

  #drop(bytes: number): void {
    this.#packed = this.#packed.subarray(bytes);
    this.#packedAt += bytes;
  }

  #readMore(): boolean {
    const more = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, this.#packed.length));
    const bytesRead = readAt(this.#path, this.#file, more, this.#packedAt + this.#packed.length);
    this.#packed = Buffer.concat([this.#packed, more.subarray(0, bytesRead)]);
    return bytesRead > 0;
  }
}

function readAt(path: string, file: number, room: Buffer, at: number): number {
  try {
    return readSync(file, room, 0, room.length, at);
  } catch (error) {
    throw new QikiError("file_unreadable", `recording ${path} cannot be read: ${(error as Error).message}`, error);
  }
}
