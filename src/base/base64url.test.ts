import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64UrlDecode, base64UrlEncode } from "./base64url.ts";
import { utf8Encode } from "./utf8.ts";

describe("base64url", () => {
  test("base64url - gives the vectors of RFC 4648 without padding", () => {
    const texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
    expect(texts.map((text) => base64UrlEncode(utf8Encode(text)))).toEqual(["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"]);
    expect(base64UrlEncode(Uint8Array.of(0xfb, 0xff))).toBe("-_8");
  });

  test("base64url - decodes what it encoded", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(base64UrlDecode(base64UrlEncode(bytes))).toEqual(bytes);
      }),
      { seed: 2 },
    );
  });

  test("base64url - refuses other letters, padding, a lone letter and bits that no byte holds", () => {
    for (const text of ["Zg==", "Z", "Zm+v", "Zm/v", "Zh", "Zm9", "🛰a"]) expect(base64UrlDecode(text), text).toBeUndefined();
  });
});
