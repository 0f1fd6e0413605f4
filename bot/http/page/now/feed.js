/** The number of turns that are kept and shown. */
export const KEPT = 200;

/** Asks the bot what happens now, and keeps the newest turns. Each answer has only the turns since the answer before. */
export class Feed {
  /** @param {(path: string) => Promise<object>} ask */
  constructor(ask) {
    this._ask = ask;
    this.newest = 0;
    /** The newest turn first. */
    this.turns = [];
  }

  /** Asks once. Returns the answer, with `fresh`: the turns that are new, the newest first. */
  async next() {
    const after = this.newest;
    const now = await this._ask(after === 0 ? "api/now" : `api/now?after=${after}`);
    const fresh = [...now.turns].reverse();
    // After a restart, Seiyuu counts from 1 again.
    if (now.newest < after) this.turns = [];
    this.newest = now.newest;
    this.turns = [...fresh, ...this.turns].slice(0, KEPT);
    return { ...now, fresh };
  }
}
