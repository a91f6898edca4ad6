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
