import { request } from "../api.js";
import { make } from "../dom.js";
import { duration } from "./stages.js";

const HEIGHT = 240;
const DAY = 86_400;
const FIGURES = { first_packet_ms: "Answer", stt_ms: "Ears", first_token_ms: "Mind", tts_ms: "Voice" };

/** The turns of the last 24 hours as dots, with the median and the 95th percentile of every ten minutes. */
export class DayPlot {
  constructor() {
    this._figure = "first_packet_ms";
    this._text = make("p", { className: "quiet", testid: "day-text" });
    this._box = make("div", { className: "plot", testid: "day-plot", role: "img" });
    this._plot = null;
    this._curve = null;
    this.element = make(
      "div",
      { className: "card" },
      make("div", { className: "card-head" }, make("div", {}, make("h3", { textContent: "The last 24 hours" }), this._text), this._choice()),
      this._box,
      make("ul", { className: "legend plot-legend" }, ...["a turn", "median of 10 minutes", "95 % are quicker"].map((words) => make("li", { textContent: words }))),
    );
    new ResizeObserver(() => this._resize()).observe(this._box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Loads what draws the plot. */
  prepare() {
    library().catch(() => {});
  }

  /** Asks for the day, and draws it. */
  async refresh() {
    const answer = await request(`api/now/day?figure=${this._figure}`);
    this._curve = await answer.json();
    await library();
    this.draw();
  }

  /** Draws the curve that was fetched last. Returns how long that took, in milliseconds. */
  draw(curve = this._curve) {
    if (curve === null) return 0;
    const begun = performance.now();
    const { turns, periods } = curve;
    this._plot?.destroy();
    this._plot = null;
    this._box.hidden = turns.at.length === 0;
    this.element.lastChild.hidden = this._box.hidden;
    this._describe(turns, periods);
    if (!this._box.hidden) this._plot = new globalThis.uPlot(this._options(), joined(turns, periods), this._box);
    return performance.now() - begun;
  }

  _describe({ at, ms }, { median, p95 }) {
    const words =
      at.length === 0
        ? "Every turn will be a dot here."
        : `${at.length.toLocaleString()} turn${at.length === 1 ? "" : "s"}; last: median ${duration(median.at(-1))}, 95 % within ${duration(p95.at(-1))}.`;
    this._text.textContent = words;
    this._box.setAttribute("aria-label", `${FIGURES[this._figure]} in milliseconds over time. ${words} The longest: ${duration(Math.max(0, ...ms.slice(-200)))}.`);
  }

  _options() {
    const style = getComputedStyle(document.documentElement);
    const [ink, line, accent, alert] = ["--quiet", "--line", "--accent", "--alert"].map((name) => style.getPropertyValue(name).trim());
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const now = Date.now() / 1000;
    return {
      width: Math.max(200, this._box.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true, range: (_, first) => [Math.max(now - DAY, first - 300), now] }, y: { range: (_, __, most) => [0, most * 1.1 || 1] } },
      axes: [
        { ...axis, values: (_, splits) => splits.map(clock) },
        { ...axis, size: 64, values: (_, splits) => splits.map((ms) => duration(ms)) },
      ],
      series: [
        {},
        { stroke: ink, paths: () => null, points: { show: true, size: 3, width: 0, fill: `color-mix(in srgb, ${ink} 45%, transparent)` } },
        { stroke: accent, width: 2, spanGaps: true, points: { show: true, size: 5, fill: accent, width: 0 } },
        { stroke: alert, width: 2, dash: [6, 4], spanGaps: true, points: { show: false } },
      ],
    };
  }

  _resize() {
    const width = Math.max(200, this._box.clientWidth);
    if (this._plot !== null && Math.abs(this._plot.width - width) > 1) this._plot.setSize({ width, height: HEIGHT });
  }

  _choice() {
    const choose = ({ target }) => {
      this._figure = target.value;
      this.onChange?.();
    };
    const radios = Object.entries(FIGURES).map(([value, words]) =>
      make(
        "label",
        {},
        make("input", { type: "radio", name: "day-figure", value, checked: value === this._figure, testid: `day-${value}`, on: { change: choose } }),
        make("span", { textContent: words }),
      ),
    );
    return make("fieldset", { className: "choice" }, make("legend", { className: "visually-hidden", textContent: "What is drawn" }), ...radios);
  }
}

/** Turns and periods have times of their own. uPlot wants one row of times, with gaps. */
function joined(turns, periods) {
  return globalThis.uPlot.join([
    [turns.at, turns.ms],
    [periods.at, periods.median, periods.p95],
  ]);
}

function clock(seconds) {
  return new Date(1000 * seconds).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

let loading;

/** Loads uPlot. It is a classic script, which leaves its name in the global scope. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: "now/uplot/uPlot.iife.min.js", onload: resolve });
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error("The plot could not be loaded. Is Seiyuu still running?"));
    };
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "now/uplot/uPlot.min.css" });
    document.head.append(style, script);
  });
  return loading;
}
