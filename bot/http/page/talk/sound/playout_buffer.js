const FADE_IN_MS = 4;
const FADE_OUT_MS = 10;
/** Sound is added or left out in blocks of this length, only where it is quiet. */
const BLOCK_MS = 10;
const BETWEEN_BLOCKS_MS = 40;
/** Sound is quiet where no sample is larger than this; full scale is 1. */
const QUIET = 0.002;
/** At least this much sound must be left when a frame comes. */
const RESERVE_MS = 20;
const FRAME_MS = 20;
/** The arrivals of the frames that came within this time are compared. */
const WINDOW_MS = 2000;
/**
 * When the wanted delay has not grown for this time, it shrinks by `SHRINK_BY` of its part above the smallest delay, and at least by
 * `SHRINK_MS`. It does not become smaller than the delay that was needed for the frames of this time.
 */
const CALM_MS = 10000;
const SHRINK_BY = 1 / 4;
const SHRINK_MS = 10;
/** If more sound than this is held when a frame comes, the oldest sound is left out, as much as the frame has. */
const LONGEST_MS = 5000;

/**
 * Holds sound that came over the network until it is played, so that late frames leave no gap.
 *
 * The wanted delay (`targetMs`) begins at 60 ms. It grows at once when frames come later than it allows, and shrinks a little after
 * each ten seconds in which it has not grown. While sound plays, the real delay follows the wanted one only where the sound is quiet.
 * If the buffer runs empty, the sound fades out, and fades in again later. Time is counted in samples that were read: `read` is called
 * for each piece that the device takes. All samples have the device's rate.
 */
export class PlayoutBuffer {
  /**
   * @param {number} rate in Hz.
   * @param {{startMs?: number, largestMs?: number, deviceMs?: number}} options the smallest wanted delay, the largest,
   *   and the length of the pieces in which the device takes sound: the real delay is longer by this.
   */
  constructor(rate, { startMs = 60, largestMs = 400, deviceMs = 0 } = {}) {
    this._perMs = rate / 1000;
    this._smallest = startMs;
    this._largest = largestMs;
    this._device = deviceMs;
    this.targetMs = startMs;
    this.underruns = 0;
    this._clock = 0;
    this._events = [];
    this._recent = new Float32Array(Math.round(FADE_OUT_MS * this._perMs));
    this._fade = new Float32Array(0);
    this._fadeAt = 0;
    this._refused = new Set();
    this._needed = 0;
    this._checkedAt = 0;
    this._blockAt = -Infinity;
    this._silence = 0;
    this._clear();
  }

  /** How much sound is held, in milliseconds. */
  get heldMs() {
    return this._held / this._perMs;
  }

  /** Takes a frame of a reply. Frames of a reply that was dropped are ignored. */
  push(reply, samples) {
    if (this._refused.has(reply) || samples.length === 0) return;
    if (this._playing) this._compare(this.heldMs);
    if (this._first === null) this._first = this._clock;
    if (this.heldMs > LONGEST_MS) this._skip(samples.length);
    this._chunks.push({ reply, samples, from: 0 });
    this._held += samples.length;
    this._ended = false;
  }

  /** No frames of this reply will follow: what is held is played to its end, without waiting for more. */
  end(reply) {
    const last = this._chunks.at(-1);
    if (last === undefined ? this._reply === reply : last.reply === reply) this._ended = true;
    if (last === undefined && this._ended) this._finish();
  }

  /** Drops what is held, after a short fade, and ignores what else comes of this reply. */
  drop(reply) {
    this._refused.add(reply);
    if (this._refused.size > 8) this._refused.delete(this._refused.values().next().value);
    if (this._reply !== reply && !this._chunks.some((chunk) => chunk.reply === reply)) return;
    if (this._playing) {
      const length = Math.min(this._recent.length, this._held);
      const rest = new Float32Array(length);
      this._take(rest, 0, length);
      this._fadeOut(length > 0 ? rest : mirrored(this._recent));
    }
    this._finish();
  }

  /** What has happened since the last call: `{kind: "started", reply}`, `{kind: "finished", reply, ms}`, `{kind: "underrun"}` and `{kind: "resumed"}`. */
  takeEvents() {
    const events = this._events;
    this._events = [];
    return events;
  }

  /** How much of the reply that plays has been played, or null: `{reply, ms}`. */
  get played() {
    return this._reply === null ? null : { reply: this._reply, ms: this._played / this._perMs };
  }

  /** Fills the array with the next samples. */
  read(output) {
    let at = this._readFade(output);
    if (!this._playing && this._isReady()) this._begin();
    if (this._playing) {
      this._adjust();
      at = this._readSilence(output, at);
      const count = Math.min(output.length - at, this._held);
      this._take(output, at, count);
      this._fadeIn(output, at, count);
      at += count;
      if (at < output.length && this._held === 0) at = this._runOut(output, at);
    }
    output.fill(0, at);
    this._remember(output);
    this._clock += output.length;
  }

  _clear() {
    this._chunks = [];
    this._held = 0;
    this._first = null;
    this._playing = false;
    this._ended = false;
    this._starved = false;
    this._reply = null;
    this._played = 0;
    this._faded = 0;
    this._arrivals = [];
    this._silence = 0;
  }

  _isReady() {
    if (this._held === 0) return false;
    const waited = (this._clock - this._first) / this._perMs;
    // If the network has held sound back, more than a second of it comes in a second, and the delay grows. After a mere pause of the
    // server, sound comes at its usual rate, and the delay stays.
    if (this._starved) this._grow(this.heldMs - waited + RESERVE_MS);
    const delay = this.targetMs + this._device;
    return this._ended || waited >= delay || this.heldMs >= delay + FRAME_MS;
  }

  _begin() {
    if (this._starved) this._events.push({ kind: "resumed" });
    this._starved = false;
    this._playing = true;
    this._faded = 0;
    this._arrivals = [];
  }

  _runOut(output, at) {
    const recent = this._recentWith(output, at);
    // A fade plays the newest sound backwards. If the sound ends quietly, a fade would only repeat its louder part.
    if (!this._endsQuietly(recent)) this._fadeOut(mirrored(recent));
    if (this._ended) {
      this._finish();
    } else {
      this.underruns += 1;
      this._events.push({ kind: "underrun" });
      this._playing = false;
      this._first = null;
      this._starved = true;
    }
    return this._readFade(output, at);
  }

  _endsQuietly(samples) {
    return samples.subarray(samples.length - Math.round(this._perMs)).every((sample) => Math.abs(sample) <= QUIET);
  }

  _finish() {
    if (this._reply !== null) this._events.push({ kind: "finished", ...this.played });
    this._clear();
  }

  /** Takes samples out of the chunks, and notices where another reply begins. */
  _take(output, at, count) {
    while (count > 0) {
      const chunk = this._chunks[0];
      const length = Math.min(count, chunk.samples.length - chunk.from);
      if (chunk.reply !== this._reply) this._turnTo(chunk.reply);
      output?.set(chunk.samples.subarray(chunk.from, chunk.from + length), at);
      chunk.from += length;
      at += length;
      count -= length;
      this._held -= length;
      this._played += length;
      if (chunk.from === chunk.samples.length) this._chunks.shift();
    }
  }

  _skip(count) {
    this._take(null, 0, Math.min(count, this._held));
  }

  _turnTo(reply) {
    if (this._reply !== null) this._events.push({ kind: "finished", ...this.played });
    this._reply = reply;
    this._played = 0;
    this._events.push({ kind: "started", reply });
  }

  /** Learns from what was left when each frame came: how far these amounts differ shows how irregularly frames come. */
  _compare(left) {
    this._arrivals.push({ clock: this._clock, left });
    const oldest = this._clock - WINDOW_MS * this._perMs;
    while (this._arrivals[0].clock < oldest) this._arrivals.shift();
    const most = Math.max(...this._arrivals.map((arrival) => arrival.left));
    const needed = most - left + RESERVE_MS;
    this._needed = Math.max(this._needed, needed);
    this._grow(needed);
    if (this._clock - this._checkedAt > CALM_MS * this._perMs) this._shrink();
  }

  _shrink() {
    const step = Math.max(SHRINK_MS, SHRINK_BY * (this.targetMs - this._smallest));
    this.targetMs = Math.max(this._smallest, Math.ceil(Math.min(this.targetMs, this._needed)), Math.round(this.targetMs - step));
    this._needed = 0;
    this._checkedAt = this._clock;
  }

  _grow(target) {
    if (target <= this.targetMs) return;
    this.targetMs = Math.min(this._largest, Math.ceil(target));
    this._needed = 0;
    this._checkedAt = this._clock;
  }

  /** In a quiet moment, waits a little longer if the delay is too small, or leaves a little out if it is too large. */
  _adjust() {
    if (this._arrivals.length < 5 || this._clock - this._blockAt < BETWEEN_BLOCKS_MS * this._perMs) return;
    const delay = Math.max(...this._arrivals.map((arrival) => arrival.left));
    const change = delay < this.targetMs - BLOCK_MS / 2 ? 1 : delay > this.targetMs + this._device + 2 * BLOCK_MS ? -1 : 0;
    const block = Math.round(BLOCK_MS * this._perMs);
    if (change === 0 || this._held < 2 * block || !this._isQuiet(block)) return;
    if (change > 0) this._silence = block;
    else this._skip(block);
    for (const arrival of this._arrivals) arrival.left += change * BLOCK_MS;
    this._blockAt = this._clock;
  }

  _isQuiet(count) {
    for (const { samples, from } of this._chunks) {
      for (let i = from; i < samples.length; i++) {
        if (Math.abs(samples[i]) > QUIET) return false;
        if (--count === 0) return true;
      }
    }
    return false;
  }

  _readSilence(output, at) {
    const count = Math.min(this._silence, output.length - at);
    output.fill(0, at, at + count);
    this._silence -= count;
    return at + count;
  }

  _fadeIn(output, at, count) {
    const length = FADE_IN_MS * this._perMs;
    for (let i = at; i < at + count && this._faded < length; i++) output[i] *= this._faded++ / length;
  }

  _fadeOut(samples) {
    this._fade = samples.map((sample, i) => sample * (1 - (i + 1) / samples.length));
    this._fadeAt = 0;
  }

  _readFade(output, at = 0) {
    const count = Math.min(this._fade.length - this._fadeAt, output.length - at);
    output.set(this._fade.subarray(this._fadeAt, this._fadeAt + count), at);
    this._fadeAt += count;
    return at + count;
  }

  _recentWith(output, count) {
    const all = new Float32Array(this._recent.length + count);
    all.set(this._recent);
    all.set(output.subarray(0, count), this._recent.length);
    return all.subarray(count);
  }

  _remember(output) {
    if (output.length >= this._recent.length) {
      this._recent.set(output.subarray(output.length - this._recent.length));
    } else {
      this._recent.copyWithin(0, output.length);
      this._recent.set(output, this._recent.length - output.length);
    }
  }
}

/** A continuation for sound that stops: the same sound backwards, which begins with the last sample, so there is no click. */
function mirrored(samples) {
  return samples.slice().reverse();
}
