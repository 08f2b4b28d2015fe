// The operation that runs: what the terminal shows, each frame, and its outcome, large.

import { end, kept, takeUnsent } from "./attempt.js";
import { get, operationPath, post, terminalPath, withdraw, withQuery } from "./api.js";
import { button, element, fill, icon, ICONS } from "./dom.js";
import { frameRow } from "./frames.js";
import { say, sayWord } from "./language.js";
import { kindName, title, verdict } from "./outcome.js";
import { receiptPaper } from "./receipt.js";
import { resultList } from "./result.js";
import { follow, keepOperation, known } from "./store.js";

const WAIT = 20; // seconds of a long poll; events bring the news, the poll brings it if they do not come
const PAUSE = 1500; // ms before a lost answer is asked for again

export function runPage(page, { detail: reference }) {
  const attempt = kept()?.body.reference === reference ? kept() : null;
  const stop = new AbortController();
  const firstFrame = known.frames.at(-1)?.number ?? 0;
  const head = element("div", { class: "run-head" });
  const side = element("div", { class: "run-side" });
  const figures = element("div", { class: "run-figures" });
  const frames = element("ol", { class: "frames" });
  const framesBox = element("details", { class: "panel frames-box" }, element("summary", {}, say("run.frames")), frames);
  let operation = known.operations.get(reference) ?? null;
  let terminal = operation?.terminal ?? attempt?.terminal;
  let finished = false;

  fill(page, element("div", { class: "run-columns" }, head, side, figures, framesBox));

  const drawRunning = () => {
    const texts = known.progress.get(reference) ?? [];
    const state = operation?.state ?? "starting";
    const holder = known.terminals.get(terminal)?.holder;
    fill(
      head,
      element(
        "section",
        { class: "verdict running", role: "status" },
        element("span", { class: "mark turning" }, icon(ICONS.running)),
        element(
          "div",
          {},
          element("p", { class: "word" }, texts.length && state !== "recovering" ? texts.at(-1).text : sayWord("running", state)),
          element("p", { class: "what" }, operation ? title(operation) : kindName(attempt?.body.kind ?? ""), " · ", terminal ?? ""),
          element("p", { class: "meaning" }, state === "queued" && holder && holder.reference !== reference ? say("running.waits", { holder: holder.reference }) : say(state === "recovering" ? "running.recovering_text" : "running.text")),
        ),
      ),
      state === "queued" ? withdrawal() : null,
      texts.length > 1 ? element("ol", { class: "progress" }, texts.slice(-5).map(({ text }) => element("li", {}, text))) : null,
      element("p", { class: "hint reference" }, say("reference"), ": ", element("code", {}, reference)),
    );
  };

  const withdrawal = () => {
    const problem = element("p", { class: "problem", role: "alert" });
    const back = button(say("running.withdraw"), async () => {
      back.disabled = true;
      try {
        await withdraw(operationPath(reference));
      } catch (error) {
        problem.textContent = error.message;
      }
    }, { class: "large", data: { key: "withdraw" } });
    return element("div", { class: "actions" }, back, problem);
  };

  const drawOutcome = () => {
    const path = encodeURIComponent(reference);
    const again = element("a", { class: "button large", href: `#/new?terminal=${encodeURIComponent(operation.terminal)}`, data: { key: "again" } }, say("run.again"));
    const more = element("a", { class: "button large", href: `#/operation/${path}` }, say("run.details"));
    const desk = element("a", { class: "button danger large", href: `#/desk/${path}`, data: { key: "desk" } }, say("run.to_desk"));
    fill(
      head,
      verdict(operation),
      element("div", { class: "actions" }, operation.outcome === "unresolved" ? [desk, more] : [again, more]),
      element("p", { class: "hint reference" }, say("reference"), ": ", element("code", {}, reference)),
    );
    fill(side, operation.receipt?.length ? receiptPaper(reference) : null);
    fill(figures, resultFacts(operation));
    head.querySelector("[data-key=again], [data-key=desk]")?.focus({ preventScroll: true });
  };

  const take = (found) => {
    if (finished && found.outcome === null) return; // an event that was on its way while an answer told the outcome
    const before = operation;
    operation = found;
    terminal = found.terminal;
    keepOperation(found);
    if (found.state === "finished" && found.outcome !== null) {
      end(reference);
      const same = finished && before?.outcome === found.outcome && before?.receipt?.length === found.receipt?.length;
      finished = true;
      if (!same) drawOutcome();
    } else {
      drawRunning();
    }
  };

  const drawProblem = (word, text, actions, reason) => {
    fill(
      head,
      element(
        "section",
        { class: "verdict not_performed", role: "alert" },
        element("span", { class: "mark" }, icon(ICONS.not_performed)),
        element("div", {}, element("p", { class: "word" }, word), element("p", { class: "reason" }, reason), element("p", { class: "meaning" }, text)),
      ),
      element("div", { class: "actions" }, actions),
      element("p", { class: "hint reference" }, say("reference"), ": ", element("code", {}, reference)),
    );
    head.querySelector("button, a.button")?.focus({ preventScroll: true });
  };

  const formPath = () => withQuery("#/new", attempt ? { terminal: attempt.terminal, kind: attempt.body.kind, amount: attempt.body.amount, target: attempt.body.target } : {});
  const backToForm = () => element("a", { class: "button large", href: formPath() }, say("run.back"));

  /** Send the request of this attempt; the daemon takes the same reference for the same operation, however often it comes. */
  const send = async () => {
    drawRunning();
    try {
      take(await post(terminalPath(attempt.terminal, "/operations"), attempt.body, { signal: stop.signal }));
    } catch (error) {
      if (stop.signal.aborted) return;
      if (error.status > 0 && error.sent === "no") {
        end(reference);
        drawProblem(say("run.refused"), say("run.nothing_sent"), backToForm(), refusalText(error));
        return;
      }
      await pause(stop.signal);
    }
    await watch();
  };

  /** Follow the operation until its outcome is known; a lost answer is asked for again, by the same reference. */
  const watch = async () => {
    while (!finished && !stop.signal.aborted) {
      try {
        take(await get(withQuery(operationPath(reference), { wait: operation ? WAIT : 0 }), { signal: stop.signal }));
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error.status === 404) {
          drawUnknown();
          return;
        }
        if (error.status === 401) return;
        drawRunning();
        await pause(stop.signal);
      }
    }
  };

  /** The daemon does not know the reference: the request never arrived. Only a person sends it now. */
  const drawUnknown = () => {
    if (!attempt) {
      drawProblem(say("run.unknown"), say("run.unknown_text"), element("a", { class: "button large", href: "#/operations" }, say("nav.operations")));
      return;
    }
    const forget = () => {
      end(reference);
      location.hash = formPath();
    };
    drawProblem(say("run.not_arrived"), say("run.not_arrived_text"), [button(say("run.send_again"), send, { class: "primary large" }), button(say("run.forget"), forget, { class: "large" })]);
  };

  const drawFrames = () => {
    const shown = Number(frames.lastElementChild?.dataset.number ?? firstFrame);
    for (const entry of known.frames) if (entry.number > shown && entry.terminal === terminal) frames.append(frameRow(entry));
  };

  const unfollow = follow((kind, data) => {
    if (kind === "operation" && data.reference === reference) take(data);
    else if (kind === "frame" && data.terminal === terminal) drawFrames();
    else if (!finished && operation && (kind === "terminal" || (kind === "progress" && data.reference === reference))) drawRunning();
  });
  drawRunning();
  if (attempt && takeUnsent(reference)) send();
  else watch();
  return () => {
    stop.abort();
    unfollow();
  };
}

function pause(signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PAUSE);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** Say what the daemon refused, in the user's language where the code is known, and in its own words. */
function refusalText(error) {
  const told = sayWord("refusal", error.code);
  return told === error.code ? error.message : `${told} ${error.message}`;
}

/** Return the figures of a result that a cashier may need: totals, card, STAN, code of a pre-authorization. */
function resultFacts(operation) {
  return operation.result ? element("div", { class: "panel" }, resultList(operation)) : null;
}
