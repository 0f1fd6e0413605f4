import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, parted, people, place } from "./page/conversations/wording.js";

test("a text is parted at the words that were searched for, in upper or lower case", () => {
  assert.deepEqual(parted("In Asia, asian", ["ASIA"]), [
    { text: "In ", found: false },
    { text: "Asia", found: true },
    { text: ", ", found: false },
    { text: "asia", found: true },
    { text: "n", found: false },
  ]);
  assert.deepEqual(parted("a+b [c] d-e", ["[c]", "d-e", "a+b"]).filter((part) => part.found).length, 3);
  assert.deepEqual(parted("anything", [""]), [{ text: "anything", found: false }]);
});

test("lengths, places and people are told in words", () => {
  assert.equal(duration(0, null), "still on");
  assert.equal(duration(0, 20), "less than a minute");
  assert.equal(duration(0, 60), "1 minute");
  assert.equal(duration(0, 7500), "2 h 5 min");
  assert.equal(place({ transport: "discord", place: "Lounge" }), "Call on Discord, Lounge");
  assert.equal(people({ people: ["Ada", "Ben", "Cleo"] }), "Ada, Ben, and Cleo");
  assert.equal(people({ people: [] }), "Nobody");
});
