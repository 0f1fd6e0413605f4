import { requestJson } from "../api.js";
import { button, make } from "../dom.js";
import { slidersFor, standing, withPreset, withValue } from "./manner.js";

/**
 * How Seiyuu sounds in one place: the voice, the preset and the sliders. What is chosen is stored at once.
 *
 * `studio` is the `Studio` of `view.js`; its `place` is the id of this place.
 */
export class PlacePanel {
  constructor(studio) {
    this._studio = studio;
    this._saving = Promise.resolve();
    this._sliders = [];
    this.element = make("section", { className: "card place", "aria-labelledby": "voice-here" });
  }

  get _place() {
    return this._studio.data.places.find(({ id }) => id === this._studio.place);
  }

  show() {
    const { data } = this._studio;
    this._sliders = slidersFor(data.parameters).map((slider) => this._makeSlider(slider));
    const [first, more] = [true, false].map((wanted) => this._sliders.filter(({ slider }) => slider.first === wanted));
    this._voice = make("strong", { testid: "chosen-voice", dir: "auto" });
    this._usual = button("Usual voice", () => this._studio.choose(null), { testid: "usual-voice" });
    this._reset = button("Reset the sound", () => this._save({ ...this._place, preset: null, manner: {} }), { testid: "reset" });
    this._error = make("p", { className: "error", role: "alert", testid: "place-problem" });
    const listen = button("Listen", () => this._listen(listen), { testid: "listen" });
    const parts = [
      this._picker(),
      make("div", { className: "row" }, make("h3", { id: "voice-here" }, "I speak as ", this._voice), listen, this._usual),
      data.presets.length > 0 ? this._presetPicker() : "",
      make("div", { className: "sliders" }, ...first.map(({ element }) => element)),
      more.length === 0
        ? ""
        : make(
            "details",
            {},
            make("summary", { textContent: `More, for ${data.engine}` }),
            make("div", { className: "sliders" }, ...more.map(({ element }) => element)),
          ),
      make("div", { className: "row" }, this._reset, make("p", { className: "quiet", textContent: "What you choose is stored at once. You hear it in my next answer." })),
      this._error,
    ];
    this.element.replaceChildren(...parts);
    this.refresh();
  }

  /** Chooses a voice in this place; null is the usual one. */
  choose(voice) {
    return this._save({ ...this._place, voice });
  }

  _picker() {
    const { data, place } = this._studio;
    if (data.places.length < 2) return make("p", { className: "quiet", textContent: data.places[0].name });
    const select = make("select", { id: "voice-place", testid: "voice-place" });
    select.append(...data.places.map(({ id, name }) => new Option(/^\d+$/.test(id) ? `${name} (Discord)` : name, id)));
    select.value = place;
    select.addEventListener("change", () => {
      this._studio.place = select.value;
      this.refresh();
      this._studio.changed();
    });
    return make("div", { className: "row" }, make("label", { htmlFor: "voice-place", textContent: "Where" }), select);
  }

  _presetPicker() {
    const { data } = this._studio;
    const options = [{ name: null, description: "as my persona and its mood want it" }, ...data.presets];
    this._presets = options.map(({ name, description }) => {
      const input = make("input", { type: "radio", name: "preset", value: name ?? "", testid: `preset-${name ?? "usual"}` });
      input.addEventListener("change", () => this._save(withPreset(this._place, name, data)));
      return { name, input, element: make("label", { title: description }, input, make("span", { textContent: title(name) })) };
    });
    return make(
      "fieldset",
      { className: "presets" },
      make("legend", { textContent: "Preset" }),
      make("div", { className: "chips" }, ...this._presets.map(({ element }) => element)),
    );
  }

  _makeSlider(slider) {
    const { name, label, lowest, highest, step } = slider;
    const output = make("output", { htmlFor: `slider-${name}` });
    const input = make("input", { type: "range", id: `slider-${name}`, testid: `slider-${name}`, min: lowest, max: highest, step });
    input.addEventListener("input", () => {
      output.textContent = slider.unit(input.valueAsNumber);
      input.setAttribute("aria-valuetext", output.textContent);
    });
    input.addEventListener("change", () => this._save(withValue(this._place, name, input.valueAsNumber)));
    const element = make("div", { className: "slider" }, make("label", { htmlFor: input.id, textContent: label }), output, input);
    return { slider, input, output, element };
  }

  /** Shows what is chosen now. */
  refresh() {
    const { data } = this._studio;
    const place = this._place;
    const voice = data.voices.find(({ id }) => id === place.speaks_as);
    this._voice.textContent = voice?.name ?? place.speaks_as ?? "the engine's own voice";
    this._usual.hidden = place.voice === null;
    this._reset.disabled = place.preset === null && Object.keys(place.manner).length === 0;
    for (const { name, input } of this._presets ?? []) input.checked = name === place.preset;
    for (const { slider, input, output, element } of this._sliders) {
      const { value, text, isChosen } = standing(slider, place, data);
      input.value = value;
      output.textContent = text;
      input.setAttribute("aria-valuetext", text);
      element.classList.toggle("chosen", isChosen);
    }
  }

  /** Stores a choice. Choices that follow each other quickly are stored in their order. */
  _save(choice) {
    const { data } = this._studio;
    const { id, voice, preset, manner } = choice;
    data.places = data.places.map((each) => (each.id === id ? choice : each));
    this.refresh();
    this._error.textContent = "";
    const store = async () => {
      const isLatest = () => this._place === choice || this._studio.place !== id;
      try {
        const stored = await requestJson(`api/voices/places/${id}`, { method: "PUT", json: { voice, preset, ...manner } });
        if (!isLatest()) return true;
        data.places = data.places.map((each) => (each.id === id ? stored : each));
        this._studio.tell("Stored. You hear it in my next answer.");
        return true;
      } catch (error) {
        this._error.textContent = error.message;
        await this._studio.reload();
        return false;
      } finally {
        this.refresh();
        this._studio.changed();
      }
    };
    this._saving = this._saving.then(store);
    return this._saving;
  }

  async _listen(listen) {
    this._error.textContent = "";
    await this._saving;
    try {
      await this._studio.listen({ place: this._studio.place }, listen);
    } catch (error) {
      this._error.textContent = error.message;
    }
  }
}

function title(preset) {
  return preset === null ? "As usual" : `${preset[0].toUpperCase()}${preset.slice(1)}`;
}
