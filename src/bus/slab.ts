const SLAB_BYTES = 262_144;
const OWN_BUFFER_BYTES = 16_384;

/**
 * Copies byte strings into shared blocks of memory: one allocation serves many messages. A block lives while one of its
 * messages does, so messages that are kept for long and those that pass through use different slabs.
 */
export class Slab {
  private block: ArrayBuffer = new ArrayBuffer(0);
  private used = 0;

  copy(bytes: Uint8Array): Uint8Array {
    if (bytes.length > OWN_BUFFER_BYTES) return new Uint8Array(bytes);
    if (this.used + bytes.length > this.block.byteLength) {
      // Not zeroed: every byte handed out is written first.
      this.block = Buffer.allocUnsafeSlow(SLAB_BYTES).buffer;
      this.used = 0;
    }
    const copy = new Uint8Array(this.block, this.used, bytes.length);
    copy.set(bytes);
    this.used += bytes.length;
    return copy;
  }
}
