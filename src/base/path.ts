/** One step of a path into a message: a key, an index, or the array member with this id. */
export type Step =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "id"; readonly id: string };

/** A path into a message, such as `thermal.nodes[id=core].temp_c`. */
export interface ValuePath {
  readonly text: string;
  readonly steps: readonly Step[];
}

const STEP = /(?:^|\.)([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[id=([A-Za-z0-9_-]+)\]/y;

/** Reads a path (simulation §11), or undefined when it is not one. */
export function parsePath(text: string): ValuePath | undefined {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) return undefined;
    if (match[1] !== undefined) steps.push({ kind: "key", key: match[1] });
    else if (steps.length === 0) return undefined;
    else if (match[2] !== undefined) steps.push({ kind: "index", index: Number(match[2]) });
    else steps.push({ kind: "id", id: match[3]! });
  }
  return steps.length === 0 ? undefined : { text, steps };
}

/** The value at a path, or undefined when something on the way is missing. */
export function valueAt(root: unknown, path: Pick<ValuePath, "steps">): unknown {
  let value: unknown = root;
  for (const step of path.steps) value = stepInto(value, step);
  return value;
}

/** What one step leads to, or undefined when there is nothing. */
export function stepInto(value: unknown, step: Step): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (step.kind === "key") return (value as Readonly<Record<string, unknown>>)[step.key];
  if (!Array.isArray(value)) return undefined;
  return step.kind === "index" ? value[step.index] : value.find((item: { id?: unknown }) => item?.id === step.id);
}

/** The value at a path whose first key is looked up by `rootOf`. */
export function valueFrom(rootOf: (key: string) => unknown, path: ValuePath): unknown {
  const [first, ...steps] = path.steps;
  return first?.kind === "key" ? valueAt(rootOf(first.key), { steps }) : undefined;
}
