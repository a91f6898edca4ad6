const ITEMS_MAX = 65_536;
const BYTES_MAX = 33_554_432;
/** Cutting moves what stays, so it is done a part at a time. */
const CUT_SHARE = 1.125;

export interface LogRingLimits {
  readonly items: number;
  readonly bytes: number;
}

/** The newest items of a log topic, numbered from 1, as the JSON texts that every console gets. */
export interface LogRing {
  /** Number of the oldest item held; `last + 1` when there is none. */
  readonly first: number;
  /** Number of the newest item ever appended. */
  readonly last: number;
  append(text: string): void;
  /** Texts from number `from` on, as many as fit into the bytes, and at least one where there is one. */
  read(from: number, bytesMax: number): readonly string[];
  /** Number from which on at most so many items and bytes are held. */
  newest(limits: LogRingLimits): number;
}

export function createLogRing(limits: LogRingLimits = { items: ITEMS_MAX, bytes: BYTES_MAX }): LogRing {
  let texts: string[] = [];
  /** Bytes of everything ever appended up to each item held, that item included. */
  let endBytes: number[] = [];
  /** Bytes of everything ever appended before the oldest item held. */
  let startBytes = 0;
  let first = 1;

  const totalBytes = (): number => endBytes.at(-1) ?? startBytes;
  const bytesBefore = (index: number): number => (index === 0 ? startBytes : endBytes[index - 1]!);

  function newest({ items, bytes }: LogRingLimits): number {
    let low = Math.max(0, texts.length - items);
    let high = texts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (totalBytes() - bytesBefore(middle) <= bytes) high = middle;
      else low = middle + 1;
    }
    return first + low;
  }

  function cut(count: number): void {
    startBytes = bytesBefore(count);
    texts = texts.slice(count);
    endBytes = endBytes.slice(count);
    first += count;
  }

  return {
    get first() {
      return first;
    },
    get last() {
      return first + texts.length - 1;
    },
    append(text) {
      endBytes.push(totalBytes() + Buffer.byteLength(text));
      texts.push(text);
      const tooMany = texts.length > limits.items * CUT_SHARE;
      const tooLarge = totalBytes() - startBytes > limits.bytes * CUT_SHARE;
      if (tooMany || tooLarge) cut(newest(limits) - first);
    },
    read(from, bytesMax) {
      const start = Math.max(0, from - first);
      let end = start;
      while (end < texts.length && (end === start || endBytes[end]! - bytesBefore(start) <= bytesMax)) end += 1;
      return texts.slice(start, end);
    },
    newest,
  };
}
