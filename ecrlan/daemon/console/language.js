// Which language is shown, and texts with their places filled.

import { TEXTS } from "./texts.js";

const KEY = "ecrlan.language";

let current = localStorage.getItem(KEY) ?? (navigator.language.toLowerCase().startsWith("it") ? "it" : "en");
if (!(current in TEXTS)) current = "en";
document.documentElement.lang = current;

export const language = () => current;

/** Change the language; whoever calls this draws the page again. */
export function setLanguage(chosen) {
  current = chosen;
  localStorage.setItem(KEY, chosen);
  document.documentElement.lang = chosen;
}

/** Return a text; `{places}` are filled from `values`. A name without a text is shown as it is. */
export function say(name, values = {}) {
  const text = TEXTS[current][name] ?? name;
  return text.replace(/\{(\w+)\}/g, (place, key) => (key in values ? String(values[key]) : place));
}

/** Return the text of a word that comes from the daemon, or the word itself where there is none. */
export const sayWord = (group, word) => TEXTS[current][`${group}.${word}`] ?? String(word);
