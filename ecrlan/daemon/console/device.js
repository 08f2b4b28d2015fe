// Demo mode: the emulated terminal beside the page, with the keys and the card that a customer has.

import { post } from "./api.js";
import { button, element, fill } from "./dom.js";
import { say } from "./language.js";
import { known } from "./store.js";
import { euros } from "./values.js";

const KEYS = ["card", "pin", "red", "plug"];

export const deviceShown = () => Boolean(known.register?.demo);

export function drawDevice(container) {
  const screen = known.screen ?? { lines: [], state: "", ledger_total: 0 };
  const press = (key) => () =>
    post("/v1/demo/press", { button: key }).then((shown) => {
      known.screen = shown;
      drawDevice(container);
    }, () => {}); // a key of a toy: nothing follows from its failure
  fill(
    container,
    element("h2", {}, say("device.title")),
    element(
      "div",
      { class: "device" },
      element("div", { class: "glass", role: "status", data: { state: screen.state } }, screen.lines.map((line) => element("p", {}, line || "\u00a0"))),
      KEYS.map((key) =>
        button(say(`device.${key}`), press(key), { class: key === screen.state ? `key key-${key} wanted` : `key key-${key}`, data: { key: `device-${key}` } }),
      ),
    ),
    element("p", { class: "hint" }, say("device.ledger"), " ", element("strong", {}, euros(screen.ledger_total))),
  );
}
