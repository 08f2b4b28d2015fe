// The desk: operations that nobody can prove. What happened, what to look at on the terminal, and a named person's answer.

import { get, operationPath, post, withQuery } from "./api.js";
import { button, complain, element, field, fill } from "./dom.js";
import { say } from "./language.js";
import { storySteps } from "./operation.js";
import { chip, title, verdict } from "./outcome.js";
import { mayOperate, readOnlyNote } from "./roles.js";
import { follow } from "./store.js";
import { showMoment } from "./values.js";

const ANSWERS = ["approved", "not_performed"];

export function deskPage(page, { detail }) {
  return detail ? caseAt(page, detail) : list(page);
}

function list(page) {
  const rows = element("div", { class: "cases" });
  const draw = async () => {
    try {
      const { operations } = await get(withQuery("/v1/operations", { open: "true", limit: 200 }));
      const unresolved = operations.filter((operation) => operation.outcome === "unresolved");
      const checked = operations.filter((operation) => operation.state === "recovering" && operation.outcome === null);
      fill(
        rows,
        unresolved.length ? unresolved.map((operation) => row(operation, `#/desk/${encodeURIComponent(operation.reference)}`)) : element("p", { class: "empty good" }, say("desk.none")),
        checked.length ? [element("h2", {}, say("desk.checking")), element("p", { class: "explain" }, say("desk.checking_text")), checked.map((operation) => row(operation, `#/run/${encodeURIComponent(operation.reference)}`))] : null,
      );
    } catch (error) {
      fill(rows, element("p", { class: "told bad", role: "alert" }, error.message));
    }
  };
  fill(page, element("h1", {}, say("desk.title")), element("p", { class: "explain" }, say("desk.text")), rows);
  draw();
  return follow((kind) => (kind === "operation" || kind === "reload") && draw());
}

function row(operation, path) {
  return element(
    "a",
    { class: "panel case", href: path, data: { key: `case-${operation.reference}`, reference: operation.reference } },
    element("span", { class: "case-what" }, element("strong", {}, title(operation)), element("span", {}, operation.terminal, " · ", showMoment(operation.created_time))),
    chip(operation),
  );
}

function caseAt(page, reference) {
  const head = () => element("div", { class: "title-row" }, element("h1", {}, say("desk.case")), element("a", { class: "button", href: "#/desk" }, say("desk.back")));
  let outcome;
  const draw = async () => {
    try {
      const [operation, story] = await Promise.all([get(operationPath(reference)), get(operationPath(reference, "/story"))]);
      if (outcome === operation.outcome) return; // what a person is typing stays
      outcome = operation.outcome;
      const open = operation.outcome === "unresolved" && story.answers;
      fill(
        page,
        head(),
        verdict(operation),
        open ? [lookAt(story), storySteps(story), mayOperate() ? answerForm(operation, story, draw) : readOnlyNote()] : [element("div", { class: "actions" }, element("a", { class: "button", href: `#/operation/${encodeURIComponent(reference)}` }, say("run.details"))), storySteps(story)],
      );
    } catch (error) {
      fill(page, head(), element("p", { class: "told bad", role: "alert" }, error.status === 404 ? say("run.unknown_text") : error.message));
    }
  };
  fill(page, head());
  draw();
  return follow((kind, data) => (kind === "reload" || (kind === "operation" && data.reference === reference)) && draw());
}

const lookAt = (story) => element("section", { class: "panel look" }, element("h2", {}, say("desk.look")), element("ol", {}, story.look_at.map((text) => element("li", {}, text))));

function answerForm(operation, story, draw) {
  const by = element("input", { id: "desk-by", maxlength: 60, autocomplete: "name" });
  const note = element("textarea", { id: "desk-note", rows: 2, maxlength: 500 });
  const panel = element("form", { class: "panel answer", novalidate: true, on: { submit: (event) => event.preventDefault() } });

  const ask = () => {
    fill(
      panel,
      element("h2", {}, say("desk.answer")),
      element("div", { class: "two" }, field(say("desk.by"), by), field(say("desk.note"), note, { hint: say("desk.note_hint") })),
      element("div", { class: "answers" }, ANSWERS.map((answer) => button([element("strong", {}, say(`desk.${answer}`)), element("span", {}, story.answers[answer])], () => choose(answer), { class: `answer-${answer}`, data: { key: `answer-${answer}`, answer } }))),
      element("p", { class: "hint" }, say("desk.leave")),
    );
  };
  const choose = (answer) => {
    for (const [control, problem] of [[by, "name.empty"], [note, "note.empty"]]) {
      complain(control, control.value.trim() ? "" : say(problem));
    }
    const wrong = [by, note].find((control) => !control.value.trim());
    if (wrong) wrong.focus();
    else confirm(answer);
  };
  const confirm = (answer) => {
    const problem = element("p", { class: "problem", role: "alert" });
    const record = button(say(`desk.confirm_${answer}`), async () => {
      record.disabled = true;
      try {
        await post(operationPath(operation.reference, "/resolve"), { outcome: answer, by: by.value.trim(), note: note.value.trim() });
        await draw();
      } catch (error) {
        problem.textContent = error.message;
        record.disabled = false;
      }
    }, { class: `large answer-${answer}`, data: { key: "record" } });
    fill(
      panel,
      element("h2", {}, say("desk.sure")),
      element("p", { class: "sure" }, element("strong", {}, title(operation)), ": ", say(`desk.${answer}`)),
      element("p", {}, story.answers[answer]),
      element("p", { class: "hint" }, say("desk.signed", { by: by.value.trim(), note: note.value.trim() })),
      problem,
      element("div", { class: "actions" }, button(say("back"), ask, { class: "large", data: { key: "back" } }), record),
    );
    panel.querySelector("[data-key=back]").focus();
  };
  ask();
  return panel;
}
