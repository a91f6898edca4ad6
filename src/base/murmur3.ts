import { assert } from "./assert.ts";

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/** The four words of a 128-bit hash, h1..h4. */
export type Hash128 = Uint32Array;

/** MurmurHash3 x86 128 (A. Appleby, MurmurHash3.cpp, public domain algorithm) of bytes. */
export function hash128(bytes: Uint8Array, seed = 0, out: Hash128 = new Uint32Array(4)): Hash128 {
  if (bytes.byteOffset % 4 === 0) return hash128Words(wordsOf(bytes), bytes.length, seed, bytes, out);
  const copy = bytes.slice();
  return hash128Words(wordsOf(copy), copy.length, seed, copy, out);
}

/** The same hash of the little-endian bytes of f64 values, read in place. */
export function hash128Floats(values: Float64Array, out: Hash128 = new Uint32Array(4)): Hash128 {
  const byteLength = values.length * 8;
  const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  return hash128Words(words, byteLength, 0, new Uint8Array(values.buffer, values.byteOffset, byteLength), out);
}

/** Full 16-byte blocks are read as words, the rest as bytes: two views of the same memory. */
function hash128Words(words: Int32Array, byteLength: number, seed: number, bytes: Uint8Array, out: Hash128): Hash128 {
  assert(out.length === 4, "a 128-bit hash has four words", { words: out.length });
  let h1 = seed;
  let h2 = seed;
  let h3 = seed;
  let h4 = seed;
  const blocks = byteLength >>> 4;
  for (let block = 0, i = 0; block < blocks; block += 1, i += 4) {
    let k1 = Math.imul(words[i]!, C1);
    k1 = (k1 << 15) | (k1 >>> 17);
    h1 ^= Math.imul(k1, C2);
    h1 = (h1 << 19) | (h1 >>> 13);
    h1 = (Math.imul((h1 + h2) | 0, 5) + 0x561ccd1b) | 0;
    let k2 = Math.imul(words[i + 1]!, C2);
    k2 = (k2 << 16) | (k2 >>> 16);
    h2 ^= Math.imul(k2, C3);
    h2 = (h2 << 17) | (h2 >>> 15);
    h2 = (Math.imul((h2 + h3) | 0, 5) + 0x0bcaa747) | 0;
    let k3 = Math.imul(words[i + 2]!, C3);
    k3 = (k3 << 17) | (k3 >>> 15);
    h3 ^= Math.imul(k3, C4);
    h3 = (h3 << 15) | (h3 >>> 17);
    h3 = (Math.imul((h3 + h4) | 0, 5) + 0x96cd1c35) | 0;
    let k4 = Math.imul(words[i + 3]!, C4);
    k4 = (k4 << 18) | (k4 >>> 14);
    h4 ^= Math.imul(k4, C1);
    h4 = (h4 << 13) | (h4 >>> 19);
    h4 = (Math.imul((h4 + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  const tail = byteLength & 15;
  if (tail > 0) {
    const at = blocks * 16;
    let k1 = 0;
    let k2 = 0;
    let k3 = 0;
    let k4 = 0;
    for (let i = tail - 1; i >= 0; i -= 1) {
      const byte = bytes[at + i]! << ((i & 3) * 8);
      if (i >= 12) k4 |= byte;
      else if (i >= 8) k3 |= byte;
      else if (i >= 4) k2 |= byte;
      else k1 |= byte;
    }
    h4 ^= Math.imul(rotl(Math.imul(k4, C4), 18), C1);
    h3 ^= Math.imul(rotl(Math.imul(k3, C3), 17), C4);
    h2 ^= Math.imul(rotl(Math.imul(k2, C2), 16), C3);
    h1 ^= Math.imul(rotl(Math.imul(k1, C1), 15), C2);
  }
  h1 ^= byteLength;
  h2 ^= byteLength;
  h3 ^= byteLength;
  h4 ^= byteLength;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = finalMix(h1);
  h2 = finalMix(h2);
  h3 = finalMix(h3);
  h4 = finalMix(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  out[0] = h1;
  out[1] = h2 + h1;
  out[2] = h3 + h1;
  out[3] = h4 + h1;
  return out;
}

/** h1..h4 as 32 lower-case hex digits. */
export function hash128Hex(hash: Hash128): string {
  let text = "";
  for (let word = 0; word < 4; word += 1) {
    const value = hash[word]!;
    text += HEX_BYTES[value >>> 24]! + HEX_BYTES[(value >>> 16) & 255]! + HEX_BYTES[(value >>> 8) & 255]! + HEX_BYTES[value & 255]!;
  }
  return text;
}

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, "hashes read memory as little-endian: a big-endian machine is not supported");

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

function rotl(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function finalMix(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
