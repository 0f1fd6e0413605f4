import { shownName } from "./messages.js";
import { WordPace } from "./word_pace.js";

const MOST_LINES = 500;
/** Interim words that nothing more is heard of are taken away after this time. */
const INTERIM_MS = 10000;

/**
 * @typedef {object} ConversationLine
 * @property {number} id
 * @property {"person" | "reply" | "notice"} kind
 * @property {string} who
 * @property {string} text
 * @property {boolean} interim not final: it may still change.
 * @property {boolean} cut an answer that was interrupted.
 */

/** What has been said and is being said: the lines of the captions, and the reply that is heard now. Times in milliseconds. */
export class Conversation {
  constructor() {
    /** @type {ConversationLine[]} */
    this.lines = [];
    this._nextId = 1;
    this._line = null;
    this._reply = null;
    this._pace = new WordPace();
    this._typed = null;
  }

  /** The words of the latest reply that have been heard. */
  get reply() {
    return this._pace.shown;
  }

  /** Whether the latest reply is still going on. */
  get isReplying() {
    return this._line !== null;
  }

  /** When `advance` changes something next, or null. */
  get next() {
    return this._pace.next;
  }

  /** Words that were heard of somebody. */
  transcription({ text, final, person }, now) {
    const words = text.trim();
    const who = shownName(person);
    const at = this.lines.findIndex((line) => line.interim && line.who === who);
    if (final && this._typed === words) {
      // The server repeats what was typed.
      this._typed = null;
      if (at >= 0) this.lines.splice(at, 1);
    } else if (at >= 0) {
      if (words === "") this.lines.splice(at, 1);
      else this.lines[at] = { ...this.lines[at], text: words, interim: !final, since: now };
    } else if (words !== "") {
      this._add({ kind: "person", who, text: words, interim: !final, since: now });
    }
  }

  /** Text that the person typed. */
  typed(text, name) {
    this._typed = text.trim();
    this._add({ kind: "person", who: name, text: this._typed });
  }

  notice(text) {
    if (this.lines.at(-1)?.text !== text) this._add({ kind: "notice", who: "", text });
  }

  /** Words of a reply that begin to be heard. */
  token({ token, reply }, now) {
    this.begin(reply);
    if (this._line === null) return;
    this._pace.add(token, now);
    this._write();
  }

  /** A reply begins. Nothing happens if it has begun. */
  begin(reply) {
    if (this._reply === reply) return;
    this.end("done");
    this._reply = reply;
    this._pace = new WordPace();
    this._line = this._add({ kind: "reply", who: "Seiyuu", text: "", interim: true });
  }

  /** The reply is over. `interrupted`: words that were not heard yet are not shown. */
  end(reason, reply = this._reply) {
    if (this._line === null || reply !== this._reply) return;
    if (reason === "interrupted") this._pace.cut();
    else this._pace.showAll();
    this._write({ interim: false, cut: reason === "interrupted" });
    if (this._pace.shown.trim() === "") this.lines = this.lines.filter(({ id }) => id !== this._line);
    this._line = null;
  }

  /** Shows what is due. */
  advance(now) {
    this._pace.advance(now);
    this._write();
    this.lines = this.lines.filter(({ kind, interim, since }) => kind !== "person" || !interim || now - since < INTERIM_MS);
  }

  /** The call is over: nothing is interim any more. */
  close() {
    this.end("interrupted");
    this.lines = this.lines.filter(({ interim }) => !interim);
    this._reply = null;
  }

  _add(line) {
    const id = this._nextId++;
    this.lines.push({ interim: false, cut: false, ...line, id });
    if (this.lines.length > MOST_LINES) this.lines.splice(0, this.lines.length - MOST_LINES);
    return id;
  }

  _write(change = {}) {
    const at = this.lines.findIndex(({ id }) => id === this._line);
    if (at >= 0) this.lines[at] = { ...this.lines[at], text: this._pace.shown.trim(), ...change };
  }
}
