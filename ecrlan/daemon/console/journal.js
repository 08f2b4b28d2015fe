// The journal: whether it can be believed, and a named person's word that it may be used.

import { get, post } from "./api.js";
import { complain, element, facts, field, fill } from "./dom.js";
import { confirmed } from "./help.js";
import { say } from "./language.js";
import { mayOperate, readOnlyNote } from "./roles.js";
import { follow } from "./store.js";
import { showMoment } from "./values.js";

const PATH = "/v1/journal";

export function journalPage(page) {
  const head = () => element("h1", {}, say("journal.title"));
  let shown = "";
  const draw = async () => {
    try {
      const journal = await get(PATH);
      const now = JSON.stringify(journal);
      if (now === shown) return; // what a person is typing stays
      shown = now;
      fill(page, head(), standing(journal), journal.doubt ? [risk(), mayOperate() ? acceptForm(journal, draw) : readOnlyNote()] : null);
    } catch (error) {
      fill(page, head(), element("p", { class: "told bad", role: "alert" }, error.message));
    }
  };
  fill(page, head());
  draw();
  return follow((kind) => (kind === "reload" || kind === "alarm") && draw());
}

function standing(journal) {
  return element(
    "section",
    { class: "panel" },
    facts([
      [say("journal.file"), element("code", {}, journal.file)],
      [say("journal.epoch"), String(journal.epoch)],
      [say("journal.failed"), journal.failed],
      [say("journal.doubt"), journal.doubt ? journal.doubt.text : say("journal.no_doubt")],
      [say("journal.accepted"), journal.accepted && say("journal.accepted_text", { ...journal.accepted, time: showMoment(journal.accepted.time) })],
    ]),
  );
}

const risk = () => element("section", { class: "panel look" }, element("h2", {}, say("desk.look")), element("p", {}, say("journal.risk")));

function acceptForm(journal, draw) {
  const by = element("input", { id: "journal-by", maxlength: 60, autocomplete: "name" });
  const note = element("textarea", { id: "journal-note", rows: 2, maxlength: 200 });
  const problem = element("p", { class: "problem", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    for (const [control, text] of [[by, "name.empty"], [note, "note.empty"]]) complain(control, control.value.trim() ? "" : say(text));
    const wrong = [by, note].find((control) => !control.value.trim());
    if (wrong) {
      wrong.focus();
      return;
    }
    const text = say("journal.confirm_text", { by: by.value.trim(), note: note.value.trim() });
    if (!(await confirmed(say("journal.confirm_title"), text, say("journal.confirm_yes"), { danger: true }))) return;
    try {
      await post(`${PATH}/accept`, { by: by.value.trim(), note: note.value.trim() });
      await draw();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  return element(
    "form",
    { class: "panel answer", novalidate: true, on: { submit } },
    element("h2", {}, say("desk.answer")),
    element("div", { class: "two" }, field(say("desk.by"), by), field(say("desk.note"), note, { hint: say("journal.note_hint") })),
    problem,
    element("div", { class: "actions" }, element("button", { type: "submit", class: "danger large", data: { key: "journal-accept" } }, say("journal.accept"))),
  );
}
