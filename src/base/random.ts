import { assert } from "./assert.ts";
import { hash128 } from "./murmur3.ts";
import { utf8Encode } from "./utf8.ts";

/** One seeded stream of random numbers. Its four words are its whole state. */
export interface RandomStream {
  /** 32 random bits, 0..2^32-1. */
  nextU32(): number;
  /** Integer in low..high, both inclusive, without modulo bias. */
  integer(low: number, high: number): number;
  /** In (0,1), never an end: (u32 + 0.5) / 2^32. */
  uniform(): number;
  /** Standard normal by Box and Muller (1958), two uniforms drawn each time. */
  gaussian(): number;
  /** State to carry into a snapshot. */
  words(): readonly [number, number, number, number];
}

/**
 * The stream of one consumer: xoshiro128** 1.1 (Blackman and Vigna, 2021), seeded by MurmurHash3 x86 128 of its name,
 * `<seed>/<consumer>`. A new consumer gets a new name and so shifts no other stream.
 */
export function randomStream(name: string): RandomStream {
  const hash = hash128(utf8Encode(name));
  return restoreRandomStream([hash[0]!, hash[1]!, hash[2]!, hash[3]!]);
}

/** A stream that continues from the words of an earlier one; four zeros become 1,0,0,0. */
export function restoreRandomStream(words: readonly [number, number, number, number]): RandomStream {
  let [s0, s1, s2, s3] = words;
  if ((s0 | s1 | s2 | s3) === 0) s0 = 1;

  function nextU32(): number {
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  }

  function uniform(): number {
    return (nextU32() + 0.5) / 4294967296;
  }

  return {
    nextU32,
    uniform,
    integer(low, high) {
      assert(Number.isSafeInteger(low) && Number.isSafeInteger(high) && low <= high, "a range of integers", { low, high });
      const span = high - low + 1;
      assert(span <= 4294967296, "a range of at most 2^32 integers", { low, high });
      const limit = 4294967296 - (4294967296 % span);
      for (;;) {
        const draw = nextU32();
        if (draw < limit) return low + (draw % span);
      }
    },
    gaussian() {
      const u1 = uniform();
      const u2 = uniform();
      return Math.sqrt(-2 * Math.log(u1)) * Math.cos(2 * Math.PI * u2);
    },
    words: () => [s0 >>> 0, s1 >>> 0, s2 >>> 0, s3 >>> 0],
  };
}
