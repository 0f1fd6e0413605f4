import assert from "node:assert/strict";
import test from "node:test";

import { slidersFor, standing, withPreset, withValue } from "./page/voices/manner.js";
import { VoiceRecording } from "./page/voices/recording.js";
import { languageName, languageOf, languageTags, SENTENCES } from "./page/voices/sentences.js";

const RANGES = [
  { name: "temperature", lowest: 0.1, highest: 1, whole: false },
  { name: "pitch_shift", lowest: -12, highest: 12, whole: false },
  { name: "speed", lowest: 0.5, highest: 2, whole: false },
  { name: "of the future", lowest: 0, highest: 1, whole: false },
];
const KNOWN = {
  preset: "natural",
  presets: [
    { name: "natural", parameters: { speed: 0.98 } },
    { name: "calm", parameters: { speed: 0.9, temperature: 0.5 } },
  ],
};
const USUAL = { voice: null, preset: null, manner: {} };

test("speed and pitch come first, and what the page does not know is left out", () => {
  assert.deepEqual(slidersFor(RANGES).map(({ name }) => name), ["speed", "pitch_shift", "temperature"]);
});

test("a slider stands where its choice is, else where the preset puts it", () => {
  const [speed, pitch, temperature] = slidersFor(RANGES);
  assert.deepEqual(standing(speed, USUAL, KNOWN), { value: 0.98, text: "0.98 ×", isChosen: false });
  assert.equal(standing(speed, withPreset(USUAL, "calm", KNOWN), KNOWN).value, 0.9);
  assert.equal(standing(speed, withValue(USUAL, "speed", 1.5), KNOWN).text, "1.50 ×");
  assert.equal(standing(pitch, withValue(USUAL, "pitch_shift", -1), KNOWN).text, "1 semitone lower");
  assert.equal(standing(temperature, USUAL, KNOWN).text, "as usual");
});

test("a preset takes the place of chosen values that it sets itself, and a pitch of 0 is no choice", () => {
  const choice = { voice: "robin", preset: null, manner: { speed: 1.5, pitch_shift: 2 } };
  assert.deepEqual(withPreset(choice, "calm", KNOWN), { voice: "robin", preset: "calm", manner: { pitch_shift: 2 } });
  assert.deepEqual(withValue(choice, "pitch_shift", 0).manner, { speed: 1.5 });
});

test("a recording is full after the seconds that it may last, and becomes a WAV file", async () => {
  const recording = new VoiceRecording(0.1, 1000);
  for (let i = 0; i < 20; i++) recording.add(new Int16Array(20).fill(i).buffer, 0.2);
  assert.ok(recording.isFull && !recording.isQuiet);
  assert.equal(recording.seconds, 0.1);
  const view = new DataView(await recording.toWav().arrayBuffer());
  assert.equal(view.byteLength, 44 + 200);
  assert.deepEqual([view.getUint32(4, true), view.getUint32(24, true), view.getUint32(40, true)], [36 + 200, 1000, 200]);
  assert.equal(view.getInt16(44 + 198, true), 4);
});

test("a recording in which nothing is heard is recognised", () => {
  const recording = new VoiceRecording();
  recording.add(new ArrayBuffer(960), 0.001);
  assert.ok(recording.isQuiet);
});

test("a person reads a sentence in their own language, or in English", () => {
  assert.equal(languageOf(["de-AT", "en"]), "de");
  assert.equal(languageOf(["zh-TW"]), "zh-cn");
  assert.equal(languageOf(["xx", "fr"]), "fr");
  assert.equal(languageOf(["xx"]), "en");
  assert.equal(Object.keys(SENTENCES).length, 17);
});

test("languages are ordered by the names that people see", () => {
  const names = languageTags().map(languageName);
  assert.deepEqual(names.slice(0, 4), ["Arabic", "Chinese (China)", "Czech", "Dutch"]);
  assert.equal(names.length, 17);
});
