import { describe } from "vitest";
import { coreSuite } from "./suite/core.spec.ts";
import { lastValueSuite } from "./suite/last-value.spec.ts";
import { lifecycleSuite } from "./suite/lifecycle.spec.ts";
import { streamSuite } from "./suite/streams.spec.ts";
import { consumerSuite } from "./suite/consumers.spec.ts";
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
