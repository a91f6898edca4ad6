import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Deque } from "./deque.ts";
import { widenSubjects } from "./ensure.ts";
import { covers, overlap } from "./subject.ts";
import { SubjectTrie } from "./subject-trie.ts";

const token = fc.constantFrom("a", "b", "c");
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([tokens, isOpen]) => [...tokens, ...(isOpen ? [">"] : [])].join("."));

/** Every subject of up to four tokens: the patterns above tell no longer ones apart. */
const ALL_SUBJECTS = ["a", "b", "c"].flatMap((one) => below(one, 3));

describe("subjects", () => {
  test("covers - a table of * and >", () => {
    const takes = (wide: string, narrow: string) => covers(wide, narrow);
    for (const [wide, narrow] of [
      ["a.*", "a.b"],
      ["a.>", "a.b.c"],
      [">", "a"],
      ["*.b", "a.b"],
      ["a.>", "a.*"],
      ["a.>", "a.b.>"],
    ]) {
      expect(takes(wide!, narrow!), `${wide} ${narrow}`).toBe(true);
    }
    for (const [wide, narrow] of [
      ["a.*", "a"],
      ["a.>", "a"],
      ["a.*", "a.b.c"],
      ["a.b", "a.*"],
      ["a.*", "a.>"],
      ["a", "a.b"],
    ]) {
      expect(takes(wide!, narrow!), `${wide} ${narrow}`).toBe(false);
    }
  });

  test("covers and overlap - agree with the subjects that patterns take", () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const byOne = ALL_SUBJECTS.filter((name) => covers(one, name));
        const byOther = ALL_SUBJECTS.filter((name) => covers(other, name));
        expect(overlap(one, other)).toBe(byOne.some((name) => byOther.includes(name)));
        if (covers(one, other)) expect(byOther.every((name) => byOne.includes(name))).toBe(true);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  test("trie - finds what a look at every pattern finds, also after removals", () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), fc.array(fc.nat(11), { maxLength: 6 }), subject, (patterns, removals, name) => {
        const trie = new SubjectTrie<number>();
        const present = new Map(patterns.map((one, id) => [id, one]));
        for (const [id, one] of present) trie.insert(one, id);
        for (const id of removals) {
          trie.remove(present.get(id) ?? "a.b.c.d", id);
          present.delete(id);
        }
        const expected = [...present].filter(([, one]) => covers(one, name)).map(([id]) => id);
        expect(trie.find(name).sort((x, y) => x - y)).toEqual(expected);
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  test("ensure - missing subjects are added, narrower ones give way", () => {
    expect(widenSubjects(["q.*"], ["q.>"])).toEqual({ subjects: ["q.>"], added: ["q.>"] });
    expect(widenSubjects(["q.>", "x"], ["q.a"])).toEqual({ subjects: ["q.>", "x"], added: [] });
    expect(widenSubjects(["x"], ["q.>"])).toEqual({ subjects: ["x", "q.>"], added: ["q.>"] });
  });
});

describe("deque", () => {
  test("deque - behaves as an array under pushes and shifts", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat()), { maxLength: 200 }), (steps) => {
        const deque = new Deque<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) expect(deque.shift()).toBe(model.shift());
          else {
            deque.push(step);
            model.push(step);
          }
          expect(deque.length).toBe(model.length);
        }
        expect(model.map((_, index) => deque.at(index))).toEqual(model);
        expect(() => deque.at(model.length)).toThrow("inside the queue");
      }),
      { seed: 5 },
    );
  });
});

function below(prefix: string, depth: number): string[] {
  if (depth === 0) return [prefix];
  return [prefix, ...["a", "b", "c"].flatMap((next) => below(`${prefix}.${next}`, depth - 1))];
}
