import { make } from "../dom.js";

/** Shows what the bot may do only if the person allows it, with two buttons each. */
export class QuestionList {
  /**
   * @param {HTMLElement} element @param {(question: string, allow: boolean) => void} answer
   * @param {() => void} leave moves the focus on, when a button that had it is gone.
   * @param {(text: string) => void} announce has a screen reader say something.
   */
  constructor(element, answer, leave, announce) {
    this._element = element;
    this._answer = answer;
    this._leave = leave;
    this._announce = announce;
    this._cards = new Map();
  }

  /** @param {{question: string, text: string}[]} questions */
  show(questions) {
    const open = new Set(questions.map(({ question }) => question));
    for (const [question, card] of this._cards) {
      if (open.has(question)) continue;
      const hadFocus = card.contains(document.activeElement);
      card.remove();
      this._cards.delete(question);
      if (hadFocus) this._leave();
    }
    for (const { question, text } of questions) {
      if (this._cards.has(question)) continue;
      const card = this._card(question, text);
      this._cards.set(question, card);
      this._element.append(card);
      this._announce(`A question: may I ${isCall(text) ? `use ${text}` : text}? Two buttons answer it, or your words.`);
    }
    this._element.hidden = questions.length === 0;
  }

  _card(question, text) {
    const [, tool, rest] = isCall(text) ? /^(\S*)\s*(.*)$/s.exec(text) : ["", "", ""];
    const values = rest === "" || rest === "{}" ? [] : [make("code", { className: "values", dir: "auto", textContent: rest })];
    const title = make("p", { id: `question-${question}` }, ...(tool === "" ? [`May I ${text}?`] : ["May I use ", make("code", { textContent: tool }), "?"]));
    const button = (label, className, allow, testid) =>
      make("button", {
        type: "button",
        className,
        textContent: label,
        testid,
        "aria-describedby": title.id,
        on: { click: () => this._answer(question, allow) },
      });
    const buttons = make(
      "div",
      { className: "buttons" },
      button("Allow once", "filled", true, "question-allow"),
      button("Don't", "outlined", false, "question-refuse"),
    );
    const how = make("p", { className: "quiet", textContent: "Or say yes or no." });
    return make("div", { className: "question card", role: "group", "aria-labelledby": title.id, testid: "question" }, title, ...values, buttons, how);
  }
}

/** Whether a question is about a tool with its arguments, such as `delete_note {"number": 3}`. The others are plain words. */
function isCall(text) {
  return /^\S*\s*(\{.*)?$/s.test(text);
}
