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
