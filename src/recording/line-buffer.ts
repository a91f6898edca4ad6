import type { EncodedLine } from "./line.ts";

/** Memory for the lines of one batch, used again for the next. */
export class LineBuffer {
  private bytes = Buffer.allocUnsafe(524_288);
  length = 0;

  append({ before, dataJson, after }: EncodedLine): void {
    this.reserve((before.length + after.length) * 3 + dataJson.length);
    this.length += this.bytes.write(before, this.length);
    this.bytes.set(dataJson, this.length);
    this.length += dataJson.length;
    this.length += this.bytes.write(after, this.length);
  }

  /** The bytes from a place on; valid until the buffer is cleared. */
  from(start: number): Buffer {
    return this.bytes.subarray(start, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  private reserve(room: number): void {
    if (this.length + room <= this.bytes.length) return;
    const wider = Buffer.allocUnsafe((this.length + room) * 2);
    this.bytes.copy(wider, 0, 0, this.length);
    this.bytes = wider;
  }
}
