// The terminals: how each stands, in words, and what can be done with its line.

import { post, terminalPath } from "./api.js";
import { button, element, facts, field, complain, fill } from "./dom.js";
import { confirmed } from "./help.js";
import { say, sayWord } from "./language.js";
import { mayOperate, readOnlyNote } from "./roles.js";
import { follow, known, refreshTerminal } from "./store.js";
import { showAgo, showClock, showSpan } from "./values.js";

const CLOCK_TOLERANCE = 120; // seconds; the terminal tells whole minutes
const AGAIN = 15_000; // "2 min ago" grows old

export function terminalsPage(page) {
  const list = element("div", { class: "cards" });
  const told = new Map(); // what the last press of a terminal's button came to
  const naming = new Map(); // names being typed into the form of a changed TID

  const draw = () => {
    const terminals = [...known.terminals.values()];
    if (!terminals.length) fill(list, element("p", { class: "empty" }, say("terminals.none")));
    else fill(list, terminals.map((terminal) => card(terminal, told, naming, draw)));
  };

  fill(page, element("h1", {}, say("terminals.title")), readOnlyNote(), list);
  draw();
  const end = follow((kind) => ["terminal", "reload", "operation", "line"].includes(kind) && draw());
  const timer = setInterval(draw, AGAIN);
  return () => {
    clearInterval(timer);
    end();
  };
}

/** Return the word for how a terminal stands, and the colour that goes with it. */
function standing(terminal) {
  if (terminal.state === "idle" && terminal.reachable === false) return ["unreachable", "declined"];
  return [terminal.state, { idle: "approved", busy: "running", recovering: "declined", blocked: "unresolved", foreign: "unresolved" }[terminal.state] ?? "not_performed"];
}

function card(terminal, told, naming, draw) {
  const [word, colour] = standing(terminal);
  const name = terminal.name;
  return element(
    "article",
    { class: "panel terminal", data: { terminal: name } },
    element(
      "header",
      {},
      element("h2", {}, name),
      element("span", { class: `chip ${colour}` }, sayWord("terminal", word)),
    ),
    element("p", { class: "explain" }, explanation(terminal, word)),
    facts([
      [say("terminal.address"), `${terminal.address}:${terminal.port}`],
      [say("terminal.line"), lineText(terminal)],
      [say("terminal.tid"), terminal.terminal_id ?? say("unknown")],
      [say("terminal.status"), statusText(terminal)],
      [say("terminal.release"), terminal.software_release ?? say("unknown")],
      [say("terminal.seen"), terminal.last_seen_time ? showAgo(terminal.last_seen_time) : say("terminal.never")],
      [say("terminal.clock"), clockText(terminal.clock_difference_seconds)],
      [say("terminal.host_clock"), terminal.host_clock_seconds === null ? null : clockText(terminal.host_clock_seconds)],
      [say("terminal.hand_use"), terminal.used_by_hand && say("terminal.hand_use_text")],
      [say("terminal.supports"), supportsText(terminal.supports)],
      [say("terminal.queue"), terminal.queue_length ? say("terminal.queue_text", { length: terminal.queue_length, limit: terminal.queue_limit }) : say("terminal.queue_empty")],
    ]),
    terminal.foreign_terminal_id && mayOperate() ? foreignForm(terminal, told, naming, draw) : null,
    terminal.used_by_hand && mayOperate() ? handUseForm(terminal, told, naming, draw) : null,
    told.get(name) ? element("p", { class: `told ${told.get(name).good ? "good" : "bad"}`, role: "status" }, told.get(name).text) : null,
    mayOperate() ? actions(terminal, told, draw) : null,
  );
}

function explanation(terminal, word) {
  const link = (path, text) => element("a", { href: path }, text);
  if (terminal.state === "blocked" || terminal.state === "recovering") {
    const waiting = terminal.unresolved.map((reference) => [" ", link(`#/desk/${encodeURIComponent(reference)}`, say("terminals.to_desk"))]);
    return [say(`terminal.${word}.text`), terminal.state === "blocked" ? waiting : null];
  }
  if (terminal.state === "foreign") return say("terminal.foreign.text", { found: terminal.foreign_terminal_id, pinned: terminal.terminal_id });
  if (terminal.holder) {
    return [
      say("terminal.busy.text", { time: showClock(terminal.holder.since) }),
      " ",
      link(`#/operation/${encodeURIComponent(terminal.holder.reference)}`, say("terminals.to_operation")),
      ". ",
      say("terminal.busy.reset"),
    ];
  }
  if (word === "unreachable" && terminal.problem) return terminal.problem;
  return say(`terminal.${word}.text`);
}

/** Return the terminal's status in words; a word of its own, which is not known, as it came. */
function statusText(terminal) {
  if (terminal.status_word !== null) return sayWord("status_word", terminal.status_word);
  if (terminal.terminal_status !== null) return sayWord("terminal_status", terminal.terminal_status);
  return say("unknown");
}

function lineText(terminal) {
  const way = say(`link.${terminal.link}`);
  return terminal.line ? `${say("terminal.line_open", { by: say(`opened_by.${terminal.line.opened_by}`) })}; ${way}` : `${say("terminal.line_none")}; ${way}`;
}

function clockText(seconds) {
  if (seconds === null || seconds === undefined) return say("unknown");
  if (Math.abs(seconds) < CLOCK_TOLERANCE) return say("clock.right");
  return say(seconds > 0 ? "clock.ahead" : "clock.behind", { span: showSpan(seconds) });
}

function supportsText({ extended_purchase: extended, last_result: last }) {
  const words = [say(extended === null ? "supports.extended_unknown" : extended ? "supports.extended" : "supports.simple"), say(last ? "supports.last" : "supports.no_last")];
  return words.join("; ");
}

function actions(terminal, told, draw) {
  const name = terminal.name;
  const tell = (good, text) => {
    told.set(name, { good, text });
    draw();
  };
  const status = async () => {
    tell(true, say("terminals.asking"));
    try {
      const operation = await post(terminalPath(name, "/status"));
      if (operation.outcome === "done") tell(true, say("terminals.answered", { release: operation.result?.software_release ?? "" }));
      else tell(false, operation.reason ?? say("unknown"));
      await refreshTerminal(name);
    } catch (error) {
      tell(false, error.message);
    }
  };
  const reset = async () => {
    try {
      await post(terminalPath(name, "/reset"));
      tell(true, say("terminals.reset_done"));
      await refreshTerminal(name);
    } catch (error) {
      tell(false, `${say("terminals.reset_refused")} ${error.message}`);
    }
  };
  return element(
    "div",
    { class: "actions" },
    element("a", { class: "button primary", href: `#/new?terminal=${encodeURIComponent(name)}`, data: { key: `${name}-new` } }, say("terminals.new")),
    button(say("terminals.status"), status, { data: { key: `${name}-status` } }),
    button(say("terminals.reset"), reset, { data: { key: `${name}-reset` } }),
  );
}

function foreignForm(terminal, told, naming, draw) {
  return personForm(terminal, told, naming, draw, {
    key: "accept",
    path: "/accept-terminal-id",
    text: (by) => say("terminals.accept_text", { found: terminal.foreign_terminal_id, pinned: terminal.terminal_id, by }),
  });
}

function handUseForm(terminal, told, naming, draw) {
  return personForm(terminal, told, naming, draw, { key: "hand_use", path: "/hand-use/reset", text: (by) => say("terminals.hand_use_text", { by }) });
}

/** Return a form for what only a named person may say; its texts begin with `terminals.` and its key. */
function personForm(terminal, told, naming, draw, { key, path, text }) {
  const name = terminal.name;
  const kept = `${key}-${name}`;
  const person = element("input", { id: `by-${kept}`, maxlength: 60, autocomplete: "name", data: { key: `${name}-${key}-by` }, on: { input: () => naming.set(kept, person.value) } });
  person.value = naming.get(kept) ?? "";
  const submit = async (event) => {
    event.preventDefault();
    complain(person);
    if (!person.value.trim()) {
      complain(person, say("name.empty"));
      return;
    }
    const by = person.value.trim();
    if (!(await confirmed(say(`terminals.${key}_title`), text(by), say(`terminals.${key}_yes`)))) return;
    try {
      await post(terminalPath(name, path), { by });
      naming.delete(kept);
      told.set(name, { good: true, text: say(`terminals.${key}_done`) });
      await refreshTerminal(name);
    } catch (error) {
      told.set(name, { good: false, text: error.message });
    }
    draw();
  };
  return element(
    "form",
    { class: "inline", novalidate: true, on: { submit } },
    field(say(`terminals.${key}_by`), person),
    element("button", { type: "submit", data: { key: `${name}-${key}` } }, say(`terminals.${key}`)),
  );
}
