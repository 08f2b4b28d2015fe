// The console's frame: logging in, the way from page to page, banners, shortcuts, language and theme.

import { alarmBanners, connectionBanner } from "./banners.js";
import { ask, get, Refusal, whenLoggedOut } from "./api.js";
import { deviceShown, drawDevice } from "./device.js";
import { openHelp } from "./help.js";
import { element, fill, icon, ICONS } from "./dom.js";
import { language, say, setLanguage } from "./language.js";
import { showLogin } from "./login.js";
import { changeWords, follow, known, load, stream } from "./store.js";
import { terminalsPage } from "./terminals.js";
import { newPage } from "./new.js";
import { runPage } from "./run.js";
import { framesPage } from "./frames.js";
import { operationsPage } from "./operations.js";
import { operationPage } from "./operation.js";
import { deskPage } from "./desk.js";
import { journalPage } from "./journal.js";
import { setupPage } from "./setup.js";

const SESSION = "ecrlan.session";
const NAVIGATION = ["terminals", "new", "operations", "desk", "frames", "setup"];
/** name: [page, section of the navigation, whether frames are wanted: also before an operation runs, so that none is missed] */
const PAGES = {
  terminals: [terminalsPage, "terminals", false],
  new: [newPage, "new", true],
  run: [runPage, "new", true],
  frames: [framesPage, "frames", true],
  operations: [operationsPage, "operations", false],
  operation: [operationPage, "operations", false],
  desk: [deskPage, "desk", false],
  journal: [journalPage, "setup", false],
  setup: [setupPage, "setup", false],
};

const place = (id) => document.getElementById(id);
/** The document that sent us to sign in; no other page is ever gone back to. The part behind # is its section. */
const fromDocs = /^\/docs(\/[a-z.]+)?$/.exec(new URLSearchParams(location.search).get("next") ?? "")?.[0];
let leave = () => {};
let loggedIn = false;

/** Return the route of the address: name, the part behind it, and its query. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  let detail = "";
  try {
    detail = decodeURIComponent(rest.join("/"));
  } catch {
    // an address typed wrong: as if it named nothing
  }
  return { name: name in PAGES ? name : "terminals", detail, query: new URLSearchParams(query) };
}

function showPage() {
  if (!loggedIn) return;
  const { name, detail, query } = route();
  const [page, , frames] = PAGES[name];
  stream.wantFrames(frames);
  leave();
  const content = place("content");
  const fresh = element("div", { class: `page page-${name}` });
  fill(content, fresh);
  content.scrollTop = 0;
  leave = page(fresh, { detail, query }) ?? (() => {});
  drawTop();
  document.title = `${say(`nav.${PAGES[name][1]}`)} · ecrlan`;
  if (!content.contains(document.activeElement)) content.focus({ preventScroll: true });
}

function drawTop() {
  const section = PAGES[route().name][1];
  const unresolved = [...known.terminals.values()].reduce((sum, terminal) => sum + terminal.unresolved.length, 0);
  const links = NAVIGATION.map((name) =>
    element(
      "a",
      { href: `#/${name}`, data: { key: `nav-${name}` }, "aria-current": name === section ? "page" : null },
      element("span", {}, say(`nav.${name}`)),
      name === "desk" && unresolved ? element("span", { class: "badge", title: say("desk.title") }, unresolved) : null,
    ),
  );
  const other = language() === "it" ? "en" : "it";
  fill(
    place("top"),
    element("span", { class: "brand" }, "ecrlan"),
    element("nav", { "aria-label": say("nav.label") }, loggedIn ? links : []),
    element(
      "div",
      { class: "tools" },
      tool("language", say("tool.language"), () => changeLanguage(other), other.toUpperCase()),
      tool("theme", `${say("tool.theme")}: ${say(`theme.${theme()}`)}`, changeTheme, icon(ICONS[{ auto: "contrast", light: "sun", dark: "moon" }[theme()]])),
      loggedIn ? tool("help", say("tool.help"), () => openHelp(logOut), "?") : null,
    ),
  );
  place("skip").textContent = say("nav.skip");
}

const tool = (key, label, press, shown) =>
  element("button", { type: "button", class: "tool", data: { key }, title: label, "aria-label": label, on: { click: press } }, shown);

const theme = () => document.documentElement.dataset.theme ?? "auto";

function changeTheme() {
  const next = { auto: "light", light: "dark", dark: "auto" }[theme()];
  if (next === "auto") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("ecrlan.theme");
  } else {
    document.documentElement.dataset.theme = next;
    localStorage.setItem("ecrlan.theme", next);
  }
  drawTop();
}

function changeLanguage(chosen) {
  setLanguage(chosen);
  drawTop();
  if (!loggedIn) {
    showLogin(place("content"), enter);
    return;
  }
  drawBanners();
  if (deviceShown()) drawDevice(place("device"));
  showPage();
  changeWords().then(drawBanners, () => {});
}

function drawBanners() {
  fill(place("banners"), connectionBanner(), loggedIn ? alarmBanners() : []);
}

// --- the session --------------------------------------------------------------------------------------------------------------------

/** Enter with the session's cookie; where there is none, the log-in page comes (again). */
async function enter() {
  localStorage.setItem(SESSION, "1");
  try {
    await load();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status !== 401) {
      known.connected = false;
      drawBanners();
      setTimeout(enter, 2000);
    }
    return;
  }
  if (fromDocs) {
    location.replace(`${fromDocs}${location.hash}`);
    return;
  }
  known.connected = true;
  loggedIn = true;
  place("device").hidden = !deviceShown();
  document.body.classList.toggle("with-device", deviceShown());
  if (deviceShown()) drawDevice(place("device"));
  drawBanners();
  stream.open();
  showPage();
}

function leaveSession() {
  localStorage.removeItem(SESSION);
  stream.close();
  leave();
  leave = () => {};
  loggedIn = false;
  place("device").hidden = true;
  document.body.classList.remove("with-device");
  known.connected = true;
  drawTop();
  drawBanners();
  showLogin(place("content"), enter);
}

async function logOut() {
  await ask("DELETE", "/v1/session").catch(() => {}); // gone already, or out of reach: we forget it either way
  leaveSession();
}

// --- what happens -------------------------------------------------------------------------------------------------------------------

follow((kind) => {
  if (!loggedIn) return;
  if (kind === "screen" || kind === "reload") {
    if (deviceShown()) drawDevice(place("device"));
  }
  if (kind === "alarm" || kind === "connection" || kind === "reload") drawBanners();
  if (kind === "terminal" || kind === "reload") drawTop();
});

addEventListener("hashchange", showPage);
addEventListener("keydown", (event) => {
  if (!loggedIn || event.ctrlKey || event.altKey || event.metaKey || place("dialog").open) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "?") openHelp(logOut);
  else if (event.key === "n") location.hash = "#/new";
  else if (/^[1-6]$/.test(event.key)) location.hash = `#/${NAVIGATION[Number(event.key) - 1]}`;
  else if (event.key === "Escape" && history.length > 1 && ["operation"].includes(route().name)) history.back();
  else if (event.key === "Escape" && route().name === "desk" && route().detail) location.hash = "#/desk";
  else return;
  event.preventDefault();
});

place("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is the route's
  place("content").focus();
});

async function start() {
  whenLoggedOut(leaveSession);
  const token = /^#token=(.+)$/.exec(location.hash)?.[1]; // as `ecrlan serve` opens the page: never sent as an address, and gone from it at once
  if (token) {
    history.replaceState(null, "", location.pathname);
    try {
      await ask("POST", "/v1/session", { body: { token: decodeURIComponent(token) } });
      localStorage.setItem(SESSION, "1");
    } catch {
      localStorage.removeItem(SESSION); // the log-in page asks for the right one
    }
  }
  drawTop();
  if (localStorage.getItem(SESSION)) await get("/v1/session").then(enter, (error) => (error.status === 401 ? leaveSession() : enter()));
  else showLogin(place("content"), enter);
}

start();
