import { button, make } from "../dom.js";
import { problem } from "../problem.js";
import { exactTime } from "../times.js";
import { marked } from "./list.js";

const LONGEST = 4000;

/**
 * Makes the line of a turn. What a person said can be corrected in it.
 *
 * @param {object} turn @param {string[]} words what was searched for.
 * @param {(text: string, learn: boolean) => Promise<object>} correct
 */
export function turnLine(turn, words, correct) {
  const said = make("p", { className: "said" }, ...marked(turn.text, words));
  const note = make("p", { className: "quiet remark", role: "status" });
  const line = make(
    "li",
    { className: turn.bot ? "turn answer" : "turn", testid: "turn", "data-number": String(turn.number) },
    make("span", { className: "speaker", textContent: turn.who }),
    make("span", { className: "at", textContent: exactTime(turn.at) }),
    said,
  );
  if (turn.interrupted) line.append(make("p", { className: "quiet remark", textContent: "Interrupted here" }));
  if (turn.bot) return line;
  const edit = make("button", {
    type: "button", className: "correct", testid: "correct", textContent: "Correct", "aria-label": `Correct what ${turn.who} said`,
    on: { click: () => begin() },
  });
  line.append(edit, note);

  function begin() {
    note.replaceChildren();
    const form = correctionForm(turn, async (text, learn) => {
      const answer = await correct(text, learn);
      turn.text = answer.text;
      said.replaceChildren(...marked(turn.text, words));
      note.textContent = outcome(answer, learn);
    }, end);
    said.hidden = edit.hidden = true;
    said.after(form);
    form.elements.text.focus();
  }

  function end(form) {
    form.remove();
    said.hidden = edit.hidden = false;
    edit.focus();
  }
  return line;
}

function correctionForm(turn, save, end) {
  const id = `turn-${turn.number}`;
  const text = make("textarea", { name: "text", id, testid: "correction", required: true, maxLength: LONGEST, value: turn.text });
  const learn = make("input", { type: "checkbox", testid: "learn" });
  const wrong = make("div");
  const submit = make("button", { className: "filled", testid: "save", textContent: "Save" });
  const send = async () => {
    submit.disabled = true;
    try {
      await save(text.value.trim(), learn.checked);
      end(form);
    } catch (error) {
      wrong.replaceChildren(problem(error, send));
    } finally {
      submit.disabled = false;
    }
  };
  const form = make(
    "form",
    {
      className: "correction",
      on: {
        submit: (event) => {
          event.preventDefault();
          if (text.value.trim() !== "") void send();
        },
        keydown: (event) => {
          if (event.key !== "Escape") return;
          // Elsewhere, Escape interrupts the answer of a call.
          event.stopPropagation();
          end(form);
        },
      },
    },
    make("label", { htmlFor: id, className: "visually-hidden", textContent: `What ${turn.who} said` }),
    text,
    // Nobody has misheard what was typed.
    ...(turn.typed ? [] : [make("label", { className: "tick" }, learn, "Use this for recognition from now on")]),
    make(
      "div",
      { className: "actions" },
      submit,
      button("Cancel", () => end(form)),
    ),
    wrong,
  );
  return form;
}

/** What came of a correction, in words. */
function outcome({ learned, not_learned: reason }, learn) {
  if (!learn) return "Corrected.";
  const pairs = Object.entries(learned).map(([heard, meant]) => `“${heard}” is now understood as “${meant}”`);
  return pairs.length > 0 ? `Corrected. ${pairs.join(", ")}.` : `Corrected here. Nothing was learned: ${reason}`;
}
