import { button, make } from "./dom.js";

/**
 * Asks the person something that has to be answered before anything happens. Escape means no.
 *
 * @param {string} question @param {{yes: string, no: string, dangerous?: boolean}} answers what the buttons say.
 * @returns {Promise<boolean>} whether the answer was yes.
 */
export function ask(question, { yes, no, dangerous = false }) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = make(
      "dialog",
      { className: "ask", testid: "ask", "aria-labelledby": "ask-question" },
      make("p", { id: "ask-question", textContent: question }),
      make(
        "div",
        { className: "buttons" },
        button(no, answer("no"), { testid: "ask-no" }),
        button(yes, answer("yes"), { className: dangerous ? "outlined danger" : "filled", testid: "ask-yes" }),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
