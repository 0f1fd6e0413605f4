import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "./page/talk/conversation.js";

const said = ({ lines }) => lines.map(({ who, text, interim, cut }) => `${who}: ${text}${interim ? " …" : ""}${cut ? " |" : ""}`);
const heard = (text, final = true, person = "web:Ada") => ({ text, final, person });

test("interim words are replaced by later ones and by the final ones", () => {
  const conversation = new Conversation();
  conversation.transcription(heard("What", false), 0);
  conversation.transcription(heard("What time", false), 100);
  assert.deepEqual(said(conversation), ["Ada: What time …"]);
  conversation.transcription(heard("What time is it?"), 200);
  assert.deepEqual(said(conversation), ["Ada: What time is it?"]);
  conversation.transcription(heard("Hm", false), 300);
  assert.equal(conversation.lines.length, 2);
});

test("interim words that are taken back or forgotten go away", () => {
  const conversation = new Conversation();
  conversation.transcription(heard("uh", false), 0);
  conversation.transcription(heard("", false), 100);
  assert.deepEqual(said(conversation), []);
  conversation.transcription(heard("uh", false), 200);
  conversation.advance(20000);
  assert.deepEqual(said(conversation), []);
});

test("the words of a reply come one by one, at the pace of speech", () => {
  const conversation = new Conversation();
  conversation.token({ token: "It is four o'clock. ", reply: "1" }, 1000);
  assert.equal(conversation.reply, "It ");
  conversation.advance(1250);
  assert.equal(conversation.reply, "It is ");
  conversation.advance(3000);
  conversation.token({ token: "Time for tea.", reply: "1" }, 3000);
  assert.equal(conversation.reply, "It is four o'clock. Time ");
  conversation.end("done", { reply: "1" });
  assert.deepEqual(said(conversation), ["Seiyuu: It is four o'clock. Time for tea."]);
});

test("a server that sends word by word is followed as it sends", () => {
  const conversation = new Conversation();
  for (const [i, token] of ["Hel", "lo", " there", "."].entries()) conversation.token({ token, reply: "1" }, 10 * i);
  assert.equal(conversation.reply, "Hello there.");
});

test("segments are parted by a space, but not by two, and not in languages without spaces", () => {
  for (const [first, second, meant] of [
    ["It is four.", "Tea?", "It is four. Tea?"],
    ["It is four. ", "Tea?", "It is four. Tea?"],
    ["It is four", ", and time for tea.", "It is four, and time for tea."],
    ["四時です。", "お茶の時間です。", "四時です。お茶の時間です。"],
  ]) {
    const conversation = new Conversation();
    conversation.token({ token: first, reply: "1" }, 0);
    conversation.segment("1");
    conversation.token({ token: second, reply: "1" }, 1000);
    conversation.segment("1");
    conversation.end("done", { reply: "1" });
    assert.equal(conversation.reply, meant);
  }
});

test("while the sound stands still, so do the words", () => {
  const conversation = new Conversation();
  conversation.token({ token: "One, two, three.", reply: "1" }, 0);
  conversation.hold(true, 100);
  assert.equal(conversation.next, null);
  conversation.advance(10000);
  assert.equal(conversation.reply, "One, ");
  conversation.hold(false, 10000);
  conversation.advance(10300);
  assert.equal(conversation.reply, "One, two, ");
});

test("a slow voice's words come slower", () => {
  const conversation = new Conversation();
  conversation.token({ token: "This is a slow voice. ", reply: "1" }, 0);
  conversation.token({ token: "It takes its time.", reply: "1" }, 2750);
  conversation.advance(2750 + 700);
  assert.equal(conversation.reply, "This is a slow voice. It takes ");
});

test("an interrupted reply keeps only the words that were heard, and its later words are ignored", () => {
  const conversation = new Conversation();
  conversation.token({ token: "One, two, three, four.", reply: "1" }, 0);
  conversation.advance(400);
  conversation.end("interrupted", { reply: "1" });
  conversation.token({ token: " Five.", reply: "1" }, 500);
  conversation.end("interrupted", { reply: "1" });
  assert.deepEqual(said(conversation), ["Seiyuu: One, two, |"]);
  assert.equal(conversation.reply.trim(), "One, two,");
});

test("the words that the server knows to have been heard replace the shown ones, also after the page itself has ended the reply", () => {
  for (const endsByItself of [false, true]) {
    for (const [heard, meant] of [
      ["One, two,", "Seiyuu: One, two, |"],
      ["One, two, three, four.", "Seiyuu: One, two, three, four. |"],
    ]) {
      const conversation = new Conversation();
      conversation.token({ token: "One, two, three, four. ", reply: "1" }, 0);
      conversation.advance(1000);
      assert.equal(conversation.reply.trim(), "One, two, three,");
      if (endsByItself) conversation.end("interrupted");
      conversation.transcription({ text: "Stop", final: true, person: "web:Ada" }, 1100);
      conversation.end("interrupted", { reply: "1", heard });
      assert.deepEqual(said(conversation), [meant, "Ada: Stop"]);
      assert.equal(conversation.reply, heard);
      conversation.advance(5000);
      assert.equal(conversation.reply, heard);
    }
  }
});

test("a reply that was shown too early and not heard at all leaves no line", () => {
  const conversation = new Conversation();
  conversation.token({ token: "One, two.", reply: "1" }, 0);
  conversation.end("interrupted");
  conversation.end("interrupted", { reply: "1", heard: "" });
  assert.deepEqual(said(conversation), []);
});

test("an interruption that came too late takes no word away", () => {
  const conversation = new Conversation();
  conversation.token({ token: "One, two, three.", reply: "1" }, 0);
  conversation.end("interrupted");
  conversation.end("done", { reply: "1", heard: "One, two, three." });
  assert.deepEqual(said(conversation), ["Seiyuu: One, two, three."]);
});

test("a reply of which nothing was heard leaves no line", () => {
  const conversation = new Conversation();
  conversation.segment("1");
  conversation.end("failed", { reply: "1" });
  assert.deepEqual(said(conversation), []);
});

test("lines stand in the order in which they began", () => {
  const conversation = new Conversation();
  conversation.typed("Hello", "Ada");
  conversation.token({ token: "Hello Ada.", reply: "1" }, 0);
  conversation.transcription(heard("mhm"), 300);
  conversation.end("done", { reply: "1" });
  conversation.notice("**I** am `listening`.");
  assert.deepEqual(said(conversation), ["Ada: Hello", "Seiyuu: Hello Ada.", "Ada: mhm", ": I am listening."]);
});

test("the conversation is bounded", () => {
  const conversation = new Conversation();
  for (let i = 0; i < 2000; i++) conversation.typed(`${i}`, "Ada");
  assert.equal(conversation.lines.length, 500);
});

const turn = (who, text, more = {}) => ({ who, bot: who === "Seiyuu", text, interrupted: false, ...more });

test("what was said before the page was loaded comes first, and nothing twice", () => {
  const conversation = new Conversation();
  conversation.typed("Yes.", "Ada");
  conversation.recall([turn("Ada", "Yes."), turn("Seiyuu", "It is fo", { interrupted: true }), turn("Ada", "Yes.")]);
  assert.deepEqual(said(conversation), ["Ada: Yes.", "Seiyuu: It is fo |", "Ada: Yes."]);
  assert.deepEqual(conversation.lines.map(({ earlier }) => earlier), [true, true, false]);
  assert.equal(new Set(conversation.lines.map(({ id }) => id)).size, 3);
});

test("a reply that goes on is shown after what was said before the page was loaded", () => {
  const conversation = new Conversation();
  conversation.token({ token: "Time for tea.", reply: "2" }, 0);
  conversation.recall([turn("Ada", "What time is it?"), turn("Seiyuu", "Four.")]);
  conversation.end("done", { reply: "2" });
  assert.deepEqual(said(conversation), ["Ada: What time is it?", "Seiyuu: Four.", "Seiyuu: Time for tea."]);
});

test("a reply that went on while the page was reloaded shows its words from then on, and all that was heard when it is over", () => {
  const conversation = new Conversation();
  conversation.segment("1", "Two, three.", 0);
  conversation.advance(5000);
  assert.deepEqual(said(conversation), ["Seiyuu: Two, three. …"]);
  conversation.token({ token: "Four.", reply: "1" }, 5000);
  conversation.segment("1", "Four.", 5000);
  conversation.advance(9000);
  assert.deepEqual(said(conversation), ["Seiyuu: Two, three. Four. …"]);
  conversation.end("done", { reply: "1", heard: "One. Two, three. Four." });
  assert.deepEqual(said(conversation), ["Seiyuu: One. Two, three. Four."]);
});

test("what was said while the page was not in the call stands after the lines from before and in front of those since", () => {
  const conversation = new Conversation();
  conversation.transcription(heard("Yes."), 0);
  conversation.token({ token: "Good.", reply: "1" }, 0);
  conversation.end("done", { reply: "1" });
  conversation.notice("Another tab has the call.");
  conversation.close();
  conversation.enter();
  conversation.typed("I am back.", "Ada");
  const turns = [turn("Ada", "Yes."), turn("Seiyuu", "Good."), turn("Ada", "Yes."), turn("Seiyuu", "Fine."), turn("Ada", "I am back.")];
  conversation.recall(turns);
  const all = ["Ada: Yes.", "Seiyuu: Good.", ": Another tab has the call.", "Ada: Yes.", "Seiyuu: Fine.", "Ada: I am back."];
  assert.deepEqual(said(conversation), all);
  conversation.close();
  conversation.enter();
  conversation.recall([...turns, turn("Seiyuu", "Welcome.")]);
  assert.deepEqual(said(conversation), [...all, "Seiyuu: Welcome."]);
});

test("a typed line that was answered while the page was not in the call stands in front of its answer, once", () => {
  const conversation = new Conversation();
  conversation.typed("Hello", "Ada");
  for (const text of ["One", "Two", "Three"]) conversation.waiting.add(conversation.typed(text, "Ada"));
  conversation.close();
  assert.equal(conversation.waiting.size, 0);
  conversation.enter();
  conversation.recall([turn("Ada", "Hello"), turn("Ada", "One"), turn("Seiyuu", "First."), turn("Ada", "Two"), turn("Seiyuu", "Second.")]);
  assert.deepEqual(said(conversation), ["Ada: Hello", "Ada: Three", "Ada: One", "Seiyuu: First.", "Ada: Two", "Seiyuu: Second."]);
});

test("the lines of a page have other ids than those of the page before its reload", () => {
  const before = new Conversation().typed("Hello", "Ada");
  assert.ok(before >= Date.now() - 60_000);
});
