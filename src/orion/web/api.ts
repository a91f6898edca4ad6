/** An answer of the gateway: a value, or its problem in words. */
export type Answer<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly detail: string; readonly path?: string };

export function getJson<Value>(path: string): Promise<Answer<Value>> {
  return call(path, {});
}

export function postJson<Value>(path: string, body: unknown): Promise<Answer<Value>> {
  return call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

export function deleteJson<Value>(path: string): Promise<Answer<Value>> {
  return call(path, { method: "DELETE", headers: { "content-type": "application/json" } });
}

async function call<Value>(path: string, init: RequestInit): Promise<Answer<Value>> {
  try {
    const response = await fetch(path, { ...init, credentials: "same-origin" });
    const body = (await response.json()) as Record<string, unknown>;
    if (response.ok) return { ok: true, value: body as Value };
    const problem = body as { code?: string; detail?: string; path?: string };
    return {
      ok: false,
      status: response.status,
      code: problem.code ?? "internal",
      detail: problem.detail ?? response.statusText,
      ...(problem.path === undefined ? {} : { path: problem.path }),
    };
  } catch {
    return { ok: false, status: 0, code: "link_lost", detail: "the gateway does not answer" };
  }
}
