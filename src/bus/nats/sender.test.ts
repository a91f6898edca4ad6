import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { bytesOf, numbers } from "../suite/harness.ts";
import { makeServer, NATS_SERVER } from "../suite/nats-server.ts";
import { encodeHeaders } from "./headers.ts";
import { Sender } from "./sender.ts";

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "BUS-016 outage - who waits through it until all is stored waits for what goes again, not for the answers to the first try",
  async () => {
    const server = await makeServer();
    await server.start();
    const nc = await connect({ servers: server.url, user: "qiki", pass: "orbit" });
    await (await jetstreamManager(nc)).streams.add({ name: "S", subjects: [SUBJECTS.powerBus] });
    const sender = new Sender({ nowMs: () => 0, onMissed: () => {} });
    sender.attach(nc);
    sender.ledger.watch("S", [SUBJECTS.powerBus], 120_000);
    sender.resume();
    for (const msgId of numbers(1, 1_000).map(String)) {
      const headers = encodeHeaders({ "Nats-Msg-Id": msgId });
      const message = { subject: SUBJECTS.powerBus, wire: SUBJECTS.powerBus, bytes: bytesOf(msgId), headers, reply: undefined, msgId };
      expect(sender.publish(message)).toBe("sent");
    }
    const open = sender.settled(10_000).then(() => sender.ledger.openCount);
    sender.pause();
    sender.resume();
    expect(await open).toBe(0);
    await nc.close();
    await server.stop();
    server.remove();
  },
);
