import type { Raw } from "#base/key-reader.ts";
import { isRaw } from "#base/key-reader.ts";
import type { KeySpec } from "#base/key-spec.ts";
import { randomStream, type RandomStream } from "#base/random.ts";

/** Random choices of one seed. Numbers have three digits, so that a shrunk case can be read. */
export class Draw {
  readonly #stream: RandomStream;

  constructor(name: string) {
    this.#stream = randomStream(name);
  }

  chance(probability: number): boolean {
    return this.#stream.uniform() < probability;
  }

  integer(low: number, high: number): number {
    return this.#stream.integer(low, high);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.#stream.integer(0, values.length - 1)]!;
  }

  number(low: number, high: number): number {
    return rounded(low + (high - low) * this.#stream.uniform(), low, high);
  }

  /** Rather near the lower end: most of a wide range says little. */
  small(low: number, high: number): number {
    const share = this.#stream.uniform();
    return rounded(low + (high - low) * share * share * share * share, low, high);
  }

  some<T>(values: readonly T[], probability: number): T[] {
    return values.filter(() => this.chance(probability));
  }

  /** Another value than `current` of a key, or undefined where the table does not say what it may be. */
  valueOf(spec: KeySpec, current: unknown): unknown {
    switch (spec.kind) {
      case "boolean":
        return current !== true;
      case "word":
        return this.pick(spec.words);
      case "texts":
        return spec.words === undefined ? undefined : this.some(spec.words, 0.5);
      case "number":
        return this.#numberOf(spec, typeof current === "number" ? current : (spec.default ?? 0));
      case "vector": {
        const given = Array.isArray(current) ? (current as readonly number[]) : (spec.default ?? [0, 0, 0]);
        return given.map((one) => this.#numberOf({ ...spec, kind: "number", default: 0 }, one));
      }
      default:
        return undefined;
    }
  }

  #numberOf(spec: KeySpec & { readonly kind: "number" }, current: number): number {
    const { unit, integer, minExclusive } = spec;
    const reach = Math.max(Math.abs(current), 1) * 10;
    const low = spec.min ?? -reach;
    const high = spec.max ?? reach;
    let value: number;
    if (this.chance(0.08) && minExclusive !== true) value = low;
    else if (unit === "%") value = this.pick([low, high, this.number(low, high)]);
    else if (unit === "C") value = current + this.number(-40, 60);
    else if (current === 0) value = this.pick([this.number(0, Math.min(high, 1)), this.small(Math.max(low, -reach), Math.min(high, 100))]);
    else value = current * this.pick(FACTORS);
    value = rounded(value, low, high);
    return integer === true ? Math.min(high, Math.max(low, Math.round(value))) : value;
  }
}

const FACTORS = [0.01, 0.1, 0.5, 0.9, 1.1, 2, 10];

function rounded(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Number(value.toPrecision(3)))) + 0;
}

/** A key of a file at its path, with the value that the file has there. */
export interface Leaf {
  readonly path: string;
  readonly spec: KeySpec;
  readonly current: unknown;
}

/** Every single value that a table of keys knows in an object, members of its lists by their ids. */
export function leavesOf(keys: readonly KeySpec[], value: Raw, prefix = ""): Leaf[] {
  return keys.flatMap((spec) => {
    const path = `${prefix}${spec.key}`;
    const current = value[spec.key];
    if (spec.kind === "object") {
      if (!isRaw(current)) return [];
      return leavesOf(spec.keys, current, `${path}.`);
    }
    if (spec.kind !== "list") return [{ path, spec, current }];
    if (!Array.isArray(current)) return [];
    return current.flatMap((member: unknown, index) => {
      if (!isRaw(member)) return [];
      const place = typeof member.id === "string" ? `[id=${member.id}]` : `[${index}]`;
      return leavesOf(spec.keys, member, `${path}${place}.`);
    });
  });
}
