// A receipt as it is printed: 24 columns, double width 12, compressed 42, with bold and double height.

import { get, operationPath } from "./api.js";
import { element, fill } from "./dom.js";
import { say } from "./language.js";

/** Return the paper, which fills itself with the receipt of `reference`. */
export function receiptPaper(reference) {
  const paper = element("div", { class: "paper", role: "img", "aria-label": say("receipt.title") });
  get(operationPath(reference, "/receipt?format=lines")).then(
    (receipt) => fill(paper, receipt.lines.map(paperLine)),
    (error) => fill(paper, element("p", {}, error.message)),
  );
  return element("section", { class: "receipt" }, element("h2", {}, say("receipt.title")), paper);
}

function paperLine(line) {
  const styles = ["bold", "double_height", "double_width", "compressed"].filter((style) => line[style]);
  return element("p", { class: styles.join(" ") || null }, element("span", {}, line.text || "\u00a0"));
}
