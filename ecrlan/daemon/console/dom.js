// The only place where elements are made. Texts become text nodes: whatever a terminal sends is shown, never interpreted.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. Attributes: `on` = {event: listener}, `data` = data-attributes, true and false set and leave out; all else as given. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "data") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  append(made, children);
  return made;
}

/** Append children: nodes, texts, arrays of them; null, undefined and false are left out. */
export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replace what `parent` holds; the element that had the focus gets it again, found by its data-key. */
export function fill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren();
  append(parent, children);
  if (focused) parent.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** A small drawing of strokes in the text's colour. */
export function icon(path) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

export const ICONS = {
  approved: "M5 12.5l5 5L19.5 7",
  declined: "M6 6l12 12M18 6L6 18",
  not_performed: "M5 12h14",
  unresolved: "M12 4.5v9M12 18v1",
  done: "M5 12.5l5 5L19.5 7",
  running: "M12 7v5l3.5 2",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3L19 19M19 5l-1.7 1.7M6.7 17.3L5 19",
  moon: "M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z",
  contrast: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 3v18M12 7h5.5M12 11h8M12 15h7",
};

/** A button of at least finger size. */
export function button(text, press, attributes = {}) {
  return element("button", { type: "button", ...attributes, on: { click: press } }, text);
}

/** A labelled control: the label above it, a hint and a place for its problem below. */
export function field(label, control, { hint, wide } = {}) {
  const id = control.id || `field-${(field.count = (field.count ?? 0) + 1)}`;
  control.id = id;
  const problem = element("p", { class: "problem", id: `${id}-problem`, role: "alert" });
  control.setAttribute("aria-describedby", problem.id);
  const box = element("div", { class: wide ? "field wide" : "field" }, element("label", { for: id }, label), control);
  if (hint) box.append(element("p", { class: "hint" }, hint));
  box.append(problem);
  return box;
}

/** Show what is wrong with a control made by `field`, or, with no text, that nothing is. */
export function complain(control, text = "") {
  document.getElementById(`${control.id}-problem`)?.replaceChildren(text);
  if (text) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/** A list of options as a select; `options` are [value, text] pairs. */
export function select(options, value = "", attributes = {}) {
  const made = element("select", attributes, options.map(([key, text]) => element("option", { value: key }, text)));
  if (options.some(([key]) => key === value)) made.value = value;
  return made;
}

/** A definition list of [name, value] pairs; a missing value leaves its pair out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return element("dl", { class: "facts" }, shown.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}
