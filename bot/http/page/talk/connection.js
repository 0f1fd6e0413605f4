import { parseMessage } from "./messages.js";

/** How long the server keeps a session whose socket is gone, in milliseconds. */
export const SESSION_MS = 30000;
const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 5000;
const OPENING_MS = 10000;
/** The largest number of bytes that may wait to be sent: one second of sound. More sound is left out. */
const LARGEST_BACKLOG = 32000;
const STUCK_MS = 4000;
/** The `readyState` of a socket that is open. */
const OPEN = 1;

/** Close codes after which the page does not reconnect by itself. */
export const CLOSED = { switchedOff: 1001, refused: 1008, tooBig: 1009, busy: 1013, takenOver: 4001, elsewhere: 4002, tooFast: 4003 };
const FINAL = new Set([1000, ...Object.values(CLOSED)]);

/** The browser's sockets, timers and random numbers; tests have their own. */
export const BROWSER = {
  open: (url) => new WebSocket(url),
  now: () => performance.now(),
  later: (action, ms) => setTimeout(action, ms),
  never: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

/**
 * A connection to the server. It reconnects by itself, with its session, as long as the server keeps the session.
 *
 * `listener` has: `onMessage(message)`, `onSound(buffer)`, `onLost(waitMs)` when the socket is gone until the next attempt, and
 * `onEnd(code, error)` when it stays gone. `code` is the close code, or 0 if the server was not reached for 30 s; `error` is the
 * server's last error, `{code, message}`, its reason, or null.
 */
export class Connection {
  /**
   * @param {string} url
   * @param {(session: string | null) => object[]} makeGreeting the first messages of each socket.
   * @param {object} listener
   */
  constructor(url, makeGreeting, listener, world = BROWSER) {
    this._url = url;
    this._makeGreeting = makeGreeting;
    this._listener = listener;
    this._world = world;
    this._socket = null;
    this._timer = null;
    this._ready = false;
    this._session = null;
    this._attempts = 0;
    this._lostAt = null;
    this._error = null;
    this._flowing = 0;
    this._over = false;
  }

  get session() {
    return this._session;
  }

  get isReady() {
    return this._ready;
  }

  /** Connects. `session` is a session to go on with, or null. */
  start(session) {
    this._session = session;
    this._lostAt = this._world.now();
    this._open();
  }

  /** Sends a message, unless the socket is not ready. Returns whether it was sent. */
  send(message) {
    if (this._isOpen) this._socket.send(JSON.stringify(message));
    return this._isOpen;
  }

  /** Sends sound, unless the socket is not ready or too much waits already. */
  sendSound(buffer) {
    if (!this._isOpen) return;
    const now = this._world.now();
    if (this._socket.bufferedAmount <= LARGEST_BACKLOG) {
      this._flowing = now;
      this._socket.send(buffer);
    } else if (now - this._flowing > STUCK_MS) {
      this._lose(0);
    }
  }

  /** Opens a new socket at once, because the network or the first message has changed. */
  renew() {
    if (this._over) return;
    this._lostAt ??= this._world.now();
    this._attempts = 0;
    this._open();
  }

  /** Closes the connection. The listener is not called afterwards. */
  stop() {
    this._over = true;
    this._world.never(this._timer);
    this._leave();
  }

  /** Whether the server listens. While a socket is being closed, browsers complain about what is sent. */
  get _isOpen() {
    return this._ready && this._socket.readyState === OPEN;
  }

  _open() {
    this._leave();
    this._world.never(this._timer);
    this._error = null;
    const socket = this._world.open(this._url);
    socket.binaryType = "arraybuffer";
    this._socket = socket;
    socket.onopen = () => {
      for (const message of this._makeGreeting(this._session)) socket.send(JSON.stringify(message));
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? this._read(data) : this._listener.onSound(data));
    socket.onclose = ({ code, reason }) => this._lose(code, reason);
    this._timer = this._world.later(() => this._lose(0), OPENING_MS);
  }

  _leave() {
    const socket = this._socket;
    this._socket = null;
    this._ready = false;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  _read(data) {
    // Any message shows that the server is there. Loading may take longer than the limit for opening the socket.
    this._world.never(this._timer);
    const message = parseMessage(data);
    if (message === null) return;
    if (message.type === "ready") {
      this._session = message.session;
      this._ready = true;
      this._attempts = 0;
      this._lostAt = null;
      this._flowing = this._world.now();
    }
    if (message.type === "error") this._error = message;
    this._listener.onMessage(message);
  }

  _lose(code, reason = "") {
    if (this._over) return;
    const now = this._world.now();
    const error = this._error ?? (reason === "" ? null : { code: "", message: reason });
    this._leave();
    this._world.never(this._timer);
    this._lostAt ??= now;
    if (FINAL.has(code) || now - this._lostAt >= SESSION_MS) {
      this._over = true;
      this._listener.onEnd(FINAL.has(code) ? code : 0, error);
      return;
    }
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this._attempts++);
    const wait = Math.min(longest * (0.75 + this._world.random() / 4), this._lostAt + SESSION_MS - now);
    this._timer = this._world.later(() => this._open(), wait);
    this._listener.onLost(wait);
  }
}
