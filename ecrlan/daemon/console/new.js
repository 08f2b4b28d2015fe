// A new operation: its kind, and the form that goes with it. Kinds and fields are those that the daemon declares (GET /v1/orders).

import { begin, kept } from "./attempt.js";
import { button, complain, element, field, fill, select } from "./dom.js";
import { get, withQuery } from "./api.js";
import { confirmed } from "./help.js";
import { say } from "./language.js";
import { kindName } from "./outcome.js";
import { mayOperate, readOnlyNote } from "./roles.js";
import { known } from "./store.js";
import { euros, isReference, parseAmount, showAmount, showShort } from "./values.js";

const BY_HAND = new Set(["target", "reference", "queue_timeout"]);
const OTHER_WAYS = ["preauthorization_code", "stan", "last"]; // to name what `target` names

/** A value that cannot be sent: `control` is where, `message` what is allowed. */
class Wrong extends Error {
  constructor(control, message) {
    super(message);
    this.control = control;
  }
}

export function newPage(page, { query }) {
  const terminals = [...known.terminals.keys()];
  const orders = known.orders;
  let order = orders.find(({ kind }) => kind === query.get("kind")) ?? orders[0];
  const terminal = select(terminals.map((name) => [name, name]), query.get("terminal") ?? terminals[0], { id: "terminal" });
  const form = element("form", { class: "panel operation-form", novalidate: true });
  const kinds = element("div", { class: "kinds", role: "radiogroup", "aria-label": say("new.kind") });

  const drawKinds = () =>
    fill(
      kinds,
      orders.map((each) => button(kindName(each.kind), () => choose(each), { role: "radio", "aria-checked": each === order ? "true" : "false", data: { key: `kind-${each.kind}`, kind: each.kind } })),
    );
  const choose = (chosen) => {
    order = chosen;
    drawKinds();
    drawForm(form, order, terminal, query);
  };
  terminal.addEventListener("change", () => drawForm(form, order, terminal, query));

  fill(
    page,
    element("h1", {}, say("new.title")),
    readOnlyNote(),
    pendingNote(),
    terminals.length ? [terminals.length > 1 ? element("div", { class: "panel choice" }, field(say("terminal"), terminal)) : null, element("div", { class: "new-columns" }, kinds, form)] : element("p", { class: "empty" }, say("terminals.none")),
  );
  if (terminals.length) choose(order);
}

function pendingNote() {
  const attempt = kept();
  if (!attempt) return null;
  return element("p", { class: "note" }, say("new.pending", { what: kindName(attempt.body.kind) }), " ", element("a", { href: `#/run/${encodeURIComponent(attempt.body.reference)}` }, say("new.pending_show")));
}

function drawForm(form, order, terminal, query) {
  const { kind } = order;
  const makers = makersOf(order, terminal, query);
  const first = makers.filter(({ seldom }) => !seldom);
  const more = makers.filter(({ seldom }) => seldom);
  const send = element("button", { type: "submit", class: "primary large", data: { key: "send" }, disabled: !mayOperate() }, has(`send.${kind}`) ? say(`send.${kind}`) : say("send"));

  form.onsubmit = async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    for (const control of form.querySelectorAll("[aria-invalid]")) complain(control);
    let body;
    try {
      body = Object.assign({ kind }, ...makers.map(({ read }) => read()));
    } catch (problem) {
      if (!(problem instanceof Wrong)) throw problem;
      problem.control.closest("details")?.setAttribute("open", "");
      complain(problem.control, problem.message);
      problem.control.focus();
      return;
    }
    send.disabled = true;
    const needsYes = order.asks_first || body.last;
    if (needsYes && !(await confirmed(kindName(kind), say(`confirm.${kind}`), say("send"), { danger: true }))) {
      send.disabled = false;
      return;
    }
    location.hash = `#/run/${encodeURIComponent(begin(terminal.value, body))}`;
  };

  fill(
    form,
    element("h2", {}, kindName(kind)),
    element("p", { class: "explain" }, has(`about.${kind}`) ? say(`about.${kind}`) : order.about),
    first.map(({ shown }) => shown),
    element("div", { class: "actions" }, send),
    element("details", { class: "more" }, element("summary", {}, say("new.more")), more.map(({ shown }) => shown)),
  );
  const start = form.querySelector("input:not([type=radio]):not([type=checkbox]), select, button[type=submit]");
  if (start && !document.activeElement?.matches("[role=radio]")) start.focus({ preventScroll: true });
}

// --- the fields: each is shown, and read when the form is sent --------------------------------------------------------------------------

const has = (name) => say(name) !== name;

/** Return the label of a field or of one of its values: that of this kind of operation, or the common one, or what the daemon says. */
function label(kind, name, otherwise) {
  const found = [`${kind}.${name}`, name].find(has);
  return found ? say(found, { number: known.register?.cash_register_id ?? "" }) : otherwise;
}

/** Return what shows and reads the fields of an order, in the order of the page. */
function makersOf(order, terminal, query) {
  const other = order.fields.filter(({ name }) => order.targets.length && OTHER_WAYS.includes(name));
  const plain = order.fields.filter((field) => !BY_HAND.has(field.name) && !other.includes(field));
  const makers = plain.map((field) => ({ ...field, ...makerOf(field)(order.kind, field, query) }));
  const target = order.targets.length ? [{ ...targetField(order, other, terminal.value, query), seldom: false }] : [];
  const amount = makers.filter(({ unit }) => unit === "cents");
  const rest = makers.filter(({ unit }) => unit !== "cents").sort((one, two) => (one.name === "cash_register_id") - (two.name === "cash_register_id"));
  return [...amount, ...target, ...rest, ...advanced()];
}

const makerOf = (field) => {
  if (field.unit === "cents") return amountField;
  if (field.suggestions || field.choices) return choiceField;
  if (field.type === "integer" && field.least !== undefined && field.most - field.least < 10) return choiceField;
  return { boolean: field.default ? choiceField : checkField, pairs: pairsField, mapping: mappingField }[field.type] ?? textField;
};

const input = (name, attributes = {}) => element("input", { id: `new-${name}`, autocomplete: "off", spellcheck: "false", ...attributes });

function amountField(kind, { name, help }, query) {
  const control = input(name, { inputmode: "decimal", class: "amount", placeholder: showAmount(650), maxlength: 10 });
  const amount = query.get(name) ?? "";
  control.value = /^\d+$/.test(amount) ? showAmount(Number(amount)).replace(/[.,](?=\d{3})/g, "") : "";
  const read = () => {
    const cents = parseAmount(control.value);
    if (cents === null) throw new Wrong(control, say("amount.wrong"));
    return { [name]: cents };
  };
  return { shown: field(label(kind, name, help), control, { hint: say("amount.hint") }), read };
}

/** Return what is wrong with a text, by what the daemon says that the field takes; "" where nothing is. */
function problem(text, { pattern, longest, shortest }) {
  const count = /^\[0-9\]\{(\d+)\}$/.exec(pattern ?? "")?.[1];
  if (count) return new RegExp(`^${pattern}$`).test(text) ? "" : say("digits.wrong", { count });
  const fits = new RegExp(`^(?:${pattern ?? "[\\x20-\\x7e]*"})$`).test(text);
  if (longest) return fits && text.length <= longest && text.length >= (shortest ?? 0) ? "" : say("text.wrong", { longest });
  return fits ? "" : say("value.wrong");
}

const isNumber = ({ type }) => type === "integer" || type === "number";

function textField(kind, declared, query, wrong = problem) {
  const { name, help, longest, pattern } = declared;
  const count = /^\[0-9\]\{(\d+)\}$/.exec(pattern ?? "")?.[1];
  const control = input(name, { maxlength: longest ?? count, inputmode: count || isNumber(declared) ? "numeric" : undefined, class: name === "amount" ? "amount" : undefined });
  const read = () => {
    const text = control.value;
    const said = text ? (isNumber(declared) ? (Number.isFinite(Number(text)) ? "" : say("value.wrong")) : wrong(text, declared)) : declared.required ? say("value.wrong") : "";
    if (said) throw new Wrong(control, said);
    return text ? { [name]: isNumber(declared) ? Number(text) : text } : {};
  };
  return { shown: field(label(kind, name, help), control), read };
}

/** A choice among the values that a field may have; the one that it has anyhow is not sent. */
function choiceField(kind, declared) {
  const { name, help, choices, suggestions, least, most, required } = declared;
  const numbers = isNumber(declared) ? Array.from({ length: most - least + 1 }, (_, place) => least + place) : null;
  const values = choices ?? suggestions ?? numbers ?? [true, false];
  const options = values.map((value) => [String(value), label(kind, `${name}.${value}`, String(value).replace("_", " · "))]);
  const usual = String(required ? (suggestions ?? values)[0] : declared.default);
  const control = select(options, usual, { id: `new-${name}` });
  const read = () => (control.value === usual && !required ? {} : { [name]: values[control.selectedIndex] });
  return { shown: field(label(kind, name, help), control), read };
}

function checkField(kind, { name, help }) {
  const control = element("input", { type: "checkbox", id: `new-${name}` });
  return { shown: element("label", { class: "check" }, control, element("span", {}, label(kind, name, help))), read: () => (control.checked ? { [name]: true } : {}) };
}

function pairsField(kind, { name, help, longest }) {
  const rows = Array.from({ length: longest }, (_, place) => ({
    index: select([1, 2, 3, 4, 5].map((value) => [String(value), String(value)]), String(place + 1), { "aria-label": say("additional_data.index") }),
    text: input(`${name}-${place + 1}`, { maxlength: 100, "aria-label": say("additional_data.text", { number: place + 1 }) }),
  }));
  const last = rows.at(-1).text;
  const shown = element("fieldset", {}, element("legend", {}, label(kind, name, help)), rows.map(({ index, text }) => element("div", { class: "pair" }, index, text)), element("p", { class: "problem", id: `${last.id}-problem`, role: "alert" }));
  const read = () => {
    const contents = rows.filter(({ text }) => text.value).map(({ index, text }) => [Number(index.value), text.value]);
    if (contents.some(([index, text]) => problem(text, { longest: index === 5 ? 100 : 30 }))) throw new Wrong(last, say("additional_data.wrong"));
    return contents.length ? { [name]: contents } : {};
  };
  return { shown, read };
}

function mappingField(kind, { name, help }) {
  const control = element("textarea", { id: `new-${name}`, rows: 3, spellcheck: "false", placeholder: "KEY=VALUE" });
  const read = () => {
    const lines = control.value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (!lines.every((line) => /^[^=]+=/.test(line))) throw new Wrong(control, say("vas.parameters_wrong"));
    return lines.length ? { [name]: Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()])) } : {};
  };
  return { shown: field(label(kind, name, help), control), read };
}

/** A choice among the operations that came before which an order may name, or one of its other ways to name them. */
function targetField(order, other, terminal, query) {
  const control = select([["", say("target.loading")]], "", { id: "new-target" });
  const boxes = other.map((declared) => {
    if (declared.type === "boolean") return { name: declared.name, shown: element("p", { class: "note" }, say(`target.${declared.name}_why`)), read: () => ({ [declared.name]: true }) };
    return { name: declared.name, ...textField(order.kind, { ...declared, required: true }, query) };
  });
  for (const { shown } of boxes) shown.hidden = true;
  const extra = boxes.map(({ name }) => [`:${name}`, say(`target.${name}`)]);
  const showTyped = () => boxes.forEach(({ name, shown }) => (shown.hidden = control.value !== `:${name}`));
  control.addEventListener("change", showTyped);

  get(withQuery("/v1/operations", { terminal, outcome: "approved", limit: 100 })).then(
    ({ operations }) => {
      const found = operations.filter((operation) => order.targets.includes(operation.kind)).slice(0, 20);
      const options = found.map((operation) => [operation.reference, `${showShort(operation.created_time)} · ${kindName(operation.kind)} ${euros(operation.amount ?? 0)}`]);
      const target = query.get("target");
      if (target && !options.some(([key]) => key === target)) options.unshift([target, target]);
      const all = [...options, ...extra];
      fill(control, all.map(([key, text]) => element("option", { value: key }, text)));
      control.value = target ?? all[0]?.[0] ?? "";
      showTyped();
    },
    (error) => complain(control, error.message),
  );

  const read = () => {
    if (!control.value) throw new Wrong(control, say("target.none"));
    const chosen = boxes.find(({ name }) => control.value === `:${name}`);
    return chosen ? chosen.read() : { target: control.value };
  };
  return { shown: [field(label(order.kind, "target", say("reference")), control), boxes.map(({ shown }) => shown)], read };
}

/** What every order takes, and people seldom need. */
function advanced() {
  const reference = textField("new", { name: "reference", longest: 64 }, null, (text) => (isReference(text) ? "" : say("reference.wrong")));
  const impatient = checkField("new", { name: "impatient" });
  const read = () => ("impatient" in impatient.read() ? { queue_timeout: 0 } : {});
  return [
    { ...reference, seldom: true },
    { shown: impatient.shown, read, seldom: true },
  ];
}
