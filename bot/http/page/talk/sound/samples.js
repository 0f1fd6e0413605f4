/** Samples as they travel (16-bit, little endian) and as the browser has them (floats from -1 to 1). */

/** The samples of a binary message, or null if it isn't whole samples. */
export function floatsOf(buffer) {
  if (buffer.byteLength === 0 || buffer.byteLength % 2 !== 0) return null;
  const view = new DataView(buffer);
  const floats = new Float32Array(buffer.byteLength / 2);
  for (let i = 0; i < floats.length; i++) floats[i] = view.getInt16(2 * i, true) / 32768;
  return floats;
}

/** The binary message of some samples. What is not a number becomes silence, and what is too loud is clipped. */
export function pcmOf(floats) {
  const view = new DataView(new ArrayBuffer(2 * floats.length));
  for (let i = 0; i < floats.length; i++) {
    const value = Math.round((floats[i] || 0) * 32768);
    view.setInt16(2 * i, Math.max(-32768, Math.min(32767, value)), true);
  }
  return view.buffer;
}

/** The root of the mean square. */
export function rms(floats) {
  let sum = 0;
  for (const value of floats) sum += value * value;
  return floats.length === 0 ? 0 : Math.sqrt(sum / floats.length);
}

/** A level for the eye, from 0 to 1: -60 dB of full scale is 0, -6 dB is 1. */
export function loudness(level) {
  if (!(level > 0)) return 0;
  return Math.max(0, Math.min(1, (20 * Math.log10(level) + 60) / 54));
}
