import { parseSync } from "vite";

/** Rooms a room may import besides itself. A folder of orion/ is a room of its own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  contracts: ["base"],
  craft: ["base"],
  radar: ["base"],
  alarms: ["base"],
  twin: ["base", "contracts", "craft", "radar", "alarms"],
  bus: ["base", "contracts"],
  recording: ["base", "contracts", "twin"],
  store: ["base", "contracts"],
  services: ["base", "contracts", "craft", "radar", "alarms", "twin", "bus", "recording", "store"],
  "orion/model": ["base", "contracts"],
  "orion/radar-view": ["base", "contracts", "orion/model"],
  "orion/web": ["base", "contracts", "orion/model", "orion/radar-view"],
  "orion/terminal": ["base", "contracts", "orion/model", "orion/radar-view"],
  cli: ["base", "contracts", "craft", "radar", "alarms", "twin", "bus", "recording", "store", "services", "orion/terminal", "orion/model"],
};

/** Tests, and what several of them share. */
const FOR_TESTS = /(\.test|\/test-[a-z-]+)\.ts$/;

/** Pure rooms and the packages each may use. */
const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  base: ["@noble/hashes"],
  contracts: ["zod"],
  craft: [],
  radar: [],
  alarms: [],
  twin: [],
  "orion/model": ["@preact/signals-core"],
  "orion/radar-view": [],
};

const BANNED_NAMES = new Set([
  "Date",
  "Intl",
  "performance",
  "process",
  "globalThis",
  "console",
  "fetch",
  "crypto",
  "Promise",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "requestAnimationFrame",
]);
const BANNED_MEMBERS = new Set(["Math.pow", "Math.random", "Atomics.wait"]);
const LOCALE_MEMBER = /^(toLocale\w*|localeCompare)$/;

/** What is wrong with one source file of `src/`, an empty list when nothing is. `path` is relative to `src/`. */
export function houseProblems(path: string, source: string): string[] {
  const room = roomOf(path);
  if (room === undefined || MAY_IMPORT[room] === undefined) return [`${path}: lies in no room of the house`];
  const parsed = parseSync(path, source);
  if (parsed.errors.length > 0) return [`${path}: does not parse: ${parsed.errors[0]?.message}`];
  const isPure = PURE_PACKAGES[room] !== undefined && !FOR_TESTS.test(path);
  const problems: string[] = [];
  walk(parsed.program as unknown as Node, (node, parent) => {
    const specifier = importedBy(node);
    if (specifier !== undefined) problems.push(...importProblems(path, room, specifier, isPure));
    if (isPure) problems.push(...purityProblems(path, source, node, parent));
  });
  return problems;
}

export function roomOf(path: string): string | undefined {
  const [first, second] = path.split("/");
  return first === "orion" ? `orion/${second}` : first;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === "object" && child !== null && typeof (child as Node).type === "string") walk(child as Node, visit, node);
    }
  }
}

function importedBy(node: Node): string | undefined {
  const isImport = /^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration|ImportExpression|TSImportType)$/.test(node.type);
  const from = isImport ? ((node.source ?? node.argument) as { value?: unknown } | null | undefined) : undefined;
  return typeof from?.value === "string" ? from.value : undefined;
}

function importProblems(path: string, room: string, specifier: string, isPure: boolean): string[] {
  if (specifier.startsWith(".")) {
    const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
    return roomOf(target) === room ? [] : [`${path}: reaches ${specifier} in another room; use its # import name`];
  }
  if (specifier.startsWith("#")) {
    const target = roomOf(specifier.slice(1));
    const allowed = target === room || (target !== undefined && MAY_IMPORT[room]!.includes(target));
    return allowed ? [] : [`${path}: ${room} may not import ${specifier}`];
  }
  if (!isPure) return [];
  const allowed = PURE_PACKAGES[room]!.some((name) => specifier === name || specifier.startsWith(`${name}/`));
  return allowed ? [] : [`${path}: the pure room ${room} may not import ${specifier}`];
}

function purityProblems(path: string, source: string, node: Node, parent: Node | undefined): string[] {
  const where = `${path}:${source.slice(0, node.start).split("\n").length}`;
  if (node.operator === "**" || node.operator === "**=") return [`${where}: ${node.operator} gives other bits on other engines`];
  if (node.type === "AwaitExpression" || node.async === true) return [`${where}: a pure room is not asynchronous`];
  if (node.type === "MemberExpression") {
    const property = (node.property as { name?: string }).name;
    const member = `${(node.object as { name?: string }).name}.${property}`;
    if (BANNED_MEMBERS.has(member)) return [`${where}: ${member} is not deterministic`];
    if (typeof property === "string" && LOCALE_MEMBER.test(property)) return [`${where}: ${property} depends on the locale`];
  }
  const name = node.name as string;
  if (node.type === "Identifier" && BANNED_NAMES.has(name) && !isPlainKey(node, parent)) {
    return [`${where}: ${name} does not belong in a pure room`];
  }
  return [];
}

/** A property key or member of that name is somebody's field, not the global. */
function isPlainKey(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined || parent.computed === true) return false;
  return (parent.key === node && parent.value !== node) || (parent.type === "MemberExpression" && parent.property === node);
}
