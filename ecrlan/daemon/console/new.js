// A new operation: its kind, and the form that goes with it.

import { begin, kept } from "./attempt.js";
import { button, complain, element, field, fill, select } from "./dom.js";
import { get, withQuery } from "./api.js";
import { confirmed } from "./help.js";
import { say } from "./language.js";
import { kindName } from "./outcome.js";
import { mayOperate, readOnlyNote } from "./roles.js";
import { known } from "./store.js";
import { euros, isReference, parseAmount, showAmount, showShort } from "./values.js";

const KINDS = ["purchase", "void", "preauthorize", "increment", "capture", "verify_card", "totals", "last_result", "status", "reprint", "vas", "close_session"];
const FIELDS = {
  purchase: ["amount", "payment_type", "card_present", "receipt_text", "additional_data"],
  preauthorize: ["amount", "payment_type", "card_present", "receipt_text", "additional_data"],
  increment: ["amount", "preauthorization", "receipt_text"],
  capture: ["amount", "preauthorization", "receipt_text"],
  void: ["voided"],
  verify_card: ["payment_type", "additional_data"],
  reprint: ["to_ecr", "ticket_type"],
  vas: ["function", "vas_amount", "order_id", "printer", "parameters"],
  totals: [],
  last_result: [],
  status: [],
  close_session: [],
};
const FIRST = new Set(["amount", "preauthorization", "voided", "function", "vas_amount", "order_id", "to_ecr", "ticket_type"]);
const VAS_FUNCTIONS = ["BPAY", "WECHAT", "ALIPAY"].flatMap((service) => ["QR", "INQUIRY", "REFUND"].map((name) => `${service}_${name}`)).concat("BPAY_TOTAL", "BPAY_CHIUSURA");
const VOIDABLE = ["purchase", "capture", "preauthorize", "increment"];
const CONFIRMED = new Set(["close_session"]);

/** A value that cannot be sent: `control` is where, `message` what is allowed. */
class Wrong extends Error {
  constructor(control, message) {
    super(message);
    this.control = control;
  }
}

export function newPage(page, { query }) {
  const terminals = [...known.terminals.keys()];
  let kind = KINDS.includes(query.get("kind")) ? query.get("kind") : "purchase";
  const terminal = select(terminals.map((name) => [name, name]), query.get("terminal") ?? terminals[0], { id: "terminal" });
  const form = element("form", { class: "panel operation-form", novalidate: true });
  const kinds = element("div", { class: "kinds", role: "radiogroup", "aria-label": say("new.kind") });

  const drawKinds = () =>
    fill(
      kinds,
      KINDS.map((name) => button(kindName(name), () => choose(name), { role: "radio", "aria-checked": name === kind ? "true" : "false", data: { key: `kind-${name}`, kind: name } })),
    );
  const choose = (name) => {
    kind = name;
    drawKinds();
    drawForm(form, kind, terminal, query);
  };
  terminal.addEventListener("change", () => drawForm(form, kind, terminal, query));

  fill(
    page,
    element("h1", {}, say("new.title")),
    readOnlyNote(),
    pendingNote(),
    terminals.length ? [terminals.length > 1 ? element("div", { class: "panel choice" }, field(say("terminal"), terminal)) : null, element("div", { class: "new-columns" }, kinds, form)] : element("p", { class: "empty" }, say("terminals.none")),
  );
  if (terminals.length) choose(kind);
}

function pendingNote() {
  const attempt = kept();
  if (!attempt) return null;
  return element("p", { class: "note" }, say("new.pending", { what: kindName(attempt.body.kind) }), " ", element("a", { href: `#/run/${encodeURIComponent(attempt.body.reference)}` }, say("new.pending_show")));
}

function drawForm(form, kind, terminal, query) {
  const makers = FIELDS[kind].map((name) => ({ name, ...MAKERS[name](kind, terminal, query) }));
  const advanced = ADVANCED(kind);
  const first = makers.filter(({ name }) => FIRST.has(name));
  const more = makers.filter(({ name }) => !FIRST.has(name));
  const send = element("button", { type: "submit", class: "primary large", data: { key: "send" }, disabled: !mayOperate() }, say(`send.${kind}`) === `send.${kind}` ? say("send") : say(`send.${kind}`));

  form.onsubmit = async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    for (const control of form.querySelectorAll("[aria-invalid]")) complain(control);
    let body;
    try {
      body = Object.assign({ kind }, ...[...makers, ...advanced].map(({ read }) => read()));
    } catch (problem) {
      if (!(problem instanceof Wrong)) throw problem;
      problem.control.closest("details")?.setAttribute("open", "");
      complain(problem.control, problem.message);
      problem.control.focus();
      return;
    }
    send.disabled = true;
    const needsYes = CONFIRMED.has(kind) || body.last;
    if (needsYes && !(await confirmed(kindName(kind), say(`confirm.${kind}`), say("send"), { danger: true }))) {
      send.disabled = false;
      return;
    }
    location.hash = `#/run/${encodeURIComponent(begin(terminal.value, body))}`;
  };

  fill(
    form,
    element("h2", {}, kindName(kind)),
    element("p", { class: "explain" }, say(`about.${kind}`)),
    first.map(({ shown }) => shown),
    element("div", { class: "actions" }, send),
    element("details", { class: "more" }, element("summary", {}, say("new.more")), [...more, ...advanced].map(({ shown }) => shown)),
  );
  const start = form.querySelector("input:not([type=radio]):not([type=checkbox]), select, button[type=submit]");
  if (start && !document.activeElement?.matches("[role=radio]")) start.focus({ preventScroll: true });
}

// --- the fields: each is shown, and read when the form is sent --------------------------------------------------------------------------

const input = (name, attributes = {}) => element("input", { id: `new-${name}`, autocomplete: "off", spellcheck: "false", ...attributes });

function amountField(label, name = "amount", value = "") {
  const control = input(name, { inputmode: "decimal", class: "amount", placeholder: showAmount(650), maxlength: 10 });
  control.value = value;
  const read = () => {
    const cents = parseAmount(control.value);
    if (cents === null) throw new Wrong(control, say("amount.wrong"));
    return cents;
  };
  return { control, shown: field(label, control, { hint: say("amount.hint") }), read };
}

function textField(name, label, attributes, check) {
  const control = input(name, attributes);
  return {
    shown: field(label, control),
    read: () => {
      const problem = control.value ? check(control.value) : "";
      if (problem) throw new Wrong(control, problem);
      return control.value ? { [name]: control.value } : {};
    },
  };
}

const ascii = (longest) => (text) => (/^[\x20-\x7e]*$/.test(text) && text.length <= longest ? "" : say("text.wrong", { longest }));

function choiceField(name, label, options, sent = (value) => value) {
  const control = select(options, options[0][0], { id: `new-${name}` });
  return { shown: field(label, control), read: () => (control.value === options[0][0] ? {} : { [name]: sent(control.value) }) };
}

function checkField(name, label) {
  const control = element("input", { type: "checkbox", id: `new-${name}` });
  return { shown: element("label", { class: "check" }, control, element("span", {}, label)), read: () => (control.checked ? { [name]: true } : {}) };
}

/** A choice among operations that came before, or a number typed by hand. */
function targetField({ label, wanted, query, terminal, others }) {
  const control = select([["", say("target.loading")]], "", { id: "new-target" });
  const boxes = others.map(({ key, label: text, attributes, check }) => {
    const box = attributes ? input(key, attributes) : null;
    const shown = box ? field(text, box) : element("p", { class: "note" }, text);
    shown.hidden = true;
    return { key, box, shown, check };
  });
  const extra = others.map(({ key, choice }) => [`:${key}`, choice]);
  const showTyped = () => boxes.forEach(({ key, shown }) => (shown.hidden = control.value !== `:${key}`));
  control.addEventListener("change", showTyped);

  get(withQuery("/v1/operations", { terminal, outcome: "approved", limit: 100 })).then(
    ({ operations }) => {
      const found = operations.filter(wanted).slice(0, 20);
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
    const chosen = boxes.find(({ key }) => control.value === `:${key}`);
    if (!chosen) return { target: control.value };
    if (!chosen.box) return { [chosen.key]: true };
    const problem = chosen.check(chosen.box.value);
    if (problem) throw new Wrong(chosen.box, problem);
    return { [chosen.key]: chosen.box.value };
  };
  return { shown: [field(label, control), boxes.map(({ shown }) => shown)], read };
}

const digits = (count) => (text) => (new RegExp(`^\\d{${count}}$`).test(text) ? "" : say("digits.wrong", { count }));

const MAKERS = {
  amount: (kind, terminal, query) => {
    const amount = query.get("amount");
    const { shown, read } = amountField(say(kind === "capture" ? "amount.final" : kind === "increment" ? "amount.added" : "amount"), "amount", /^\d+$/.test(amount ?? "") ? showAmount(Number(amount)).replace(/[.,](?=\d{3})/g, "") : "");
    return { shown, read: () => ({ amount: read() }) };
  },
  payment_type: () => choiceField("payment_type", say("payment_type"), ["automatic", "debit", "credit", "other"].map((value) => [value, say(`payment_type.${value}`)])),
  card_present: () => checkField("card_present", say("card_present")),
  receipt_text: () => textField("receipt_text", say("receipt_text"), { maxlength: 128 }, ascii(128)),
  additional_data: () => {
    const rows = [1, 2, 3, 4].map((number) => ({
      index: select([1, 2, 3, 4, 5].map((value) => [String(value), String(value)]), String(number), { "aria-label": say("additional_data.index") }),
      text: input(`additional-${number}`, { maxlength: 100, "aria-label": say("additional_data.text", { number }) }),
    }));
    const last = rows[3].text;
    const shown = element("fieldset", {}, element("legend", {}, say("additional_data")), rows.map(({ index, text }) => element("div", { class: "pair" }, index, text)), element("p", { class: "problem", id: `${last.id}-problem`, role: "alert" }));
    const read = () => {
      const contents = rows.filter(({ text }) => text.value).map(({ index, text }) => [Number(index.value), text.value]);
      if (!contents.every(([index, text]) => !ascii(index === 5 ? 100 : 30)(text))) throw new Wrong(last, say("additional_data.wrong"));
      return contents.length ? { additional_data: contents } : {};
    };
    return { shown, read };
  },
  preauthorization: (kind, terminal, query) =>
    targetField({
      label: say("target.preauthorization"),
      wanted: (operation) => operation.kind === "preauthorize" && operation.outcome === "approved",
      query,
      terminal: terminal.value,
      others: [{ key: "preauthorization_code", choice: say("target.by_code"), label: say("preauthorization_code"), attributes: { inputmode: "numeric", maxlength: 9 }, check: digits(9) }],
    }),
  voided: (kind, terminal, query) =>
    targetField({
      label: say("target.voided"),
      wanted: (operation) => VOIDABLE.includes(operation.kind) && operation.outcome === "approved",
      query,
      terminal: terminal.value,
      others: [
        { key: "stan", choice: say("target.by_stan"), label: "STAN", attributes: { inputmode: "numeric", maxlength: 6 }, check: digits(6) },
        { key: "last", choice: say("target.last"), label: say("target.last_why") },
      ],
    }),
  to_ecr: () => choiceField("to_ecr", say("to_ecr"), [["true", say("to_ecr.true")], ["false", say("to_ecr.false")]], (value) => value === "true"),
  ticket_type: () => choiceField("ticket_type", say("ticket_type"), [["0", say("ticket_type.0")], ["1", say("ticket_type.1")]], Number),
  function: () => {
    const control = select(VAS_FUNCTIONS.map((name) => [name, name.replace("_", " · ")]), "BPAY_QR", { id: "new-function" });
    return { shown: field(say("vas.function"), control), read: () => ({ function: control.value }) };
  },
  vas_amount: () => textField("amount", say("vas.amount"), { maxlength: 20, class: "amount" }, ascii(20)),
  order_id: () => textField("order_id", say("vas.order_id"), { maxlength: 27 }, ascii(27)),
  printer: () => choiceField("printer", say("vas.printer"), [["POS", say("to_ecr.false")], ["ECR", say("to_ecr.true")]]),
  parameters: () => {
    const control = element("textarea", { id: "new-parameters", rows: 3, spellcheck: "false", placeholder: "KEY=VALUE" });
    const read = () => {
      const lines = control.value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (!lines.every((line) => /^[^=]+=/.test(line))) throw new Wrong(control, say("vas.parameters_wrong"));
      return lines.length ? { parameters: Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()])) } : {};
    };
    return { shown: field(say("vas.parameters"), control), read };
  },
};

function ADVANCED(kind) {
  const register = textField("cash_register_id", say("cash_register_id", { number: known.register?.cash_register_id ?? "" }), { inputmode: "numeric", maxlength: 8 }, digits(8));
  const reference = textField("reference", say("reference.own"), { maxlength: 64 }, (text) => (isReference(text) ? "" : say("reference.wrong")));
  const impatient = checkField("queue_timeout", say("new.impatient"));
  const read = () => ("queue_timeout" in impatient.read() ? { queue_timeout: 0 } : {});
  const named = !["status", "reprint"].includes(kind);
  return [...(named ? [register] : []), reference, { shown: impatient.shown, read }];
}
