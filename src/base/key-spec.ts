/**
 * Keys of a file as data: type, unit, default and range. The reader (`key-reader.ts`), the types of what it reads, the JSON
 * Schema (`key-json-schema.ts`) and the documentation come from the same tables.
 */

/** One key of an object in a file. Without `default` and `required`, an absent key is `undefined`. */
export type KeySpec =
  | (KeyBase & NumberRange & { readonly kind: "number"; readonly default?: number; readonly required?: true; readonly integer?: true })
  | (KeyBase & NumberRange & { readonly kind: "vector"; readonly default?: Vector; readonly required?: true })
  | (KeyBase & { readonly kind: "boolean"; readonly default?: boolean; readonly required?: true })
  | (KeyBase & TextForm & { readonly kind: "text"; readonly default?: string; readonly required?: true })
  | (KeyBase & { readonly kind: "word"; readonly words: readonly string[]; readonly default?: string; readonly required?: true })
  | (KeyBase & { readonly kind: "texts"; readonly words?: readonly string[]; readonly default?: readonly string[] })
  | (KeyBase & { readonly kind: "object"; readonly keys: readonly KeySpec[]; readonly optional?: true })
  | (KeyBase & { readonly kind: "list"; readonly keys: readonly KeySpec[]; readonly open?: true })
  /** A name, or an index in its place. */
  | (KeyBase & { readonly kind: "target"; readonly required?: true })
  /** An object or list whose members another table reads. */
  | (KeyBase & { readonly kind: "mapping" | "sequence" });

interface KeyBase {
  /** Name in the file. */
  readonly key: string;
  /** What it means, for editors and documents. */
  readonly about?: string;
  /** Another name for the same; both with different values are refused. */
  readonly alias?: string;
  /** What a default or range cannot say by itself. */
  readonly note?: string;
}

interface NumberRange {
  readonly unit: string;
  readonly min?: number;
  readonly max?: number;
  readonly minExclusive?: true;
}

/** A regular expression that a text must match, and what that means in words. */
type TextForm = { readonly pattern?: undefined } | { readonly pattern: string; readonly form: string };

export type Vector = readonly [number, number, number];

type Capitalized<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Capitalize<Lowercase<Head>>}${Capitalized<Tail>}`
  : Capitalize<Lowercase<Name>>;
/** `bus_v_min` → `busVMin`: names in code are the file's names in the language's case. */
type CodeName<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalized<Tail>}`
  : Lowercase<Name>;

type Filled<Spec, Value> = Spec extends { readonly default: unknown } | { readonly required: true } ? Value : Value | undefined;

type ValueOf<Spec> = Spec extends { readonly kind: "number" }
  ? Filled<Spec, number>
  : Spec extends { readonly kind: "target" }
    ? Filled<Spec, string | number>
    : Spec extends { readonly kind: "mapping" }
      ? Readonly<Record<string, unknown>> | undefined
      : Spec extends { readonly kind: "sequence" }
        ? readonly unknown[] | undefined
        : Spec extends { readonly kind: "vector" }
          ? Filled<Spec, Vector>
          : Spec extends { readonly kind: "boolean" }
            ? Filled<Spec, boolean>
            : Spec extends { readonly kind: "text" }
              ? Filled<Spec, string>
              : Spec extends { readonly kind: "word"; readonly words: readonly (infer Word)[] }
                ? Filled<Spec, Word>
                : Spec extends { readonly kind: "texts"; readonly words: readonly (infer Word)[] }
                  ? Filled<Spec, readonly Word[]>
                  : Spec extends { readonly kind: "texts" }
                    ? Filled<Spec, readonly string[]>
                    : Spec extends { readonly kind: "object"; readonly optional: true; readonly keys: infer Keys }
                      ? ValuesOf<Keys> | undefined
                      : Spec extends { readonly kind: "object"; readonly keys: infer Keys }
                        ? ValuesOf<Keys>
                        : Spec extends { readonly kind: "list"; readonly keys: infer Keys }
                          ? readonly ValuesOf<Keys>[]
                          : never;

/** What reading a table of keys gives. */
export type ValuesOf<Keys> = Keys extends readonly (infer Spec)[]
  ? { readonly [One in Spec as One extends { readonly key: infer Key extends string } ? CodeName<Key> : never]: ValueOf<One> }
  : never;

/** A key's name in code. */
export function codeName(key: string): string {
  const [head, ...tail] = key.split("_");
  return head!.toLowerCase() + tail.map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase()).join("");
}
