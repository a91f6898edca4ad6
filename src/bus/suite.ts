import { describe } from "vitest";
import { coreSuite } from "./suite/core.ts";
import { lastValueSuite } from "./suite/last-value.ts";
import { lifecycleSuite } from "./suite/lifecycle.ts";
import { streamSuite } from "./suite/streams.ts";
import { consumerSuite } from "./suite/consumers.ts";
import type { MakeHarness } from "./suite/harness.ts";

/** What every adapter promises (operations §3): the same tests whatever carries the messages. */
export function busSuite(name: string, makeHarness: MakeHarness): void {
  describe(name, () => {
    coreSuite(makeHarness);
    streamSuite(makeHarness);
    consumerSuite(makeHarness);
    lastValueSuite(makeHarness);
    lifecycleSuite(makeHarness);
  });
}
