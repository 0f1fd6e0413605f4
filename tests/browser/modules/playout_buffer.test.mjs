import assert from "node:assert/strict";
import { test } from "node:test";

import { PlayoutBuffer } from "./page/talk/sound/playout_buffer.js";

const RATE = 48000;
const FRAME = RATE / 50;
const MS = RATE / 1000;

const tone = (at, count = FRAME) => Float32Array.from({ length: count }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 330 * (at + i)) / RATE));

/** Plays for some time. Each of `arrivals` has a time in milliseconds and what it `does` to the buffer. Returns all samples. */
function play(buffer, lastMs, arrivals) {
  const heard = [];
  const output = new Float32Array(128);
  const waiting = [...arrivals].sort((a, b) => a.at - b.at);
  for (let clock = 0; clock < lastMs * MS; clock += 128) {
    while (waiting.length > 0 && waiting[0].at * MS <= clock) waiting.shift().does(buffer);
    buffer.read(output);
    heard.push(...output);
  }
  return Float32Array.from(heard);
}

/** Frames of a tone, every 20 ms. `late(i)`: by how many milliseconds the frame is late; no frame overtakes another. */
function frames(count, { late = () => 0, from = 0, reply = "1", make = (i) => tone(i * FRAME) } = {}) {
  let last = 0;
  return Array.from({ length: count }, (_, i) => {
    last = Math.max(last, from + 20 * i + late(i));
    return { at: last, does: (buffer) => buffer.push(reply, make(i)) };
  });
}

const end = (at, reply = "1") => ({ at, does: (buffer) => buffer.end(reply) });
const firstOf = (heard) => heard.findIndex((sample) => sample !== 0);
const largestStep = (heard) => heard.reduce((most, sample, i) => Math.max(most, i === 0 ? 0 : Math.abs(sample - heard[i - 1])), 0);
const STEP = largestStep(tone(0)) * 1.2;

function assertWhole(heard, count) {
  const begun = Math.floor(firstOf(heard) - 1);
  const meant = tone(0, count * FRAME);
  let found = -1;
  for (let shift = begun - 2; shift <= begun + 2 && found < 0; shift++) {
    if (meant.every((sample, i) => i < 400 || Math.abs(heard[shift + i] - sample) < 1e-6)) found = shift;
  }
  assert.ok(found >= 0, "the sound is not whole");
}

test("a reply begins after 60 ms, and is whole", () => {
  const buffer = new PlayoutBuffer(RATE);
  const heard = play(buffer, 1300, [...frames(50), end(1000)]);
  assert.ok(Math.abs(firstOf(heard) / MS - 60) < 4);
  assertWhole(heard, 50);
  assert.equal(buffer.underruns, 0);
  assert.deepEqual(buffer.takeEvents(), [{ kind: "started", reply: "1" }, { kind: "finished", reply: "1", ms: 1000 }]);
});

test("a reply whose beginning comes at once begins at once, and is whole although frames come 50 ms late", () => {
  const buffer = new PlayoutBuffer(RATE, { deviceMs: 12 });
  const heard = play(buffer, 21000, [...frames(1000, { from: -80, late: (i) => (i % 20 === 7 ? 50 : 0) }), end(20000)]);
  assert.ok(firstOf(heard) / MS < 4);
  assertWhole(heard, 1000);
  assert.equal(buffer.underruns, 0);
});

test("a short reply that has ended does not wait for more sound", () => {
  const heard = play(new PlayoutBuffer(RATE), 200, [...frames(1), end(2)]);
  assert.ok(firstOf(heard) / MS < 10);
});

test("every twentieth frame 50 ms late leaves no gap", () => {
  const buffer = new PlayoutBuffer(RATE);
  const heard = play(buffer, 21000, [...frames(1000, { late: (i) => (i % 20 === 7 ? 50 : 0) }), end(20000)]);
  assertWhole(heard, 1000);
  assert.equal(buffer.underruns, 0);
  assert.ok(buffer.targetMs >= 70);
});

test("after an underrun the delay is larger, so that the next late frame leaves no gap", () => {
  const buffer = new PlayoutBuffer(RATE);
  play(buffer, 7000, [...frames(300, { late: (i) => (i % 100 === 50 ? 140 : 0) })]);
  assert.equal(buffer.underruns, 2, "the second underrun is the end of the frames");
  assert.ok(buffer.targetMs >= 140 && buffer.targetMs <= 200, `${buffer.targetMs} ms`);
});

test("after a reply that ends in silence nothing is heard any more", () => {
  const make = (i) => (i < 9 ? tone(i * FRAME) : Float32Array.from([...tone(i * FRAME, FRAME - 5 * MS), ...new Float32Array(5 * MS)]));
  const buffer = new PlayoutBuffer(RATE);
  const heard = play(buffer, 400, [...frames(10, { make }), end(200)]);
  const last = heard.findLastIndex((sample) => sample !== 0);
  assert.ok(Math.abs((last - firstOf(heard)) / MS - 195) < 1);
});

test("an underrun does not click", () => {
  const heard = play(new PlayoutBuffer(RATE), 3000, frames(100, { late: (i) => (i >= 50 ? 200 : 0) }));
  assert.ok(largestStep(heard) < STEP);
});

test("a pause of the server is not taken for late frames", () => {
  const buffer = new PlayoutBuffer(RATE);
  const second = frames(50, { from: 1700, make: (i) => tone((50 + i) * FRAME) });
  play(buffer, 4000, [...frames(50), ...second, end(2700)]);
  assert.equal(buffer.targetMs, 60);
  assert.deepEqual(buffer.takeEvents().map(({ kind }) => kind), ["started", "underrun", "resumed", "finished"]);
});

test("if the first frame after a pause of the server is late, the delay grows by its lateness alone", () => {
  const buffer = new PlayoutBuffer(RATE);
  const second = frames(50, { from: 1700, late: (i) => (i === 0 ? 50 : 0), make: (i) => tone((50 + i) * FRAME) });
  play(buffer, 4000, [...frames(50), ...second, end(2700)]);
  assert.ok(buffer.targetMs <= 100, `${buffer.targetMs} ms`);
});

test("the delay shrinks again, slowly", () => {
  const buffer = new PlayoutBuffer(RATE);
  const quiet = (i) => (i % 10 === 0 ? new Float32Array(FRAME) : tone(i * FRAME));
  const arrivals = frames(3500, { late: (i) => (i === 100 ? 150 : 0), make: quiet });
  const before = play(buffer, 3000, arrivals.filter(({ at }) => at < 3000));
  assert.ok(before.length > 0);
  const grown = buffer.targetMs;
  assert.ok(grown >= 150);
  play(buffer, 67000, arrivals.filter(({ at }) => at >= 3000).map((each) => ({ ...each, at: each.at - 3000 })));
  assert.ok(buffer.targetMs <= 100 && buffer.targetMs >= 60, `${grown} ms, then ${buffer.targetMs} ms`);
  assert.ok(buffer.heldMs < grown, `${buffer.heldMs} ms are held`);
});

test("the delay does not shrink so far that there would be a gap", () => {
  const buffer = new PlayoutBuffer(RATE);
  const arrivals = [...frames(3000, { late: (i) => (i % 150 === 100 ? 110 : 0) }), end(60000)];
  play(buffer, 60300, arrivals);
  assert.ok(buffer.underruns <= 1, `${buffer.underruns} underruns`);
});

test("the delay grows where it is quiet, before there is a gap", () => {
  const buffer = new PlayoutBuffer(RATE);
  const quiet = (i) => (i % 10 < 3 ? new Float32Array(FRAME) : tone(i * FRAME));
  play(buffer, 6100, frames(300, { late: (i) => (i > 20 && i % 20 === 7 ? 55 : 0), make: quiet }));
  assert.ok(buffer.targetMs >= 70);
  assert.equal(buffer.underruns, 1, "the only underrun is the end of the frames");
});

test("a dropped reply fades out and is not heard any more, and the next reply is whole", () => {
  const buffer = new PlayoutBuffer(RATE);
  const arrivals = [
    ...frames(40),
    { at: 500, does: (each) => each.drop("1") },
    ...frames(40, { from: 1000, reply: "2" }),
    end(1800, "2"),
  ];
  const heard = play(buffer, 2200, arrivals);
  assert.ok(largestStep(heard) < STEP);
  assert.ok(heard.subarray(515 * MS, 1050 * MS).every((sample) => sample === 0));
  assertWhole(heard.subarray(600 * MS), 40);
  const [, first, , second] = buffer.takeEvents();
  assert.equal(first.reply, "1");
  assert.ok(Math.abs(first.ms - 450) < 20);
  assert.deepEqual(second, { kind: "finished", reply: "2", ms: 800 });
});

test("a reply that follows at once is played without a gap", () => {
  const buffer = new PlayoutBuffer(RATE);
  const second = frames(25, { from: 500, reply: "2", make: (i) => tone((25 + i) * FRAME) });
  const heard = play(buffer, 1300, [...frames(25), end(500), ...second, end(1000, "2")]);
  assertWhole(heard, 50);
});

test("a flood is bounded", () => {
  const buffer = new PlayoutBuffer(RATE);
  for (let i = 0; i < 5000; i++) buffer.push("1", tone(i * FRAME));
  assert.ok(buffer.heldMs <= 5100);
});
