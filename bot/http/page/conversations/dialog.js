import { make } from "../dom.js";

/**
 * Asks once in words whether something is to be done that can't be undone.
 *
 * @param {{title: string, text: string, action: string}} question @returns {Promise<boolean>}
 */
export function ask({ title, text, action }) {
  return new Promise((resolve) => {
    const no = make("button", { value: "no", className: "outlined", textContent: "Cancel", autofocus: true });
    const yes = make("button", { value: "yes", className: "filled danger", testid: "confirm", textContent: action });
    const dialog = make(
      "dialog",
      { className: "question card", testid: "question", "aria-labelledby": "question-title" },
      make("h3", { id: "question-title", textContent: title }),
      make("p", { textContent: text }),
      make("form", { method: "dialog", className: "actions" }, no, yes),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
