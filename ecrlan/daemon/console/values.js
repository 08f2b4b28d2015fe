// Amounts, times and references: what is typed, what is shown.

import { language, say } from "./language.js";

const LARGEST = 99_999_999;

/** Return whole cents of `6,50` or `6.50`, or null: always two decimals, 0.01 to 999999.99. */
export function parseAmount(text) {
  const match = /^(0|[1-9][0-9]{0,5})[.,]([0-9]{2})$/.exec(text.trim());
  const cents = match ? Number(match[1] + match[2]) : 0;
  return cents >= 1 && cents <= LARGEST ? cents : null;
}

/** Return cents as people write them, without the currency. */
export function showAmount(cents) {
  const whole = String(Math.trunc(Math.abs(cents) / 100)).replace(/\B(?=(\d{3})+$)/g, language() === "it" ? "." : ",");
  return `${cents < 0 ? "-" : ""}${whole}${language() === "it" ? "," : "."}${String(Math.abs(cents) % 100).padStart(2, "0")}`;
}

export const euros = (cents) => `${showAmount(cents)} €`;

const locale = () => (language() === "it" ? "it-IT" : "en-GB");
const shown = (iso, options) => {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? String(iso ?? "") : new Intl.DateTimeFormat(locale(), { timeZone: "Europe/Rome", ...options }).format(time);
};

/** Times are those of the till: Europe/Rome. */
export const showMoment = (iso) => shown(iso, { day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const showShort = (iso) => shown(iso, { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" });
export const showClock = (iso) => shown(iso, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Return how long ago `iso` was, in words. */
export function showAgo(iso) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(iso).getTime()) / 1000));
  if (seconds < 10) return say("ago.now");
  if (seconds < 120) return say("ago.seconds", { count: seconds });
  if (seconds < 7200) return say("ago.minutes", { count: Math.round(seconds / 60) });
  return showShort(iso);
}

/** Return a duration in words, from seconds. */
export function showSpan(seconds) {
  const size = Math.abs(Math.round(seconds));
  if (size < 120) return say("span.seconds", { count: size });
  if (size < 7200) return say("span.minutes", { count: Math.round(size / 60) });
  return say("span.hours", { count: Math.round(size / 3600) });
}

/** Return the moment at which a day (`2026-11-24`) begins in Europe/Rome, `later` days after it, as ISO 8601 with its offset. */
export function dayStart(day, later = 0) {
  const [year, month, date] = day.split("-").map(Number);
  const midnight = Date.UTC(year, month - 1, date + later);
  const part = new Intl.DateTimeFormat("en", { timeZone: "Europe/Rome", timeZoneName: "longOffset" });
  const offsetAt = (time) => /GMT([+-]\d\d):(\d\d)/.exec(part.format(time))?.slice(1) ?? ["+00", "00"];
  const [hours, minutes] = offsetAt(midnight);
  const text = new Date(midnight).toISOString().slice(0, 10);
  return `${text}T00:00:00${hours}:${minutes}`;
}

/** Make a reference that nobody else has: a UUID, also where the page stands in no secure context. */
export function makeReference() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Whether a text may be a reference. */
export const isReference = (text) => /^[A-Za-z0-9._-]{1,64}$/.test(text);
