// The HTTP API from the page: one function, errors as Problem (RFC 9457), the function key for this tab only.

const KEY = "function-key";
const PATIENCE = 60_000; // milliseconds; the app may be starting cold

export class Problem extends Error {
  /** `status` 0: no answer at all. `code`, `advice`, `field`, `errors` and more as the API says them. */
  constructor(status, body = {}) {
    super(body.detail || body.title || "");
    this.status = status;
    this.body = body;
    this.code = body.code || "";
    this.advice = body.advice || "";
    this.errors = body.errors || (body.field ? [{ field: body.field, detail: body.detail }] : []);
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** Call with `options`: `body` (JSON), `ifMatch`, `create` (only if nothing is there), `raw` (gives a blob), `signal`. */
export async function call(method, path, options = {}) {
  const headers = { Accept: "application/json" };
  if (key.get()) headers["x-functions-key"] = key.get();
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.ifMatch) headers["If-Match"] = options.ifMatch;
  if (options.create) headers["If-None-Match"] = "*";
  const answer = await request(`/api${path}`, {
    method,
    headers,
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
    cache: "no-store",
    redirect: "manual", // App Service may send a stranger to its sign-in page
    signal: options.signal,
  });
  if (answer.type === "opaqueredirect") throw new Problem(401, { code: "sign_in" });
  if (!answer.ok) throw await problemOf(answer);
  const etag = answer.headers.get("ETag");
  const location = answer.headers.get("Location");
  if (options.raw) return { data: await answer.blob(), etag, location };
  const text = await answer.text();
  return { data: text ? JSON.parse(text) : null, etag, location };
}

async function request(url, options) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  options.signal?.addEventListener("abort", () => patience.abort());
  try {
    return await fetch(url, { ...options, signal: patience.signal });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, { code: "no_answer" });
  } finally {
    clearTimeout(timer);
  }
}

async function problemOf(answer) {
  let body = {};
  try {
    body = JSON.parse(await answer.text());
  } catch {
    body = {}; // the host's own refusals have no body
  }
  if (answer.status === 401 && answer.headers.has("WWW-Authenticate")) body.code ||= "sign_in";
  return new Problem(answer.status, body && typeof body === "object" ? body : {});
}

/** A path whose parts may hold anything: path`/segments/${name}/columns`. */
export function path(texts, ...values) {
  return texts.reduce((whole, text, i) => whole + encodeURIComponent(values[i - 1]) + text);
}

/** Save the answer to a GET as a file. */
export async function download(from, name) {
  const { data } = await call("GET", from, { raw: true });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
