// Outcomes and states as people see them: a colour, a mark and a word, always all three.

import { element, icon, ICONS } from "./dom.js";
import { say, sayWord } from "./language.js";
import { euros } from "./values.js";

export const OUTCOMES = ["approved", "declined", "not_performed", "unresolved", "done"];

/** Return the word that tells how an operation stands: its outcome, or its state while it has none. */
export const standing = (operation) => operation.outcome ?? "running";

/** Return a small label. */
export function chip(operation) {
  const text = operation.outcome ? sayWord("outcome", operation.outcome) : sayWord("state", operation.state);
  return element("span", { class: `chip ${standing(operation)}` }, icon(ICONS[standing(operation)] ?? ICONS.running), text);
}

export const kindName = (kind) => sayWord("kind", kind);

/** Return kind and amount: "Purchase 6.50 €". */
export const title = (operation) => (operation.amount === null ? kindName(operation.kind) : `${kindName(operation.kind)} ${euros(operation.amount)}`);

/** Return the outcome large and unmistakable, with what it means for whoever stands at the till. */
export function verdict(operation) {
  const outcome = standing(operation);
  const reason = operation.reason ?? (outcome === "unresolved" ? operation.evidence : null);
  const meaning = `meaning.${outcome}.${operation.kind}`;
  const told = say(meaning) === meaning ? say(`meaning.${outcome}`) : say(meaning);
  return element(
    "section",
    { class: `verdict ${outcome}`, role: "status" },
    element("span", { class: "mark" }, icon(ICONS[outcome] ?? ICONS.running)),
    element(
      "div",
      {},
      element("p", { class: "word" }, operation.outcome ? sayWord("outcome", operation.outcome) : sayWord("state", operation.state)),
      element("p", { class: "what" }, title(operation)),
      reason ? element("p", { class: "reason" }, reason) : null,
      operation.outcome ? element("p", { class: "meaning" }, told) : null,
      operation.resolution ? element("p", { class: "meaning" }, say("resolution.text", { by: operation.resolution.by, note: operation.resolution.note })) : null,
    ),
  );
}
