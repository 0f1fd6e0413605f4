/** The labels and steps of the sliders. `usual` is the value that is shown if neither the person nor a preset has set one. */
const SLIDERS = {
  speed: { label: "Speed", step: 0.05, usual: 1, unit: (value) => `${value.toFixed(2)} ×` },
  pitch_shift: { label: "Pitch", step: 0.5, usual: 0, unit: semitones },
  temperature: { label: "Expression", step: 0.05, usual: 0.75, unit: (value) => value.toFixed(2) },
  repetition_penalty: { label: "Against repeating", step: 0.1, usual: 5, unit: (value) => value.toFixed(1) },
  top_k: { label: "Variety", step: 1, usual: 50, unit: String },
  top_p: { label: "Freedom", step: 0.05, usual: 0.85, unit: (value) => value.toFixed(2) },
  gpt_cond_len: { label: "Seconds of the recording that are used", step: 1, usual: 30, unit: (value) => `${value} s` },
  gpt_cond_chunk_len: { label: "Length of its pieces", step: 1, usual: 4, unit: (value) => `${value} s` },
};
/** The sliders that everybody sees first, in this order. */
const FIRST = ["speed", "pitch_shift"];

/**
 * @typedef {object} Slider
 * @property {string} name @property {string} label @property {number} lowest @property {number} highest @property {number} step
 * @property {number} usual @property {(value: number) => string} unit @property {boolean} first whether everybody sees it at once.
 */

/** The sliders for the parameters that the engine applies. @returns {Slider[]} */
export function slidersFor(parameters) {
  const known = parameters.filter(({ name }) => Object.hasOwn(SLIDERS, name));
  const place = ({ name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return known
    .sort((a, b) => place(a) - place(b))
    .map((range) => ({ ...range, ...SLIDERS[range.name], first: FIRST.includes(range.name) }));
}

/**
 * Where a slider stands, and what is written beside it.
 *
 * @param {Slider} slider @param {{preset: string | null, manner: Record<string, number>}} choice
 * @param {{presets: {name: string, parameters: Record<string, number>}[], preset: string | null}} known
 */
export function standing(slider, choice, known) {
  const { name, usual, unit } = slider;
  const chosen = choice.manner[name];
  if (chosen !== undefined) return { value: chosen, text: unit(chosen), isChosen: true };
  const preset = known.presets.find((each) => each.name === (choice.preset ?? known.preset));
  const value = preset?.parameters[name] ?? usual;
  return { value, text: preset?.parameters[name] === undefined && !slider.first ? "as usual" : unit(value), isChosen: false };
}

/** The choice with another preset. The person's values for what the preset sets are dropped. */
export function withPreset(choice, name, known) {
  const preset = known.presets.find((each) => each.name === (name ?? known.preset));
  const kept = Object.entries(choice.manner).filter(([each]) => preset?.parameters[each] === undefined);
  return { ...choice, preset: name, manner: Object.fromEntries(kept) };
}

/** The choice with another value of a slider. A pitch of 0 counts as not chosen. */
export function withValue(choice, name, value) {
  const manner = { ...choice.manner, [name]: value };
  if (name === "pitch_shift" && value === 0) delete manner[name];
  return { ...choice, manner };
}

function semitones(value) {
  if (value === 0) return "as it is";
  const count = Math.abs(value);
  return `${count} ${count === 1 ? "semitone" : "semitones"} ${value > 0 ? "higher" : "lower"}`;
}
