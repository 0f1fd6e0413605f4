import { Conversation } from "./conversation.js";

const FORGET_MS = 1000;

/** A conversation whose words appear at their times, by a timer. `onChange()` is called after each change. */
export class LiveConversation {
  constructor(onChange) {
    this._onChange = onChange;
    this._timer = null;
    this.conversation = new Conversation();
  }

  /** Changes something: `change(conversation, now)`. */
  update(change) {
    change(this.conversation, performance.now());
    this._onChange();
    clearTimeout(this._timer);
    const { next, hasInterimWords } = this.conversation;
    if (next === null && !hasInterimWords) return;
    const wait = next === null ? FORGET_MS : Math.max(0, next - performance.now());
    this._timer = setTimeout(() => this.update((conversation, now) => conversation.advance(now)), wait);
  }
}
