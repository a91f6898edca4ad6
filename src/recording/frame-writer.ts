import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";

const LEVEL = 3;
const OUT_BYTES = 262_144;
/** Text of one frame, unless a keyframe ends it sooner. */
const FRAME_BYTES = 4 * 1_048_576;

/** Makes zstd frames of text that comes in batches: what was flushed can be read though the frame has no end yet. */
export class FrameWriter {
  readonly #zstd: ZstdCompress;
  #out: Buffer[] = [];
  #frameBytes = 0;
  #failure: Error | undefined;

  constructor() {
    this.#zstd = createZstdCompress({ chunkSize: OUT_BYTES, params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
    this.#zstd.on("data", (bytes: Buffer) => void this.#out.push(bytes));
    this.#zstd.on("error", (error) => (this.#failure = error));
  }

  /**
   * Compressed bytes of a batch, to its last one.
   * @param breaks places in the batch, rising, before which a frame ends
   */
  async batch(text: Uint8Array, breaks: readonly number[]): Promise<Buffer> {
    let at = 0;
    for (const place of breaks) {
      await this.#add(text.subarray(at, place), true);
      at = place;
    }
    await this.#add(text.subarray(at), this.#frameBytes + text.length - at >= FRAME_BYTES);
    return this.#taken();
  }

  /** What ends the last frame. */
  async end(): Promise<Buffer> {
    await this.#add(new Uint8Array(), true);
    this.#zstd.close();
    return this.#taken();
  }

  async #add(text: Uint8Array, endsFrame: boolean): Promise<void> {
    if (text.length > 0) this.#zstd.write(text);
    this.#frameBytes += text.length;
    if (this.#frameBytes === 0) return;
    await new Promise<void>((done, fail) => {
      this.#zstd.once("error", fail);
      this.#zstd.flush(endsFrame ? constants.ZSTD_e_end : constants.ZSTD_e_flush, () => {
        this.#zstd.off("error", fail);
        done();
      });
    });
    if (endsFrame) this.#frameBytes = 0;
  }

  #taken(): Buffer {
    if (this.#failure !== undefined) throw this.#failure;
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    return bytes;
  }
}
