// What stands above every page: alarms, and a lost connection.

import { post } from "./api.js";
import { button, element } from "./dom.js";
import { say, sayWord } from "./language.js";
import { known } from "./store.js";

const SHOWN = 2;
let all = false;

/** Return the banner of a lost connection, null while there is one. */
export function connectionBanner() {
  return known.connected ? null : element("div", { class: "banner offline", role: "status" }, element("strong", {}, say("banner.offline")), " ", say("banner.offline_text"));
}

/** Return the alarms' banners, the newest first; behind the second they are counted. */
export function alarmBanners() {
  const alarms = [...known.alarms.values()].sort((one, other) => (one.time < other.time ? 1 : -1));
  const shown = all ? alarms : alarms.slice(0, SHOWN);
  const more = alarms.length - shown.length;
  const bars = shown.map(alarmBanner);
  if (more > 0) bars.push(moreBanner(say("banner.more", { count: more }), true));
  else if (all && alarms.length > SHOWN) bars.push(moreBanner(say("banner.fewer"), false));
  return bars;
}

/** Return where an alarm is settled, null for one that is only to be noted. */
function placeOf(alarm) {
  if (alarm.name === "unresolved" && alarm.reference) return `#/desk/${encodeURIComponent(alarm.reference)}`;
  return alarm.name === "journal_doubtful" ? "#/journal" : null;
}

function alarmBanner(alarm) {
  const place = placeOf(alarm);
  const way =
    place !== null
      ? element("a", { class: "button", href: place, data: { key: `alarm-${alarm.id}` } }, say("banner.settle"))
      : button(say("banner.dismiss"), () => post(`/v1/alarms/${encodeURIComponent(alarm.id)}/dismiss`).catch(() => {}), { data: { key: `alarm-${alarm.id}` } });
  return element(
    "div",
    { class: "banner alarm", role: "alert" },
    element("p", {}, element("strong", {}, alarm.terminal ? `${alarm.terminal}: ` : "", sayWord("alarm", alarm.name)), " ", element("span", { class: "detail" }, alarm.text)),
    way,
  );
}

function moreBanner(text, open) {
  const press = (event) => {
    all = open;
    event.target.closest("#banners").replaceChildren(...[connectionBanner()].filter(Boolean), ...alarmBanners());
  };
  return element("div", { class: "banner alarm more" }, button(text, press, { class: "plain", data: { key: "alarms-more" } }));
}
