import { describe, expect } from "vitest";
import { base64UrlDecode } from "#base/base64url.ts";
import { utf8Decode } from "#base/utf8.ts";
import { INCIDENT_KEY_PREFIX, incidentKey, STATE_BUCKET, STREAMS } from "#contracts/streams.ts";
import type { LastValueChange } from "../port.ts";
import { busTest, bytesOf, type MakeHarness, textOf } from "./harness.ts";

export function lastValueSuite(makeHarness: MakeHarness): void {
  describe("last values", () => {
    busTest(makeHarness, "BUS-013 last value - put, get, a stale ifRevision refused, survives a restart", async (harness, bus) => {
      const state = bus.lastValue(STATE_BUCKET);
      expect(await state.get("kpi")).toBeUndefined();
      const first = await state.put("kpi", bytesOf("1"), { ifRevision: 0 });
      const second = await state.put("kpi", bytesOf("2"), { ifRevision: first });
      expect(second).toBeGreaterThan(first);
      const mismatch = { code: "revision_mismatch" };
      await expect(state.put("kpi", bytesOf("3"), { ifRevision: first })).rejects.toMatchObject(mismatch);
      await expect(state.put("kpi", bytesOf("3"), { ifRevision: 0 })).rejects.toMatchObject(mismatch);
      await expect(state.put("new", bytesOf("3"), { ifRevision: 9 })).rejects.toMatchObject(mismatch);
      expect(textOf(await state.get("kpi"))).toBe("2");
      await harness.restart();
      const again = (await harness.connect()).lastValue(STATE_BUCKET);
      const entry = await again.get("kpi");
      expect([entry?.key, textOf(entry), entry?.revision]).toEqual(["kpi", "2", second]);
      expect(await again.put("kpi", bytesOf("3"))).toBeGreaterThan(second);
    });

    busTest(makeHarness, "BUS-013 last value - a watch tells what is there and what changes, deletions too", async (harness, bus) => {
      const state = bus.lastValue(STATE_BUCKET);
      await state.put("incidents.a", bytesOf("1"));
      await state.put("run", bytesOf("r"));
      await state.put("incidents.gone", bytesOf("x"));
      await state.delete("incidents.gone");
      const other = (await harness.connect()).lastValue(STATE_BUCKET);
      const changes = iterate(other.watch("incidents.", { existing: true }));
      expect(shown(await changes.next())).toEqual(["incidents.a", "1"]);
      await state.put("sim_state", bytesOf("s"));
      await state.put("incidents.b", bytesOf("2"));
      expect(shown(await changes.next())).toEqual(["incidents.b", "2"]);
      await state.delete("incidents.a");
      expect(shown(await changes.next())).toEqual(["incidents.a", undefined]);
      expect(await state.get("incidents.a")).toBeUndefined();
      const waiting = changes.next();
      await changes.return!();
      expect((await waiting).done).toBe(true);
    });

    busTest(makeHarness, "last value - a deleted key may be made anew, also after a restart", async (harness, bus) => {
      const state = bus.lastValue(STATE_BUCKET);
      const first = await state.put("run", bytesOf("1"));
      await state.delete("run");
      await harness.restart();
      const again = (await harness.connect()).lastValue(STATE_BUCKET);
      expect(await again.get("run")).toBeUndefined();
      expect(await again.put("run", bytesOf("2"), { ifRevision: 0 })).toBeGreaterThan(first);
    });

    busTest(makeHarness, "last value - bytes are copied, an empty value is one", async (_, bus) => {
      const state = bus.lastValue(STATE_BUCKET);
      const buffer = bytesOf("kept");
      const put = state.put("run", buffer);
      buffer.fill(0);
      await put;
      expect(textOf(await state.get("run"))).toBe("kept");
      await state.put("kpi", new Uint8Array(0));
      expect((await state.get("kpi"))?.bytes).toHaveLength(0);
    });

    busTest(makeHarness, "BUS-014 mode - set, its stream purged, restarted: the mode is known", async (harness, bus) => {
      await bus.streams.ensure(STREAMS.events);
      bus.publish("qiki.events.v1.system_mode", bytesOf("MISSION"));
      await bus.lastValue(STATE_BUCKET).put("system_mode", bytesOf("MISSION"));
      await bus.barrier(5_000);
      await bus.streams.purge(STREAMS.events.name);
      await harness.restart();
      const again = await harness.connect();
      expect((await again.streams.info(STREAMS.events.name)).messages).toBe(0);
      expect(textOf(await again.lastValue(STATE_BUCKET).get("system_mode"))).toBe("MISSION");
    });

    busTest(makeHarness, "BUS-029 keys - an incident id travels as base64url, a key with : or % is bad_subject", async (_, bus) => {
      const state = bus.lastValue(STATE_BUCKET);
      const key = incidentKey("TEMP_CORE_SPIKE:core");
      expect(key).toBe("incidents.VEVNUF9DT1JFX1NQSUtFOmNvcmU");
      await state.put(key, bytesOf("OPEN"));
      expect(textOf(await state.get(key))).toBe("OPEN");
      expect(utf8Decode(base64UrlDecode(key.slice(INCIDENT_KEY_PREFIX.length))!)).toBe("TEMP_CORE_SPIKE:core");
      for (const bad of ["incidents.TEMP_CORE_SPIKE:core", "a%3A", "", ".a", "a.", "a..b", "a b", "*", ">"]) {
        await expect(state.put(bad, bytesOf("x")), bad).rejects.toMatchObject({ code: "bad_subject" });
        await expect(state.get(bad), bad).rejects.toMatchObject({ code: "bad_subject" });
      }
    });

    busTest(makeHarness, "prefix - last values of a prefixed connection are its own", async (harness, bus) => {
      const replay = (await harness.connect({ prefix: "replay" })).lastValue(STATE_BUCKET);
      await replay.put("run", bytesOf("replayed"));
      expect(await bus.lastValue(STATE_BUCKET).get("run")).toBeUndefined();
      expect(textOf(await replay.get("run"))).toBe("replayed");
    });
  });
}

function iterate(changes: AsyncIterable<LastValueChange>): AsyncIterator<LastValueChange> {
  return changes[Symbol.asyncIterator]();
}

function shown(result: IteratorResult<LastValueChange>): [string | undefined, string | undefined] {
  return result.done === true ? [undefined, undefined] : [result.value.key, textOf(result.value)];
}
