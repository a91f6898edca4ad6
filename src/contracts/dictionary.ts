import type { Text } from "./text.ts";

export type ParameterType = "number" | "integer" | "boolean" | "text" | "list" | "map" | "vector";

/** One telemetry path: what it is called, what it measures, and why an operator looks at it. */
export interface DictionaryEntry {
  /** Path into the telemetry payload; a list of objects is written `nodes[]`. */
  readonly path: string;
  readonly label: Text;
  readonly unit: string;
  readonly type: ParameterType;
  /** Decimals shown; the unit's own unless given. */
  readonly decimals?: number;
  readonly why?: Text;
  readonly limits?: { readonly warn: number; readonly crit: number; readonly dir: "above" | "below" };
  /** Limits that stand in telemetry themselves. */
  readonly limitsFrom?: { readonly warn?: string; readonly crit?: string; readonly dir: "above" | "below" };
  /** A console keeps its past, for trends and rates. */
  readonly series?: true;
}

type Extra = Omit<DictionaryEntry, "path" | "label" | "unit" | "type">;

function entry(path: string, en: string, ru: string, unit: string, type: ParameterType = "number", extra: Extra = {}): DictionaryEntry {
  return { path, label: { en, ru }, unit, type, ...extra };
}

const below = (warn: number, crit: number): Extra => ({ limits: { warn, crit, dir: "below" } });
const above = (warn: number, crit: number): Extra => ({ limits: { warn, crit, dir: "above" } });

const IDENTITY: readonly DictionaryEntry[] = [
  entry("schema_version", "Schema version", "Версия схемы", "", "integer"),
  entry("source", "Source", "Источник", "", "text"),
  entry("timestamp", "Event time", "Время события", "", "text"),
  entry("ts_unix_ms", "Event time", "Время события", "ms", "integer"),
  entry("tick", "Tick", "Такт", "", "integer"),
  entry("sim_time_s", "Simulated time", "Модельное время", "s"),
  entry("dt_s", "Tick length", "Длина такта", "s"),
  entry("ts_ingest", "Published at", "Опубликовано", "", "text"),
  entry("state_hash", "State hash", "Хеш состояния", "", "text"),
  entry("hardware_profile_hash", "Profile hash", "Хеш профиля", "", "text"),
  entry("field_sources", "Origin of constants", "Происхождение констант", "", "map"),
  entry("run.id", "Run", "Прогон", "", "text"),
  entry("run.seed", "Seed", "Зерно", "", "integer"),
  entry("run.epoch", "Epoch", "Эпоха", "", "text"),
  entry("run.heartbeat", "Heartbeat", "Повтор", "", "boolean"),
  entry("sim_state.running", "Running", "Идёт", "", "boolean"),
  entry("sim_state.paused", "Paused", "Пауза", "", "boolean"),
  entry("sim_state.speed", "Speed", "Скорость", "x"),
  entry("sim_state.fsm_state", "Run state", "Состояние прогона", "", "text"),
];

const MOTION: readonly DictionaryEntry[] = [
  entry("position.x", "Position X", "Позиция X", "m"),
  entry("position.y", "Position Y", "Позиция Y", "m"),
  entry("position.z", "Position Z", "Позиция Z", "m"),
  entry("velocity", "Speed", "Скорость", "m/s"),
  entry("speed_m_s", "Speed", "Скорость", "m/s"),
  entry("velocity_xyz_m_s.x", "Velocity X", "Скорость X", "m/s"),
  entry("velocity_xyz_m_s.y", "Velocity Y", "Скорость Y", "m/s"),
  entry("velocity_xyz_m_s.z", "Velocity Z", "Скорость Z", "m/s"),
  entry("heading", "Heading", "Курс", "deg"),
  entry("attitude.roll_rad", "Roll", "Крен", "rad"),
  entry("attitude.pitch_rad", "Pitch", "Тангаж", "rad"),
  entry("attitude.yaw_rad", "Yaw", "Рыскание", "rad"),
  entry("motion.position_m", "Position", "Позиция", "m", "vector"),
  entry("motion.velocity_mps", "Velocity", "Скорость", "m/s", "vector"),
  entry("motion.inertial_velocity_mps", "Inertial velocity", "Инерциальная скорость", "m/s", "vector"),
  entry("motion.quaternion", "Attitude quaternion", "Кватернион ориентации", "", "vector"),
  entry("motion.body_rates_rps", "Body rates", "Угловые скорости", "rad/s", "vector"),
  entry("motion.drive_command_mps", "Drive asked", "Ход задан", "m/s"),
  entry("motion.drive_actual_mps", "Drive actual", "Ход фактический", "m/s"),
  entry("motion.turn_left_deg", "Turn left to do", "Осталось повернуть", "deg"),
  entry("motion.mass_kg", "Mass", "Масса", "kg"),
];

const POWER: readonly DictionaryEntry[] = [
  entry("battery", "Battery", "Батарея", "%", "number", below(20, 15)),
  entry("power.soc_pct", "Battery charge", "Заряд батареи", "%", "number", {
    limitsFrom: { warn: "power.soc_shed_high_pct", crit: "power.soc_shed_low_pct", dir: "below" },
    why: { en: "At the shed level radar and transponder go off.", ru: "На уровне отсечки отключаются радар и ответчик." },
  }),
  entry("power.sources_w.base", "Base generation", "Базовая генерация", "W"),
  entry("power.sources_w.dock", "Dock", "Док", "W"),
  entry("power.sources_w.supercap_discharge", "Supercapacitor out", "Суперконденсатор отдаёт", "W"),
  entry("power.loads_w.base", "Base load", "Базовая нагрузка", "W"),
  entry("power.loads_w.motion", "Drive", "Ход", "W"),
  entry("power.loads_w.mcqpu", "Computer", "Вычислитель", "W"),
  entry("power.loads_w.radar", "Radar", "Радар", "W"),
  entry("power.loads_w.transponder", "Transponder", "Ответчик", "W"),
  entry("power.loads_w.nbl", "NBL", "НБЛ", "W"),
  entry("power.loads_w.rcs", "RCS", "РСУ", "W"),
  entry("power.loads_w.supercap_charge", "Supercapacitor in", "Суперконденсатор берёт", "W"),
  entry("power.power_in_w", "Power in", "Мощность входа", "W"),
  entry("power.power_out_w", "Power out", "Мощность выхода", "W"),
  entry("power.battery_capacity_wh", "Battery capacity", "Ёмкость батареи", "Wh"),
  entry("power.battery_charge_w", "Battery charging", "Заряд батареи идёт", "W"),
  entry("power.battery_discharge_w", "Battery discharging", "Разряд батареи", "W"),
  entry("power.battery_temp_state", "Battery temperature", "Температура батареи", "", "text"),
  entry("power.battery_spill_w", "Spilled", "Сброс излишка", "W"),
  entry("power.battery_unserved_w", "Unserved", "Недодано", "W"),
  entry("power.bus_v", "Bus voltage", "Напряжение шины", "V", "number", { limitsFrom: { crit: "power.bus_v_min", dir: "below" } }),
  entry("power.battery_1_voltage_v", "Battery 1 voltage", "Напряжение батареи 1", "V"),
  entry("power.battery_2_voltage_v", "Battery 2 voltage", "Напряжение батареи 2", "V"),
  entry("power.bus_a", "Bus current", "Ток шины", "A", "number", {
    limitsFrom: { crit: "power.max_bus_a", dir: "above" },
    why: { en: "At its limit loads are shed, least critical first.", ru: "На пределе нагрузки отключаются, начиная с наименее важных." },
  }),
  entry("power.bus_v_min", "Lowest bus voltage", "Минимум напряжения шины", "V"),
  entry("power.max_bus_a", "Bus current limit", "Предел тока шины", "A"),
  entry("power.soc_shed_low_pct", "Shed below", "Отсечка ниже", "%"),
  entry("power.soc_shed_high_pct", "Restore from", "Возврат с", "%"),
  entry("power.load_shedding", "Loads are shed", "Нагрузки отключены", "", "boolean"),
  entry("power.shed_loads", "Shed loads", "Отключённые нагрузки", "", "list"),
  entry("power.shed_reasons", "Reasons", "Причины", "", "list"),
  entry("power.pdu_limit_w", "PDU limit", "Предел PDU", "W"),
  entry("power.pdu_throttled", "Throttling", "Ограничение", "", "boolean"),
  entry("power.throttled_loads", "Throttled loads", "Ограниченные нагрузки", "", "list"),
  entry("power.faults", "Power faults", "Отказы питания", "", "list"),
  entry("power.supercap_soc_pct", "Supercapacitor charge", "Заряд суперконденсатора", "%"),
  entry("power.supercap_capacity_wh", "Supercapacitor capacity", "Ёмкость суперконденсатора", "Wh"),
  entry("power.supercap_charge_w", "Supercapacitor charging", "Заряд суперконденсатора идёт", "W"),
  entry("power.supercap_discharge_w", "Supercapacitor discharging", "Разряд суперконденсатора", "W"),
  entry("power.supercap_temp_state", "Supercapacitor temperature", "Температура суперконденсатора", "", "text"),
  entry("power.dock_connected", "Dock power connected", "Питание дока подключено", "", "boolean"),
  entry("power.dock_soft_start_pct", "Dock soft start", "Плавный пуск дока", "%"),
  entry("power.dock_power_w", "Dock power", "Мощность дока", "W"),
  entry("power.dock_v", "Dock voltage", "Напряжение дока", "V"),
  entry("power.dock_a", "Dock current", "Ток дока", "A"),
  entry("power.dock_temp_c", "Dock bridge temperature", "Температура моста дока", "°C"),
  entry("power.nbl_active", "NBL asked for", "НБЛ запрошен", "", "boolean"),
  entry("power.nbl_allowed", "NBL powered", "НБЛ запитан", "", "boolean"),
  entry("power.nbl_power_w", "NBL power", "Мощность НБЛ", "W"),
  entry("power.nbl_budget_w", "NBL budget", "Бюджет НБЛ", "W"),
  entry("power_detail.demand_w.base", "Base asks", "База просит", "W"),
  entry("power_detail.demand_w.motion", "Drive asks", "Ход просит", "W"),
  entry("power_detail.demand_w.mcqpu", "Computer asks", "Вычислитель просит", "W"),
  entry("power_detail.demand_w.radar", "Radar asks", "Радар просит", "W"),
  entry("power_detail.demand_w.transponder", "Transponder asks", "Ответчик просит", "W"),
  entry("power_detail.demand_w.nbl", "NBL asks", "НБЛ просит", "W"),
  entry("power_detail.demand_w.rcs", "RCS asks", "РСУ просит", "W"),
  entry("power_detail.sheds", "Sheds", "Отключения", "", "list"),
  entry("power_detail.supply_fraction", "Supply fraction", "Доля снабжения", "", "number", { decimals: 3 }),
  entry("power_detail.residual_w", "Energy balance residual", "Невязка баланса", "W", "number", { decimals: 3 }),
  entry("power_detail.nbl_max_w", "NBL limit", "Предел НБЛ", "W"),
  entry("power_detail.fit_w", "Bus with the load back", "Шина с возвращённой нагрузкой", "W", "map"),
  entry("explain", "Reasons in force", "Действующие причины", "", "list"),
];

const THERMAL: readonly DictionaryEntry[] = [
  entry("thermal.nodes[].id", "Node", "Узел", "", "text"),
  entry("thermal.nodes[].temp_c", "Temperature", "Температура", "°C", "number", {
    limitsFrom: { warn: "warn_c", crit: "trip_c", dir: "above" },
    why: { en: "At its trip a node cuts the loads that heat it.", ru: "На уставке узел отключает греющие его нагрузки." },
  }),
  entry("thermal.nodes[].tripped", "Tripped", "Защита сработала", "", "boolean"),
  entry("thermal.nodes[].warned", "Warned", "Предупреждение", "", "boolean"),
  entry("thermal.nodes[].warn_c", "Warn at", "Предупреждение при", "°C"),
  entry("thermal.nodes[].trip_c", "Trip at", "Защита при", "°C"),
  entry("thermal.nodes[].hys_c", "Hysteresis", "Гистерезис", "°C"),
  entry("temp_external_c", "Ambient temperature", "Температура среды", "°C"),
  entry("temp_core_c", "Core temperature", "Температура ядра", "°C", "number", above(80, 95)),
];

const COMMS: readonly DictionaryEntry[] = [
  entry("comms.enabled", "Comms enabled", "Связь включена", "", "boolean"),
  entry("comms.link", "Link", "Линия", "", "text"),
  entry("comms.link_state", "Link state", "Состояние линии", "", "text"),
  entry("comms.latency_ms", "Latency", "Задержка", "ms", "number", above(200, 500)),
  entry("comms.packet_loss_pct", "Packet loss", "Потери пакетов", "%", "number", above(2, 5)),
  entry("comms.rssi_dbm", "Signal", "Сигнал", "dBm"),
  entry("comms.snr_db", "Signal to noise", "Сигнал/шум", "dB"),
  entry("comms.tx_power_w", "Transmit power", "Мощность передачи", "W"),
  entry("comms.data_rate_kbps", "Data rate", "Скорость данных", "kbit/s"),
  entry("comms.antenna_status", "Antenna", "Антенна", "", "text"),
  entry("comms.plane_enabled", "Comms plane", "Контур связи", "", "boolean"),
  entry("comms.plane_profile", "Comms profile", "Профиль связи", "", "text"),
  entry("comms.xpdr.mode", "Transponder mode", "Режим ответчика", "", "text"),
  entry("comms.xpdr.active", "Transponder active", "Ответчик активен", "", "boolean"),
  entry("comms.xpdr.allowed", "Transponder allowed", "Ответчик разрешён", "", "boolean"),
  entry("comms.xpdr.id", "Transponder identity", "Личность ответчика", "", "text"),
  entry("comms.EMCON_state", "Emission control", "Режим излучения", "", "text"),
  entry("comms.available", "Comms available", "Связь доступна", "", "boolean"),
  entry("comms.reason_codes", "Comms reasons", "Причины связи", "", "list"),
  entry("comms.reason_text", "Comms reason", "Причина связи", "", "text"),
];

const PROPULSION: readonly DictionaryEntry[] = [
  entry("propulsion.propellant_tank_pressure_pa", "Tank pressure", "Давление в баке", "Pa"),
  entry("propulsion.oxidizer_mass_kg", "Oxidizer", "Окислитель", "kg"),
  entry("propulsion.fuel_pct", "Propellant", "Топливо", "%", "number", below(20, 10)),
  entry("propulsion.fuel_total_g", "Propellant at start", "Топливо в начале", "g"),
  entry("propulsion.fuel_rate_gs", "Propellant flow", "Расход топлива", "g/s"),
  entry("propulsion.remaining_fuel_g", "Propellant left", "Осталось топлива", "g"),
  entry("propulsion.rcs.enabled", "RCS enabled", "РСУ включена", "", "boolean"),
  entry("propulsion.rcs.active", "RCS burning", "РСУ работает", "", "boolean"),
  entry("propulsion.rcs.throttled", "RCS throttled", "РСУ ограничена", "", "boolean"),
  entry("propulsion.rcs.axis", "Burn axis", "Ось импульса", "", "text"),
  entry("propulsion.rcs.command_pct", "Burn asked", "Импульс задан", "%"),
  entry("propulsion.rcs.time_left_s", "Burn time left", "Осталось импульса", "s"),
  entry("propulsion.rcs.propellant_kg", "RCS propellant", "Топливо РСУ", "kg"),
  entry("propulsion.rcs.power_w", "RCS power", "Мощность РСУ", "W"),
  entry("propulsion.rcs.net_force_n", "Net force", "Сила", "N", "vector"),
  entry("propulsion.rcs.net_torque_nm", "Net torque", "Момент", "N m", "vector"),
  entry("propulsion.rcs.thrusters", "Thrusters", "Двигатели", "", "list"),
];

const BODY: readonly DictionaryEntry[] = [
  entry("hull.integrity", "Hull", "Корпус", "%", "number", below(70, 40)),
  entry("radiation_usvh", "Radiation", "Радиация", "µSv/h"),
  entry("cpu_usage", "Processor", "Процессор", "%", "number", above(80, 95)),
  entry("memory_usage", "Memory", "Память", "%"),
  entry("docking.enabled", "Docking enabled", "Стыковка включена", "", "boolean"),
  entry("docking.state", "Docking", "Стыковка", "", "text"),
  entry("docking.connected", "Docked", "Состыкован", "", "boolean"),
  entry("docking.port", "Port", "Порт", "", "text"),
  entry("docking.ports", "Ports", "Порты", "", "list"),
  entry("orbit.state", "Orbit", "Орбита", "", "text"),
  entry("orbit.reason", "Orbit reason", "Причина по орбите", "", "text"),
  entry("orbit.confidence", "Orbit confidence", "Доверие к орбите", "", "number", { decimals: 2 }),
  entry("orbit.apoapsis_km", "Apoapsis", "Апоцентр", "km"),
  entry("orbit.periapsis_km", "Periapsis", "Перицентр", "km"),
  entry("orbit.inclination_deg", "Inclination", "Наклонение", "deg"),
  entry("orbit.eccentricity", "Eccentricity", "Эксцентриситет", ""),
  entry("orbit.period_min", "Period", "Период", "min"),
];

const SENSORS: readonly DictionaryEntry[] = [
  entry("sensor_plane.enabled", "Sensors enabled", "Датчики включены", "", "boolean"),
  entry("sensor_plane.imu.enabled", "IMU enabled", "ИНС включена", "", "boolean"),
  entry("sensor_plane.imu.status", "IMU", "ИНС", "", "text"),
  entry("sensor_plane.imu.reason", "IMU reason", "Причина ИНС", "", "text"),
  entry("sensor_plane.imu.ok", "IMU good", "ИНС исправна", "", "boolean"),
  entry("sensor_plane.imu.roll_rate_rps", "Roll rate", "Скорость крена", "rad/s", "number", { decimals: 4 }),
  entry("sensor_plane.imu.pitch_rate_rps", "Pitch rate", "Скорость тангажа", "rad/s", "number", { decimals: 4 }),
  entry("sensor_plane.imu.yaw_rate_rps", "Yaw rate", "Скорость рыскания", "rad/s", "number", { decimals: 4 }),
  entry("sensor_plane.radiation.enabled", "Radiation sensor enabled", "Датчик радиации включён", "", "boolean"),
  entry("sensor_plane.radiation.background_usvh", "Radiation background", "Радиационный фон", "µSv/h"),
  entry("sensor_plane.radiation.dose_total_usv", "Dose", "Доза", "µSv", "number", { decimals: 3 }),
  entry("sensor_plane.radiation.status", "Radiation status", "Статус радиации", "", "text"),
  entry("sensor_plane.radiation.reason", "Radiation reason", "Причина по радиации", "", "text"),
  entry("sensor_plane.radiation.limits.warn_usvh", "Radiation warn at", "Предупреждение о радиации при", "µSv/h"),
  entry("sensor_plane.radiation.limits.crit_usvh", "Radiation critical at", "Опасная радиация при", "µSv/h"),
  entry("sensor_plane.proximity.enabled", "Proximity sensor enabled", "Датчик близости включён", "", "boolean"),
  entry("sensor_plane.proximity.min_range_m", "Nearest contact", "Ближайший контакт", "m"),
  entry("sensor_plane.proximity.contacts", "Near contacts", "Близкие контакты", "", "integer"),
  entry("sensor_plane.solar.enabled", "Solar sensor enabled", "Солнечный датчик включён", "", "boolean"),
  entry("sensor_plane.solar.illumination_pct", "Illumination", "Освещённость", "%"),
  entry("sensor_plane.star_tracker.enabled", "Star tracker enabled", "Звёздный датчик включён", "", "boolean"),
  entry("sensor_plane.star_tracker.status", "Star tracker", "Звёздный датчик", "", "text"),
  entry("sensor_plane.star_tracker.reason", "Star tracker reason", "Причина звёздного датчика", "", "text"),
  entry("sensor_plane.star_tracker.locked", "Star lock", "Захват звёзд", "", "boolean"),
  entry("sensor_plane.star_tracker.attitude_err_deg", "Attitude error", "Ошибка ориентации", "deg", "number", { decimals: 3 }),
  entry("sensor_plane.magnetometer.enabled", "Magnetometer enabled", "Магнитометр включён", "", "boolean"),
  entry("sensor_plane.magnetometer.field_ut", "Magnetic field", "Магнитное поле", "µT", "map"),
];

/** Quantities that move and matter: their past is kept. */
const SERIES: ReadonlySet<string> = new Set(
  `
    heading speed_m_s attitude.roll_rad attitude.pitch_rad attitude.yaw_rad motion.position_m motion.velocity_mps
    motion.body_rates_rps motion.drive_command_mps motion.drive_actual_mps motion.turn_left_deg power.soc_pct power.power_in_w
    power.power_out_w power.pdu_limit_w power.bus_v power.bus_a power.battery_charge_w power.battery_discharge_w
    power.battery_spill_w power.battery_unserved_w power.supercap_soc_pct power.supercap_charge_w power.supercap_discharge_w
    power.dock_power_w power.dock_a power.dock_temp_c power.nbl_power_w power_detail.supply_fraction thermal.nodes[].temp_c
    temp_external_c temp_core_c propulsion.fuel_pct propulsion.fuel_rate_gs propulsion.rcs.power_w propulsion.rcs.net_force_n
    propulsion.rcs.net_torque_nm comms.latency_ms comms.packet_loss_pct comms.rssi_dbm comms.snr_db comms.data_rate_kbps
    comms.tx_power_w cpu_usage memory_usage radiation_usvh sensor_plane.imu.roll_rate_rps sensor_plane.imu.pitch_rate_rps
    sensor_plane.imu.yaw_rate_rps sensor_plane.radiation.background_usvh sensor_plane.radiation.dose_total_usv
    sensor_plane.star_tracker.attitude_err_deg sensor_plane.magnetometer.field_ut sensor_plane.proximity.min_range_m
    sensor_plane.solar.illumination_pct
  `
    .trim()
    .split(/\s+/),
);

/** Every leaf of the telemetry payload, once (console §3.3). */
export const DICTIONARY: readonly DictionaryEntry[] = [
  ...IDENTITY,
  ...MOTION,
  ...POWER,
  ...THERMAL,
  ...COMMS,
  ...PROPULSION,
  ...BODY,
  ...SENSORS,
].map((one) => (SERIES.has(one.path) ? { ...one, series: true } : one));

const BY_PATH: ReadonlyMap<string, DictionaryEntry> = new Map(DICTIONARY.map((one) => [one.path, one]));

/** The entry of a path; an index or id in brackets counts as `[]`. */
export function dictionaryEntry(path: string): DictionaryEntry | undefined {
  return BY_PATH.get(path) ?? BY_PATH.get(path.replace(/\[[^\]]+\]/g, "[]"));
}
