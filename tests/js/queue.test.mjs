import assert from "node:assert/strict";
import { test } from "node:test";

import { Queue } from "../../toy/viewer/web/queue.js";

function made(options = {}) {
  const sent = [];
  const clock = { now: 0 };
  const queue = new Queue((request) => sent.push(request), { timeout: 10000, now: () => clock.now, ...options });
  return { queue, sent, clock };
}

test("one in flight, the latest of those that wait wins", () => {
  const { queue, sent } = made();
  for (const w of [1, 2, 3, 4]) queue.push({ w });
  assert.deepEqual(sent, [{ seq: 1, w: 1 }]);
  assert.ok(queue.answered(1));
  assert.deepEqual(sent.at(-1), { seq: 2, w: 4 });
  queue.answered(2);
  assert.equal(sent.length, 2);
  assert.ok(!queue.busy);
});

test("an older answer, or one to nobody, frees nothing", () => {
  const { queue, sent } = made();
  queue.push({ w: 1 });
  queue.answered(1);
  queue.push({ w: 2 });
  queue.push({ w: 3 });
  assert.ok(!queue.answered(0));
  assert.ok(!queue.answered(1));
  assert.equal(sent.length, 2);
  assert.ok(queue.answered(2));
  assert.equal(sent.at(-1).w, 3);
  queue.answered(3);
  assert.ok(!queue.answered(3));
});

test("a lost answer frees the queue after its time", () => {
  const { queue, sent, clock } = made();
  queue.push({ w: 1 });
  queue.push({ w: 2 });
  clock.now = 9999;
  queue.tick();
  assert.equal(sent.length, 1);
  clock.now = 10000;
  queue.tick();
  assert.equal(sent.at(-1).w, 2);
});

test("what was lost is asked once more, unless something else was", () => {
  const { queue, sent, clock } = made();
  let w = 1;
  queue.push(() => ({ w }));
  queue.again();
  assert.equal(sent.length, 1);
  clock.now = 10000;
  assert.ok(queue.tick());
  w = 2;
  queue.again();
  assert.deepEqual([sent.length, sent.at(-1).w], [2, 2]);
  queue.again();
  queue.push({ w: 3 });
  clock.now = 20000;
  assert.ok(queue.tick());
  queue.again();
  assert.deepEqual([sent.length, sent.at(-1).w], [3, 3]);
});

test("numbers go on from where an earlier page stopped", () => {
  const { queue, sent } = made({ seq: 57 });
  queue.push({});
  assert.equal(sent[0].seq, 58);
});

test("a request is made when it is sent, and may change its mind", () => {
  const { queue, sent } = made();
  let w = 1;
  queue.push(() => ({ w }));
  queue.push(() => ({ w }));
  w = 7;
  queue.answered(1);
  assert.equal(sent.at(-1).w, 7);
  queue.push(() => null);
  queue.answered(2);
  assert.equal(sent.length, 2);
  assert.ok(!queue.busy);
});
