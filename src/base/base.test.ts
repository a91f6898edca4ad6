import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { ERROR_EXIT_CODES } from "./error.ts";
import { hash128, hash128Floats, hash128Hex } from "./murmur3.ts";
import { randomStream, restoreRandomStream } from "./random.ts";
import { dayOfYear, formatUtcMs, formatUtcUs, parseUtcMs } from "./rfc3339.ts";
import { sha256Hex } from "./sha256.ts";
import { asTick, eventTimeMs, runIdOf, simTimeS, ticksOfSeconds, wireId } from "./tick-time.ts";
import { utf8Decode, utf8Encode } from "./utf8.ts";

describe("murmur3", () => {
  test("SIM-011 digest - hashes nothing, three floats and the reference's own verification input", () => {
    expect(hash128Hex(hash128(new Uint8Array(0)))).toBe("0".repeat(32));
    expect(hash128Hex(hash128Floats(new Float64Array([1, 2, 3])))).toBe("d97799e2e90eb708789182c499a689cd");
    // SMHasher's verification: hashes of the keys {}, {0}, {0,1}, … under seeds 256, 255, …, then the hash of those hashes.
    const all = new Uint8Array(256 * 16);
    for (let length = 0; length < 256; length += 1) {
      const key = Uint8Array.from({ length }, (_, index) => index);
      all.set(new Uint8Array(hash128(key, 256 - length).buffer), length * 16);
    }
    expect(hash128(all)[0]!.toString(16)).toBe("b3ece62a");
  });

  test("digest - an unaligned view hashes as its copy", () => {
    const bytes = Uint8Array.from({ length: 41 }, (_, index) => index * 7);
    for (let offset = 0; offset < 4; offset += 1) {
      expect(hash128Hex(hash128(bytes.subarray(offset)))).toBe(hash128Hex(hash128(bytes.slice(offset))));
    }
  });
});

describe("random", () => {
  test("random - xoshiro128** gives the reference sequence of state 1,2,3,4", () => {
    const stream = restoreRandomStream([1, 2, 3, 4]);
    expect([stream.nextU32(), stream.nextU32(), stream.nextU32(), stream.nextU32()]).toEqual([11520, 0, 5927040, 70819200]);
  });

  test("random - a stream restored from its words goes on as if never stopped", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(50), (name, drawn) => {
        const stream = randomStream(name);
        for (let draw = 0; draw < drawn; draw += 1) stream.nextU32();
        const restored = restoreRandomStream(stream.words());
        for (let draw = 0; draw < 20; draw += 1) expect(restored.nextU32()).toBe(stream.nextU32());
      }),
      { seed: 1 },
    );
  });

  test("random - uniform stays inside (0,1), integers inside their range, gaussians have unit variance", () => {
    const stream = randomStream("42/test");
    let sum = 0;
    let squares = 0;
    const seen = new Set<number>();
    for (let draw = 0; draw < 20_000; draw += 1) {
      const u = stream.uniform();
      expect(u > 0 && u < 1).toBe(true);
      seen.add(stream.integer(-2, 3));
      const g = stream.gaussian();
      sum += g;
      squares += g * g;
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3]);
    expect(Math.abs(sum / 20_000)).toBeLessThan(0.03);
    expect(Math.abs(squares / 20_000 - 1)).toBeLessThan(0.04);
  });
});

describe("canonical JSON", () => {
  test("AUD-006 canonical JSON - key order in the input does not change the hash", () => {
    expect(canonicalJson({ b: 1, a: "é" })).toBe('{"a":"é","b":1}');
    expect(sha256Hex(canonicalJson({ b: 1, a: "é" }))).toBe(sha256Hex('{"a":"é","b":1}'));
  });

  test("canonical JSON - parses back to the same value, with undefined members gone and -0 as 0", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
      { seed: 2 },
    );
    expect(canonicalJson({ b: undefined, a: -0 })).toBe('{"a":0}');
  });

  test("canonical JSON - a list, written in one go or not, is its items joined", () => {
    const item = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.string(), fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(undefined))),
    );
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(canonicalJson(items)).toBe(`[${items.map((one) => canonicalJson(one)).join(",")}]`);
      }),
      { seed: 3, numRuns: 1000 },
    );
    expect(canonicalJson([-0, undefined, { b: [1, { d: 1, c: undefined }], a: 2 }, 1e21])).toBe('[0,null,{"a":2,"b":[1,{"d":1}]},1e+21]');
  });

  test("canonical JSON - refuses NaN and infinity", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      for (const holder of [{ value }, [1, value], [{ a: [value] }]]) expect(() => canonicalJson(holder)).toThrow("finite");
  });
});

describe("time", () => {
  test("SIM-012 identity - run and event ids of seed 42 are the pinned uuids", () => {
    const runId = runIdOf(42, 0, "0");
    expect(runId).toBe("854ca25f-fa62-5dc8-8ec3-302659e4ebe3");
    expect(wireId(runId, "evt", asTick(1200), 0)).toBe("87878ac5-69eb-5e76-86ce-8994a75a9a8d");
  });

  test("time - sim time is a product, event time an integer, spans round up with 1e-9 forgiven", () => {
    expect(simTimeS(asTick(3), 100)).toBe(0.3);
    expect(eventTimeMs(1767225600000, asTick(310), 100)).toBe(1767225631000);
    expect(ticksOfSeconds(12.3, 100)).toBe(123);
    expect(ticksOfSeconds(0.01, 100)).toBe(1);
  });

  test("rfc3339 - agrees with the platform's calendar over 400 years and parses what it formats", () => {
    fc.assert(
      fc.property(fc.integer({ min: -2e12, max: 1.1e13 }), (ms) => {
        expect(formatUtcMs(ms)).toBe(new Date(ms).toISOString());
        expect(parseUtcMs(formatUtcMs(ms))).toBe(ms);
      }),
      { seed: 3 },
    );
    expect(parseUtcMs("2026-01-01T02:00:00+02:00")).toBe(1767225600000);
    expect(parseUtcMs("2026-01-01T00:00:00")).toBe(1767225600000);
    for (const bad of ["abc", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T24:00:00Z"]) {
      expect(parseUtcMs(bad)).toBeUndefined();
    }
    expect(formatUtcUs(1767225600000000)).toBe("2026-01-01T00:00:00Z");
    expect(formatUtcUs(1767225600000001)).toBe("2026-01-01T00:00:00.000001Z");
    expect(formatUtcUs(1767225600000000, "always")).toBe("2026-01-01T00:00:00.000000Z");
    expect(dayOfYear(Date.UTC(2024, 11, 31))).toBe(366);
  });
});

describe("text and errors", () => {
  test("utf8 - round trip; broken bytes are undefined", () => {
    expect(utf8Decode(utf8Encode("é→😀"))).toBe("é→😀");
    expect(utf8Decode(Uint8Array.of(0xff))).toBeUndefined();
  });

  test("errors - codes and exit codes are pinned: a code never gets another meaning", () => {
    expect(ERROR_EXIT_CODES).toEqual({
      usage: 2,
      config_invalid: 2,
      profile_invalid: 2,
      scenario_invalid: 2,
      rules_invalid: 2,
      tokens_invalid: 2,
      file_unreadable: 2,
      file_exists: 2,
      folder_unwritable: 2,
      store_newer: 2,
      auth_config: 2,
      snapshot_refused: 2,
      not_reachable: 3,
      not_verifiable: 3,
      bad_subject: 2,
      payload_too_large: 2,
      no_responders: 3,
      timeout: 3,
      closed: 3,
      auth_failed: 3,
      stream_unknown: 2,
      revision_mismatch: 1,
      recording_damaged: 4,
      store_damaged: 4,
      backup_damaged: 4,
      port_in_use: 5,
      data_folder_in_use: 5,
      store_in_use: 5,
      audit_unavailable: 6,
      disk: 6,
      internal: 6,
    });
  });
});
