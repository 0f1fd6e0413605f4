import { SESSION_MS } from "./talk/connection.js";

const LONGEST_NAME = 32;
const SESSION = "seiyuu.session";

/** What the browser remembers: the name, the microphone, how to talk, the volume; and for this tab, the session of the call. */
export class Settings {
  get name() {
    return clean(read(localOf, "seiyuu.name"));
  }

  set name(name) {
    write(localOf, "seiyuu.name", clean(name));
  }

  /** The id of the chosen microphone; empty for the browser's choice. */
  get microphone() {
    return read(localOf, "seiyuu.microphone");
  }

  set microphone(id) {
    write(localOf, "seiyuu.microphone", id);
  }

  /** @returns {"open" | "push-to-talk"} */
  get mode() {
    return read(localOf, "seiyuu.mode") === "push-to-talk" ? "push-to-talk" : "open";
  }

  set mode(mode) {
    write(localOf, "seiyuu.mode", mode);
  }

  /** How loud Seiyuu is, from 0 to 100. */
  get volume() {
    const stored = read(localOf, "seiyuu.volume");
    return /^\d{1,3}$/.test(stored) ? Math.min(100, Number(stored)) : 100;
  }

  set volume(percent) {
    write(localOf, "seiyuu.volume", String(percent));
  }

  /** The session that this tab had until a moment ago, or null. */
  get session() {
    try {
      const { id, at } = JSON.parse(read(tabOf, SESSION));
      return typeof id === "string" && Date.now() - at < SESSION_MS ? id : null;
    } catch {
      return null;
    }
  }

  set session(id) {
    write(tabOf, SESSION, id === null ? "" : JSON.stringify({ id, at: Date.now() }));
  }
}

function clean(name) {
  return name.replace(/\s+/gu, " ").trim().slice(0, LONGEST_NAME);
}

const localOf = () => globalThis.localStorage;
const tabOf = () => globalThis.sessionStorage;

/** Browsers may forbid storage. Then nothing is remembered. */
function read(storage, key) {
  try {
    return storage().getItem(key) ?? "";
  } catch {
    return "";
  }
}

function write(storage, key, value) {
  try {
    if (value === "") storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // Forbidden, or full.
  }
}
