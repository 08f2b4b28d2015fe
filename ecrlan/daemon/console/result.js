// A result's fields, named for people.

import { facts } from "./dom.js";
import { say, sayWord } from "./language.js";
import { euros, showMoment } from "./values.js";

const MONEY = new Set(["amount", "terminal_total", "host_total"]);
const HIDDEN = new Set(["result", "reason"]);

/** Return the facts of an operation's result: whatever the terminal answered, and the answer of a VAS. */
export function resultList(operation) {
  const pairs = Object.entries(operation.result ?? {}).filter(([name]) => !HIDDEN.has(name) && name !== "xml");
  const answer = Object.entries(operation.answer ?? {});
  return facts([
    ...pairs.map(([name, value]) => [sayWord("result", name), shown(name, value)]),
    ...answer.map(([name, value]) => [name, String(value)]),
    ...(operation.data ? [[say("result.data"), operation.data]] : []),
  ]);
}

function shown(name, value) {
  if (value === null || value === "") return null;
  if (MONEY.has(name)) return euros(value);
  if (name === "host_time" || name === "terminal_time") return showMoment(value);
  if (name === "card_type") return sayWord("payment_type", value);
  if (name === "terminal_status" || name === "status_word") return sayWord(name, value);
  if (name === "entry_mode") return sayWord("entry_mode", value);
  if (name === "currency_exchange") return `${(value.currency_amount / 10 ** value.currency_decimals).toFixed(value.currency_decimals)} ${value.currency} (${(value.exchange_rate / 10000).toFixed(4)})`;
  return String(value);
}
