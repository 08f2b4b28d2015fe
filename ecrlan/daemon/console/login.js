// The log-in page: the token once, then a cookie that no script can read.

import { post } from "./api.js";
import { complain, element, field, fill } from "./dom.js";
import { say } from "./language.js";

/** Show the page; `entered` is called when the daemon has taken the token. */
export function showLogin(container, entered) {
  const token = element("input", { type: "password", id: "token", autocomplete: "current-password", spellcheck: "false", required: true });
  const enter = element("button", { type: "submit", class: "primary large" }, say("login.enter"));
  const form = element(
    "form",
    { class: "panel login", novalidate: true, on: { submit } },
    element("h1", {}, say("login.title")),
    element("p", {}, say("login.text")),
    field(say("login.token"), token),
    enter,
    element("p", { class: "hint" }, say("login.where"), " ", element("code", {}, "ecrlan token")),
  );

  async function submit(event) {
    event.preventDefault();
    complain(token);
    if (!token.value.trim()) {
      complain(token, say("login.empty"));
      return;
    }
    enter.disabled = true;
    try {
      await post("/v1/session", { token: token.value.trim() });
      token.value = "";
      await entered();
    } catch (error) {
      complain(token, error.status === 401 ? say("login.wrong") : error.message);
      token.select();
    } finally {
      enter.disabled = false;
    }
  }

  fill(container, element("div", { class: "page page-login" }, form));
  token.focus();
}
