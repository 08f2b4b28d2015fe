// The operations: filters, pages, and the way to each.

import { get, withQuery } from "./api.js";
import { button, element, field, fill, select } from "./dom.js";
import { say } from "./language.js";
import { chip, kindName, OUTCOMES } from "./outcome.js";
import { follow, known } from "./store.js";
import { dayStart, euros, showShort } from "./values.js";

const ROWS = 25;

export function operationsPage(page, { query }) {
  const filters = {
    outcome: select([["", say("filter.any")], ["open", say("filter.open")], ...OUTCOMES.map((name) => [name, say(`outcome.${name}`)])], query.get("outcome") ?? "", { id: "filter-outcome" }),
    kind: select([["", say("filter.any")], ...known.orders.map(({ kind }) => [kind, kindName(kind)])], query.get("kind") ?? "", { id: "filter-kind" }),
    terminal: select([["", say("filter.any")], ...[...known.terminals.keys()].map((name) => [name, name])], query.get("terminal") ?? "", { id: "filter-terminal" }),
    from: element("input", { type: "date", id: "filter-from" }),
    to: element("input", { type: "date", id: "filter-to" }),
  };
  const table = element("div", { class: "operations", "aria-live": "polite" });
  const pager = element("div", { class: "actions pager" });
  const before = [null]; // the cursors of the pages up to this one
  let asked = 0;

  const path = () =>
    withQuery("/v1/operations", {
      outcome: filters.outcome.value === "open" ? "" : filters.outcome.value,
      open: filters.outcome.value === "open" ? "true" : "",
      kind: filters.kind.value,
      terminal: filters.terminal.value,
      from: filters.from.value && dayStart(filters.from.value),
      to: filters.to.value && dayStart(filters.to.value, 1),
      limit: ROWS,
      before: before.at(-1),
    });

  const load = async () => {
    const mine = ++asked;
    try {
      const { operations, next } = await get(path());
      if (mine !== asked) return;
      fill(table, operations.length ? operationsTable(operations) : element("p", { class: "empty" }, say("operations.none")));
      fill(
        pager,
        before.length > 1 ? button(say("operations.newer"), () => (before.pop(), load()), { data: { key: "newer" } }) : null,
        before.length > 1 || next ? element("span", { class: "hint" }, say("operations.page", { number: before.length })) : null,
        next ? button(say("operations.older"), () => (before.push(next), load()), { data: { key: "older" } }) : null,
      );
    } catch (error) {
      if (mine === asked) fill(table, element("p", { class: "told bad", role: "alert" }, error.message));
    }
  };
  for (const control of Object.values(filters)) control.addEventListener("change", () => ((before.length = 1), load()));

  fill(
    page,
    element("h1", {}, say("operations.title")),
    element("form", { class: "filters", on: { submit: (event) => event.preventDefault() } }, Object.entries(filters).map(([name, control]) => field(say(`filter.${name}`), control))),
    table,
    pager,
  );
  load();
  let timer = null;
  const end = follow((kind) => {
    if (kind !== "reload" && !(kind === "operation" && before.length === 1)) return;
    clearTimeout(timer);
    timer = setTimeout(load, 300); // an operation tells several changes at once
  });
  return () => {
    clearTimeout(timer);
    end();
  };
}

function operationsTable(operations) {
  const head = ["time", "kind", "amount", "terminal", "outcome"];
  return element(
    "table",
    { class: "rows" },
    element("thead", {}, element("tr", {}, head.map((name) => element("th", { scope: "col", class: name }, say(`filter.${name}`))))),
    element("tbody", {}, operations.map(operationRow)),
  );
}

function operationRow(operation) {
  const path = `#/operation/${encodeURIComponent(operation.reference)}`;
  const open = (event) => {
    if (!event.target.closest("a")) location.hash = path;
  };
  return element(
    "tr",
    { on: { click: open }, data: { reference: operation.reference } },
    element("td", { class: "time" }, element("a", { href: path, data: { key: `row-${operation.reference}` }, title: operation.reference }, showShort(operation.created_time))),
    element("td", { class: "kind" }, kindName(operation.kind)),
    element("td", { class: "amount" }, operation.amount === null ? "" : euros(operation.amount)),
    element("td", { class: "terminal" }, operation.terminal),
    element("td", { class: "outcome" }, chip(operation), operation.reason ? element("span", { class: "reason" }, operation.reason) : null),
  );
}
