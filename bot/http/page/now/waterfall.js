import { make } from "../dom.js";
import { duration, scale, steps } from "./stages.js";

/** The steps of one turn, one below the other: when each began and how long it took. */
export class Waterfall {
  constructor() {
    this._title = make("h3", { testid: "turn-title" });
    this._sum = make("p", { className: "quiet" });
    this._back = make("button", { type: "button", className: "outlined", textContent: "Show the newest turn", hidden: true });
    this._rows = make("ol", { className: "waterfall", testid: "waterfall" });
    this._shape = "";
    this.element = make(
      "div",
      { className: "card live" },
      make("div", { className: "card-head" }, make("div", {}, this._title, this._sum), this._back),
      this._rows,
    );
  }

  /** @param {() => void} listener called when the person wants the newest turn again. */
  set onBack(listener) {
    this._back.addEventListener("click", listener);
  }

  empty() {
    this._title.textContent = "No turn yet";
    this._sum.textContent = "Talk with Seiyuu, and you see here how long each step of the answer takes.";
    this._rows.replaceChildren();
    this._shape = "";
    this._back.hidden = true;
  }

  /** A turn that is over. @param {boolean} pinned whether the person has chosen it. */
  turn(turn, pinned) {
    this._title.textContent = pinned ? `Turn ${turn.number}` : "The newest turn";
    const heard = turn.first_packet_ms === null ? "Nobody heard the answer" : `The answer was heard after ${duration(turn.first_packet_ms)}`;
    this._sum.textContent = `${heard} · ${outcome(turn)}`;
    this._back.hidden = !pinned;
    this._draw(turn.stages, { spoken: turn.spoken });
  }

  /** The turn that is going on. */
  live({ stages, elapsed_ms: elapsed }) {
    const heard = stages.first_packet;
    this._title.textContent = "The turn now";
    this._sum.textContent = heard === undefined ? `Thinking for ${duration(elapsed)}` : `The answer was heard after ${duration(heard)}`;
    this._back.hidden = true;
    this._draw(stages, { spoken: "words" in stages, elapsed });
  }

  _draw(stages, turn) {
    const width = scale(stages, turn.elapsed);
    const all = steps(stages, turn);
    const shape = all.map(({ name }) => name).join();
    if (shape !== this._shape) this._rows.replaceChildren(...all.map(row));
    this._shape = shape;
    all.forEach((step, place) => fill(this._rows.children[place], step, width));
  }
}

function row({ name, label }) {
  return make(
    "li",
    { testid: `step-${name}` },
    make("span", { className: "step", textContent: label }),
    make("span", { className: "track", "aria-hidden": "true" }, make("span", { className: "bar" })),
    make("span", { className: "took" }),
  );
}

function fill(element, { from, to, state }, width) {
  const [, track, took] = element.children;
  const end = to ?? from;
  element.dataset.state = state;
  element.dataset.cut = end > width;
  track.firstChild.style.setProperty("--from", Math.min(1, from / width));
  track.firstChild.style.setProperty("--to", Math.min(1, end / width));
  took.textContent = state === "waiting" ? "–" : duration(end - from);
}

/** How a turn ended, in words. */
export function outcome({ outcome: how, spoken, transport }) {
  const words = {
    spoken: "answered aloud",
    written: "answered in writing",
    silent: "nothing to say",
    interrupted: "interrupted",
    failed: "no answer",
    discarded: "dropped before anything was heard",
    refused: "not taken, because too many waited",
  };
  return `${spoken ? "Asked aloud" : "Typed"}, ${words[how] ?? how} · ${transport}`;
}
