const BLOCKS = 20;
const BLOCK = 128;

/**
 * Hands on what it hears as `{frame, pcm}`: 16-bit samples, and the frame of the AudioContext's clock at which they begin.
 *
 * The clock leaps where the browser did not fill the device's buffer in time; a piece ends there. Just before, the clock may
 * stand still for some blocks.
 */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this._begin();
  }

  _begin() {
    this._pcm = new Int16Array(BLOCKS * BLOCK);
    this._filled = 0;
  }

  _handOn() {
    this.port.postMessage({ frame: this._frame, pcm: this._pcm.subarray(0, this._filled) });
    this._begin();
  }

  process([input]) {
    if (this._filled > 0 && currentFrame > this._frame + this._filled) this._handOn();
    if (this._filled === 0) this._frame = currentFrame;
    const samples = input[0];
    for (let i = 0; i < BLOCK; i++) {
      const sample = samples === undefined ? 0 : Math.round(samples[i] * 32768);
      this._pcm[this._filled++] = Math.max(-32768, Math.min(32767, sample));
    }
    if (this._filled === this._pcm.length) this._handOn();
    return true;
  }
}

registerProcessor("bench-recorder", Recorder);
