import { readFileSync, writeFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { QikiError } from "#base/error.ts";
import { auditEventSchema, auditRecordSchema, type AuditRecord } from "#contracts/audit.ts";
import { STATE_BUCKET, STATE_KEYS, STREAMS } from "#contracts/streams.ts";
import { QUERIES, SUBJECTS } from "#contracts/subjects.ts";
import { signCommand } from "#services/command-signature.ts";
import type { AlarmsStore } from "#store/alarms-store.ts";
import { shippedAlarms } from "./alarms-restart-child.ts";
import { type Body, cleanUpRigs, commandText, GATEWAY_KEY, newFolder, type ServiceRig, settle, startRig } from "./service-rig.ts";

afterEach(cleanUpRigs);

const SPIKE = "TEMP_CORE_SPIKE:core";
const HOT = { profile: "profiles/test/temp_core_spike.json", running: true } as const;
const ANNA = { actor: { id: "anna", role: "operator" } };
const BEN = { actor: { id: "ben", role: "operator" } };

/** A rig whose core has been too hot long enough for the alarm. */
async function hotRig(more: Parameters<typeof startRig>[0] = {}): Promise<ServiceRig> {
  const rig = await startRig({ ...HOT, ...more });
  await rig.clock.advance(5000);
  expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "B", acked: false, occ: 1 });
  return rig;
}

/** A command as the gateway signs it for a supervisor. */
function asSupervisor(name: string, parameters: Body): Body {
  const metadata = {
    message_id: `supervisor-${name}-${JSON.stringify(parameters)}`,
    key_id: "gateway",
    actor: { id: "sue", role: "supervisor" },
  };
  return { ...metadata, signature: signCommand({ command_name: name, parameters, metadata }, GATEWAY_KEY) };
}

async function ask(rig: ServiceRig, subject: string, request: Body): Promise<Body & { items: AuditRecord[] }> {
  const reply = await rig.bus.request(subject, Buffer.from(JSON.stringify(request)), { timeoutMs: 10_000 });
  return JSON.parse(Buffer.from(reply.bytes).toString("utf8")) as Body & { items: AuditRecord[] };
}

const chained = (rig: ServiceRig): AuditRecord[] => [...rig.store.records()] as AuditRecord[];

describe("incident commands", () => {
  test("CMD-039 effect - ack and shelve while STOPPED are confirmed with no tick between", async () => {
    const rig = await hotRig();
    await rig.command("sim.stop");
    const { tick } = rig.sim.machine;
    const ack = await rig.command("incident.ack", { incident_id: SPIKE, occ: 1 }, ANNA);
    expect(ack).toMatchObject({ ok: true, tick: tick + 1, order: 0, run_id: rig.sim.machine.runId });
    expect(ack.after_seq).toBe(rig.alarms.machine.afterSeq());
    const shelved = await rig.command("incident.shelve", { incident_id: SPIKE, duration_s: 60, reason: "known" }, ANNA);
    for (const { request_id: id } of [ack, shelved]) {
      expect(rig.audits("command_result", id)).toMatchObject([{ ok: true, operator: "anna" }]);
      expect(rig.audits("command_effect", id)).toMatchObject([{ ok: true, effect: "effect_confirmed" }]);
    }
    expect(rig.sim.machine.tick).toBe(tick);
    expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "G", acked: true, shelved: true });
  });

  test("INC-026 out of service - an operator may not, a supervisor may", async () => {
    const rig = await hotRig();
    const parameters = { incident_id: SPIKE, reason: "sensor is being replaced" };
    const refused = await rig.command("incident.out_of_service", parameters, ANNA);
    expect(refused.error_detail).toMatchObject({ code: "not_authorized", details: { given: "operator", expected: "supervisor" } });
    expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "B" });
    expect((await rig.command("incident.out_of_service", parameters, asSupervisor("incident.out_of_service", parameters))).ok).toBe(true);
    expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "I", out_of_service: true, service: { by: "sue" } });
  });

  test("INC-028 ack - another console sees its author at once; of two at the same time both are applied and one is recorded", async () => {
    const rig = await hotRig();
    const ackText = (parameters: Body, metadata: Body): Buffer =>
      Buffer.from(commandText("incident.ack", { incident_id: SPIKE, occ: 1, ...parameters }, metadata));
    rig.bus.publish(SUBJECTS.commands, ackText({ comment: "looking" }, { message_id: "a", ...ANNA }));
    rig.bus.publish(SUBJECTS.commands, ackText({}, { message_id: "b", ...BEN }));
    await settle();
    // No time has passed on any clock: what consoles show came with the ACK itself.
    const [first, second] = rig.acks.slice(-2);
    expect([first!.ok, second!.ok]).toEqual([true, true]);
    expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "C", ack: { operator: "anna", comment: "looking" } });
    expect(chained(rig).filter((record) => record.kind === "incident_ack").length).toBe(1);
  });

  test("INC-016 ack - of another occurrence is refused and names the current one", async () => {
    const rig = await hotRig();
    const ack = await rig.command("incident.ack", { incident_id: SPIKE, occ: 2 }, ANNA);
    expect(ack.error_detail).toMatchObject({ code: "not_allowed_in_state", details: { reason: "occ_mismatch", current_occ: 1 } });
    expect(rig.audits("command_result", ack.request_id)).toMatchObject([{ ok: false, code: "not_allowed_in_state" }]);
    expect(rig.audits("command_effect", ack.request_id)).toEqual([]);
  });

  test("INC-034 ack - the record of an existing console acknowledges as its operator, and is chained once", async () => {
    const rig = await hotRig();
    const record = {
      schema_version: 1,
      category: "audit",
      source: "operator_console",
      subject: "incident",
      kind: "incident_ack",
      incident_id: SPIKE,
      operator: "old hand",
      ts_epoch: 1_767_225_604,
    };
    rig.bus.publish(SUBJECTS.audit, Buffer.from(JSON.stringify(record)), { msgId: "old-1" });
    await rig.clock.advance(10);
    expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "C", ack: { operator: "old hand" } });
    const own = chained(rig).filter((one) => one.operator === "old hand");
    expect(own.map(({ kind, source }) => [kind, source])).toEqual([
      ["incident_ack", "alarms"],
      ["foreign", "alarms"],
    ]);
    expect(own[1]!.body).toEqual(record);
  });
});

describe("rules", () => {
  test("INC-031 reload - live incidents stay; a broken file is refused and the old rules stay in force", async () => {
    const rig = await hotRig();
    const text = readFileSync(rig.rulesPath, "utf8");
    const oldHash = rig.alarms.machine.rulesHash();
    writeFileSync(rig.rulesPath, text.replace("deadband: 1\n", "deadband: 2\n"));
    expect((await rig.command("rules.reload", {}, asSupervisor("rules.reload", {}))).ok).toBe(true);
    expect(rig.alarms.machine.rulesHash()).not.toBe(oldHash);
    expect(rig.incidents.get(SPIKE)).toMatchObject({ letter: "B", occ: 1 });
    expect(chained(rig).filter((record) => record.kind === "rules_changed")).toMatchObject([
      { operator: "sue", role: "supervisor", body: { old_hash: oldHash, new_hash: rig.alarms.machine.rulesHash() } },
    ]);
    const newHash = rig.alarms.machine.rulesHash();
    writeFileSync(rig.rulesPath, text.replace('op: ">"', 'op: "above"'));
    const { message_id: _, ...again } = asSupervisor("rules.reload", {});
    const refused = await rig.command("rules.reload", {}, { ...again, ...resigned("rules.reload", "again") });
    expect(refused.error_detail).toMatchObject({ code: "not_allowed_in_state", details: { reason: "rules_invalid" } });
    expect(refused.error_detail!.message).toContain("rules[0].threshold.op");
    expect(rig.alarms.machine.rulesHash()).toBe(newHash);
  });

  test("INC-031 switch - writes one word into the file; an unknown rule and an edited file are refused", async () => {
    const rig = await hotRig();
    const text = readFileSync(rig.rulesPath, "utf8");
    const parameters = { rule_id: "TEMP_CORE_SPIKE", enabled: false };
    const ack = await rig.command("rules.set_enabled", parameters, asSupervisor("rules.set_enabled", parameters));
    expect(ack.ok).toBe(true);
    expect(readFileSync(rig.rulesPath, "utf8")).toBe(
      text.replace("- id: TEMP_CORE_SPIKE\n", "- id: TEMP_CORE_SPIKE\n    enabled: false\n"),
    );
    expect(rig.audits("command_effect", ack.request_id)).toMatchObject([{ effect: "effect_confirmed", observed: { enabled: false } }]);
    expect(rig.incidents.get(SPIKE)).toMatchObject({ rule_disabled: true });
    const shown = await rig.bus.lastValue(STATE_BUCKET).get(STATE_KEYS.rules);
    const view = JSON.parse(Buffer.from(shown!.bytes).toString("utf8")) as { hash: string; rules: Body[] };
    expect(view.hash).toBe(rig.alarms.machine.rulesHash());
    expect(view.rules[0]).toMatchObject({ id: "TEMP_CORE_SPIKE", enabled: false, severity: "C", title: { en: "Core hot" } });
    const unknown = { rule_id: "NO_SUCH", enabled: true };
    expect((await rig.command("rules.set_enabled", unknown, asSupervisor("rules.set_enabled", unknown))).error_detail).toMatchObject({
      code: "invalid_parameter",
      details: { field: "rule_id", reason: "unknown_rule" },
    });
    writeFileSync(rig.rulesPath, text);
    const back = { rule_id: "TEMP_CORE_SPIKE", enabled: true };
    expect((await rig.command("rules.set_enabled", back, asSupervisor("rules.set_enabled", back))).error_detail?.details.reason).toBe(
      "rules_changed",
    );
  });

  test("INC-031 start - rules that changed while nothing ran come into force and are recorded", async () => {
    const folder = newFolder();
    const first = await startRig({ folder });
    const oldHash = first.alarms.machine.rulesHash();
    await first.stop();
    writeFileSync(first.rulesPath, `${readFileSync(first.rulesPath, "utf8")}# edited\n`);
    const second = await startRig({ folder });
    expect(second.alarms.machine.rulesHash()).not.toBe(oldHash);
    expect(chained(second).filter((record) => record.kind === "rules_changed")).toMatchObject([
      { operator: "system", body: { old_hash: oldHash } },
    ]);
  });
});

describe("audit", () => {
  test("AUD-001 chain - a scripted run has one record per transition, result and effect, joined by request id, and verifies", async () => {
    const rig = await hotRig();
    const ack = await rig.command("incident.ack", { incident_id: SPIKE, occ: 1 }, ANNA);
    const off = await rig.command("power.nbl.off", {}, BEN);
    await rig.clock.advance(3000);
    const records = chained(rig);
    for (const record of records) auditRecordSchema.parse(record);
    const of = (id: string | null): string[] =>
      records.filter((record) => record.request_id === id).map((record) => `${record.kind} ${record.operator}`);
    expect(of(ack.request_id)).toEqual(["incident_ack anna", "command_result anna", "command_effect anna"]);
    expect(of(off.request_id)).toEqual(["command_result ben", "command_effect ben"]);
    expect(records.filter((record) => record.kind === "incident_open").map((record) => record.incident_id)).toContain(SPIKE);
    expect(rig.store.verify()).toMatchObject({ ok: true, count: records.length });
    const answer = await ask(rig, QUERIES.auditVerify.subject, {});
    expect(answer).toMatchObject({ ok: true, verdict: "ok", records: records.length, head_known: true });
    // What stands on the bus is what is in the chain: each record of ours once.
    const published = rig.events.map((event) => event.payload).filter((payload) => payload.chain_id !== undefined);
    for (const payload of published) auditEventSchema.parse(payload);
    const ours = records.filter((record) => record.subject === "incident" || record.subject === "service");
    expect(published.map((payload) => payload.seq)).toEqual(ours.map((record) => record.seq));
  });

  test("BUS-028 query - pages of 1,200 records are 500, 500 and 200, newest first on request; 501 is refused; none is in a stream", async () => {
    const rig = await startRig();
    const draft = {
      schema_version: 1,
      category: "audit",
      source: "alarms",
      subject: "foreign",
      kind: "foreign",
      action_type: "foreign",
      ts_epoch: null,
      timestamp: null,
      tick: null,
      run_id: null,
      operator: "filler",
      role: "none",
      ok: true,
      body: {},
    } as const;
    rig.store.commit({ wallMs: rig.clock.nowMs(), audit: Array.from({ length: 1200 }, () => ({ draft, publish: false })) });
    const filters = { operator: "filler" };
    const streamed = (await rig.bus.streams.info(STREAMS.events.name)).lastSeq;
    const sizes: number[] = [];
    const seqs: number[] = [];
    for (let after: unknown = -1; after !== undefined; ) {
      const page = await ask(rig, QUERIES.audit.subject, { filters, after, limit: 500 });
      sizes.push(page.items.length);
      seqs.push(...page.items.map((record) => record.seq));
      after = page.next;
    }
    expect(sizes).toEqual([500, 500, 200]);
    expect(new Set(seqs).size).toBe(1200);
    const newest = await ask(rig, QUERIES.audit.subject, { filters, newest: true, limit: 3 });
    expect(newest.items.map((record) => record.seq)).toEqual(seqs.slice(-3).reverse());
    const older = await ask(rig, QUERIES.audit.subject, { filters, newest: true, limit: 3, after: newest.next });
    expect(older.items.map((record) => record.seq)).toEqual(seqs.slice(-6, -3).reverse());
    for (const [request, said] of [
      [{ limit: 501 }, "limit 501"],
      [{ filters: { colour: "red" } }, "filters.colour"],
      [{ filters: { from: "yesterday" } }, "filters.from"],
      [{ filters: { constructor: "x" } }, "filters.constructor"],
    ] as const) {
      const answer = await ask(rig, QUERIES.audit.subject, request);
      expect(answer).toMatchObject({
        ok: false,
        error_detail: { code: "invalid_parameter", message: expect.stringContaining(said) as string },
      });
    }
    expect((await rig.bus.streams.info(STREAMS.events.name)).lastSeq).toBe(streamed);
    await rig.stop();
    await expect(rig.bus.request(QUERIES.audit.subject, new Uint8Array(), { timeoutMs: 100 })).rejects.toThrow(QikiError);
  });

  test("BUS-028 query - a page stays below 700 KiB", async () => {
    const rig = await startRig();
    const body = { text: "x".repeat(20_000) };
    const draft = {
      schema_version: 1,
      category: "audit",
      source: "alarms",
      subject: "foreign",
      kind: "foreign",
      action_type: "foreign",
      ts_epoch: null,
      timestamp: null,
      tick: null,
      run_id: null,
      operator: "filler",
      role: "none",
      ok: true,
      body,
    } as const;
    rig.store.commit({ wallMs: rig.clock.nowMs(), audit: Array.from({ length: 60 }, () => ({ draft, publish: false })) });
    let count = 0;
    for (let after: unknown = -1; after !== undefined; ) {
      const page = await ask(rig, QUERIES.audit.subject, { filters: { operator: "filler" }, after, limit: 500 });
      expect(JSON.stringify(page).length).toBeLessThanOrEqual(700 * 1024);
      count += page.items.length;
      after = page.next;
    }
    expect(count).toBe(60);
  });

  test("AUD-009 store - while it cannot be written commands are refused, the sim runs, and nothing is lost or applied twice", async () => {
    let isFull = false;
    const wrapStore = (store: AlarmsStore): AlarmsStore => ({
      ...store,
      commit(batch) {
        if (isFull) throw new QikiError("audit_unavailable", "database or disk is full");
        return store.commit(batch);
      },
    });
    const rig = await hotRig({ wrapStore });
    await rig.clock.advance(50);
    isFull = true;
    const unavailable = { ok: false, error: "exception", error_detail: { code: "exception", details: { reason: "audit_unavailable" } } };

    // Refused after the machine had taken it: it is as it was, in memory and in the file.
    expect(await rig.command("incident.ack", { incident_id: SPIKE, occ: 1 }, ANNA)).toMatchObject(unavailable);
    isFull = false;
    await rig.clock.advance(1500);
    isFull = true;
    const text = readFileSync(rig.rulesPath, "utf8");
    const off = { rule_id: "TEMP_CORE_SPIKE", enabled: false };
    expect(await rig.command("rules.set_enabled", off, asSupervisor("rules.set_enabled", off))).toMatchObject(unavailable);
    expect(readFileSync(rig.rulesPath, "utf8")).toBe(text);
    expect(rig.alarms.machine.views().find((view) => view.incident_id === SPIKE)).toMatchObject({ letter: "B", rule_disabled: false });
    expect(rig.alarms.problem()).toContain("disk is full");

    const { tick } = rig.sim.machine;
    // Refused before: what arrives meanwhile waits, and the sim goes on.
    rig.bus.publish(SUBJECTS.audit, Buffer.from(JSON.stringify({ kind: "note", source: "elsewhere", operator: "otto" })), {
      msgId: "note-1",
    });
    await rig.clock.advance(2000);
    expect(rig.sim.machine.tick).toBe(tick + 20);
    expect(await rig.command("incident.ack", { incident_id: SPIKE, occ: 1 }, ANNA)).toMatchObject(unavailable);

    isFull = false;
    await rig.clock.advance(1500);
    expect(rig.alarms.problem()).toBeUndefined();
    expect((await rig.command("incident.ack", { incident_id: SPIKE, occ: 1 }, ANNA)).ok).toBe(true);
    await rig.clock.advance(50);
    expect(chained(rig).filter((record) => record.kind === "incident_ack").length).toBe(1);
    expect(chained(rig).filter((record) => record.operator === "otto")).toMatchObject([{ kind: "foreign", body: { kind: "note" } }]);
    const { lastSeq } = await rig.bus.streams.info(STREAMS.events.name);
    expect(rig.alarms.machine.afterSeq()).toBe(lastSeq);
    expect(rig.store.verify().ok).toBe(true);
  });

  test("AUD-001 stop - what was said just before it is chained before service_stop", async () => {
    const folder = newFolder();
    const first = await startRig({ folder });
    const { request_id: id } = await first.command("power.nbl.off", {}, ANNA);
    await first.stop();
    const second = await startRig({ folder });
    const kinds = chained(second).map((record) => (record.request_id === id ? `${record.kind} of it` : record.kind));
    expect(kinds.slice(0, -1)).toEqual([
      "chain_start",
      "service_start",
      "command_result of it",
      "command_effect of it",
      "service_stop",
      "chain_head",
    ]);
  });

  test("INC-030 restart - incidents, their acknowledgement and the chain go on; a closed one leaves the list after a day", async () => {
    const folder = newFolder();
    const first = await hotRig({ folder });
    await first.command("incident.ack", { incident_id: SPIKE, occ: 1 }, ANNA);
    const { seq } = first.store.head();
    await first.stop();
    const second = await startRig({ folder, running: true });
    expect(second.incidents.get(SPIKE)).toMatchObject({ letter: "C", acked: true, ack: { operator: "anna" } });
    expect(second.store.head().seq).toBeGreaterThan(seq);
    await second.clock.advance(8000);
    expect(second.incidents.get(SPIKE)).toMatchObject({ letter: "A", state: "cleared" });
    await second.command("sim.stop");
    second.clock.jump(86_300_000);
    await second.clock.advance(60_000);
    expect(second.incidents.has(SPIKE)).toBe(true);
    second.clock.jump(100_000);
    await second.clock.advance(60_000);
    expect(second.incidents.has(SPIKE)).toBe(false);
    expect(second.store.verify().ok).toBe(true);
  });
});

test("keyframe - one at the start, one of the run, one every 600 ticks; the last restores to the machine's digest", async () => {
  const keyframes: Body[] = [];
  const folder = newFolder();
  const first = await startRig({ folder, ...HOT });
  first.bus.subscribe(
    SUBJECTS.recordKeyframe,
    ({ bytes }) => void keyframes.push(JSON.parse(Buffer.from(bytes).toString("utf8")) as Body),
    {
      name: "test.keyframes",
    },
  );
  const ofAlarms = (): Body[] => keyframes.filter((keyframe) => keyframe.role === "alarms");
  await first.clock.advance(59_000);
  expect(ofAlarms().length).toBeLessThanOrEqual(1);
  const before = ofAlarms().length;
  await first.clock.advance(2000);
  expect(ofAlarms().length).toBe(before + 1);
  const [last] = ofAlarms().slice(-1);
  expect(last).toMatchObject({ tick: 600, part: 1, parts: 1 });
  const machine = shippedAlarms();
  machine.restore(zstdDecompressSync(Buffer.from(last!.state as string, "base64")));
  expect({ incidents: machine.hash() }).toEqual(last!.hashes);
  expect(machine.afterSeq()).toBe(last!.after_seq);
});

function resigned(name: string, id: string): Body {
  const metadata = { message_id: id, key_id: "gateway", actor: { id: "sue", role: "supervisor" } };
  return { ...metadata, signature: signCommand({ command_name: name, parameters: {}, metadata }, GATEWAY_KEY) };
}
