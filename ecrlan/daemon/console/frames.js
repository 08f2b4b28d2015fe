// Frames as they go by, each explained field by field.

import { button, element, field, fill, select } from "./dom.js";
import { say, sayWord } from "./language.js";
import { follow, known } from "./store.js";
import { showClock } from "./values.js";

const MOST_ROWS = 300;
const NEAR_END = 80; // pixels
const FEW_DIGITS = 12; // hexadecimal digits that find room beside the name

export function framesPage(page) {
  const list = element("ol", { class: "frames", "aria-live": "off" });
  const empty = element("p", { class: "empty" }, say("frames.none"));
  const names = [["", say("frames.all")], ...[...known.terminals.keys()].map((name) => [name, name])];
  const terminal = select(names, "", { id: "frames-terminal" });
  const scroller = document.getElementById("content");
  let paused = false;
  let held = 0; // frames that came during the pause

  const hold = button(say("frames.pause"), () => {
    paused = !paused;
    hold.setAttribute("aria-pressed", String(paused));
    if (!paused) draw();
    name();
  }, { "aria-pressed": "false", data: { key: "pause" } });
  const name = () => {
    hold.textContent = paused ? (held ? say("frames.go_on_count", { count: held }) : say("frames.go_on")) : say("frames.pause");
  };
  const clear = button(say("frames.clear"), () => {
    known.frames.length = 0;
    draw();
  });

  const wanted = (entry) => !terminal.value || entry.terminal === terminal.value;
  const draw = () => {
    held = 0;
    fill(list, known.frames.filter(wanted).slice(-MOST_ROWS).map(frameRow));
    empty.hidden = Boolean(list.childElementCount);
    scroller.scrollTop = scroller.scrollHeight;
  };
  const add = () => {
    const shown = Number(list.lastElementChild?.dataset.number ?? 0);
    const follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
    for (const entry of known.frames) if (entry.number > shown && wanted(entry)) list.append(frameRow(entry));
    while (list.childElementCount > MOST_ROWS) list.firstElementChild.remove();
    empty.hidden = Boolean(list.childElementCount);
    if (follows) scroller.scrollTop = scroller.scrollHeight;
  };
  terminal.addEventListener("change", draw);

  fill(
    page,
    element("div", { class: "title-row" }, element("h1", {}, say("frames.title")), element("div", { class: "actions" }, field(say("terminal"), terminal), hold, clear)),
    element("p", { class: "explain" }, say("frames.text")),
    empty,
    list,
  );
  draw();
  return follow((kind, data) => {
    if (kind !== "frame") return;
    if (!paused) add();
    else held += data.frames.length;
    name();
  });
}

/** Return one frame as a list item: direction, name, fields, LRC; its bytes on demand. */
export function frameRow({ number, terminal, direction, time, frame }) {
  const sent = direction === ">";
  const fields = Object.entries(frame.message?.fields ?? {});
  const few = frame.hex.length <= FEW_DIGITS;
  const bytes = element("code", { class: few ? "bytes" : "hex" }, frame.hex.replace(/(..)(?=.)/g, "$1 "));
  return element(
    "li",
    { class: `frame ${sent ? "sent" : "received"} ${frame.frame}`, data: { number: String(number), frame: frame.frame } },
    element(
      "div",
      { class: "frame-head" },
      element("span", { class: "way", title: say(sent ? "frames.sent" : "frames.received") }, sent ? "→" : "←"),
      element("span", { class: "visually-hidden" }, say(sent ? "frames.sent" : "frames.received")),
      element("strong", {}, frameName(frame)),
      frame.message?.code ? element("code", { class: "code" }, frame.message.code) : null,
      frame.lrc ? element("span", { class: frame.lrc === "ok" ? "lrc" : "lrc bad" }, lrcText(frame.lrc)) : null,
      few ? bytes : null,
      element("span", { class: "when" }, terminal, " · ", showClock(time)),
    ),
    frame.error ? element("p", { class: "frame-error" }, frame.error) : null,
    fields.length ? element("table", { class: "fields" }, element("tbody", {}, fields.map(([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, shown(value)))))) : null,
    few ? null : element("details", {}, element("summary", {}, say("frames.bytes", { count: frame.hex.length / 2 })), bytes),
  );
}

const frameName = (frame) => (frame.frame === "application" && frame.message ? `${frame.message.name} (${sayWord("direction", frame.message.direction)})` : sayWord("frame", frame.frame));

const lrcText = (lrc) => (lrc.startsWith("reading:") ? say("lrc.reading", { reading: lrc.slice(8) }) : sayWord("lrc", lrc));

function shown(value) {
  if (value === null) return element("span", { class: "none" }, "–");
  if (value === "") return element("span", { class: "none" }, say("frames.empty"));
  if (typeof value === "string" && value.includes("\n")) return element("pre", {}, value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
