// The help dialog: shortcuts, who is logged in, logging out. Escape closes it.

import { button, element, fill } from "./dom.js";
import { language, say } from "./language.js";
import { known } from "./store.js";

const SHORTCUTS = [
  ["1 – 6", "help.sections"],
  ["N", "help.new"],
  ["Enter", "help.enter"],
  ["Esc", "help.escape"],
  ["?", "help.help"],
];

export function openHelp(logOut) {
  const dialog = document.getElementById("dialog");
  const close = () => dialog.close();
  fill(
    dialog,
    element("h2", {}, say("help.title")),
    element("table", { class: "shortcuts" }, element("tbody", {}, SHORTCUTS.map(([key, text]) => element("tr", {}, element("th", { scope: "row" }, element("kbd", {}, key)), element("td", {}, say(text)))))),
    element("p", { class: "hint" }, say("help.about", { version: known.register?.version ?? "", role: say(`role.${known.register?.role ?? "read"}`) }), " ", element("a", { href: language() === "it" ? "/docs/index.it" : "/docs/index" }, say("help.docs"))),
    element("div", { class: "actions end" }, button(say("help.log_out"), () => (close(), logOut()), { class: "plain" }), button(say("close"), close, { class: "primary", autofocus: true })),
  );
  dialog.showModal();
}

/** Ask before something is done; resolves to whether it was confirmed. Escape means no. */
export function confirmed(title, text, yes, { danger = false } = {}) {
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    const end = (answer) => {
      dialog.removeEventListener("cancel", refuse);
      dialog.close();
      resolve(answer);
    };
    const refuse = () => end(false);
    dialog.addEventListener("cancel", refuse);
    fill(
      dialog,
      element("h2", {}, title),
      element("p", {}, text),
      element("div", { class: "actions end" }, button(say("back"), refuse, { autofocus: true }), button(yes, () => end(true), { class: danger ? "danger" : "primary" })),
    );
    dialog.showModal();
  });
}
