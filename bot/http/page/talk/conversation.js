import { shownName } from "./messages.js";
import { WordPace } from "./word_pace.js";

const MOST_LINES = 500;
/** Interim words are removed if nothing newer replaces them within this time. */
const INTERIM_MS = 10000;

/**
 * @typedef {object} ConversationLine
 * @property {number} id
 * @property {"person" | "reply" | "notice"} kind
 * @property {string} who
 * @property {string} text
 * @property {boolean} interim not final: it may still change.
 * @property {boolean} cut an answer that was interrupted.
 * @property {boolean} earlier said while this page was not in the call.
 */

/** What has been said and is being said: the lines of the captions, and the reply that is heard now. Times in milliseconds. */
export class Conversation {
  constructor() {
    /** @type {ConversationLine[]} */
    this.lines = [];
    /** The name of the persona whose replies begin from now on. */
    this.persona = "Seiyuu";
    /** The ids of the typed lines that wait for their answers. @type {Set<number>} */
    this.waiting = new Set();
    // The server knows typed lines by their ids. After a reload, those of the page before may still wait there.
    this._nextId = Date.now();
    // The first id of a line that was added since this page entered the call.
    this._entry = this._nextId;
    // The ids of the typed lines that still waited when this page left its last call.
    this._left = new Set();
    // The line of the latest reply. It is kept when the reply is over, since the heard words may be reported later.
    this._line = null;
    this._reply = null;
    this._isReplying = false;
    // Whether the page has been there since the beginning of the reply. After a reload, it comes in the middle.
    this._isWhole = true;
    this._pace = new WordPace();
    this._isBoundary = false;
  }

  /** The words of the latest reply that have been heard. */
  get reply() {
    return this._pace.shown;
  }

  /** Whether the latest reply is still going on. */
  get isReplying() {
    return this._isReplying;
  }

  /** Whether any words of people are interim. */
  get hasInterimWords() {
    return this.lines.some(({ kind, interim }) => kind === "person" && interim);
  }

  /** When `advance` changes something next, or null. */
  get next() {
    return this._pace.next;
  }

  /** Words that the bot has heard from somebody. */
  transcription({ text, final, person }, now) {
    const words = text.trim();
    const who = shownName(person);
    const at = this.lines.findIndex((line) => line.interim && line.who === who);
    if (at >= 0) {
      if (words === "") this.lines.splice(at, 1);
      else this.lines[at] = { ...this.lines[at], text: words, interim: !final, since: now };
    } else if (words !== "") {
      this._add({ kind: "person", who, text: words, interim: !final, since: now });
    }
  }

  /** Text that the person typed. Returns the id of its line. */
  typed(text, name) {
    return this._add({ kind: "person", who: name, text: text.trim() });
  }

  /** This page enters a call. What was said in the call before can be shown with `recall`. */
  enter() {
    this._entry = this._nextId;
  }

  notice(markdown) {
    const text = markdown.replace(/\*\*|`/g, "");
    if (this.lines.at(-1)?.text !== text) this._add({ kind: "notice", who: "", text });
  }

  /**
   * Puts what was said in the call while this page was not in it where it belongs: after the lines from before, and in front of
   * those since. Turns that are shown already are left out.
   *
   * @param {{who: string, bot: boolean, text: string, interrupted: boolean}[]} turns
   */
  recall(turns) {
    const kindOf = ({ bot }) => (bot ? "reply" : "person");
    const shows = (turn) => ({ kind, text }) => kind === kindOf(turn) && text === turn.text.trim();
    const before = this.lines.filter(({ id }) => id < this._entry);
    const since = this.lines.slice(before.length);
    let known = before.filter(({ id }) => !this._left.has(id));
    let begin = 0;
    for (const [number, turn] of turns.entries()) {
      const at = known.findIndex(shows(turn));
      if (at >= 0) [known, begin] = [known.slice(at + 1), number + 1];
    }
    const end = turns.findLastIndex((turn) => !since.some(shows(turn))) + 1;
    const missing = turns.slice(begin, end).slice(-MOST_LINES).map((turn) => ({
      id: this._nextId++, kind: kindOf(turn), who: turn.who, text: turn.text.trim(), interim: false, cut: turn.interrupted, earlier: true,
    }));
    // A line that waited goes to where it was answered.
    const moves = (line) => this._left.has(line.id) && missing.some(({ kind, text }) => kind === line.kind && text === line.text);
    this.lines = [...before.filter((line) => !moves(line)), ...missing, ...since];
  }

  /** Words of a reply that begin to be heard. */
  token({ token, reply }, now) {
    this._begin(reply);
    if (!this._isReplying) return;
    this._pace.add(this._isBoundary ? spaced(this._pace.all, token) : token, now);
    this._isBoundary = false;
    this._write();
  }

  /**
   * The sound of a segment follows; the next words belong to another one. Its own words, `text`, have come already, but not if the
   * reply went on while the page was reloaded.
   */
  segment(reply, text = "", now = 0) {
    const isNew = this._reply !== reply;
    this._begin(reply);
    if (isNew) {
      this.token({ token: text, reply }, now);
      this._isWhole = false;
    }
    this._isBoundary = true;
  }

  /** Holds back the words while the sound stands still (`on`). */
  hold(on, now) {
    this._pace.hold(on, now);
  }

  _begin(reply) {
    if (this._reply === reply) return;
    this.end("done");
    this._reply = reply;
    this._isReplying = true;
    this._isWhole = true;
    this._isBoundary = false;
    this._pace = new WordPace();
    this._line = this._add({ kind: "reply", who: this.persona, text: "", interim: true });
  }

  /**
   * The reply is over. `heard` is what was heard of it, if the server tells that; it may come after the page has ended the reply
   * by itself. Without it, words that were shown count as heard.
   */
  end(reason, { reply = this._reply, heard = null } = {}) {
    if (this._line === null || reply !== this._reply || (!this._isReplying && heard === null)) return;
    const isCut = reason === "interrupted";
    if (heard !== null && (isCut || !this._isReplying || !this._isWhole)) this._pace.settle(heard);
    else if (isCut) this._pace.cut();
    else this._pace.showAll();
    this._isReplying = false;
    this._write({ interim: false, cut: isCut });
    if (this._pace.shown.trim() === "") this.lines = this.lines.filter(({ id }) => id !== this._line);
  }

  /** Shows what is due. */
  advance(now) {
    this._pace.advance(now);
    if (this._isReplying) this._write();
    this.lines = this.lines.filter(({ kind, interim, since }) => kind !== "person" || !interim || now - since < INTERIM_MS);
  }

  /** The call is over: nothing is interim any more. */
  close() {
    this.end("interrupted");
    this.lines = this.lines.filter(({ interim }) => !interim);
    this._left = this.waiting;
    this.waiting = new Set();
    this._reply = this._line = null;
  }

  _add(line) {
    const id = this._nextId++;
    this.lines.push({ interim: false, cut: false, earlier: false, ...line, id });
    if (this.lines.length > MOST_LINES) this.lines.splice(0, this.lines.length - MOST_LINES);
    return id;
  }

  _write(change = {}) {
    const at = this.lines.findIndex(({ id }) => id === this._line);
    if (at >= 0) this.lines[at] = { ...this.lines[at], text: this._pace.shown.trim(), ...change };
  }
}

/** The words of the next segment, parted from those before by a space where the language has spaces. */
function spaced(before, words) {
  const isParted = before === "" || /\s$/u.test(before) || /^[\s\p{P}]/u.test(words) || UNSPACED.test(before.slice(-1) + words);
  return isParted ? words : ` ${words}`;
}

const UNSPACED = /^.?[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|^[。、！？]/u;
