import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DECIMAL_BYTES, writeDecimal } from "./decimal.ts";
import { RepeatedJson } from "./repeated-json.ts";
import { utf8Decode } from "./utf8.ts";

describe("decimal", () => {
  /** What is written, or undefined where it is left to `String`. */
  function decimal(value: number): string | undefined {
    const bytes = new Uint8Array(DECIMAL_BYTES + 3);
    const end = writeDecimal(value, bytes, 3);
    expect(end, `${value}`).toBeLessThanOrEqual(bytes.length);
    return end < 0 ? undefined : utf8Decode(bytes.subarray(3, end));
  }

  test.each([0, 1, -1, 250, 999_999_999, 0.1, -0.3, 0.1 + 0.2, 1 / 3, 1e-5, 123_456.789, 1_767_225_610_200, -99_999_999.999_999_99])(
    "decimal - writes %d as String does",
    (value) => expect(decimal(value)).toBe(String(value)),
  );

  test.each([0.5, 1024.5 / 1024.5 / 4, 9.999_999_999_999_999e-6, 1e15, Number.NaN, Infinity, -Infinity, 5e-324])(
    "decimal - leaves %d to String",
    (value) => expect(decimal(value)).toBeUndefined(),
  );

  test("decimal - numbers of random bits, short decimals and quotients are written as String does (seed 3)", () => {
    const bits = fc.tuple(
      fc.integer({ min: 1006, max: 1072 }),
      fc.double({ min: 1, max: 2, maxExcluded: true, noNaN: true }),
      fc.boolean(),
    );
    const anyBits = bits.map(([exponent, mantissa, sign]) => (sign ? -1 : 1) * mantissa * 2 ** (exponent - 1023));
    const short = fc.tuple(fc.integer({ min: -1e15, max: 1e15 }), fc.integer({ min: 0, max: 19 })).map(([n, point]) => n / 10 ** point);
    const quotient = fc.tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: 1, max: 1000 })).map(([a, b]) => a / b);
    let written = 0;
    fc.assert(
      fc.property(fc.oneof(anyBits, short, quotient), (value) => {
        const text = decimal(value);
        if (text === undefined) return;
        written += 1;
        expect(text).toBe(String(value));
      }),
      { seed: 3, numRuns: 50_000 },
    );
    expect(written).toBeGreaterThan(40_000);
  });
});

describe("repeated json", () => {
  test("json - values of one shape and of others in turn give the bytes of JSON.stringify (seed 4)", () => {
    const leaf = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom<unknown>(0, -0, 0.1, 9.5, 10.25, null, true, false, undefined, "", "ok", 'a "b" \\ \n', "Ω", "\ud800", "\u2028"),
      fc.string({ unit: "grapheme" }),
    );
    const value = fc.letrec<{ any: unknown; object: object }>((tie) => ({
      any: fc.oneof({ depthSize: "small" }, leaf, tie("object"), fc.array(tie("any"), { maxLength: 4 })),
      object: fc.dictionary(fc.oneof(fc.constantFrom("a", "b", "é", 'q"', "1"), fc.string()), tie("any"), { maxKeys: 6 }),
    })).object;
    /** The same keys in the same places, with other leaves. */
    const changed = (given: unknown, leaves: () => unknown): unknown => {
      if (Array.isArray(given)) return given.map((item) => changed(item, leaves));
      if (typeof given === "object" && given !== null)
        return Object.fromEntries(Object.entries(given).map(([key, member]) => [key, changed(member, leaves)]));
      return given === undefined ? given : leaves();
    };
    fc.assert(
      fc.property(value, value, fc.array(fc.array(leaf, { minLength: 1 }), { minLength: 3, maxLength: 3 }), (one, other, draws) => {
        const json = new RepeatedJson();
        const alike = draws.map((leaves) => {
          let drawn = 0;
          return changed(one, () => leaves[drawn++ % leaves.length]) as object;
        });
        const texts = [one, one, ...alike, other, one].map((each) => [utf8Decode(json.encode(each)), JSON.stringify(each)]);
        for (const [ours, expected] of texts) expect(ours).toBe(expected);
      }),
      { seed: 4, numRuns: 3000 },
    );
  });

  test("json - bytes given out stay what they are", () => {
    const json = new RepeatedJson();
    const first = json.encode({ a: 1 });
    json.encode({ a: 2 });
    expect(utf8Decode(first)).toBe('{"a":1}');
  });
});
