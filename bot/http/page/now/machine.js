import { make } from "../dom.js";
import { duration } from "./stages.js";

const GIB = 1024 ** 3;
const FIGURES = [
  { name: "first_packet_ms", words: "Answer", what: "until the first sound is heard" },
  { name: "stt_ms", words: "Ears", what: "for the transcript of a turn" },
  { name: "first_token_ms", words: "Mind", what: "for the model's first token" },
  { name: "tts_ms", words: "Voice", what: "for a clause's first sound" },
];
const PARTS = { mind: "Mind", ears: "Ears", voice: "Voice" };

/** Tiles that say how quick each part of an answer was over the last turns. */
export class Figures {
  constructor() {
    this.element = make("ul", { className: "tiles", testid: "figures" });
  }

  show({ figures, limits, tokens_per_second: speed }) {
    const tiles = FIGURES.map(({ name, words, what }) => tile(words, what, figures[name], limits[name]));
    const rate = speed === null ? "–" : `${speed.toFixed(speed < 10 ? 1 : 0)} /s`;
    tiles.push(
      make(
        "li",
        { className: "card", testid: "tokens" },
        make("h3", { textContent: "Tokens" }),
        make("p", { className: "figure", textContent: rate }),
        make("p", { className: "quiet", textContent: speed === null ? "not counted yet" : "that the model writes" }),
      ),
    );
    this.element.replaceChildren(...tiles);
  }
}

function tile(words, what, summary, limit) {
  const late = summary !== null && limit !== undefined && summary.median > limit;
  const rest = summary === null ? "no turn yet" : `95 % within ${duration(summary.p95)}${limit === undefined ? "" : ` · limit ${duration(limit)}`}`;
  const element = make(
    "li",
    { className: "card" },
    make("h3", { textContent: words }),
    make("p", { className: "figure", textContent: duration(summary?.median) }),
    make("p", { className: "quiet", textContent: what }),
    make("p", { className: "quiet", textContent: rest }),
  );
  element.dataset.late = late;
  return element;
}

/** The engines, the graphics cards, and what waits during a call. */
export class Machine {
  constructor() {
    this._engines = make("dl", { testid: "engines" });
    this._cards = make("div", { className: "cards", testid: "cards" });
    this._waits = make("dl", { testid: "held" });
    this.element = make(
      "div",
      { className: "machine" },
      card("Engines", this._engines),
      card("Graphics cards", this._cards),
      card("What waits", this._waits),
    );
  }

  show(now) {
    this._engines.replaceChildren(...now.engines.flatMap(engine));
    this._cards.replaceChildren(...(now.cards.length === 0 ? [noCard()] : now.cards.map(graphics)));
    this._waits.replaceChildren(...waits(now));
  }
}

function card(title, content) {
  return make("div", { className: "card" }, make("h3", { textContent: title }), content);
}

function entry(term, words, state) {
  const value = make("dd", { textContent: words });
  if (state !== undefined) value.dataset.state = state;
  return [make("dt", { textContent: term }), value];
}

function engine({ part, name, state }) {
  const known = { ready: "ready", unknown: "not checked yet" };
  return entry(PARTS[part], `${name} · ${known[state] ?? "away"}`, state in known ? state : "away");
}

function noCard() {
  return make("p", { className: "quiet", textContent: "No graphics card: the engines on this machine run on its processor." });
}

function graphics({ name, used_bytes: used, total_bytes: total, utilisation, mean_utilisation: mean }) {
  const memory = `${(used / GIB).toFixed(1)} of ${(total / GIB).toFixed(1)} GiB`;
  const busy = utilisation === null ? "use unknown" : `${percent(utilisation)} busy, ${percent(mean ?? utilisation)} over the last minute`;
  const meters = [meter("Memory", used / total, memory)];
  if (utilisation !== null) meters.push(meter("Use", mean ?? utilisation, busy));
  return make("div", { testid: "card" }, make("p", { textContent: name }), ...meters);
}

function meter(label, share, words) {
  const bar = make("span", { className: "track", "aria-hidden": "true" }, make("span", { className: "bar" }));
  bar.firstChild.style.setProperty("--to", Math.min(1, share));
  return make("div", { className: "meter" }, make("span", { textContent: label }), bar, make("span", { className: "quiet", textContent: words }));
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function waits({ call, calls, held, stuck, queue }) {
  const several = calls.length > 1;
  const words = { idle: "no call", starting: "a call begins", active: `a call, ${call.transport}`, ending: "a call ends" };
  const rows = [
    entry("Lease", several ? `${calls.length} calls` : words[call.state]),
    entry("Paused", held.length === 0 ? "nothing" : `${held.join(", ")}, until ${several ? "all calls have ended" : "the call ends"}`),
    entry("Queue", `${queue.prompts} to answer in the ${several ? "calls" : "call"}, ${queue.messages} written messages after ${several ? "them" : "it"}`),
  ];
  if (stuck.length > 0) rows.push(entry("Could not be resumed", stuck.join(", "), "away"));
  return rows.flat();
}
