import { DOWN_RATES } from "./messages.js";
import { Microphone } from "./microphone.js";
import { Speaker } from "./speaker.js";

/** The rate of the sound that the page asks for, in Hz. It is enough for voices. */
export const DOWN = DOWN_RATES[0];
const SUSPEND_MS = 1000;

/** Microphone and loudspeaker, as far as the browser lets the page have them. */
export class SoundDevices {
  /**
   * @param {AudioContext | undefined} context @param {AudioNode | undefined} output the node that all sound goes through.
   * @param {object} listener has what `Speaker` and `Microphone` call, and `onBlocked(isBlocked)` when the browser
   * holds the sound back, or lets it go.
   */
  constructor(context, output, listener) {
    this._context = context;
    this._suspension = null;
    this.speaker = new Speaker(context, output, listener);
    this.microphone = new Microphone(context, listener);
    context?.addEventListener("statechange", () => listener.onBlocked(this.isBlocked));
  }

  /** Whether there may be sound at all. */
  get areAllowed() {
    return globalThis.isSecureContext && this._context?.audioWorklet !== undefined && navigator.mediaDevices !== undefined;
  }

  /** Whether nothing is heard, because the browser waits for a click. */
  get isBlocked() {
    return this.areAllowed && this._context.state !== "running";
  }

  /** Starts the sound. Browsers allow that while they handle a click or a key. */
  wake() {
    clearTimeout(this._suspension);
    this._context?.resume().catch(() => {});
  }

  /** Stops the sound, after a moment. */
  rest() {
    this.microphone.close();
    clearTimeout(this._suspension);
    this._suspension = setTimeout(() => this._context?.suspend(), SUSPEND_MS);
  }
}
