// One operation: its outcome, its story, its result and receipt, and what may follow from it.

import { get, operationPath, withQuery } from "./api.js";
import { element, facts, fill } from "./dom.js";
import { say } from "./language.js";
import { verdict } from "./outcome.js";
import { receiptPaper } from "./receipt.js";
import { resultList } from "./result.js";
import { mayOperate } from "./roles.js";
import { follow } from "./store.js";
import { showMoment } from "./values.js";

const FOLLOWING = { purchase: ["void"], capture: ["void"], increment: ["void"], preauthorize: ["increment", "capture", "void"] };

export function operationPage(page, { detail: reference }) {
  let shown = "";
  const draw = async () => {
    try {
      const [operation, story] = await Promise.all([get(operationPath(reference)), get(operationPath(reference, "/story"))]);
      const now = JSON.stringify([operation, story]);
      if (now !== shown) fill(page, head(), verdict(operation), following(operation), columns(operation, story));
      shown = now;
    } catch (error) {
      fill(page, head(), element("p", { class: "told bad", role: "alert" }, error.status === 404 ? say("run.unknown_text") : error.message));
    }
  };
  const head = () => element("div", { class: "title-row" }, element("h1", {}, say("operation.title")), element("a", { class: "button", href: "#/operations" }, say("operation.back")));
  fill(page, head());
  draw();
  return follow((kind, data) => (kind === "reload" || (kind === "operation" && data.reference === reference)) && draw());
}

function columns(operation, story) {
  const result = resultList(operation);
  return element(
    "div",
    { class: "detail-columns" },
    element(
      "div",
      {},
      element(
        "section",
        { class: "panel" },
        element("h2", {}, say("operation.facts")),
        facts([
          [say("reference"), element("code", {}, operation.reference)],
          [say("terminal"), operation.terminal],
          [say("operation.created"), showMoment(operation.created_time)],
          [say("operation.finished"), operation.finished_time && showMoment(operation.finished_time)],
          [say("operation.evidence"), operation.evidence],
          ...story.facts.filter(([, value]) => value !== operation.reference && value !== operation.terminal && value !== operation.evidence && value !== operation.reason),
        ]),
      ),
      storySteps(story),
      result.childElementCount ? element("section", { class: "panel" }, element("h2", {}, say("operation.result")), result) : null,
    ),
    element("div", {}, operation.receipt?.length ? receiptPaper(operation.reference) : null),
  );
}

/** Return what happened, oldest first. */
export function storySteps(story) {
  return element(
    "section",
    { class: "panel" },
    element("h2", {}, say("operation.story")),
    element("ol", { class: "steps" }, story.steps.map(([time, text]) => element("li", {}, element("time", {}, time), element("span", {}, text)))),
  );
}

function following(operation) {
  if (!mayOperate()) return null;
  const path = (kind) => withQuery("#/new", { kind, target: operation.reference, terminal: operation.terminal });
  const links = operation.outcome === "approved" ? (FOLLOWING[operation.kind] ?? []).map((kind) => element("a", { class: "button", href: path(kind) }, say(`follow.${kind}`))) : [];
  if (operation.outcome === "unresolved") links.push(element("a", { class: "button danger", href: `#/desk/${encodeURIComponent(operation.reference)}` }, say("run.to_desk")));
  if (operation.outcome === null) links.push(element("a", { class: "button", href: `#/run/${encodeURIComponent(operation.reference)}` }, say("operation.watch")));
  return links.length ? element("div", { class: "actions" }, links) : null;
}
