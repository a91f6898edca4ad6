/** Dies on a programmer's error. `fact` says what must hold; `details` go into the message. */
export function assert(condition: boolean, fact: string, details?: Readonly<Record<string, unknown>>): asserts condition {
  if (condition) return;
  throw new AssertionError(details === undefined ? fact : `${fact} (${describe(details)})`);
}

/** Ends a `switch` over a union: a case that the code does not know is a programmer's error. */
export function assertNever(value: never, what = "case"): never {
  throw new AssertionError(`unknown ${what}: ${JSON.stringify(value)}`);
}

export class AssertionError extends Error {
  override name = "AssertionError";
}

function describe(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
