import { requestJson } from "../api.js";
import { make } from "../dom.js";
import { problem } from "../problem.js";
import { doctorCard } from "./doctor.js";
import { setupForm } from "./form.js";
import { writingCard } from "./writing.js";

/** Builds the view Setup: what the doctor finds, the guided form, and what it writes. */
export function build(element) {
  const doctor = doctorCard();
  const form = make("div", { className: "setup-form" });
  element.replaceChildren(doctor.element, form);
  let loaded = false;

  const load = async () => {
    try {
      const state = await requestJson("api/setup");
      let writing = null;
      const { cards, changes, hidden, failed } = setupForm(state, () => writing?.show());
      writing = writingCard(state.writable, { changes, hidden, failed }, async (words) => {
        doctor.forget();
        writing = await load();
        writing?.tell(words);
      });
      form.replaceChildren(...cards, writing.element);
      loaded = true;
      return writing;
    } catch (error) {
      form.replaceChildren(problem(error, load));
      return null;
    }
  };

  return {
    show: () => {
      if (!loaded) void load();
    },
    hide: () => {},
  };
}
