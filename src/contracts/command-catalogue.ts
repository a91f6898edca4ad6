import type { Text } from "./text.ts";

export type CommandOwner = "sim" | "tracker" | "alarms" | "recorder";
/** From the lowest to the highest. */
export const ROLES = ["viewer", "operator", "supervisor", "admin"] as const;
export type Role = (typeof ROLES)[number];
/** How a console must ask before it sends: nothing, one confirmation, or arm and then send within 15 s. */
export type Hazard = "none" | "confirm" | "arm";
/** A later command of the same group ends the effect watch of an earlier one as superseded. */
export type CommandGroup = "sim_state" | "dock" | "nbl" | "rcs" | "xpdr" | "drive" | "turn";
/** A limit that the running configuration decides. */
export type LimitName = "max_speed" | "max_speed_mps" | "shelve_max_s";

export type ParameterSpec = { readonly name: string; readonly alias?: string } & (
  | {
      readonly kind: "number" | "integer";
      readonly unit: string;
      readonly min: number;
      /** The lower end itself is refused. */
      readonly minExclusive?: true;
      readonly max: number | LimitName;
      readonly default?: number;
      readonly optional?: true;
    }
  | { readonly kind: "word"; readonly words: readonly string[] | "ports"; readonly anyCase?: true; readonly optional?: true }
  | { readonly kind: "text"; readonly maxLength: number; readonly optional?: true }
  | { readonly kind: "target"; readonly optional: true }
  | { readonly kind: "boolean" }
);

/** One condition of an effect, on a path of the telemetry snapshot (or of the incident, for incident commands). */
export interface EffectCondition {
  readonly path: string;
  /** `in` is for a list of words; an array at the path counts as its Euclidean norm. */
  readonly op: "==" | "<=" | ">" | ">=" | "in";
  /** A literal, a parameter of the command, or the tick counted from the one before it was applied. */
  readonly value: number | string | boolean | readonly string[] | { readonly parameter: string } | { readonly ticksAfter: string };
}

export interface EffectSpec {
  readonly all: readonly EffectCondition[];
  /** Simulated seconds after application in which it must come true; 0 is right after it. */
  readonly deadline: number | "soft_start" | "turn" | "steps";
}

export interface CommandSpec {
  readonly name: string;
  readonly owner: CommandOwner;
  readonly role: "operator" | "supervisor";
  readonly hazard: Hazard;
  readonly group?: CommandGroup;
  readonly parameters: readonly ParameterSpec[];
  readonly effect?: EffectSpec;
  readonly label: Text;
  /** What happens to the craft or the record when it is applied, for the person about to send it. */
  readonly consequence: Text;
}

const is = (path: string, value: EffectCondition["value"]): EffectCondition => ({ path, op: "==", value });
const FAULT_KINDS = [
  "stuck_sensor",
  "dead_load",
  "battery_capacity_loss",
  "heat_leak",
  "radar_dropout",
  "comms_loss",
  "thruster_dead",
  "late_frames",
] as const;
const incidentId: ParameterSpec = { name: "incident_id", kind: "text", maxLength: 200 };
const occurrence: ParameterSpec = { name: "occ", kind: "integer", unit: "", min: 0, max: 1e9 };
const reason: ParameterSpec = { name: "reason", kind: "text", maxLength: 500 };

/** The one table of commands (operations §4.3). */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "sim.start",
    owner: "sim",
    role: "operator",
    hazard: "none",
    group: "sim_state",
    parameters: [{ name: "speed", kind: "number", unit: "x", min: 0, minExclusive: true, max: "max_speed", default: 1 }],
    effect: { all: [is("sim_state.fsm_state", "RUNNING"), is("sim_state.speed", { parameter: "speed" })], deadline: 0 },
    label: { en: "Start", ru: "Старт" },
    consequence: { en: "Simulated time runs at the given speed.", ru: "Модельное время идёт с заданной скоростью." },
  },
  {
    name: "sim.pause",
    owner: "sim",
    role: "operator",
    hazard: "none",
    group: "sim_state",
    parameters: [],
    effect: { all: [is("sim_state.fsm_state", "PAUSED")], deadline: 0 },
    label: { en: "Pause", ru: "Пауза" },
    consequence: { en: "Simulated time stands still until started again.", ru: "Модельное время стоит до нового старта." },
  },
  {
    name: "sim.stop",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "sim_state",
    parameters: [],
    effect: { all: [is("sim_state.fsm_state", "STOPPED")], deadline: 0 },
    label: { en: "Stop", ru: "Стоп" },
    consequence: { en: "The simulation stops; state and tick are kept.", ru: "Симуляция останавливается; состояние и такт сохраняются." },
  },
  {
    name: "sim.reset",
    owner: "sim",
    role: "operator",
    hazard: "arm",
    group: "sim_state",
    parameters: [],
    effect: { all: [is("sim_state.fsm_state", "STOPPED"), is("tick", 0), is("sim_state.speed", 1)], deadline: 0 },
    label: { en: "Reset", ru: "Сброс" },
    consequence: {
      en: "The craft returns to its initial state and a new run begins. The state reached so far is lost, except in recordings.",
      ru: "Аппарат возвращается в исходное состояние, начинается новый прогон. Достигнутое состояние останется только в записях.",
    },
  },
  {
    name: "sim.step",
    owner: "sim",
    role: "operator",
    hazard: "none",
    group: "sim_state",
    parameters: [{ name: "ticks", kind: "integer", unit: "ticks", min: 1, max: 10_000, default: 1 }],
    effect: { all: [is("tick", { ticksAfter: "ticks" })], deadline: "steps" },
    label: { en: "Step", ru: "Шаг" },
    consequence: { en: "The paused simulation advances by this many ticks.", ru: "Симуляция на паузе продвигается на столько тактов." },
  },
  {
    name: "sim.dock.engage",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "dock",
    parameters: [{ name: "port", kind: "word", words: "ports", optional: true }],
    effect: { all: [is("docking.state", "docked"), is("docking.port", { parameter: "port" })], deadline: 1 },
    label: { en: "Engage dock", ru: "Стыковка" },
    consequence: {
      en: "The craft is held at the port. Dock power stays as it is.",
      ru: "Аппарат удерживается у порта. Питание дока не меняется.",
    },
  },
  {
    name: "sim.dock.release",
    owner: "sim",
    role: "operator",
    hazard: "arm",
    group: "dock",
    parameters: [],
    effect: { all: [is("docking.state", "undocked"), is("power.dock_connected", false)], deadline: 1 },
    label: { en: "Release dock", ru: "Отстыковка" },
    consequence: {
      en: "The craft leaves the port and loses dock power; it then lives on its battery.",
      ru: "Аппарат отходит от порта и теряет питание дока; дальше он живёт на батарее.",
    },
  },
  {
    name: "power.dock.on",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "dock",
    parameters: [],
    effect: {
      all: [
        is("power.dock_connected", true),
        { path: "power.dock_soft_start_pct", op: ">=", value: 100 },
        { path: "power.dock_power_w", op: ">", value: 0 },
      ],
      deadline: "soft_start",
    },
    label: { en: "Dock power on", ru: "Питание дока вкл" },
    consequence: {
      en: "Station power rises to its limit over the soft start.",
      ru: "Питание станции нарастает до предела за время плавного пуска.",
    },
  },
  {
    name: "power.dock.off",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "dock",
    parameters: [],
    effect: { all: [is("power.dock_connected", false), is("power.dock_power_w", 0)], deadline: 1 },
    label: { en: "Dock power off", ru: "Питание дока выкл" },
    consequence: { en: "Station power is cut; storage carries the loads.", ru: "Питание станции снимается; нагрузки несут накопители." },
  },
  {
    name: "power.nbl.on",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "nbl",
    parameters: [],
    effect: { all: [is("power.nbl_allowed", true), { path: "power.nbl_power_w", op: ">", value: 0 }], deadline: 2 },
    label: { en: "NBL on", ru: "НБЛ вкл" },
    consequence: { en: "The NBL asks for its full power limit.", ru: "НБЛ запрашивает полную мощность в пределах лимита." },
  },
  {
    name: "power.nbl.off",
    owner: "sim",
    role: "operator",
    hazard: "none",
    group: "nbl",
    parameters: [],
    effect: { all: [is("power.nbl_active", false), is("power.nbl_power_w", 0)], deadline: 1 },
    label: { en: "NBL off", ru: "НБЛ выкл" },
    consequence: { en: "The NBL asks for no power.", ru: "НБЛ не запрашивает мощность." },
  },
  {
    name: "power.nbl.set_max",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "nbl",
    parameters: [{ name: "max_power_w", kind: "number", unit: "W", min: 0, max: 1e6 }],
    effect: {
      all: [
        is("power_detail.nbl_max_w", { parameter: "max_power_w" }),
        { path: "power.nbl_power_w", op: "<=", value: { parameter: "max_power_w" } },
      ],
      deadline: 1,
    },
    label: { en: "NBL limit", ru: "Предел НБЛ" },
    consequence: { en: "The NBL asks for at most this power.", ru: "НБЛ запрашивает не больше этой мощности." },
  },
  {
    name: "sim.rcs.fire",
    owner: "sim",
    role: "operator",
    hazard: "arm",
    group: "rcs",
    parameters: [
      { name: "axis", kind: "word", words: ["forward", "aft", "port", "starboard", "up", "down"], anyCase: true },
      { name: "pct", alias: "percent", kind: "number", unit: "%", min: 0, max: 100 },
      { name: "duration_s", alias: "duration", kind: "number", unit: "s", min: 0, max: 600 },
    ],
    effect: {
      all: [
        is("propulsion.rcs.active", true),
        is("propulsion.rcs.axis", { parameter: "axis" }),
        is("propulsion.rcs.command_pct", { parameter: "pct" }),
        { path: "propulsion.rcs.net_force_n", op: ">", value: 0 },
      ],
      deadline: 1,
    },
    label: { en: "RCS burn", ru: "Импульс РСУ" },
    consequence: {
      en: "Thrusters burn propellant and change the craft's motion; a burn in progress is replaced.",
      ru: "Двигатели тратят топливо и меняют движение аппарата; идущий импульс заменяется.",
    },
  },
  {
    name: "sim.rcs.stop",
    owner: "sim",
    role: "operator",
    hazard: "none",
    group: "rcs",
    parameters: [],
    effect: { all: [is("propulsion.rcs.active", false)], deadline: 1 },
    label: { en: "RCS stop", ru: "Стоп РСУ" },
    consequence: { en: "The burn in progress ends.", ru: "Идущий импульс прекращается." },
  },
  {
    name: "sim.drive.set",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "drive",
    parameters: [{ name: "speed_mps", kind: "number", unit: "m/s", min: 0, max: "max_speed_mps" }],
    effect: { all: [is("motion.drive_command_mps", { parameter: "speed_mps" })], deadline: 1 },
    label: { en: "Drive", ru: "Ход" },
    consequence: {
      en: "The drive asks for this speed along the heading; it draws power.",
      ru: "Ход запрашивает эту скорость по курсу и потребляет мощность.",
    },
  },
  {
    name: "sim.drive.turn",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "turn",
    parameters: [{ name: "delta_deg", kind: "number", unit: "deg", min: -360, max: 360 }],
    effect: { all: [is("motion.turn_left_deg", 0)], deadline: "turn" },
    label: { en: "Turn", ru: "Поворот" },
    consequence: {
      en: "The craft turns by this angle, positive to the right; a turn in progress is replaced.",
      ru: "Аппарат поворачивается на этот угол, плюс вправо; идущий поворот заменяется.",
    },
  },
  {
    name: "sim.xpdr.mode",
    owner: "sim",
    role: "operator",
    hazard: "confirm",
    group: "xpdr",
    parameters: [{ name: "mode", kind: "word", words: ["ON", "OFF", "SILENT", "SPOOF"], anyCase: true }],
    effect: { all: [is("comms.xpdr.mode", { parameter: "mode" }), is("comms.xpdr.active", { parameter: "active" })], deadline: 2 },
    label: { en: "Transponder", ru: "Ответчик" },
    consequence: { en: "Others see another identity, or none.", ru: "Другие видят иную личность или никакой." },
  },
  {
    name: "sim.fault.inject",
    owner: "sim",
    role: "supervisor",
    hazard: "arm",
    parameters: [
      { name: "kind", kind: "word", words: FAULT_KINDS },
      { name: "target", kind: "target", optional: true },
      { name: "value", kind: "number", unit: "", min: -1e4, max: 1e4, optional: true },
      { name: "for_s", kind: "number", unit: "s", min: 0, minExclusive: true, max: 1e9, optional: true },
    ],
    label: { en: "Inject fault", ru: "Внести отказ" },
    consequence: {
      en: "Something breaks in the simulated craft; only its consequences are visible.",
      ru: "В модели что-то ломается; видны только последствия.",
    },
  },
  {
    name: "sim.fault.clear",
    owner: "sim",
    role: "supervisor",
    hazard: "arm",
    parameters: [
      { name: "kind", kind: "word", words: FAULT_KINDS },
      { name: "target", kind: "target", optional: true },
    ],
    label: { en: "Clear fault", ru: "Снять отказ" },
    consequence: { en: "An injected fault ends.", ru: "Внесённый отказ снимается." },
  },
  {
    name: "system.mode",
    owner: "sim",
    role: "supervisor",
    hazard: "confirm",
    parameters: [{ name: "mode", kind: "word", words: ["FACTORY", "MISSION"] }],
    label: { en: "Mode", ru: "Режим" },
    consequence: { en: "Every console and service is told the new mode.", ru: "Новый режим сообщается всем консолям и службам." },
  },
  {
    name: "incident.ack",
    owner: "alarms",
    role: "operator",
    hazard: "none",
    parameters: [incidentId, occurrence, { name: "comment", kind: "text", maxLength: 500, optional: true }],
    effect: { all: [is("acked", true)], deadline: 0 },
    label: { en: "Acknowledge", ru: "Квитировать" },
    consequence: {
      en: "You take the alarm: it stops calling, and stays listed while true.",
      ru: "Вы принимаете тревогу: она больше не зовёт, но остаётся в списке, пока длится.",
    },
  },
  {
    name: "incident.clear",
    owner: "alarms",
    role: "operator",
    hazard: "confirm",
    parameters: [incidentId, occurrence, { name: "comment", kind: "text", maxLength: 500 }],
    effect: { all: [{ path: "letter", op: "in", value: ["A", "D"] }], deadline: 0 },
    label: { en: "Clear", ru: "Снять" },
    consequence: {
      en: "A latched alarm whose condition has ended is released.",
      ru: "Удерживаемая тревога, причина которой ушла, снимается.",
    },
  },
  {
    name: "incident.shelve",
    owner: "alarms",
    role: "operator",
    hazard: "confirm",
    parameters: [incidentId, { name: "duration_s", kind: "number", unit: "s", min: 60, max: "shelve_max_s" }, reason],
    effect: { all: [is("letter", "G")], deadline: 0 },
    label: { en: "Shelve", ru: "Отложить" },
    consequence: {
      en: "The alarm is silent for this time, then calls again if still true.",
      ru: "Тревога молчит это время, затем зовёт снова, если ещё длится.",
    },
  },
  {
    name: "incident.unshelve",
    owner: "alarms",
    role: "operator",
    hazard: "confirm",
    parameters: [incidentId],
    effect: { all: [is("shelved", false)], deadline: 0 },
    label: { en: "Unshelve", ru: "Вернуть отложенное" },
    consequence: { en: "The alarm calls again if still true.", ru: "Тревога снова зовёт, если ещё длится." },
  },
  {
    name: "incident.out_of_service",
    owner: "alarms",
    role: "supervisor",
    hazard: "arm",
    parameters: [incidentId, reason],
    effect: { all: [is("letter", "I")], deadline: 0 },
    label: { en: "Out of service", ru: "Вывести" },
    consequence: { en: "The alarm is off until someone returns it.", ru: "Тревога отключена, пока её не вернут." },
  },
  {
    name: "incident.return",
    owner: "alarms",
    role: "supervisor",
    hazard: "arm",
    parameters: [incidentId, reason],
    effect: { all: [is("out_of_service", false)], deadline: 0 },
    label: { en: "Return to service", ru: "Вернуть в работу" },
    consequence: { en: "The alarm works again.", ru: "Тревога снова работает." },
  },
  {
    name: "rules.reload",
    owner: "alarms",
    role: "supervisor",
    hazard: "confirm",
    parameters: [],
    label: { en: "Reload rules", ru: "Перечитать правила" },
    consequence: {
      en: "The incident rules file is read again; live incidents are kept.",
      ru: "Файл правил читается заново; живые инциденты остаются.",
    },
  },
  {
    name: "guards.reload",
    owner: "tracker",
    role: "supervisor",
    hazard: "confirm",
    parameters: [],
    label: { en: "Reload guard rules", ru: "Перечитать правила охраны" },
    consequence: {
      en: "The guard rules file is read again; alarms of rules that are gone end.",
      ru: "Файл правил охраны читается заново; тревоги удалённых правил заканчиваются.",
    },
  },
  {
    name: "rules.set_enabled",
    owner: "alarms",
    role: "supervisor",
    hazard: "confirm",
    parameters: [
      { name: "rule_id", kind: "text", maxLength: 64 },
      { name: "enabled", kind: "boolean" },
    ],
    effect: { all: [is("enabled", { parameter: "enabled" })], deadline: 0 },
    label: { en: "Rule on/off", ru: "Правило" },
    consequence: { en: "A disabled rule raises no alarm.", ru: "Отключённое правило не поднимает тревог." },
  },
  {
    name: "record.start",
    owner: "recorder",
    role: "operator",
    hazard: "none",
    parameters: [
      { name: "path", kind: "text", maxLength: 200, optional: true },
      { name: "duration_s", kind: "number", unit: "s", min: 1, max: 86_400, optional: true },
    ],
    label: { en: "Record", ru: "Запись" },
    consequence: { en: "A recording begins.", ru: "Начинается запись." },
  },
  {
    name: "record.stop",
    owner: "recorder",
    role: "operator",
    hazard: "none",
    parameters: [],
    label: { en: "Stop recording", ru: "Остановить запись" },
    consequence: { en: "The recording ends and is closed.", ru: "Запись завершается и закрывается." },
  },
];

const BY_NAME: ReadonlyMap<string, CommandSpec> = new Map(COMMANDS.map((command) => [command.name, command]));

export function commandSpec(name: string): CommandSpec | undefined {
  return BY_NAME.get(name);
}
