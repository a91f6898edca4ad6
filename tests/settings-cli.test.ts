import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { qiki, startTwin } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("configuration", () => {
  test("config - a file is obeyed by every verb, a flag wins over it, and each value says where it is from", async () => {
    const file = join(folder, "mine.yaml");
    writeFileSync(file, `data: { dir: ${join(folder, "data")} }\ngateway: { local_role: operator }\nsim: { telemetry_period_s: 0.5 }\n`);
    const listed = await qiki(["--config", file, "config", "--json"], { QIKI_HTTP_PORT: "0" });
    const rows = JSON.parse(listed.stdout) as { key: string; value: unknown; origin: string }[];
    const row = (key: string): unknown => rows.find((one) => one.key === key);
    expect(row("gateway.local_role")).toMatchObject({ value: "operator", origin: file });
    expect(row("gateway.port")).toMatchObject({ value: 0, origin: "QIKI_HTTP_PORT" });
    expect(row("log.level")).toMatchObject({ value: "warn", origin: "default" });
    expect(listed.stdout).not.toMatch(/NATS_TOKEN|NATS_PASSWORD/);

    const twin = await startTwin(["--config", file], join(folder, "flag"));
    try {
      const refused = await qiki(["send", "system.mode", "mode=FACTORY", "--confirm", "--url", twin.url]);
      expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining("forbidden") as string]);
      const { topics } = (await (await fetch(`${twin.url}/api/state?topics=system`)).json()) as {
        topics: { system: { run: { v: object } } };
      };
      expect(topics.system.run.v).toMatchObject({ telemetry_period_s: 0.5 });
    } finally {
      await twin.stop();
    }
  }, 60_000);

  test("config - what is wrong in file or environment ends a verb with 2, every problem told", async () => {
    const file = join(folder, "wrong.yaml");
    writeFileSync(file, "gateway: { port: high, colour: red }\n");
    const refused = await qiki(["up", "--config", file], { LOG_LEVEL: "loud" });
    expect(refused.code).toBe(2);
    for (const said of ["gateway.port", "gateway.colour", "LOG_LEVEL"]) expect(refused.stderr).toContain(said);
    expect((await qiki(["config", "--config", join(folder, "absent.yaml")])).code).toBe(2);
  });

  test("doctor - all well is 0; a port in use and a bus that does not answer are told, 1", async () => {
    const well = await qiki(["doctor", "--data", join(folder, "new")], { QIKI_HTTP_PORT: "0" });
    expect([well.code, well.stdout]).toEqual([0, expect.not.stringContaining("FAIL") as string]);
    const server = createServer();
    const port = await new Promise<number>((done) =>
      server.listen(0, "127.0.0.1", () => done((server.address() as { port: number }).port)),
    );
    const ill = await qiki(["doctor", "--nats", "nats://127.0.0.1:1"], { QIKI_HTTP_PORT: String(port) });
    server.close();
    expect(ill.code).toBe(1);
    expect(ill.stdout).toContain(`FAIL port: port ${port} of 127.0.0.1 is in use`);
    expect(ill.stdout).toContain("FAIL bus: nats://127.0.0.1:1: no connection");
  });
});
