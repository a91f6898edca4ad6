import type { Text } from "./text.ts";

/** Kinds of an `explain` entry, for people. */
export const EXPLAIN_KINDS: Readonly<Record<string, Text>> = {
  latch: { en: "Latched", ru: "Защёлка" },
  gate: { en: "Gated", ru: "Запрет" },
  trip: { en: "Tripped", ru: "Защита" },
  warn: { en: "Warning", ru: "Предупреждение" },
  shed: { en: "Shed", ru: "Отключено" },
  throttle: { en: "Throttled", ru: "Ограничено" },
  brownout: { en: "Brownout", ru: "Просадка" },
  hold: { en: "Held", ru: "Удержание" },
  fault: { en: "Fault", ru: "Отказ" },
};

/** Reasons of sheds, gates, trips and faults, for people. */
export const REASONS: Readonly<Record<string, Text>> = {
  low_soc: { en: "battery charge is low", ru: "низкий заряд батареи" },
  thermal_overheat: { en: "a node is too hot", ru: "узел перегрет" },
  nbl_budget: { en: "charge is below the NBL's minimum", ru: "заряд ниже минимума НБЛ" },
  pdu_overcurrent: { en: "the bus would exceed its current limit", ru: "шина превысила бы предел тока" },
  thermal_trip: { en: "temperature reached the trip", ru: "температура достигла уставки защиты" },
  thermal_warn: { en: "temperature reached the warning", ru: "температура достигла предупреждения" },
  supply_short: { en: "supply does not cover the loads", ru: "питания не хватает на нагрузки" },
  docked: { en: "held at the dock", ru: "удерживается у дока" },
  BUS_V_ZERO: { en: "bus voltage is zero", ru: "напряжение шины равно нулю" },
  PDU_OVERCURRENT: { en: "bus over its limit with nothing left to cut", ru: "шина выше предела, отключать больше нечего" },
  BATTERY_CHARGE_LIMIT: { en: "more power than the battery may take", ru: "мощности больше, чем батарея может принять" },
  BATTERY_DISCHARGE_LIMIT: { en: "loads ask more than the battery may give", ru: "нагрузки просят больше, чем батарея может отдать" },
  BATTERY_CAPACITY_ZERO: { en: "the battery has no capacity", ru: "у батареи нет ёмкости" },
  BATTERY_CAPACITY_MISSING: { en: "the profile gives no battery capacity", ru: "в профиле нет ёмкости батареи" },
  BATTERY_EMPTY: { en: "the battery is empty", ru: "батарея разряжена" },
  POWER_PLANE_CONFIG_MISSING: { en: "the profile has no power plane", ru: "в профиле нет контура питания" },
  THERMAL_PLANE_PARAM_INVALID: { en: "a trip without hysteresis; 1 °C is used", ru: "защита без гистерезиса; взят 1 °C" },
  THERMAL_TRIP: { en: "thermal trip", ru: "тепловая защита" },
  COMMS_NOT_IMPLEMENTED: { en: "this craft has no comms", ru: "на аппарате нет связи" },
  EMCON_BLOCK: { en: "emission control forbids transmitting", ru: "режим радиомолчания запрещает передачу" },
  COMMS_LINK_LOSS: { en: "the link is lost", ru: "линия потеряна" },
  COMMS_THERMAL_BLOCK: { en: "a comms node is hot", ru: "узел связи перегрет" },
  COMMS_POWER_BLOCK: { en: "the transponder has no power", ru: "ответчик без питания" },
  COMMS_DEGRADED: { en: "the transponder does not transmit", ru: "ответчик не передаёт" },
};

/** What sensors say of themselves, for people; `value>=warn (1.5>=1)` and its like stand as they come. */
export const SENSOR_REASONS: Readonly<Record<string, Text>> = {
  ok: { en: "good", ru: "исправен" },
  disabled: { en: "disabled in this profile", ru: "отключён в этом профиле" },
  "within limits": { en: "within its limits", ru: "в пределах" },
  "limits not configured": { en: "the profile gives no limits", ru: "в профиле нет пределов" },
  "not ok": { en: "no lock on stars", ru: "нет захвата звёзд" },
  "imu not ok": { en: "the IMU is not in use", ru: "ИНС не работает" },
};

/** Sensors, for people. */
export const SENSORS: Readonly<Record<string, Text>> = {
  imu: { en: "IMU", ru: "ИНС" },
  radiation: { en: "Radiation", ru: "Радиация" },
  star_tracker: { en: "Star tracker", ru: "Звёздный датчик" },
  magnetometer: { en: "Magnetometer", ru: "Магнитометр" },
  proximity: { en: "Proximity", ru: "Близость" },
  solar: { en: "Sun sensor", ru: "Солнечный датчик" },
};

/** Thermal nodes that profiles commonly have, for people; others stand by their id. */
export const THERMAL_NODES: Readonly<Record<string, Text>> = {
  core: { en: "Core", ru: "Ядро" },
  pdu: { en: "PDU", ru: "PDU" },
  supercap: { en: "Supercapacitor", ru: "Суперконденсатор" },
  battery: { en: "Battery", ru: "Батарея" },
  dock_bridge: { en: "Dock bridge", ru: "Мост дока" },
  hull: { en: "Hull", ru: "Корпус" },
};

/** Directions of a burn, for people. */
export const BURN_DIRECTIONS: Readonly<Record<string, Text>> = {
  forward: { en: "forward", ru: "вперёд" },
  aft: { en: "aft", ru: "назад" },
  port: { en: "to port", ru: "влево" },
  starboard: { en: "to starboard", ru: "вправо" },
  up: { en: "up", ru: "вверх" },
  down: { en: "down", ru: "вниз" },
};

/** Loads of the craft, for people. */
export const LOADS: Readonly<Record<string, Text>> = {
  base: { en: "Base", ru: "База" },
  motion: { en: "Drive", ru: "Ход" },
  mcqpu: { en: "Computer", ru: "Вычислитель" },
  radar: { en: "Radar", ru: "Радар" },
  transponder: { en: "Transponder", ru: "Ответчик" },
  nbl: { en: "NBL", ru: "НБЛ" },
  rcs: { en: "RCS", ru: "РСУ" },
  bus: { en: "Bus", ru: "Шина" },
  supercap_charge: { en: "Supercap in", ru: "В суперконд." },
};
