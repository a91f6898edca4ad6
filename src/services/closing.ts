import type { Log } from "./log.ts";

/** What was opened, to be closed in reverse order. */
export interface Closing {
  /** Notes how something that has just been opened is closed again. */
  add(name: string, close: () => void | Promise<unknown>): void;
  /** Closes everything, each in spite of the others' failures. @throws the first failure, at the end */
  closeAll(): Promise<void>;
}

export function createClosing(log: Log): Closing {
  const steps: { readonly name: string; readonly close: () => void | Promise<unknown> }[] = [];
  return {
    add: (name, close) => void steps.push({ name, close }),
    async closeAll() {
      const failures: unknown[] = [];
      for (const { name, close } of steps.splice(0).reverse()) {
        try {
          await close();
          log.info({ closed: name }, "closed");
        } catch (error) {
          failures.push(error);
          log.error({ err: error, closed: name }, "did not close in order");
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
