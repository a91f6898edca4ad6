import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { connectNats, type NatsCredentials } from "./nats.ts";
import type { Bus, BusReport } from "./port.ts";
import { type BusHarness, bytesOf, eventually, store, streamOf, take, textOf } from "./suite/harness.ts";
import { makeServer, NATS_CREDENTIALS as CREDENTIALS, NATS_SERVER as SERVER } from "./suite/nats-server.ts";
import { busSuite } from "./suite.ts";

if (SERVER !== undefined || process.env.CI === "true") {
  busSuite("NATS bus", makeHarness);
  describe("NATS connection", natsTests);
} else {
  process.stderr.write(
    "\n!!! nats-server is not on this machine: the NATS bus is NOT tested. Install it with: apt-get install -y nats-server\n\n",
  );
  test.skip("NATS bus - needs nats-server", () => {});
}

async function makeHarness(): Promise<BusHarness> {
  const server = await makeServer();
  const reports: BusReport[] = [];
  const open = new Set<Bus>();
  await server.start();
  const closeAll = async () => {
    for (const bus of open) await bus.close();
    open.clear();
  };
  return {
    reports,
    connect: async (options = {}) => {
      const bus = await connectNats({ servers: [server.url], credentials: CREDENTIALS, ...hooks(reports), ...options });
      open.add(bus);
      return bus;
    },
    passTime: () => {},
    restart: async () => {
      await closeAll();
      await server.stop();
      await server.start();
    },
    close: async () => {
      await closeAll();
      await server.stop();
      server.remove();
    },
  };
}

function natsTests(): void {
  test("BUS-019 credentials - a wrong token is auth_failed, and so is a wrong password or none", async () => {
    const server = await makeServer('token: "orbit"');
    await server.start();
    const connectWith = (credentials?: NatsCredentials) =>
      connectNats({ servers: [server.url], ...hooks([]), ...(credentials && { credentials }) });
    const refused = { code: "auth_failed" };
    await expect(connectWith({ kind: "token", token: "wrong" })).rejects.toMatchObject(refused);
    await expect(connectWith({ kind: "password", user: "qiki", password: "wrong" })).rejects.toMatchObject(refused);
    await expect(connectWith()).rejects.toMatchObject(refused);
    const bus = await connectWith({ kind: "token", token: "orbit" });
    expect(bus.status().state).toBe("connected");
    await bus.close();
    await server.stop();
    server.remove();
  });

  test("connect - no server is not_reachable", async () => {
    const server = await makeServer();
    await expect(connectNats({ servers: [server.url], ...hooks([]) })).rejects.toMatchObject({ code: "not_reachable" });
    server.remove();
  });

  test("reconnect - subscriptions and consumers go on; what was published meanwhile is dropped and counted", async () => {
    const server = await makeServer();
    await server.start();
    const bus = await connectNats({ servers: [server.url], credentials: CREDENTIALS, ...hooks([]) });
    const states: string[] = [];
    bus.onStatus(({ state }) => void states.push(state));
    await bus.streams.ensure(streamOf("S", ["s"]));
    const got: string[] = [];
    bus.subscribe("s", (msg) => void got.push(textOf(msg)!), { name: "core" });
    const durable = bus.consume("S", { durable: "reader", deliver: "all" });
    const plain = bus.consume("S", { deliver: "new" });
    const fresh = plain.next();
    await store(bus, "s", 1, 1);
    await take(durable, 1, "ack");
    const waiting = durable.next();
    await server.stop();
    await eventually(() => expect(bus.status().state).toBe("reconnecting"));
    expect(bus.publish("s", bytesOf("lost"))).toBe("dropped");
    expect(bus.counts().notSent).toEqual({ s: 1 });
    await server.start();
    await eventually(() => expect(bus.status().state).toBe("connected"));
    await store(bus, "s", 2, 2);
    expect(textOf((await waiting).value)).toBe("2");
    expect(["1", "2"]).toContain(textOf((await fresh).value));
    expect(got).toEqual(["1", "2"]);
    expect(states).toEqual(["reconnecting", "connected"]);
    await bus.close();
    await server.stop();
    server.remove();
  });

  test("barrier - messages that the stream did not take are told, and reported", async () => {
    const server = await makeServer();
    await server.start();
    const reports: BusReport[] = [];
    const bus = await connectNats({ servers: [server.url], credentials: CREDENTIALS, ...hooks(reports) });
    await bus.streams.ensure(streamOf("S", ["s"]));
    await bus.streams.ensure(streamOf("T", ["t"]));
    await store(bus, "s", 1, 2);
    const admin = await connect({ servers: server.url, user: "qiki", pass: "orbit" });
    await (await jetstreamManager(admin)).streams.delete("S");
    for (const msgId of ["a", "b", "c"]) {
      bus.publish("s", bytesOf("x"), { msgId });
      bus.publish("t", bytesOf("x"), { msgId });
    }
    expect(await bus.barrier(5_000)).toEqual([{ stream: "S", expected: 3, stored: 0 }]);
    expect(await bus.streams.info("T")).toMatchObject({ messages: 3 });
    expect(bus.counts().missed).toBe(3);
    await eventually(() => expect(reports).toContainEqual({ kind: "stream_gap", stream: "S", missed: 3 }));
    expect(await bus.barrier(5_000)).toEqual([]);
    await admin.close();
    await bus.close();
    await server.stop();
    server.remove();
  });
}

function hooks(reports: BusReport[]) {
  return { nowMs: () => Date.now(), report: (report: BusReport) => void reports.push(report) };
}
