import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Connection } from "./page/talk/connection.js";

/** A browser whose time passes only when a test lets it pass. */
class World {
  constructor() {
    this.time = 0;
    this.sockets = [];
    this.timers = new Map();
    this.nextTimer = 1;
  }

  open = (url) => {
    const socket = { url, sent: [], bufferedAmount: 0, readyState: 1, closed: false, send: (data) => socket.sent.push(data), close: () => (socket.closed = true) };
    this.sockets.push(socket);
    return socket;
  };
  now = () => this.time;
  later = (action, ms) => {
    this.timers.set(this.nextTimer, { action, at: this.time + ms });
    return this.nextTimer++;
  };
  never = (timer) => this.timers.delete(timer);
  random = () => 1;

  get socket() {
    return this.sockets.at(-1);
  }

  pass(ms) {
    const until = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.delete(due[0]);
      this.time = due[1].at;
      due[1].action();
    }
    this.time = until;
  }
}

let world;
let told;
let connection;

beforeEach(() => {
  world = new World();
  told = { messages: [], sounds: [], lost: [], ends: [] };
  connection = new Connection("ws://here/ws/chat", (session) => [{ type: "hello", session }], {
    onMessage: (message) => told.messages.push(message),
    onSound: (buffer) => told.sounds.push(buffer),
    onLost: (wait) => told.lost.push(wait),
    onEnd: (...end) => told.ends.push(end),
  }, world);
});

function getReady(session = "s1") {
  world.socket.onopen();
  world.socket.onmessage({ data: JSON.stringify({ type: "ready", session, down: 24000 }) });
}

test("the page greets, and is ready when the server is", () => {
  connection.start(null);
  assert.equal(connection.send({ type: "text", text: "too early" }), false);
  getReady();
  assert.deepEqual(world.socket.sent.map((text) => JSON.parse(text)), [{ type: "hello", session: null }]);
  assert.equal(connection.isReady, true);
  assert.equal(connection.send({ type: "text", text: "now" }), true);
});

test("a lost connection is tried again after longer and longer waits, until the server has forgotten its session", () => {
  connection.start(null);
  getReady();
  world.socket.onclose({ code: 1006, reason: "" });
  while (told.ends.length === 0) {
    const { length } = world.sockets;
    world.pass(10);
    if (world.sockets.length > length) world.socket.onclose({ code: 1006, reason: "" });
  }
  assert.deepEqual(told.lost.slice(0, 5), [300, 600, 1200, 2400, 4800]);
  assert.deepEqual(told.ends, [[0, null]]);
  assert.ok(world.time >= 30000 && world.time < 31000, `${world.time} ms`);
});

test("each new socket asks for the session of the lost one, and after success the waits begin anew", () => {
  connection.start(null);
  getReady();
  for (let i = 0; i < 3; i++) {
    world.socket.onclose({ code: 1006, reason: "" });
    world.pass(300);
    getReady();
    assert.equal(JSON.parse(world.socket.sent[0]).session, "s1");
  }
  assert.deepEqual(told.lost, [300, 300, 300]);
});

for (const code of [1000, 1001, 1008, 1009, 1013, 4001, 4002, 4003]) {
  test(`a connection does not come back after ${code}`, () => {
    connection.start(null);
    world.socket.onopen();
    world.socket.onmessage({ data: '{"type": "error", "code": "bad_token", "message": "No."}' });
    world.socket.onclose({ code, reason: "" });
    world.pass(60000);
    assert.equal(world.sockets.length, 1);
    assert.deepEqual(told.ends, [[code, { type: "error", code: "bad_token", message: "No." }]]);
  });
}

test("a server that never says a word is given up like one that is gone", () => {
  connection.start(null);
  world.socket.onopen();
  world.pass(10000);
  assert.deepEqual(told.lost, [300]);
  world.pass(100000);
  assert.deepEqual(told.ends, [[0, null]]);
});

test("a server that is loading is waited for", () => {
  connection.start(null);
  world.socket.onopen();
  world.socket.onmessage({ data: '{"type": "state", "state": "loading"}' });
  world.pass(100000);
  assert.deepEqual([told.lost, told.ends], [[], []]);
});

test("sound that the network does not take is left out, and then the network counts as gone", () => {
  connection.start(null);
  getReady();
  const first = world.socket;
  connection.sendSound(new ArrayBuffer(640));
  first.bufferedAmount = 40000;
  world.pass(1000);
  connection.sendSound(new ArrayBuffer(640));
  assert.equal(first.sent.length, 2);
  world.pass(4000);
  connection.sendSound(new ArrayBuffer(640));
  assert.equal(first.closed, true);
  assert.deepEqual(told.lost, [300]);
});

test("late messages of an old socket are ignored", () => {
  connection.start(null);
  getReady();
  const old = world.socket;
  connection.renew();
  assert.equal(old.onmessage, null);
  assert.equal(old.closed, true);
  getReady("s2");
  connection.stop();
  world.pass(100000);
  assert.deepEqual([world.sockets.length, told.ends], [2, []]);
});
