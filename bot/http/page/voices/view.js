import { request, requestJson } from "../api.js";
import { make } from "../dom.js";
import { problem } from "../problem.js";
import { whileWaiting } from "./engine.js";
import { PlacePanel } from "./place_panel.js";
import { Player } from "./player.js";
import { Recorder } from "./recorder.js";
import { VoiceList } from "./voice_list.js";

/** Fills the view of the voices. */
export function build(element, parts) {
  const studio = new Studio(element, parts);
  return { show: () => studio.show(), hide: () => studio.hide() };
}

/** What the parts of the view share: what the bot knows of voices, the place that is shown, and the sound. */
class Studio {
  constructor(element, parts) {
    this.parts = parts;
    this.data = null;
    this.place = "browser";
    this.player = new Player(parts);
    this._status = make("p", { className: "visually-hidden", role: "status", testid: "voices-status" });
    this._waiting = make("p", { className: "quiet", textContent: "Asking for the voices…" });
    this._problem = make("div");
    this._panel = new PlacePanel(this);
    this._list = new VoiceList(this);
    this._recorder = new Recorder(this);
    this._body = make("div", { className: "voices", hidden: true }, this._panel.element, this._list.element, this._recorder.element);
    element.replaceChildren(make("h2", { textContent: "Voices" }), this._waiting, this._problem, this._body, this._status);
  }

  show() {
    this._recorder.shown();
    return this.reload();
  }

  hide() {
    this.player.stop();
    this._recorder.hide();
  }

  /** Asks the bot for everything again. */
  async reload() {
    try {
      const data = await requestJson("api/voices");
      const isNew = this.data === null || this.data.engine !== data.engine || this.data.places.length !== data.places.length;
      this.data = data;
      if (!data.places.some(({ id }) => id === this.place)) this.place = data.places[0].id;
      this._problem.replaceChildren();
      this._waiting.hidden = true;
      this._body.hidden = false;
      if (isNew) this._panel.show();
      else this._panel.refresh();
      this._recorder.advise();
      this.changed();
    } catch (error) {
      this._waiting.hidden = true;
      this._problem.replaceChildren(problem(error, () => this.reload()));
    }
  }

  /** Chooses a voice for the place that is shown; null is the usual one. Returns whether it was stored. */
  async choose(voice) {
    return this._panel.choose(voice);
  }

  /** The choice has changed. */
  changed() {
    this._list.show();
  }

  tell(text) {
    this._status.textContent = text;
  }

  /**
   * Plays a preview. The button stops it.
   *
   * @param {{voice?: string, place?: string}} body of the request. @param {HTMLButtonElement} button
   */
  async listen(body, button) {
    const load = async (signal) => (await request("api/voices/preview", { method: "POST", json: body, signal })).arrayBuffer();
    await this.hear(button, load);
  }

  /** Plays what `load(signal)` returns. Meanwhile the button says "Stop", and stops it. */
  async hear(button, load) {
    if (button.dataset.playing !== undefined) {
      this._abort?.abort();
      this.player.stop();
      return;
    }
    this.player.wake();
    this._abort?.abort();
    this.player.stop();
    const abort = (this._abort = new AbortController());
    const text = button.textContent;
    button.dataset.playing = "";
    button.textContent = "Stop";
    try {
      const file = await whileWaiting(load(abort.signal), (told) => (button.textContent = `Stop (${told})`));
      button.textContent = "Stop";
      if (!abort.signal.aborted) await this.player.play(file);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      delete button.dataset.playing;
      button.textContent = text;
    }
  }
}
