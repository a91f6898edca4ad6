import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type CommandLimits, checkParameters, expectedText } from "#contracts/command.ts";
import type { CommandSpec, ParameterSpec } from "#contracts/command-catalogue.ts";
import { formatAge } from "#orion/model/format.ts";
import { postJson } from "../api.ts";
import { catalogue, live, model, signInOpen } from "../console.ts";
import { t } from "../i18n.ts";
import { isReplay } from "../replay.ts";
import { StatusSymbol } from "../symbol.tsx";

interface Armed {
  readonly token: string;
  readonly untilMs: number;
  /** Send stays off for a moment so that a double click on Arm cannot reach it. */
  readonly enabledFromMs: number;
}

const SEND_DELAY_MS = 500;

/** A form made from the catalogue: types, units and ranges, what will happen, and as many steps as the hazard asks. */
export function CommandForm({ spec, values }: { spec: CommandSpec; values: Readonly<Record<string, string>> }) {
  const fields = useSignal<Readonly<Record<string, string>>>(values);
  const asked = useSignal(false);
  const armed = useSignal<Armed | undefined>(undefined);
  const typed = useSignal("");
  const problem = useSignal("");
  const limits = catalogue.value?.limits as CommandLimits | null | undefined;
  const parameters = parametersOf(spec, fields.value);
  const checked = limits == null ? undefined : checkParameters(spec, parameters, limits);
  const data = model.data.value;
  const needsTyping = spec.name === "sim.reset" && typed.value !== "RESET";

  useEffect(() => {
    if (armed.value === undefined) return;
    const timer = setTimeout(() => (armed.value = undefined), armed.value.untilMs - performance.now());
    return () => clearTimeout(timer);
  }, [armed.value]);

  const edit = (name: string, text: string): void => {
    fields.value = { ...fields.value, [name]: text };
    asked.value = false;
    armed.value = undefined;
    problem.value = "";
  };

  const begin = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (isReplay.value) return;
    if (live.identity.value?.role === "viewer") {
      signInOpen.value = true;
      return;
    }
    if (checked?.kind === "refused") {
      problem.value = checked.refusal.message;
      return;
    }
    if (spec.hazard === "arm") return arm();
    if ((spec.hazard === "confirm" || data.kind !== "ok") && !asked.value) {
      asked.value = true;
      return;
    }
    await send(undefined);
  };

  const arm = async (): Promise<void> => {
    const answer = await postJson<{ arm_token: string; expires_ms: number }>("/api/commands/arm", { command_name: spec.name, parameters });
    if (!answer.ok) {
      problem.value = answer.detail;
      return;
    }
    const nowMs = performance.now();
    armed.value = { token: answer.value.arm_token, untilMs: nowMs + answer.value.expires_ms, enabledFromMs: nowMs + SEND_DELAY_MS };
  };

  const send = async (token: string | undefined): Promise<void> => {
    const answer = await postJson<unknown>("/api/commands", {
      request_id: crypto.randomUUID(),
      command_name: spec.name,
      parameters,
      confirm: true,
      ...(token === undefined ? {} : { arm_token: token }),
    });
    asked.value = false;
    armed.value = undefined;
    typed.value = "";
    problem.value = answer.ok ? "" : answer.detail;
  };

  return (
    <section class="card form" data-form={spec.name}>
      <h2>
        {t(spec.label)} <small>{spec.name}</small>
      </h2>
      <p>{t(spec.consequence)}</p>
      <form onSubmit={(event) => void begin(event)}>
        {spec.parameters.map((parameter) => (
          <Field
            key={parameter.name}
            parameter={parameter}
            text={fields.value[parameter.name] ?? ""}
            limits={limits ?? undefined}
            onInput={(text) => edit(parameter.name, text)}
          />
        ))}
        <EffectText spec={spec} />
        <pre class="preview">{JSON.stringify({ command_name: spec.name, parameters })}</pre>
        {data.kind === "ok" ? null : (
          <p class="problem">
            <StatusSymbol status="caution" /> {data.kind === "none" ? t("noData") : `${t("stateIsOld")} ${formatAge(data.ageMs)}`}
          </p>
        )}
        {isReplay.value ? (
          <p class="problem" data-testid="view-only">
            <StatusSymbol status="caution" /> {t("goLiveToCommand")}
          </p>
        ) : null}
        {problem.value === "" ? null : (
          <p class="problem" role="alert" data-testid="problem">
            {problem.value}
          </p>
        )}
        {spec.name === "sim.reset" ? (
          <label>
            {t("typeReset")}
            <input value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} autocomplete="off" />
          </label>
        ) : null}
        <div class="menu">
          {asked.value ? <span>{data.kind === "ok" ? t(spec.consequence) : t("staleConfirm")}</span> : null}
          <button type="submit" class="primary" disabled={needsTyping || armed.value !== undefined || isReplay.value} data-testid="send">
            {spec.hazard === "arm" ? t("arm") : asked.value ? t("confirmSend") : t("send")}
          </button>
          {armed.value === undefined ? null : <SendArmed armed={armed.value} onSend={(token) => void send(token)} />}
        </div>
      </form>
    </section>
  );
}

function SendArmed({ armed, onSend }: { armed: Armed; onSend: (token: string) => void }) {
  void model.nowMs.value;
  const nowMs = performance.now();
  return (
    <button type="button" class="armed" disabled={nowMs < armed.enabledFromMs} onClick={() => onSend(armed.token)} data-testid="send-armed">
      {t("send")} ({t("armedFor")} {Math.max(0, Math.ceil((armed.untilMs - nowMs) / 1000))} s)
    </button>
  );
}

function Field({
  parameter,
  text,
  limits,
  onInput,
}: {
  parameter: ParameterSpec;
  text: string;
  limits: CommandLimits | undefined;
  onInput: (text: string) => void;
}) {
  const words =
    parameter.kind === "word"
      ? parameter.words === "ports"
        ? (limits?.ports ?? [])
        : parameter.words
      : parameter.kind === "boolean"
        ? ["true", "false"]
        : undefined;
  const fallback = "default" in parameter && parameter.default !== undefined ? String(parameter.default) : "";
  const isOptional = "optional" in parameter;
  return (
    <label>
      <span>
        {parameter.name} <small>{limits === undefined ? "" : expectedText(parameter, limits)}</small>{" "}
        {isOptional ? <small>({t("optional")})</small> : null}
      </span>
      {words === undefined ? (
        <input
          name={parameter.name}
          inputMode={parameter.kind === "number" ? "decimal" : "text"}
          value={text}
          placeholder={fallback}
          onInput={(event) => onInput(event.currentTarget.value)}
          autocomplete="off"
        />
      ) : (
        <select name={parameter.name} value={text} onChange={(event) => onInput(event.currentTarget.value)}>
          <option value="">—</option>
          {words.map((word) => (
            <option key={word} value={word}>
              {word}
            </option>
          ))}
        </select>
      )}
    </label>
  );
}

function EffectText({ spec }: { spec: CommandSpec }) {
  if (spec.effect === undefined) return <p class="quiet">{t("noEffectCheck")}</p>;
  const conditions = spec.effect.all.map(
    ({ path, op, value }) => `${path} ${op} ${typeof value === "object" ? Object.values(value).join("|") : String(value)}`,
  );
  const within = typeof spec.effect.deadline === "number" ? `${spec.effect.deadline} s` : spec.effect.deadline.replace("_", " ");
  return (
    <p class="quiet">
      {t("effect")}: {conditions.join(" & ")} {t("within")} {within}
    </p>
  );
}

/** Texts of the form as JSON values; nothing is converted that is not a plain number, so a comma is refused as text. */
function parametersOf(spec: CommandSpec, fields: Readonly<Record<string, string>>): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const parameter of spec.parameters) {
    const text = (fields[parameter.name] ?? "").trim();
    if (text === "") continue;
    const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
    if ((parameter.kind === "number" || parameter.kind === "integer") && isNumber) parameters[parameter.name] = Number(text);
    else if (parameter.kind === "boolean") parameters[parameter.name] = text === "true";
    else parameters[parameter.name] = text;
  }
  return parameters;
}
