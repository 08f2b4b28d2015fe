// What the token that was used to log in allows.

import { element } from "./dom.js";
import { say } from "./language.js";
import { known } from "./store.js";

export const mayOperate = () => known.register?.role === "operate";

/** Return a note for those who may only look, null for all others. */
export const readOnlyNote = () => (mayOperate() ? null : element("p", { class: "note" }, say("role.read_note")));
