import { make } from "../dom.js";
import { when } from "../times.js";
import { duration, parted, people, place } from "./wording.js";

/**
 * Makes the entry of a conversation in the list.
 *
 * @param {object} listed a conversation. @param {string[]} words what was searched for. @param {() => void} open
 */
export function entry(listed, words, open) {
  const { hit } = listed;
  return make(
    "li",
    { testid: "conversation" },
    make(
      "button",
      { type: "button", className: "entry", "data-conversation": String(listed.id), on: { click: open } },
      make("span", { className: "people", textContent: people(listed) }),
      make("span", { className: "when", textContent: `${when(listed.started)} · ${duration(listed.started, listed.ended)}` }),
      make("span", { className: "place", textContent: place(listed) }),
      hit === undefined
        ? make("span", { className: "first-words", textContent: listed.first_words })
        : make("span", { className: "first-words", testid: "hit" }, `${hit.who}: `, ...marked(hit.text, words)),
    ),
  );
}

/** The parts of a text. The words that were searched for are in elements that mark them. */
export function marked(text, words) {
  return parted(text, words).map((part) => (part.found ? make("mark", { textContent: part.text }) : part.text));
}
