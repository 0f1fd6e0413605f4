const ZERO_CROSSINGS = 16;
const PHASES = 256;
const KAISER_BETA = 8.5;
/** The share of the lower rate's frequencies that is kept. Above them, the filter falls. */
const KEPT = 0.93;

/**
 * Changes the sample rate of a stream, piece by piece, with a windowed sinc filter.
 *
 * What it returns is not shifted in time, but the last milliseconds of a piece are returned with the next piece, or by `flush`.
 */
export class Resampler {
  /** @param {number} from rate of what comes in, in Hz. @param {number} to rate of what goes out, in Hz. */
  constructor(from, to) {
    this._step = from / to;
    this._cutoff = this._step === 1 ? 1 : KEPT * Math.min(1, to / from);
    this._half = Math.ceil(ZERO_CROSSINGS / this._cutoff);
    this._table = this._step === 1 ? null : makeTable(this._cutoff, this._half);
    this._reset();
  }

  _reset() {
    this._pending = new Float32Array(this._half);
    this._position = this._half;
  }

  /** The next piece in the new rate. Its length varies. */
  process(samples) {
    if (this._table === null) return samples;
    const input = new Float32Array(this._pending.length + samples.length);
    input.set(this._pending);
    input.set(samples, this._pending.length);
    const last = input.length - this._half;
    const output = new Float32Array(Math.max(0, Math.ceil((last - this._position) / this._step)));
    let count = 0;
    while (this._position < last && count < output.length) {
      output[count++] = this._at(input, this._position);
      this._position += this._step;
    }
    const passed = Math.min(Math.floor(this._position) - this._half, input.length);
    this._pending = input.slice(passed);
    this._position -= passed;
    return count === output.length ? output : output.subarray(0, count);
  }

  /** The rest of the stream. A new one can begin afterwards. */
  flush() {
    if (this._table === null) return new Float32Array(0);
    const rest = this.process(new Float32Array(this._half));
    this._reset();
    return rest;
  }

  _at(input, position) {
    const whole = Math.floor(position);
    const phase = (position - whole) * PHASES;
    const row = Math.floor(phase);
    const between = phase - row;
    const width = 2 * this._half;
    const first = whole - this._half + 1;
    const table = this._table;
    let sum = 0;
    for (let i = 0, a = row * width, b = a + width; i < width; i++) {
      const weight = between === 0 ? table[a + i] : table[a + i] + between * (table[b + i] - table[a + i]);
      sum += weight * input[first + i];
    }
    return sum;
  }
}

/** The filter for each phase, one row of 2 * half weights each; each row's sum is 1, so that silence and hum keep their level. */
function makeTable(cutoff, half) {
  const width = 2 * half;
  const table = new Float64Array((PHASES + 1) * width);
  for (let row = 0; row <= PHASES; row++) {
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const distance = row / PHASES - (i - half + 1);
      const weight = sinc(cutoff * distance) * kaiser(distance / half);
      table[row * width + i] = weight;
      sum += weight;
    }
    for (let i = 0; i < width; i++) table[row * width + i] /= sum;
  }
  return table;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA);
}

/** The modified Bessel function of the first kind, order zero. */
function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
