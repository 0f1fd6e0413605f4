import { request, requestJson } from "../api.js";
import { ask } from "../ask.js";
import { make } from "../dom.js";
import { problem } from "../problem.js";
import { envLines } from "./env_lines.js";

const NOTHING = "Nothing is changed yet. What you change above is listed here as lines of .env.";
const ELSEWHERE =
  "This page can't write them, because it is not open at 127.0.0.1 on Seiyuu's own machine. Copy the lines into .env there, or type “python -m bot setup”.";

/**
 * The card that shows the lines for `.env`, and writes them, or lets the person copy them.
 *
 * @param {boolean} writable
 * @param {{changes: () => Record<string, string | null>, hidden: Set<string>, failed: Set<string>}} form its changes, the settings
 * whose values are not shown, and the parts whose tests failed. @param {(words: Node) => Promise<void>} onWritten
 */
export function writingCard(writable, { changes, hidden, failed }, onWritten) {
  const lines = make("pre", { testid: "env-lines", tabIndex: 0 });
  lines.setAttribute("aria-label", "Lines of .env");
  const note = make("div", { role: "status", testid: "write-result" });
  const begin = make("button", { type: "button", className: "filled", textContent: "Write to .env", testid: "write" });
  const copy = make("button", { type: "button", className: "outlined", textContent: "Copy the lines", testid: "copy" });
  const code = make("input", { id: "setup-code", testid: "code", autocomplete: "one-time-code", maxLength: 20, required: true });
  const form = make(
    "form",
    { hidden: true, testid: "code-form" },
    make("label", { htmlFor: "setup-code", textContent: "Code in the terminal in which Seiyuu runs (good for five minutes)" }),
    make("div", { className: "field" }, code, make("button", { className: "filled", textContent: "Write", testid: "send-code" })),
  );

  const show = () => {
    const changed = changes();
    const some = Object.keys(changed).length > 0;
    lines.textContent = envLines(changed, writable ? hidden : new Set()).join("\n");
    lines.hidden = !some;
    begin.hidden = !writable || !some || !form.hidden;
    copy.hidden = writable || !some;
    if (!some) form.hidden = true;
    else note.replaceChildren(...(writable ? [] : [make("p", { className: "quiet", textContent: ELSEWHERE })]));
    if (!some && note.childElementCount === 0) note.replaceChildren(make("p", { className: "quiet", textContent: NOTHING }));
  };

  const askCode = async () => {
    const question = `The last test failed: ${[...failed].join(", ")}. With these settings, Seiyuu may not start.`;
    if (failed.size > 0 && !(await ask(question, { yes: "Write anyway", no: "Go back", dangerous: true }))) return;
    try {
      await request("api/setup/code", { method: "POST", json: {} });
      form.hidden = false;
      begin.hidden = true;
      code.value = "";
      code.focus();
    } catch (error) {
      note.replaceChildren(problem(error, askCode));
    }
  };

  const write = async () => {
    try {
      const told = await requestJson("api/setup/write", { method: "POST", json: { code: code.value, changes: changes() } });
      form.hidden = true;
      const kept = told.backup === null ? [] : [`The file as it was before is kept in ${told.backup}.`];
      const texts = ["Written to .env. It takes effect with the next start.", told.restart, ...kept, ...told.notes.map((each) => `⚠️ ${each}`)];
      const words = texts.map((textContent) => make("p", { textContent }));
      await onWritten(make("div", { className: "written", testid: "written" }, ...words));
    } catch (error) {
      const canRetry = error.code === "not_written";
      const textContent = canRetry ? `${error.message} Your answers and the code are still here.` : error.message;
      note.replaceChildren(make("p", { className: "wrong", role: "alert", textContent }));
      if (error.code === "bad_code") code.select();
      begin.hidden = form.hidden === false && (error.code === "bad_code" || canRetry);
      begin.textContent = "Show a new code";
    }
  };

  begin.addEventListener("click", askCode);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void write();
  });
  copy.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(lines.textContent).catch(() => {});
    copy.textContent = "Copied";
  });
  const element = make("section", { className: "card", "aria-labelledby": "write-title" }, make("h2", { id: "write-title", textContent: "Lines of .env" }), lines, note, form, make("div", { className: "buttons" }, begin, copy));
  show();
  return { element, show, tell: (words) => note.replaceChildren(words) };
}
