import { assert } from "#base/assert.ts";

/** A queue in a ring of memory that grows by doubling: both ends and any place within cost the same. */
export class Deque<Value> {
  private ring: (Value | undefined)[] = emptyRing<Value>(16);
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(value: Value): void {
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = value;
    this.count += 1;
  }

  shift(): Value | undefined {
    if (this.count === 0) return undefined;
    const value = this.ring[this.head];
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count -= 1;
    return value;
  }

  at(index: number): Value {
    assert(index >= 0 && index < this.count, "a place inside the queue", { index, length: this.count });
    return this.ring[(this.head + index) & (this.ring.length - 1)]!;
  }

  clear(): void {
    this.ring = emptyRing<Value>(16);
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const wider = emptyRing<Value>(this.ring.length * 2);
    for (let index = 0; index < this.count; index += 1) wider[index] = this.ring[(this.head + index) & (this.ring.length - 1)];
    this.ring = wider;
    this.head = 0;
  }
}

function emptyRing<Value>(length: number): (Value | undefined)[] {
  return Array.from<undefined>({ length });
}
