// A busy server is asked again; who wants less motion sees steps.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Player } from "../../toy/viewer/web/player.js";
import { Queue, Retry } from "../../toy/viewer/web/queue.js";

function made() {
  const timers = new Map();
  const asked = [];
  let next = 1;
  const after = (act, ms) => {
    timers.set(next, { act, ms });
    return next++;
  };
  const retry = new Retry(() => asked.push(asked.length), { after, cancel: (id) => timers.delete(id) });
  const pass = () => {
    const [[id, { act, ms }]] = timers;
    timers.delete(id);
    act();
    return ms;
  };
  return { retry, timers, asked, pass };
}

test("after a busy answer the question is asked again, at once and then later and later, up to two seconds", () => {
  const { retry, timers, asked, pass } = made();
  const waits = [];
  for (let k = 0; k < 6; k++) {
    retry.saw(true);
    assert.equal(timers.size, 1);
    waits.push(pass());
  }
  assert.equal(asked.length, 6);
  assert.ok(waits[0] <= 100);
  for (let k = 1; k < waits.length; k++) assert.ok(waits[k] >= waits[k - 1]);
  assert.ok(waits.at(-1) <= 2000);
  assert.ok(waits.at(-1) >= 1000); // a training takes minutes
});

test("several busy answers are one question; an answer that is not busy ends it and starts anew", () => {
  const { retry, timers, asked, pass } = made();
  for (let k = 0; k < 3; k++) retry.saw(true);
  assert.equal(timers.size, 1);
  pass();
  retry.saw(true);
  retry.saw(false);
  assert.equal(timers.size, 0);
  assert.equal(asked.length, 1);
  retry.saw(true);
  assert.ok(pass() <= 100);
});

test("what is not busy is not asked again", () => {
  const { retry, timers } = made();
  retry.saw(false);
  assert.equal(timers.size, 0);
  retry.stop();
});

test("with the queue: busy, asked again, done", () => {
  const { retry, pass, timers } = made();
  const sent = [];
  const queue = new Queue((request) => sent.push(request));
  retry.ask = () => queue.push({ phase: "release", w: 3 });
  queue.push({ phase: "release", w: 3 });
  for (const busy of [true, true, false]) {
    queue.answered(sent.at(-1).seq);
    retry.saw(busy);
    if (busy) pass();
  }
  assert.deepEqual(sent.map(({ seq, w }) => [seq, w]), [[1, 3], [2, 3], [3, 3]]);
  assert.ok(!queue.busy);
  assert.equal(timers.size, 0);
});

function player(stepwise) {
  const seen = [];
  const made = new Player({
    moved: () => seen.push(made.t),
    phase: () => {},
    playing: () => {},
    settings: () => ({ speed: 1, loop: false }),
    seamless: () => true,
    stepwise: () => stepwise,
  });
  made.setSigmas([5, 2, 0.5, 0.1, 0.002, 0]);
  made.setTime(0);
  seen.length = 0;
  made.setPlaying(true);
  for (let now = 0; now < 9000 && made.playing; now += 16) made.advance(now);
  return { made, seen };
}

test("with reduced motion time jumps from step to step, and arrives", () => {
  const { made, seen } = player(true);
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  assert.ok(!made.playing);
});

test("else it runs between them", () => {
  const { made, seen } = player(false);
  assert.ok(seen.length > 200);
  assert.equal(made.t, 5);
});

test("where the server knows when there is something, it is asked then, and no later for that afterwards", () => {
  const { retry, asked, pass } = made();
  retry.saw(true, 1400);
  assert.equal(pass(), 1400);
  assert.equal(asked.length, 1);
  retry.saw(true);
  assert.ok(pass() <= 100);
});
