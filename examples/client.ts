/**
 * A client of QIKI on NATS: reads telemetry, sends one command, waits for its answer and then for its effect.
 *
 *   node examples/client.ts               # Node 24
 *   NATS_URL=nats://localhost:4222 NATS_TOKEN=… node examples/client.ts 12
 *
 * The argument is the limit of the NBL in watts, 7 without one.
 */
import { randomUUID } from "node:crypto";
import { connect, type Subscription } from "@nats-io/transport-node";

const TIMEOUT_MS = 10_000;
const watts = Number(process.argv[2] ?? 7);

interface Telemetry {
  readonly tick: number;
  readonly power: { readonly soc_pct: number; readonly nbl_power_w: number };
  readonly power_detail: { readonly nbl_max_w: number };
}

interface Ack {
  readonly request_id: string | null;
  readonly ok: boolean;
  readonly tick: number;
  readonly error_detail?: { readonly code: string; readonly message: string };
}

const { NATS_URL: servers = "nats://localhost:4222", NATS_TOKEN: token } = process.env;
const connection = await connect({ servers, ...(token === undefined ? {} : { token }) });

/** The first message that passes; undefined when the subscription ends before. */
async function first<Message>(subscription: Subscription, passes: (message: Message) => boolean): Promise<Message | undefined> {
  for await (const received of subscription) {
    const message = received.json<Message>();
    if (passes(message)) return message;
  }
  return undefined;
}

// Subscribed before the command goes out, so that no answer can be missed.
const telemetry = connection.subscribe("qiki.telemetry");
const answers = connection.subscribe("qiki.responses.control");
const timer = setTimeout(() => {
  console.error("nothing came within ten seconds: is QIKI running on this server?");
  process.exit(3);
}, TIMEOUT_MS);

const before = await first<Telemetry>(telemetry, () => true);
console.log(`tick ${before?.tick}: battery ${before?.power.soc_pct.toFixed(1)} %, limit ${before?.power_detail.nbl_max_w} W`);

const requestId = randomUUID();
const command = {
  command_name: "power.nbl.set_max",
  parameters: { max_power_w: watts },
  // The same message_id sent again is answered again and not applied twice.
  metadata: { message_id: requestId, correlation_id: requestId, source: "example-ts" },
};
connection.publish("qiki.commands.control", JSON.stringify(command));

const ack = await first<Ack>(answers, ({ request_id }) => request_id === requestId);
if (ack?.ok !== true) {
  console.error(`refused, ${ack?.error_detail?.code}: ${ack?.error_detail?.message}`);
  process.exit(1);
}
console.log(`applied at tick ${ack.tick}`);

// An answer is not an effect: that is what telemetry shows.
const after = await first<Telemetry>(connection.subscribe("qiki.telemetry"), ({ power_detail }) => power_detail.nbl_max_w === watts);
console.log(`tick ${after?.tick}: limit ${after?.power_detail.nbl_max_w} W, NBL ${after?.power.nbl_power_w.toFixed(1)} W`);
clearTimeout(timer);
await connection.close();
