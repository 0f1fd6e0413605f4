import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "./page/talk/sound/resampler.js";

const sine = (hertz, rate, count) => Float32Array.from({ length: count }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / rate));

function resample(from, to, samples, piece) {
  const resampler = new Resampler(from, to);
  const found = [];
  for (let at = 0; at < samples.length; at += piece) found.push(...resampler.process(samples.subarray(at, at + piece)));
  found.push(...resampler.flush());
  return Float32Array.from(found);
}

function decibels(found, meant, from, to) {
  let error = 0;
  let power = 0;
  for (let i = from; i < to; i++) {
    error += (found[i] - meant[i]) ** 2;
    power += meant[i] ** 2;
  }
  return 10 * Math.log10(error / power);
}

for (const [from, to] of [[48000, 16000], [44100, 16000], [24000, 48000], [24000, 44100], [16000, 16000], [96000, 16000]]) {
  test(`a tone stays itself from ${from} Hz to ${to} Hz, in pieces of any length`, () => {
    for (const piece of [128, 480, 1, 1009]) {
      const found = resample(from, to, sine(1000, from, from / 5), piece);
      const meant = sine(1000, to, to / 5);
      assert.ok(Math.abs(found.length - meant.length) <= 1);
      assert.ok(decibels(found, meant, 200, meant.length - 200) < -65);
    }
  });
}

test("frequencies that the lower rate can't hold are taken out", () => {
  const found = resample(48000, 16000, sine(9500, 48000, 48000), 128);
  assert.ok(Math.max(...found.subarray(200, -200).map(Math.abs)) < 0.001);
});

test("nothing of the voice is lost on the way to the higher rate, and nothing is added", () => {
  const found = resample(24000, 48000, sine(9000, 24000, 24000), 480);
  assert.ok(decibels(found, sine(9000, 48000, 48000), 500, 47500) < -50);
});
