// The daemon's events as they come (server-sent events), read with fetch: it tells a refusal from a lost connection, and silence is noticed.

import { language } from "./language.js";

const SILENCE = 45_000; // the daemon says something every 15 s
const PAUSES = [500, 1000, 2000, 4000];

/** Follows `/v1/events` for as long as the page lives, from where the last connection ended. */
export class Stream {
  /** `told` = {event(kind, data), up(resumed), down(), refused()}. */
  constructor(told) {
    this.told = told;
    this.lastId = null;
    this.frames = false;
    this.failures = 0;
    this.connection = null;
    this.timer = null;
  }

  open() {
    this.close();
    this.#connect();
  }

  close() {
    clearTimeout(this.timer);
    this.connection?.abort();
    this.connection = null;
  }

  /** Have frames sent as well, or not; the daemon decodes them only for those who want them. */
  wantFrames(wanted) {
    if (this.frames === wanted) return;
    this.frames = wanted;
    if (this.connection) this.open();
  }

  async #connect() {
    const connection = new AbortController();
    this.connection = connection;
    this.#begin();
    let silence;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => connection.abort(), SILENCE);
    };
    alive();
    try {
      const headers = { Accept: "text/event-stream", "Accept-Language": language() };
      if (this.lastId) headers["Last-Event-ID"] = this.lastId;
      const answer = await fetch(`/v1/events${this.frames ? "?frames=true" : ""}`, { headers, signal: connection.signal, cache: "no-store" });
      if (!answer.ok) {
        if (answer.status === 401 || answer.status === 403) {
          this.connection = null;
          this.told.refused();
          return;
        }
        throw new Error(`HTTP ${answer.status}`);
      }
      this.failures = 0;
      this.told.up("Last-Event-ID" in headers);
      await this.#read(answer.body.getReader(), alive);
    } catch {
      // whatever ended the connection, it is made again below
    } finally {
      clearTimeout(silence);
    }
    if (this.connection !== connection) return; // closed on purpose, or another one stands
    this.told.down();
    this.timer = setTimeout(() => this.#connect(), PAUSES[Math.min(this.failures++, PAUSES.length - 1)]);
  }

  async #read(reader, alive) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) this.#line(line);
    }
  }

  #kind;
  #data;
  #id;

  #begin() {
    this.#kind = "message";
    this.#data = [];
    this.#id = null;
  }

  #line(line) {
    if (line === "") {
      this.lastId = this.#id ?? this.lastId; // only now: a connection that ends within an event has not brought it
      if (this.#data.length) this.told.event(this.#kind, JSON.parse(this.#data.join("\n")));
      this.#begin();
      return;
    }
    const cut = line.indexOf(":");
    if (cut === 0) return; // a comment: the daemon is alive
    const name = cut < 0 ? line : line.slice(0, cut);
    const value = cut < 0 ? "" : line.slice(cut + 1).replace(/^ /, "");
    if (name === "event") this.#kind = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id") this.#id = value;
  }
}
