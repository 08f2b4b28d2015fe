// The daemon's HTTP API: one function for every request, one error for every refusal.

import { language, say } from "./language.js";

/** What the daemon refused, or `status` 0: no answer came. `sent` tells whether anything may have reached the terminal. */
export class Refusal extends Error {
  constructor(status, { code = "no_answer", message = "", sent = "unknown", ...more } = {}) {
    super(message);
    Object.assign(this, { status, code, sent, more });
  }
}

let onLoggedOut = () => {};

/** Have `told` called when the daemon no longer knows our session. */
export function whenLoggedOut(told) {
  onLoggedOut = told;
}

/** Ask the daemon, in the page's language; return the answer's JSON (null where it has none). Raises `Refusal`. */
export async function ask(method, path, { body, signal } = {}) {
  let answer;
  let document = null;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: { "Accept-Language": language(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
    });
    if (answer.status !== 204) document = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!answer) throw new Refusal(0, { message: say("error.no_answer") });
    if (answer.ok) throw new Refusal(0, { message: say("error.no_answer") });
  }
  if (answer.ok) return document;
  if (answer.status === 401 && path !== "/v1/session") onLoggedOut();
  throw new Refusal(answer.status, document?.error ?? { code: "unknown", message: `HTTP ${answer.status}` });
}

export const get = (path, options) => ask("GET", path, options);
export const post = (path, body, options = {}) => ask("POST", path, { body, ...options });
export const withdraw = (path) => ask("DELETE", path, {});

/** Return a path with a query of those values that say something. */
export function withQuery(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") query.set(name, value);
  return query.size ? `${path}?${query}` : path;
}

export const operationPath = (reference, rest = "") => `/v1/operations/${encodeURIComponent(reference)}${rest}`;
export const terminalPath = (name, rest = "") => `/v1/terminals/${encodeURIComponent(name)}${rest}`;
