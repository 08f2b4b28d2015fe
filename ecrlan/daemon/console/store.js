// What the page knows: the register, its terminals, alarms and operations, kept by the daemon's events.

import { get } from "./api.js";
import { Stream } from "./stream.js";

const KEPT_FRAMES = 400;
const KEPT_OPERATIONS = 500;

export const known = {
  register: null,
  /** What may be ordered: kinds with their fields, as the daemon declares them. */
  orders: [],
  terminals: new Map(),
  alarms: new Map(),
  operations: new Map(),
  /** Progress texts by reference, oldest first. */
  progress: new Map(),
  /** Frames as they came, oldest first: {number, terminal, direction, time, frame}. */
  frames: [],
  screen: null,
  connected: true,
};

const followers = new Set();
let frameNumber = 0;

/** Have `told(kind, data)` called after every change; returns what ends it. Kinds are those of the events, and `connection`, `reload`. */
export function follow(told) {
  followers.add(told);
  return () => followers.delete(told);
}

function tell(kind, data) {
  for (const told of [...followers]) told(kind, data);
}

function bound(map, most) {
  while (map.size > most) map.delete(map.keys().next().value);
}

const TAKEN = {
  terminal: (data) => known.terminals.set(data.name, data),
  operation: keepOperation,
  progress: (data) => {
    known.progress.set(data.reference, [...(known.progress.get(data.reference) ?? []), data].slice(-50));
    bound(known.progress, KEPT_OPERATIONS);
  },
  frame: (data) => {
    for (const frame of data.frames) {
      known.frames.push({ number: ++frameNumber, terminal: data.terminal, direction: data.direction, time: data.time, frame });
    }
    known.frames.splice(0, known.frames.length - KEPT_FRAMES);
  },
  line: (data) => {
    const terminal = known.terminals.get(data.terminal);
    if (terminal) terminal.line = data.opened ? { opened_by: data.opened_by } : null;
  },
  alarm: (data) => (data.active ? known.alarms.set(data.id, data) : known.alarms.delete(data.id)),
  screen: (data) => {
    known.screen = data;
  },
};

/** Remember an operation, as an event or an answer brought it. */
export function keepOperation(operation) {
  known.operations.delete(operation.reference);
  known.operations.set(operation.reference, operation);
  bound(known.operations, KEPT_OPERATIONS);
}

export const stream = new Stream({
  event: (kind, data) => {
    if (kind === "gap") {
      load().catch(() => {}); // without an answer the connection is down, and its return loads anew
      return;
    }
    TAKEN[kind]?.(data);
    tell(kind, data);
  },
  up: (resumed) => {
    if (!resumed) load().catch(() => {}); // what happened before this connection, nobody told us
    if (known.connected) return;
    known.connected = true;
    tell("connection", true);
  },
  down: () => {
    if (!known.connected) return;
    known.connected = false;
    tell("connection", false);
  },
  refused: () => get("/v1/register").catch(() => {}), // asks once more, and shows the log-in page where the session has ended
});

/** Load everything that events do not bring by themselves. Raises `Refusal`. */
export async function load() {
  const [register, terminals, alarms, { orders }] = await Promise.all([get("/v1/register"), get("/v1/terminals"), get("/v1/alarms"), get("/v1/orders")]);
  known.register = register;
  known.orders = orders;
  known.terminals = new Map(terminals.terminals.map((terminal) => [terminal.name, terminal]));
  known.alarms = new Map(alarms.alarms.filter((alarm) => alarm.active).map((alarm) => [alarm.id, alarm]));
  if (register.demo) known.screen = await get("/v1/demo/screen");
  tell("reload", null);
}

/** Have everything told anew in the page's language. */
export async function changeWords() {
  known.operations.clear();
  stream.open();
  await load();
}

/** Ask one terminal anew. */
export async function refreshTerminal(name) {
  const terminal = await get(`/v1/terminals/${encodeURIComponent(name)}`);
  known.terminals.set(name, terminal);
  tell("terminal", terminal);
}
