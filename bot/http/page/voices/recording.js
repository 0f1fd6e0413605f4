/** The rate of a recording, in Hz: voices are learned from sound of this rate. */
export const RATE = 24000;
export const SECONDS = 10;
/** A recording whose loudest 20 ms stay below this level has no voice in it. */
const QUIET = 0.01;
const HEADER_BYTES = 44;

/** A recording that grows frame by frame until it has {@link SECONDS}. */
export class VoiceRecording {
  constructor(seconds = SECONDS, rate = RATE) {
    this._rate = rate;
    this._most = 2 * rate * seconds;
    this._frames = [];
    this._bytes = 0;
    this._loudest = 0;
  }

  /** How long it is, in seconds. */
  get seconds() {
    return this._bytes / 2 / this._rate;
  }

  get isFull() {
    return this._bytes >= this._most;
  }

  get isQuiet() {
    return this._loudest < QUIET;
  }

  /** Adds sound, unless it is full. @param {ArrayBuffer} pcm 16-bit mono. @param {number} level its root mean square. */
  add(pcm, level) {
    if (this.isFull) return;
    this._frames.push(pcm);
    this._bytes += pcm.byteLength;
    this._loudest = Math.max(this._loudest, level);
  }

  /** The recording as a WAV file. */
  toWav() {
    return new Blob([header(this._rate, this._bytes), ...this._frames], { type: "audio/wav" });
  }
}

function header(rate, bytes) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + bytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, bytes, true);
  return view.buffer;
}
