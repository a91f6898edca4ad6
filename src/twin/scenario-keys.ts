import type { KeySpec } from "#base/key-spec.ts";
import { COMMANDS } from "#contracts/command-catalogue.ts";
import { FAULT_KINDS } from "#craft/faults.ts";
import { INPUT_KEYS } from "#craft/inputs.ts";
import { CONTACT_CHANGE_KEYS } from "#radar/contacts.ts";

/**
 * Keys of a scenario file (simulation §11) as data: the reader, the JSON Schema and its editor's completion come from these
 * tables. What `set`, `config`, `init`, `contacts`, and a command's `params` hold is in the tables of those who read it.
 */
export const SCENARIO_KEYS = [
  { kind: "text", key: "name", about: "name of the scenario", required: true },
  { kind: "text", key: "description", about: "what happens and why it is worth a look", pattern: "^[^\\n]*$", form: "one line" },
  {
    kind: "number",
    key: "seed",
    about: "seed of every random stream",
    unit: "1",
    integer: true,
    min: 0,
    max: 4_294_967_295,
    note: "absent: 42",
  },
  { kind: "text", key: "profile", about: "craft profile, beside this file or in the product", note: "absent: profiles/shipped.json" },
  { kind: "number", key: "tick_ms", about: "length of a tick", unit: "ms", integer: true, min: 1, max: 10_000, note: "absent: 100" },
  { kind: "number", key: "duration_s", about: "simulated time until 'qiki run' ends", unit: "s", min: 0, minExclusive: true, max: 1e9 },
  { kind: "mapping", key: "set", about: "profile path: value, such as power_plane.max_bus_a: 3" },
  { kind: "mapping", key: "config", about: "service setting: value, such as sim.telemetry_period_s: 0.1" },
  { kind: "mapping", key: "init", about: "what is otherwise at tick 0 than the profile says" },
  { kind: "sequence", key: "timeline", about: "what happens when; entries of one tick are applied in their order" },
  { kind: "sequence", key: "expect", about: "what must be seen, such as: at 5s power.bus_a <= 5" },
  { kind: "sequence", key: "contacts", about: "what else moves in the scene" },
] as const satisfies readonly KeySpec[];

/** The key of `init` that is no state of the craft. */
export const INIT_RUN = {
  kind: "word",
  key: "run",
  about: "run state at the start",
  words: ["RUNNING", "STOPPED"],
  default: "RUNNING",
} as const satisfies KeySpec;

/** A moment: seconds or ticks. */
export const TIME_PATTERN = "^\\d+(\\.\\d+)?s$|^\\d+t$";

export const AT_KEY = {
  kind: "text",
  key: "at",
  about: "simulated seconds or ticks after which it is applied",
  pattern: TIME_PATTERN,
  form: 'a time such as "12s" or a tick such as "120t"',
  required: true,
} as const satisfies KeySpec;

/** Commands that a timeline can give. */
export const TIMELINE_COMMANDS = COMMANDS.filter((command) => command.owner === "sim");

const FAULT_KIND = {
  kind: "word",
  key: "kind",
  about: "kind of the fault",
  words: Object.keys(FAULT_KINDS),
  required: true,
} as const satisfies KeySpec;
const FAULT_TARGET = { kind: "target", key: "target", about: "what it hits" } as const satisfies KeySpec;

/** What a timeline entry can do, each with its keys beside `at` and `do`. */
export const ACTION_KEYS = {
  command: [
    { kind: "word", key: "name", about: "a command", words: TIMELINE_COMMANDS.map((command) => command.name), required: true },
    { kind: "mapping", key: "params", about: "its parameters" },
  ],
  input: INPUT_KEYS,
  fault: [
    FAULT_KIND,
    FAULT_TARGET,
    { kind: "number", key: "value", about: "its value", unit: "1" },
    { kind: "number", key: "for_s", about: "how long it acts; absent: until cleared", unit: "s", min: 0, minExclusive: true, max: 1e9 },
  ],
  clear: [FAULT_KIND, FAULT_TARGET],
  contact: CONTACT_CHANGE_KEYS,
} as const satisfies Readonly<Record<string, readonly KeySpec[]>>;

export type ActionName = keyof typeof ACTION_KEYS;
