import assert from "node:assert/strict";
import { test } from "node:test";

import { hello, parseMessage } from "./page/talk/messages.js";
import { floatsOf, loudness, pcmOf } from "./page/talk/sound/samples.js";
import { closeWarning, errorWarning, lostWarning, microphoneWarning } from "./page/talk/warnings.js";

const parse = (message) => parseMessage(JSON.stringify(message));

test("text that is no message is ignored", () => {
  for (const text of ["", "[]", "null", "3", "{", '{"type": "unknown"}', '{"type": "constructor"}', '{"type": 3}', '{"type": "ready"}']) {
    assert.equal(parseMessage(text), null);
  }
  assert.equal(parse({ type: "llm_token", token: 3, reply: "1" }), null);
  assert.equal(parse({ type: "state", state: "dancing" }), null);
});

test("strange values are replaced", () => {
  assert.deepEqual(parse({ type: "ready", session: "a", down: 5 }), { type: "ready", session: "a", down: 24000, call: null });
  assert.equal(parse({ type: "ready", session: "a", down: 24000, call: "c" }).call, "c");
  assert.equal(parse({ type: "ready", session: "a", down: 24000, call: 3 }).call, null);
  assert.equal(parse({ type: "state", state: "loading", progress: 40 }).progress, 0.4);
  assert.equal(parse({ type: "state", state: "loading", progress: 1 }).progress, 1);
  assert.equal(parse({ type: "state", state: "loading", progress: -1 }).progress, null);
  assert.equal(parse({ type: "audio_end", reply: "1", reason: "bored" }).reason, "done");
  assert.equal(parse({ type: "audio_end", reply: "1", reason: "interrupted", heard: "One," }).heard, "One,");
  assert.equal(parse({ type: "audio_end", reply: "1", heard: 5 }).heard, null);
});

test("a question without an id or a text is ignored", () => {
  const question = { type: "question", question: "q1", text: "delete_note {}" };
  assert.deepEqual(parse({ ...question, colour: "red" }), question);
  assert.equal(parse({ ...question, text: 3 }), null);
  assert.equal(parse({ type: "question_over" }), null);
});

test("the first message says what the page can do", () => {
  assert.deepEqual(hello({ name: "Ada", microphone: "open", session: null, down: 24000 }), {
    type: "hello", name: "Ada", microphone: "open", questions: true, audio: { up: 16000, down: 24000 },
  });
  assert.deepEqual(hello({ name: "Ada", microphone: "open", session: "s", down: null }), {
    type: "hello", name: "Ada", microphone: "open", questions: true, session: "s",
  });
});

test("samples survive the way to the server and back, and broken ones do no harm", () => {
  const samples = Float32Array.from([0, 0.5, -0.5, 2, -2, NaN, Infinity]);
  assert.deepEqual([...floatsOf(pcmOf(samples))], [0, 0.5, -0.5, 32767 / 32768, -1, 0, 32767 / 32768]);
  assert.equal(floatsOf(new ArrayBuffer(3)), null);
  assert.equal(loudness(NaN), 0);
  assert.equal(loudness(1), 1);
});

test("every warning has a title and a text, and a call that ends as it should has no warning", () => {
  const warnings = [
    ...[0, 1001, 1008, 1009, 1013, 4001, 4002, 4003].map((code) => closeWarning(code, null)),
    ...["NotFoundError", "NotAllowedError", "NotReadableError", "SomethingElse"].map((name) => microphoneWarning({ name })),
    lostWarning(5000, true), lostWarning(300, false),
  ];
  for (const { title, text } of warnings) {
    assert.ok(title.length > 5 && text.length > 15, title);
    assert.doesNotMatch(title + text, /undefined|NaN|null/);
  }
  assert.equal(closeWarning(1000, null), null);
});

test("the server's own words are shown", () => {
  assert.equal(closeWarning(1008, { code: "bad_origin", message: "Not from there." }).text, "Not from there.");
  assert.equal(closeWarning(1008, { code: "bad_token", message: "The token is missing." }).login, true);
  assert.equal(errorWarning({ code: "call_failed", message: "❌ The model server is gone." }).text, "The model server is gone.");
  const busy = { code: "busy", message: "❌ Somebody is talking with me in another tab." };
  assert.equal(closeWarning(4002, busy).text, "Somebody is talking with me in another tab.");
  const full = { code: "call_elsewhere", message: "❌ I'm in 2 calls already." };
  assert.equal(closeWarning(4002, full).text, "I'm in 2 calls already.");
  assert.equal(closeWarning(4002, full).action.label, "Try again");
});
