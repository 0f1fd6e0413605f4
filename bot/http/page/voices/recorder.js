import { requestJson } from "../api.js";
import { ask } from "../ask.js";
import { make, withCode } from "../dom.js";
import { Microphone, microphones } from "../talk/microphone.js";
import { loudness } from "../talk/sound/samples.js";
import { whileWaiting } from "./engine.js";
import { RATE, SECONDS, VoiceRecording } from "./recording.js";
import { languageName, languageOf, languageTags, SENTENCES } from "./sentences.js";
import { percent } from "./voice_list.js";

const MAX_BYTES = 25 * 1024 * 1024;
const LONGEST_NAME = 40;
const COUNTDOWN = 3;
const KINDS = ".wav,.mp3,.ogg,.opus,.oga,.flac,.m4a,audio/*";
const KEPT = "The people who run me keep the recording until that voice is deleted.";
const IN_CALL = "A call is on, and it has the microphone. End it first.";
const PROBLEMS = {
  NotAllowedError: "The microphone is not allowed. Click the icon beside the address of this page and allow it, or choose a file.",
  NotFoundError: "No microphone was found. Plug one in, or choose a file.",
};

/** Makes a voice from ten seconds of the microphone, or from a file. `studio` is the `Studio` of `view.js`. */
export class Recorder {
  constructor(studio) {
    this._studio = studio;
    this._recording = null;
    this._file = null;
    this._attempt = 0;
    this._microphone = new Microphone(studio.parts.context, {
      onFrame: (pcm, level) => this._hear(pcm, level),
      onLost: () => this._fail("The microphone is gone. Nothing was kept."),
    }, RATE);
    this._make();
    this._set("empty");
  }

  /** The view is shown. The microphones are listed again, since they may have changed. */
  shown() {
    void this._listMicrophones();
  }

  /** The view is left. A recording that is not complete is stopped; a complete one stays. */
  hide() {
    if (["countdown", "recording"].includes(this._state)) this._stop();
  }

  /** Says which engine would be needed, if this one can't speak with a recording. */
  advise() {
    const { advice } = this._studio.data;
    this._advice.hidden = advice === null;
    this._advice.replaceChildren(...(advice === null ? [] : withCode(`${advice} A recording that you save now is kept until then.`)));
  }

  _make() {
    const field = (label, input) => make("div", { className: "labelled" }, make("label", { htmlFor: input.id, textContent: label }), input);
    const button = (text, testid, className, click) => make("button", { type: "button", className, textContent: text, testid, on: { click } });
    this._name = make("input", { id: "new-voice", testid: "new-voice", maxLength: LONGEST_NAME, autocomplete: "off", placeholder: "Robin" });
    this._language = make("select", { id: "new-language", testid: "new-language" });
    this._language.append(...languageTags().map((tag) => new Option(languageName(tag), tag)));
    this._language.value = languageOf(navigator.languages);
    this._language.addEventListener("change", () => this._showSentence());
    this._device = make("select", { id: "voice-mic", testid: "voice-mic" });
    this._device.addEventListener("change", () => (this._studio.parts.settings.microphone = this._device.value));
    this._sentence = make("blockquote", { testid: "sentence", dir: "auto" });
    this._meter = make("div", { className: "level", role: "meter", "aria-label": "Level of the recording", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0, testid: "voice-level" }, make("span"));
    this._told = make("p", { className: "told", role: "status", testid: "recorder-status" });
    this._error = make("p", { className: "error", role: "alert", testid: "recorder-problem" });
    this._advice = make("p", { className: "advice", testid: "advice", hidden: true });
    this._bar = make("progress", { max: 1, hidden: true, "aria-label": "Loading" });
    this._input = make("input", { type: "file", accept: KINDS, className: "visually-hidden", tabIndex: -1, testid: "voice-file", "aria-label": "Sound file" });
    this._input.addEventListener("change", () => this._takeFile());
    const saveText = "Save the voice";
    this._buttons = {
      use: button("Speak with it here", "use-new", "filled", () => this._use()),
      record: button(`Record ${SECONDS} seconds`, "record", "filled", () => this._ask()),
      upload: button("Choose a file…", "upload", "outlined", () => this._input.click()),
      stop: button("Stop", "stop-recording", "outlined", () => this._stop()),
      hear: button("Listen", "hear", "outlined", () => this._listen()),
      save: button(saveText, "save-voice", "filled", () => this._save()),
      again: button("Record again", "again", "outlined", () => this._record()),
      drop: button("Discard", "discard", "outlined", () => this._discard()),
    };
    this.element = make(
      "section",
      { className: "card recorder", "aria-labelledby": "recorder-title" },
      make("h3", { id: "recorder-title", textContent: "A new voice" }),
      make("p", { className: "quiet", textContent: `From 6 to 30 seconds of one person, speaking clearly. Make voices only of people who agree to it.` }),
      this._advice,
      make("div", { className: "fields" }, field("Name of the voice", this._name), field("Language", this._language), field("Microphone", this._device)),
      make("p", { className: "quiet", textContent: "Read this aloud, as you usually talk:" }),
      this._sentence,
      this._meter,
      this._told,
      this._bar,
      this._error,
      this._input,
      make("div", { className: "buttons" }, ...Object.values(this._buttons)),
    );
    this._showSentence();
  }

  /** @param {"empty" | "countdown" | "recording" | "review" | "saving" | "saved"} state */
  _set(state, text = "") {
    this._state = state;
    this.element.dataset.state = state;
    this._told.textContent = text;
    const shown = {
      empty: ["record", "upload"],
      countdown: ["stop"],
      recording: ["stop"],
      review: ["hear", "save", this._recording === null ? "upload" : "again", "drop"],
      saving: [],
      saved: ["use", "record", "upload"],
    }[state];
    for (const [name, button] of Object.entries(this._buttons)) button.hidden = !shown.includes(name);
    // One button stands out: what most people do next.
    this._buttons.record.className = state === "saved" ? "outlined" : "filled";
    if (state === "saved" && this._made?.speaks === false) this._buttons.use.hidden = true;
    const isBusy = ["countdown", "recording", "saving"].includes(state);
    for (const input of [this._name, this._language, this._device]) input.disabled = isBusy;
    this._meter.hidden = !["countdown", "recording"].includes(state);
    this._bar.hidden = true;
  }

  _fail(text) {
    this._microphone.close();
    this._rest();
    this._recording = null;
    this._set("empty");
    this._error.textContent = text;
  }

  /** The name of the new voice. If it is empty, an error says so. */
  _named() {
    this._error.textContent = "";
    const name = this._name.value.trim();
    if (name === "") {
      this._error.textContent = "Give the voice a name first.";
      this._name.focus();
    }
    return name;
  }

  async _ask() {
    const name = this._named();
    if (name === "") return;
    if (this._studio.parts.call.isOn) return void (this._error.textContent = IN_CALL);
    if (!this._studio.parts.call.canSound) {
      this._error.textContent = "Browsers allow the microphone only on https pages, or on the computer that Seiyuu runs on. Choose a file instead.";
      return;
    }
    const question = `May I record ${SECONDS} seconds of your voice, so that I can speak with it as ${name}? ${KEPT}`;
    if (await ask(question, { yes: "Yes, record me", no: "No" })) await this._record();
    else this._set("empty", "Not recorded: you said no.");
  }

  async _record() {
    if (this._studio.parts.call.isOn) return void (this._error.textContent = IN_CALL);
    this._error.textContent = "";
    const attempt = ++this._attempt;
    this._file = this._recording = null;
    this._studio.player.stop();
    this._studio.player.wake();
    this._set("countdown", "Get ready…");
    this._buttons.stop.focus();
    try {
      await this._microphone.open(this._studio.parts.settings.microphone);
    } catch (error) {
      if (attempt === this._attempt) this._fail(PROBLEMS[error.name] ?? "The microphone could not be opened. Another program may be using it.");
      return;
    }
    void this._listMicrophones();
    for (let count = COUNTDOWN; count > 0 && attempt === this._attempt; count--) {
      this._told.textContent = `Get ready… ${count}`;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    if (attempt !== this._attempt || !this._microphone.isOpen) return;
    this._set("recording", "Speak now");
    this._recording = new VoiceRecording();
  }

  _hear(pcm, level) {
    const shown = loudness(level);
    this._meter.style.setProperty("--level", shown.toFixed(3));
    if (this._state !== "recording") return;
    const before = Math.ceil(SECONDS - this._recording.seconds);
    this._recording.add(pcm, level);
    const left = Math.ceil(SECONDS - this._recording.seconds);
    if (left !== before || left === SECONDS) this._told.textContent = `Speak now: ${left} s left`;
    this._meter.setAttribute("aria-valuenow", Math.round(100 * shown));
    if (this._recording.isFull) this._finish();
  }

  _finish() {
    this._microphone.close();
    this._rest();
    this._file = this._recording.toWav();
    const problem = this._recording.isQuiet ? "I hardly heard anything. Is it the right microphone?" : "";
    this._set("review", "Recorded. Listen to it, then save it or record again.");
    this._error.textContent = problem;
    this._buttons.hear.focus();
  }

  /** Ends a recording early. Nothing of it is kept. */
  _stop() {
    this._attempt += 1;
    this._fail("");
    this._told.textContent = "Stopped. I kept nothing.";
    this._buttons.record.focus();
  }

  _discard() {
    this._studio.player.stop();
    this._file = this._recording = null;
    this._input.value = "";
    this._error.textContent = "";
    this._set("empty", "I kept nothing.");
    this._buttons.record.focus();
  }

  async _takeFile() {
    const [file] = this._input.files;
    if (file === undefined) return;
    const problem = file.size === 0 ? "That file is empty." : file.size > MAX_BYTES ? "That file is too large: 25 MB is the limit." : "";
    this._error.textContent = problem;
    if (problem !== "") {
      this._input.value = "";
      return;
    }
    this._recording = null;
    this._file = file;
    if (this._name.value.trim() === "") this._name.value = file.name.replace(/\.[^.]*$/u, "").slice(0, LONGEST_NAME);
    this._set("review", `${file.name}: listen to it, check the name, then save it.`);
    this._buttons.hear.focus();
  }

  async _listen() {
    this._error.textContent = "";
    try {
      await this._studio.hear(this._buttons.hear, () => this._file.arrayBuffer());
    } catch (error) {
      this._error.textContent = `${error.message} You can save it all the same.`;
    }
  }

  async _save() {
    const name = this._named();
    if (name === "") return;
    const question = `Does the person in this recording agree that I speak with their voice as ${name}? ${KEPT}`;
    if (this._recording === null && !(await ask(question, { yes: "Yes, they agree", no: "No" }))) return;
    this._studio.player.stop();
    const body = new FormData();
    body.append("name", name);
    body.append("language", this._language.value);
    body.append("keep", "true");
    body.append("audio", this._file, "recording");
    const text = `I'm learning how ${name} sounds…`;
    this._set("saving", text);
    try {
      const made = await whileWaiting(requestJson("api/voice-profile", { method: "POST", body }), (told, progress) => {
        this._told.textContent = `${text} (${told})`;
        this._bar.hidden = progress === null;
        this._bar.value = progress ?? 0;
      });
      await this._saved(made);
    } catch (error) {
      this._set("review", "Not saved yet.");
      this._error.textContent = error.message;
    }
  }

  async _saved(made) {
    await this._studio.reload();
    this._made = this._studio.data.voices.find(({ id }) => id === made.id) ?? made;
    this._file = this._recording = null;
    this._input.value = this._name.value = "";
    const likeness = made.similarity === null ? "" : ` Its similarity to the recording is ${percent(made.similarity)}.`;
    const kept = this._made.speaks === false;
    this._set("saved", kept ? `The recording of ${made.name} is kept.` : `I can speak as ${made.name} now.${likeness}`);
    (kept ? this._buttons.record : this._buttons.use).focus();
  }

  async _use() {
    const { id, name } = this._made;
    if (await this._studio.choose(id)) this._set("empty", `I speak as ${name} from my next answer on.`);
    this._buttons.record.focus();
  }

  _rest() {
    if (!this._studio.parts.call.isOn) this._studio.parts.call.sound.rest();
  }

  _showSentence() {
    this._sentence.textContent = SENTENCES[this._language.value];
    this._sentence.lang = this._language.value;
  }

  async _listMicrophones() {
    const found = await microphones().catch(() => []);
    const { settings } = this._studio.parts;
    this._device.replaceChildren(new Option("Default microphone", ""), ...found.map(({ id, name }) => new Option(name, id)));
    this._device.value = found.some(({ id }) => id === settings.microphone) ? settings.microphone : "";
  }
}
