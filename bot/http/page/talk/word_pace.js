const LETTERS_PER_SECOND = 15;
const SLOWEST = 8;
const FASTEST = 25;

/**
 * Shows a reply's words one by one, in the pace of speech.
 *
 * The server sends the text of a segment when the segment begins to be heard. When the next one begins, its length is known;
 * that gives the pace. Times are in milliseconds.
 */
export class WordPace {
  constructor() {
    this._words = [];
    this._shown = "";
    this._pace = LETTERS_PER_SECOND;
    this._begun = null;
    this._heldAt = null;
  }

  /** What is shown, and what will be. */
  get all() {
    return this._shown + this._words.map(({ word }) => word).join("");
  }

  /** What is shown. */
  get shown() {
    return this._shown;
  }

  /** When the next word is due, or null. */
  get next() {
    return this._words.length === 0 || this._heldAt !== null ? null : this._words[0].due;
  }

  /** A segment begins to be heard. */
  add(text, now) {
    if (this._begun !== null && this._begun.letters >= 12) this._learn(now);
    this.showAll();
    this._heldAt = null;
    let due = now;
    for (const word of text.match(/\s*\S+\s*/gu) ?? []) {
      this._words.push({ word, due });
      due += (1000 * word.length) / this._pace;
    }
    this._begun = { at: now, letters: text.length };
    this.advance(now);
  }

  /** Shows the words that are due. */
  advance(now) {
    while (this._heldAt === null && this._words.length > 0 && this._words[0].due <= now) this._shown += this._words.shift().word;
  }

  /** Stands still while the sound does. */
  hold(on, now) {
    if (on) {
      this._heldAt ??= now;
    } else if (this._heldAt !== null) {
      for (const word of this._words) word.due += now - this._heldAt;
      if (this._begun !== null) this._begun.at += now - this._heldAt;
      this._heldAt = null;
    }
  }

  /** Shows the rest at once. */
  showAll() {
    this._shown = this.all;
    this._words = [];
  }

  /** Shows no more. */
  cut() {
    this._words = [];
  }

  /** Shows just these words: they are what was heard. */
  settle(heard) {
    this._shown = heard;
    this._words = [];
  }

  _learn(now) {
    const measured = (1000 * this._begun.letters) / Math.max(1, now - this._begun.at);
    const pace = Math.max(SLOWEST, Math.min(FASTEST, measured));
    this._pace += (pace - this._pace) / 2;
  }
}
