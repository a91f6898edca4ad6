import type { Hit } from "./primitives.ts";

export const PICK_MOUSE_PX = 12;
export const PICK_TOUCH_PX = 24;
/** A pointer that moved further was dragging. */
export const DRAG_PX = 4;

/** The target under the pointer: what calls first, then the nearest; another click takes the next one under it. */
export function pick(hits: readonly Hit[], x: number, y: number, radiusPx: number, selectedId: string | undefined): string | undefined {
  const distance = (hit: Hit): number => Math.hypot(hit.x - x, hit.y - y);
  const under = hits
    .filter((hit) => distance(hit) <= radiusPx)
    .toSorted((a, b) => Number(b.isCalling) - Number(a.isCalling) || distance(a) - distance(b) || (a.id < b.id ? -1 : 1));
  if (under.length === 0) return undefined;
  const at = under.findIndex(({ id }) => id === selectedId);
  return under[(at + 1) % under.length]!.id;
}
