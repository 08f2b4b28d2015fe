// Setup: what to type into the terminal, and where the register looks for it. The menu's words are those of the terminal, in Italian.

import { element, facts, fill } from "./dom.js";
import { showMoment } from "./values.js";
import { say } from "./language.js";
import { follow, known } from "./store.js";

export function setupPage(page) {
  const body = element("div", {});
  const draw = () => fill(body, known.terminals.size ? [...known.terminals.values()].map(terminalSetup) : element("p", { class: "empty" }, say("terminals.none")));
  fill(page, element("h1", {}, say("setup.title")), element("p", { class: "explain" }, say("setup.text")), body, troubles(), registerFacts());
  draw();
  return follow((kind) => (kind === "terminal" || kind === "reload") && draw());
}

/** Return the till's addresses, the one in the terminal's own network first. */
function ownAddresses(terminal) {
  const { listen, addresses } = known.register;
  const all = listen && !["0.0.0.0", "::"].includes(listen.address) ? [listen.address] : addresses;
  const network = (address) => address.split(".").slice(0, 3).join(".");
  return [...all].sort((one, other) => (network(other) === network(terminal.address)) - (network(one) === network(terminal.address)));
}

function terminalSetup(terminal) {
  const { listen, cash_register_id: number } = known.register;
  const dials = terminal.link !== "listen";
  const listens = terminal.link !== "dial" && listen;
  const typed = (name, value, others = []) =>
    element("div", { class: "typed" }, element("dt", {}, name), element("dd", {}, element("strong", {}, value), others.length ? element("span", { class: "hint" }, say("setup.or"), " ", others.join(", ")) : null));
  const [own, ...others] = ownAddresses(terminal);
  return element(
    "section",
    { class: "panel setup" },
    element("h2", {}, terminal.name),
    element("p", {}, say("setup.on_terminal"), " ", element("span", { class: "menu", lang: "it" }, "Scambio Importo › Configurazione")),
    element(
      "dl",
      { class: "typed-list", lang: "it" },
      listens ? [typed("Indirizzo IP della cassa", own ?? say("setup.no_address"), others), typed("Porta della cassa", String(listen.port))] : null,
      dials ? typed("Porta del POS", String(terminal.port)) : null,
      typed("Codice cassa", number),
    ),
    element("p", { class: "hint" }, say(listens ? (dials ? "setup.both" : "setup.only_listen") : "setup.only_dial")),
    facts([
      [say("setup.address"), `${terminal.address}:${terminal.port}`],
      [say("setup.seen"), terminal.last_seen_time ? say("setup.seen_yes") : say("setup.seen_no")],
    ]),
  );
}

const troubles = () =>
  element("section", { class: "panel" }, element("h2", {}, say("setup.troubles")), element("ul", { class: "troubles" }, [1, 2, 3, 4].map((number) => element("li", {}, say(`setup.trouble${number}`)))));

function registerFacts() {
  const { version, journal, listen, started_time: started } = known.register;
  return element(
    "section",
    { class: "panel" },
    element("h2", {}, say("setup.register")),
    facts([
      ["ecrlan", version],
      [say("setup.journal"), element("a", { href: "#/journal" }, journal === "ok" ? say("setup.journal_ok") : journal)],
      [say("setup.listens"), listen ? `${listen.address}:${listen.port}` : say("setup.listens_not")],
      [say("setup.started"), showMoment(started)],
    ]),
  );
}
