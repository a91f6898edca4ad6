import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { utf8Encode } from "./utf8.ts";

/** SHA-256 of bytes or of a text's UTF-8 bytes, 64 lower-case hex digits. */
export function sha256Hex(input: Uint8Array | string): string {
  return bytesToHex(sha256(typeof input === "string" ? utf8Encode(input) : input));
}
