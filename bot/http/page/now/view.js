import { requestJson } from "../api.js";
import { make } from "../dom.js";
import { problem } from "../problem.js";
import { clock } from "../times.js";
import { DayPlot } from "./day_plot.js";
import { Feed } from "./feed.js";
import { Figures, Machine } from "./machine.js";
import { TurnList } from "./turn_list.js";
import { Waterfall } from "./waterfall.js";

const EVERY_MS = 1000;
const DAY_EVERY_MS = 60_000;
const STATES = { idle: "No call is on.", starting: "A call begins.", ending: "The call ends." };
const DOING = { answering: "Seiyuu answers.", hearing: "Somebody speaks.", listening: "Seiyuu listens." };

/** Builds the view "Now". While it is shown, it asks the bot once a second what happens. */
export function build(element) {
  const view = new NowView(element);
  return { show: () => view.show(), hide: () => view.hide() };
}

class NowView {
  constructor(element) {
    this._feed = new Feed((path) => requestJson(path, { signal: this._ending?.signal }));
    this._state = make("p", { className: "quiet", testid: "now-state", textContent: "Asking Seiyuu…" });
    this._wrong = make("div", { "aria-live": "polite" });
    this._warnings = make("ul", { className: "advice", testid: "now-warnings", "aria-label": "Warnings" });
    this._told = "";
    this._figures = new Figures();
    this._waterfall = new Waterfall();
    this._turns = new TurnList();
    this._day = new DayPlot();
    this._machine = new Machine();
    this._chosen = null;
    this._last = null;
    this._dayAt = -Infinity;
    this._waterfall.onBack = () => this._choose(null);
    this._turns.onChoose = (turn) => this._choose(this._chosen?.number === turn.number ? null : turn);
    this._day.onChange = () => void this._refreshDay();
    this._body = make("div", { className: "now", hidden: true }, this._warnings, this._waterfall.element, this._figures.element, this._day.element, this._turns.element, this._machine.element);
    element.append(make("div", { className: "now-head" }, make("h2", { textContent: "Now" }), this._state), this._wrong, this._body);
  }

  show() {
    this.hide();
    this._ending = new AbortController();
    this._day.prepare();
    void this._run(this._ending.signal);
  }

  hide() {
    this._ending?.abort();
  }

  async _run(signal) {
    while (!signal.aborted) {
      if (!document.hidden && !(await this._step(signal))) return;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  /** Asks once. Returns whether to go on. */
  async _step(signal) {
    try {
      const now = await this._feed.next();
      if (signal.aborted) return false;
      this._wrong.replaceChildren();
      this._draw(now);
      if (performance.now() - this._dayAt > DAY_EVERY_MS) await this._refreshDay();
    } catch (error) {
      if (signal.aborted) return false;
      this._state.textContent = "";
      this._wrong.replaceChildren(problem(error, () => this.show()));
      return false;
    }
    return true;
  }

  _draw(now) {
    this._last = now;
    this._body.hidden = false;
    this._state.textContent = now.calls.length > 1 ? several(now.calls) : state(now.call);
    this._warn(now.warnings);
    this._turns.show(this._feed.turns, now.fresh);
    if (now.fresh.length > 0 || this._figures.element.childElementCount === 0) {
      this._figures.show(now);
      // Among few turns, a new one is drawn at once. Among many it is hardly seen, and waits for the next minute.
      if (this._feed.turns.length < 50 && this._dayAt > 0) void this._refreshDay();
    }
    this._machine.show(now);
    this._drawTurn();
  }

  _drawTurn() {
    const newest = this._feed.turns[0];
    if (this._chosen !== null) this._waterfall.turn(this._chosen, true);
    else if (this._last.live !== null) this._waterfall.live(this._last.live);
    else if (newest !== undefined) this._waterfall.turn(newest, false);
    else this._waterfall.empty();
  }

  _choose(turn) {
    this._chosen = turn;
    this._turns.mark(turn?.number ?? null);
    this._drawTurn();
  }

  _warn(warnings) {
    const told = JSON.stringify(warnings);
    if (told === this._told) return;
    this._told = told;
    this._warnings.replaceChildren(...warnings.map(warning));
  }

  async _refreshDay() {
    this._dayAt = performance.now();
    try {
      await this._day.refresh();
    } catch (error) {
      if (error.name !== "AbortError") this._wrong.replaceChildren(problem(error, () => void this._refreshDay()));
    }
  }
}

function state({ state: call, transport, since, doing }) {
  if (call !== "active") return STATES[call];
  const begun = since === null ? "" : ` since ${clock(since)}`;
  return `A call is on (${transport})${begun}. ${DOING[doing]}`;
}

function several(calls) {
  return `${calls.length} calls are on. ${calls.map(({ transport, doing }) => `${transport}: ${DOING[doing]}`).join(" ")}`;
}

function warning({ code, text, remedy }) {
  const words = [make("p", { textContent: text })];
  if (remedy !== "") words.push(make("p", { className: "quiet", textContent: remedy }));
  const element = make("li", { className: "problem", testid: "now-warning" }, ...words);
  element.dataset.code = code;
  return element;
}
