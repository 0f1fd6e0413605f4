import { Resampler } from "./resampler.js";
import { pcmOf, rms } from "./samples.js";

/** Makes frames of 20 ms out of the microphone's sound: 16-bit mono at the rate that is sent, each with its level. */
export class Framer {
  /** @param {number} from the device's rate in Hz. @param {number} to the rate that is sent, in Hz. */
  constructor(from, to) {
    this._resampler = new Resampler(from, to);
    this._frame = new Float32Array(to / 50);
    this._filled = 0;
  }

  /** The frames that this piece of sound completes: `{pcm, level}` each. */
  process(samples) {
    const frames = [];
    let piece = this._resampler.process(samples);
    while (piece.length > 0) {
      const count = Math.min(piece.length, this._frame.length - this._filled);
      this._frame.set(piece.subarray(0, count), this._filled);
      this._filled += count;
      piece = piece.subarray(count);
      if (this._filled === this._frame.length) {
        frames.push({ pcm: pcmOf(this._frame), level: rms(this._frame) });
        this._filled = 0;
      }
    }
    return frames;
  }
}
