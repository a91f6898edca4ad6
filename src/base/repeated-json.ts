import { DECIMAL_BYTES, writeDecimal } from "./decimal.ts";
import { utf8Encode } from "./utf8.ts";

/** Where the members of an object or array lie; a member that is neither is a leaf, and has no shape. */
interface Shape {
  /** Undefined for an array. */
  readonly keys: readonly string[] | undefined;
  readonly members: readonly (Shape | undefined)[];
}

/** Leaves of a text, in their order. */
interface Leaves {
  /** Bytes between the leaf before and this one, and its own. */
  readonly gaps: Int32Array;
  readonly lengths: Int32Array;
  /** What a number leaf says, NaN for another. */
  readonly numbers: Float64Array;
  /** What another leaf says, `A_NUMBER` for a number. */
  readonly others: unknown[];
}

const A_NUMBER = Symbol("a number");
const decimal = new Uint8Array(DECIMAL_BYTES);

/**
 * JSON of one value after another of the same shape, such as the telemetry of every tick, in UTF-8: the very bytes of
 * `JSON.stringify`. The text of the value before stays, and only the leaves that differ are written anew; a value of another shape
 * is written whole. Values are plain data: what JSON can say, and undefined for members that are left out.
 */
export class RepeatedJson {
  #shape: Shape | undefined;
  #leaves: Leaves = leavesOf([]);
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  /** The next leaf, and where the one before it ends. */
  #leaf = 0;
  #at = 0;

  /** The bytes of a value; they are the caller's. */
  encode(value: object): Uint8Array {
    this.#leaf = 0;
    this.#at = 0;
    if (this.#shape === undefined || !this.#update(value, this.#shape)) this.#write(value);
    return this.#bytes.slice(0, this.#end);
  }

  /** Brings the text up to a value; false when it has another shape, and then the text is worth nothing. */
  #update(value: object, { keys, members }: Shape): boolean {
    if (Array.isArray(value)) {
      if (keys !== undefined || value.length !== members.length) return false;
      for (let index = 0; index < members.length; index += 1) if (!this.#updateMember(value[index] ?? null, members[index])) return false;
      return true;
    }
    if (keys === undefined) return false;
    let index = 0;
    for (const key in value) {
      const member = (value as Readonly<Record<string, unknown>>)[key];
      if (member === undefined) continue;
      if (keys[index] !== key || !this.#updateMember(member, members[index])) return false;
      index += 1;
    }
    return index === keys.length;
  }

  #updateMember(value: unknown, shape: Shape | undefined): boolean {
    if (typeof value === "object" && value !== null) return shape !== undefined && this.#update(value, shape);
    if (shape !== undefined) return false;
    const { gaps, lengths, numbers, others } = this.#leaves;
    const leaf = this.#leaf;
    const at = this.#at + gaps[leaf]!;
    if (typeof value === "number") {
      if (numbers[leaf] !== value) this.#replaceNumber(at, leaf, value);
    } else if (others[leaf] !== value) this.#replace(at, leaf, value, utf8Encode(JSON.stringify(value)));
    this.#leaf = leaf + 1;
    this.#at = at + lengths[leaf]!;
    return true;
  }

  #replaceNumber(at: number, leaf: number, value: number): void {
    const length = writeDecimal(value, decimal, 0);
    if (length < 0) {
      this.#replace(at, leaf, value, utf8Encode(JSON.stringify(value)));
      return;
    }
    this.#resize(at, this.#leaves.lengths[leaf]!, length);
    const bytes = this.#bytes;
    for (let index = 0; index < length; index += 1) bytes[at + index] = decimal[index]!;
    remember(this.#leaves, leaf, value, length);
  }

  #replace(at: number, leaf: number, value: unknown, text: Uint8Array): void {
    this.#resize(at, this.#leaves.lengths[leaf]!, text.length);
    this.#bytes.set(text, at);
    remember(this.#leaves, leaf, value, text.length);
  }

  /** Moves what follows a leaf whose length changes. */
  #resize(at: number, oldLength: number, length: number): void {
    if (length === oldLength) return;
    const end = this.#end + length - oldLength;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.copyWithin(at + length, at + oldLength, this.#end);
    this.#end = end;
  }

  /** Writes a value whole, and learns its shape. */
  #write(value: object): void {
    const leaves: { readonly gap: string; readonly value: unknown }[] = [];
    let gap = "";
    const shapeOf = (object: object): Shape => {
      const isArray = Array.isArray(object);
      const keys = isArray ? undefined : Object.keys(object).filter((key) => (object as Record<string, unknown>)[key] !== undefined);
      gap += isArray ? "[" : "{";
      const members = (keys ?? (object as readonly unknown[])).map((item, index) => {
        if (index > 0) gap += ",";
        if (!isArray) gap += `${JSON.stringify(item)}:`;
        const member = isArray ? (item ?? null) : (object as Record<string, unknown>)[item as string];
        if (typeof member === "object" && member !== null) return shapeOf(member);
        leaves.push({ gap, value: member });
        gap = "";
        return undefined;
      });
      gap += isArray ? "]" : "}";
      return { keys, members };
    };
    this.#shape = shapeOf(value);
    this.#leaves = leavesOf(leaves);
    this.#bytes = utf8Encode(leaves.map((leaf) => leaf.gap + JSON.stringify(leaf.value)).join("") + gap);
    this.#end = this.#bytes.length;
  }
}

function leavesOf(list: readonly { readonly gap: string; readonly value: unknown }[]): Leaves {
  const { length } = list;
  const leaves = { gaps: new Int32Array(length), lengths: new Int32Array(length), numbers: new Float64Array(length), others: [] };
  list.forEach(({ gap, value }, leaf) => {
    leaves.gaps[leaf] = utf8Encode(gap).length;
    remember(leaves, leaf, value, utf8Encode(JSON.stringify(value)).length);
  });
  return leaves;
}

function remember({ lengths, numbers, others }: Leaves, leaf: number, value: unknown, length: number): void {
  lengths[leaf] = length;
  numbers[leaf] = typeof value === "number" ? value : Number.NaN;
  others[leaf] = typeof value === "number" ? A_NUMBER : value;
}
