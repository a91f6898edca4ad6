import { z } from "zod";
import { MESSAGES } from "./messages.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON Schema (draft 2020-12) of a message by its name: what a sender may put there. Closed objects refuse other keys. */
export function messageSchema(name: string): JsonSchema | undefined {
  const contract = MESSAGES.find((one) => one.name === name);
  if (contract === undefined) return undefined;
  const { $schema, ...schema } = z.toJSONSchema(contract.schema, { io: "input" });
  return { $schema, title: `QIKI ${contract.name}`, description: `${contract.subject}: ${contract.about}.`, ...schema };
}
