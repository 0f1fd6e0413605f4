import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed, KEPT } from "./page/now/feed.js";
import { duration, scale, steps } from "./page/now/stages.js";
import { outcome } from "./page/now/waterfall.js";

const SPOKEN = {
  begun: 310, microphone: 120, end_of_turn: 290, words: 300, first_token: 450, first_clause: 520, first_sound: 600, first_packet: 605, last_packet: 3200,
};

function turns(first, last) {
  return Array.from({ length: last - first + 1 }, (_, place) => ({ number: first + place }));
}

/** A server that has had `count` turns. */
function server(count) {
  const asked = [];
  const state = { count, asked };
  state.ask = async (path) => {
    asked.push(path);
    const after = Number(new URLSearchParams(path.split("?")[1]).get("after") ?? 0);
    const from = after > state.count ? 1 : after + 1;
    return { newest: state.count, turns: turns(Math.max(from, state.count - KEPT + 1), state.count) };
  };
  return state;
}

test("each step of a turn begins where the one before it ended", () => {
  const all = steps(SPOKEN, { spoken: true });
  assert.deepEqual(
    all.map(({ name, from, to }) => [name, from, to]),
    [
      ["microphone", 0, 120], ["words", 120, 300], ["end_of_turn", 0, 290], ["first_token", 310, 450],
      ["first_clause", 450, 520], ["first_sound", 520, 600], ["first_packet", 600, 605], ["last_packet", 605, 3200],
    ],
  );
  assert.ok(all.every(({ state }) => state === "done"));
});

test("a typed turn has no pause and no transcript", () => {
  const names = steps({ begun: 0.2 }, { spoken: false }).map(({ name }) => name);
  assert.deepEqual(names.slice(0, 2), ["begun", "first_token"]);
});

test("a step that goes on lasts until now, and later ones wait", () => {
  const all = steps({ begun: 10, microphone: 1, words: 5, end_of_turn: 8 }, { spoken: true, elapsed: 90 });
  const states = Object.fromEntries(all.map(({ name, state }) => [name, state]));
  assert.equal(states.first_token, "running");
  assert.equal(states.first_clause, "waiting");
  assert.equal(all.find(({ name }) => name === "first_token").to, 90);
});

test("a stage that came before the one it follows has a bar without length", () => {
  const [, words] = steps({ microphone: 120, words: 100 }, { spoken: true });
  assert.deepEqual([words.from, words.to], [100, 100]);
});

test("the scale of the bars is that of the wait for an answer, also if the answer is long", () => {
  assert.equal(scale(SPOKEN), 605 * 1.2);
  assert.ok(scale({ begun: 0 }, 4000) >= 4000);
  assert.ok(scale({}, 0) > 0);
});

test("durations are short", () => {
  assert.deepEqual([duration(604.6), duration(2600), duration(12_345), duration(null), duration(undefined)], ["605 ms", "2.60 s", "12.3 s", "–", "–"]);
});

test("200 turns are kept and no more, and each is asked for once", async () => {
  const at = server(198);
  const feed = new Feed(at.ask);
  assert.equal((await feed.next()).fresh.length, 198);
  at.count = 205;
  const { fresh } = await feed.next();
  assert.deepEqual([fresh.length, fresh[0].number], [7, 205]);
  assert.deepEqual([feed.turns.length, feed.turns[0].number, feed.turns.at(-1).number], [KEPT, 205, 6]);
  assert.equal((await feed.next()).fresh.length, 0);
  assert.deepEqual(at.asked, ["api/now", "api/now?after=198", "api/now?after=205"]);
});

test("after a restart of the bot, the turns before it are gone", async () => {
  const at = server(9);
  const feed = new Feed(at.ask);
  await feed.next();
  at.count = 2;
  await feed.next();
  assert.deepEqual(feed.turns, [{ number: 2 }, { number: 1 }]);
});

test("each way in which a turn ends is told in words", () => {
  for (const how of ["spoken", "written", "silent", "interrupted", "failed", "discarded", "refused"]) {
    assert.doesNotMatch(outcome({ outcome: how, spoken: true, transport: "browser" }), /discarded|refused|, (spoken|silent|failed)/);
  }
});
