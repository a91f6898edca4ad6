import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { valueAt } from "#orion/model/cell.ts";
import { CHROMIUM, CHROMIUM_ARGS, removeFolder, type RunningTwin, startTwin } from "./running-twin.ts";

/** A value on the screen, as the page marks it. */
export interface ShownValue {
  readonly path: string;
  readonly value: string | null;
  readonly absent: string | null;
  readonly isStale: boolean;
  readonly text: string;
}

/** A twin with a console in a browser before it. */
export interface ScreenRig {
  readonly twin: RunningTwin;
  readonly page: Page;
  /** Errors of the page, breaches of its security policy included. */
  readonly problems: readonly string[];
  /** Telemetry as the gateway tells it, by its own road: reads the value at a path. */
  telemetry(): Promise<(path: string) => unknown>;
  open(screen: string): Promise<void>;
  shown(): Promise<ShownValue[]>;
  /** Signs in, for what follows. */
  signIn(name: string): Promise<void>;
  /** Sends a command beside the page and returns its settled row. */
  command(name: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: CHROMIUM_ARGS });
}

export async function openScreens(browser: Browser, args: readonly string[]): Promise<ScreenRig> {
  const twin = await startTwin(args);
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  // Shorter than a test may take, so that what was waited for is told.
  page.setDefaultTimeout(8000);
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || /Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(`${twin.url}/`);
  await page.getByTestId("data").getByText("OK").waitFor();

  async function post(path: string, data: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await context.request.post(`${twin.url}${path}`, { data });
    return (await answer.json()) as Readonly<Record<string, unknown>>;
  }

  return {
    twin,
    page,
    problems,
    async telemetry() {
      const answer = await fetch(`${twin.url}/api/state?topics=telemetry`);
      const { topics } = (await answer.json()) as { topics: { telemetry: Readonly<Record<string, { v: unknown }>> } };
      return (path) => valueAt(path, topics.telemetry[path.split(/[.[]/, 1)[0]!]?.v);
    },
    async open(screen) {
      await page.evaluate(`location.hash = "#/${screen}"`);
      await page.locator(`main[data-screen="${screen}"]`).waitFor();
    },
    shown: () =>
      page.locator("main [data-path]").evaluateAll((elements) =>
        elements.map((element) => ({
          path: element.getAttribute("data-path")!,
          value: element.getAttribute("data-value"),
          absent: element.getAttribute("data-absent"),
          isStale: element.hasAttribute("data-stale"),
          text: element.innerText,
        })),
      ),
    async signIn(name) {
      await post("/api/login", { name });
      await page.reload();
      await page.getByTestId("who").getByText(name).waitFor();
    },
    async command(name, parameters = {}) {
      const armed = await post("/api/commands/arm", { command_name: name, parameters });
      return post("/api/commands?wait=ack", { command_name: name, parameters, confirm: true, arm_token: armed.arm_token });
    },
    async close() {
      await context.close();
      await twin.stop("SIGKILL");
      removeFolder(twin.dataFolder);
    },
  };
}
