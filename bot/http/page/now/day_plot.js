import { request } from "../api.js";
import { make } from "../dom.js";
import { LANGUAGE, clock } from "../times.js";
import { duration } from "./stages.js";

const HEIGHT = 240;
const DAY = 86_400;
/** Seconds that the plot shows before the first turn and after the present time. */
const EDGE = 300;
/** The size of a dot, in pixels. */
const DOT = 3;
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

  /** Loads the library that draws the plot. */
  prepare() {
    library().catch(() => {});
  }

  /** Fetches the turns of the last 24 hours, and draws them. */
  async refresh() {
    const answer = await request(`api/now/day?figure=${this._figure}`);
    this._curve = await answer.json();
    await library();
    this.draw();
  }

  /** Draws the curve that was fetched last. */
  draw() {
    if (this._curve === null) return;
    const { turns, periods } = this._curve;
    this._plot?.destroy();
    this._plot = null;
    this._box.hidden = turns.at.length === 0;
    this.element.lastChild.hidden = this._box.hidden;
    this._describe(turns, periods);
    if (!this._box.hidden) this._plot = new globalThis.uPlot(this._options(turns), [periods.at, periods.median, periods.p95], this._box);
  }

  _describe({ at }, { median, p95 }) {
    const words =
      at.length === 0
        ? "Every turn will be a dot here."
        : `${at.length.toLocaleString(LANGUAGE)} turn${at.length === 1 ? "" : "s"}; last: median ${duration(median.at(-1))}, 95 % within ${duration(p95.at(-1))}.`;
    this._text.textContent = words;
    this._box.setAttribute("aria-label", `${FIGURES[this._figure]} in milliseconds over time. ${words} `.trim());
  }

  _options(turns) {
    const style = getComputedStyle(document.documentElement);
    const [ink, line, accent, alert] = ["--quiet", "--line", "--accent", "--alert"].map((name) => style.getPropertyValue(name).trim());
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const now = Date.now() / 1000;
    const longest = turns.ms.reduce((most, ms) => Math.max(most, ms), 1);
    return {
      width: Math.max(200, this._box.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true, range: () => [Math.max(now - DAY, turns.at[0] - EDGE), now + EDGE] }, y: { range: () => [0, 1.1 * longest] } },
      hooks: { drawAxes: [(plot) => drawDots(plot, turns, ink)] },
      axes: [
        { ...axis, size: 28, values: (_, splits) => splits.map(clock) },
        { ...axis, size: 64, values: (_, splits) => splits.map((ms) => duration(ms)) },
      ],
      series: [
        {},
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

/** Draws a dot for each turn. They are squares, because thousands of circles take a browser too long. */
function drawDots(plot, { at, ms }, color) {
  const { ctx, bbox } = plot;
  const size = Math.round(DOT * devicePixelRatio);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.globalAlpha = 0.45;
  ctx.fillStyle = color;
  for (let number = 0; number < at.length; number++) {
    const x = plot.valToPos(at[number], "x", true);
    const y = plot.valToPos(ms[number], "y", true);
    ctx.fillRect(Math.round(x) - size / 2, Math.round(y) - size / 2, size, size);
  }
  ctx.restore();
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
    document.head.append(script);
  });
  return loading;
}
