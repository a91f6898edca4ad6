import { type LineType, lineTypeOf, type RecordingMeta } from "#contracts/recording.ts";
import type { RecordedMessage } from "./line.ts";

/** What waits for the disk, in order. */
export type QueueEntry =
  | { readonly kind: "message"; readonly message: RecordedMessage }
  | { readonly kind: "check" }
  /** The next segment begins here. */
  | { readonly kind: "roll"; readonly meta: RecordingMeta };

const ENTRY_BYTES = 512;

/** When the queue is full telemetry goes first, then the rest; these are never dropped. */
const KEPT: ReadonlySet<LineType> = new Set(["command", "control_ack", "meta"]);

interface Node {
  entry: QueueEntry | undefined;
  readonly bytes: number;
}

/** The messages between the bus and the disk, at most so many bytes of those that may be dropped. */
export class WriteQueue {
  bytes = 0;
  dropped = 0;
  private readonly limitBytes: number;
  private nodes: Node[] = [];
  private head = 0;
  private count = 0;
  private readonly telemetry = new DropLine();
  private readonly others = new DropLine();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Entries that wait. */
  get length(): number {
    return this.count;
  }

  push(entry: QueueEntry): void {
    const node: Node = { entry, bytes: ENTRY_BYTES + (entry.kind === "message" ? entry.message.payload.length : 0) };
    this.nodes.push(node);
    this.count += 1;
    this.bytes += node.bytes;
    const type = entry.kind === "message" ? lineTypeOf(entry.message.subject) : "meta";
    if (type === "telemetry") this.telemetry.push(node);
    else if (!KEPT.has(type)) this.others.push(node);
    while (this.bytes > this.limitBytes) {
      const oldest = this.telemetry.shift() ?? this.others.shift();
      if (oldest === undefined) break;
      this.forget(oldest);
      this.dropped += 1;
    }
  }

  shift(): QueueEntry | undefined {
    while (this.head < this.nodes.length) {
      const node = this.nodes[this.head]!;
      this.head += 1;
      if (this.head > 1_024 && this.head * 2 > this.nodes.length) {
        this.nodes = this.nodes.slice(this.head);
        this.head = 0;
      }
      const { entry } = node;
      if (entry === undefined) continue;
      this.forget(node);
      return entry;
    }
    return undefined;
  }

  private forget(node: Node): void {
    node.entry = undefined;
    this.count -= 1;
    this.bytes -= node.bytes;
  }
}

/** Nodes that may be dropped, oldest first; those taken meanwhile are passed over. */
class DropLine {
  private nodes: Node[] = [];
  private head = 0;

  push(node: Node): void {
    if (this.head > 1_024 && this.head * 2 > this.nodes.length) {
      this.nodes = this.nodes.slice(this.head);
      this.head = 0;
    }
    while (this.head < this.nodes.length && this.nodes[this.head]!.entry === undefined) this.head += 1;
    this.nodes.push(node);
  }

  shift(): Node | undefined {
    while (this.head < this.nodes.length) {
      const node = this.nodes[this.head]!;
      this.head += 1;
      if (node.entry !== undefined) return node;
    }
    return undefined;
  }
}
