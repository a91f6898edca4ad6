import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadSettings } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-settings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(folder, "qiki.yaml");
  writeFileSync(path, text);
  return path;
}

describe("settings", () => {
  test("settings - the environment wins over the file, the file over the default, and each value says where it is from", () => {
    const path = file("gateway: { port: 9000, hosts: [a.example.org], behind_proxy: true }\nhistory: { keep_h: 2 }\n");
    const { values, rows } = loadSettings(path, { QIKI_HTTP_PORT: "9100", RADAR_ENABLED: "0" });
    expect(values.gateway).toMatchObject({ port: 9100, host: "127.0.0.1", hosts: ["a.example.org"], behindProxy: true, auth: undefined });
    expect(values.history).toEqual({ keepH: 2, maxMib: 512 });
    expect(values.radar.enabled).toBe(false);
    const origin = (key: string): unknown => rows.find((row) => row.key === key)?.origin;
    expect(["gateway.port", "gateway.hosts", "gateway.host", "radar.enabled"].map(origin)).toEqual([
      "QIKI_HTTP_PORT",
      path,
      "default",
      "RADAR_ENABLED",
    ]);
  });

  test("settings - every problem of file and environment is told at once, with value and range", () => {
    const path = file("gateway: { port: '80', colour: red }\nnope: {}\nrecord: 5\n");
    const env = { QIKI_HEALTH_PORT: "70000", LOG_LEVEL: "loud", RADAR_ENABLED: "perhaps", EVENTSTORE_RETENTION_HOURS: "1e999" };
    const told = (): unknown => loadSettings(path, env);
    for (const said of [
      `${path}: nope: unknown section`,
      `${path}: gateway.port: got "80", expected`,
      `${path}: gateway.colour: unknown key`,
      `${path}: record: got 5, expected a mapping`,
      'QIKI_HEALTH_PORT: got "70000", expected',
      'LOG_LEVEL: got "loud", expected',
      'RADAR_ENABLED: got "perhaps", expected',
      'EVENTSTORE_RETENTION_HOURS: got "1e999", expected',
    ])
      expect(told, said).toThrow(said);
    expect(() => loadSettings(file("- a list"), {})).toThrow("is not a mapping of sections");
    expect(() => loadSettings(file("a: ["), {})).toThrow("is not YAML");
    expect(() => loadSettings(join(folder, "absent.yaml"), {})).toThrow("absent.yaml");
  });

  test("settings - an empty file is as none", () => {
    expect(loadSettings(file(""), {}).rows.every(({ origin }) => origin === "default")).toBe(true);
  });
});
