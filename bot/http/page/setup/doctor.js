import { requestJson } from "../api.js";
import { button, make } from "../dom.js";
import { problem } from "../problem.js";
import { finding } from "./finding.js";

const EMPTY = "Nothing has been checked yet. The check takes some seconds, and no call can begin meanwhile.";

/** The card with the doctor's findings, as `python -m bot doctor` shows them. `forget` takes old findings off it. */
export function doctorCard() {
  const results = make("div", { role: "status", testid: "findings" });
  const forget = () => results.replaceChildren(make("p", { className: "quiet", textContent: EMPTY }));
  const examine = async () => {
    begin.disabled = true;
    results.replaceChildren(make("p", { className: "quiet", textContent: "Looking at everything …" }), make("progress", { "aria-label": "Looking" }));
    try {
      const { good, findings } = await requestJson("api/setup/doctor", { method: "POST", json: {} });
      const wrong = findings.filter((each) => each.good === false).length;
      const summary = good ? "All is well." : `${wrong} thing${wrong > 1 ? "s" : ""} to fix.`;
      const first = [...findings].sort((one, other) => rank(one) - rank(other));
      results.replaceChildren(make("p", { className: "summary", textContent: summary }), make("ul", { className: "findings" }, ...first.map(finding)));
    } catch (error) {
      results.replaceChildren(problem(error, examine));
    } finally {
      begin.disabled = false;
    }
  };
  const begin = button("Look at everything", examine, { testid: "examine" });
  forget();
  const element = make("section", { className: "card", "aria-labelledby": "doctor-title" }, make("h2", { id: "doctor-title", textContent: "How everything is" }), results, begin);
  return { element, forget };
}

/** What is wrong comes first, then notes. */
function rank({ good }) {
  return good === false ? 0 : good === null ? 1 : 2;
}
