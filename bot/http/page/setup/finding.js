import { make, withCode } from "../dom.js";

const MARKS = { true: ["✔", "Good"], false: ["✘", "Wrong"], null: ["–", "Note"] };

/** One finding of the doctor or of a test: a mark, what it is about, and what was found. */
export function finding({ subject, good, text }) {
  const [mark, words] = MARKS[String(good)] ?? MARKS.null;
  const found = text.startsWith(`${subject} `) ? text.slice(subject.length + 1) : text;
  return make(
    "li",
    { className: "finding", "data-good": String(good), testid: "finding" },
    make("span", { className: "mark", "aria-hidden": "true", textContent: mark }),
    make("span", { className: "visually-hidden", textContent: `${words}: ` }),
    make("div", {}, make("strong", { textContent: subject }), " ", make("span", { className: "found" }, ...withCode(found))),
  );
}
