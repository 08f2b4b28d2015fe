// One press of "send" is one reference, whatever happens to the page: it is made and kept before anything is sent. The running page asks
// for that reference; a reload, a double click or a lost answer finds the same operation and never starts another one.

import { makeReference } from "./values.js";

const KEY = "ecrlan.attempt";
let unsent = null;

/** Keep an attempt; returns its reference. `body` is the request's, with or without a reference of the user's own. */
export function begin(terminal, body) {
  const reference = body.reference ?? makeReference();
  sessionStorage.setItem(KEY, JSON.stringify({ terminal, body: { ...body, reference } }));
  unsent = reference;
  return reference;
}

/** Return the attempt that was kept, {terminal, body}, or null. It survives a reload of the page. */
export function kept() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
}

/** Whether `reference` was begun on this page and not yet sent: true once. After a reload nobody knows, so it is asked for instead. */
export function takeUnsent(reference) {
  if (unsent !== reference) return false;
  unsent = null;
  return true;
}

/** Forget the attempt: its outcome is known, or it was refused before anything was sent. */
export function end(reference) {
  if (kept()?.body.reference === reference) sessionStorage.removeItem(KEY);
}
