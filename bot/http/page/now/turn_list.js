import { make } from "../dom.js";
import { exactTime } from "../times.js";
import { KEPT } from "./feed.js";
import { duration, WAITS } from "./stages.js";
import { outcome } from "./waterfall.js";

const LATE = 0.95;

/** The last turns, the newest first, each with a bar of what people waited for. */
export class TurnList {
  constructor() {
    this._count = make("p", { className: "quiet" });
    this._list = make("ol", { className: "turns", testid: "turns", tabIndex: 0, "aria-label": "The last turns" });
    this._longest = 0;
    this._chosen = null;
    this.onChoose = () => {};
    this._legend = make("ul", { className: "legend", "aria-label": "What the colours mean" }, ...Object.entries(WAITS).map(legend));
    this._legend.hidden = true;
    this.element = make("div", { className: "card" }, make("h3", { textContent: "The last turns" }), this._count, this._list, this._legend);
  }

  /** @param {object[]} turns all that are kept, the newest first. @param {object[]} fresh those of them that are new. */
  show(turns, fresh) {
    this._count.textContent = turns.length === 0 ? "Nobody has talked with Seiyuu since it was started." : counted(turns.length);
    this._legend.hidden = this._list.hidden = turns.length === 0;
    if (fresh.length === 0 && this._list.childElementCount === turns.length) return;
    const longest = Math.max(500, percentile(turns.map(total)));
    if (fresh.length === turns.length) this._list.replaceChildren();
    this._list.prepend(...fresh.map((turn) => this._row(turn)));
    while (this._list.childElementCount > turns.length) this._list.lastChild.remove();
    this._list.style.setProperty("--longest", longest);
  }

  /** Marks a turn. @param {number | null} number */
  mark(number) {
    this._chosen = number;
    for (const { firstChild: button } of this._list.children) button.setAttribute("aria-pressed", Number(button.dataset.number) === number);
  }

  _row(turn) {
    const bar = make("span", { className: "waits", "aria-hidden": "true" }, ...Object.entries(turn.waits).map(part));
    const button = make(
      "button",
      { type: "button", "aria-pressed": this._chosen === turn.number, on: { click: () => this.onChoose(turn) } },
      make("time", { dateTime: new Date(1000 * turn.at).toISOString(), textContent: exactTime(turn.at) }),
      bar,
      make("span", { className: "took", textContent: duration(turn.first_packet_ms) }),
      make("span", { className: "how", textContent: outcome(turn) }),
    );
    button.dataset.number = turn.number;
    return make("li", { testid: "turn" }, button);
  }
}

function part([name, ms]) {
  const element = make("span");
  element.dataset.wait = name;
  element.style.setProperty("--ms", ms);
  return element;
}

function legend([name, words]) {
  const mark = make("span", { className: "mark", "aria-hidden": "true" });
  mark.dataset.wait = name;
  return make("li", {}, mark, words);
}

function total({ waits }) {
  return Object.values(waits).reduce((sum, ms) => sum + ms, 0);
}

/** One turn that took very long must not make all other bars too short to see. */
function percentile(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(LATE * sorted.length))];
}

function counted(count) {
  return `${count === 1 ? "One turn" : `${count} turns`}${count === KEPT ? ", the most that are kept" : ""}. Choose one to see its steps.`;
}
