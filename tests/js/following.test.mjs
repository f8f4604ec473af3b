// A page that follows another shows what that shows, until its visitor goes his own way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Following } from "../../toy/viewer/web/following.js";

// A server that says what `answers` holds next, and a clock that waits to be told.
function world(...answers) {
  const said = { asked: [], opened: [], states: [], waits: [] };
  const ask = async (name, seen) => {
    said.asked.push([name, seen]);
    const next = answers.shift() ?? 204;
    if (next instanceof Error) throw next;
    return typeof next === "number" ? { status: next, ok: next < 300 } : { status: 200, ok: true, json: async () => next };
  };
  const after = (act, ms) => said.waits.push([act, ms]);
  said.following = new Following("abc", { open: (link) => said.opened.push(link), changed: () => said.states.push(said.following.state), ask, after });
  said.settle = () => new Promise((done) => setImmediate(done));
  said.tick = async () => {
    await said.settle();
    const [act] = said.waits.pop();
    act();
    await said.settle();
  };
  return said;
}

test("each news is opened once", async () => {
  const said = world({ number: 4, link: "left.w=2" }, 204, { number: 5, link: "left.w=3" });
  await said.tick();
  await said.tick();
  assert.deepEqual(said.opened, ["left.w=2", "left.w=3"]);
  assert.deepEqual(said.asked, [["abc", 0], ["abc", 4], ["abc", 4]]);
  assert.deepEqual(said.states, [], "it follows all the time");
});

test("who goes his own way is not disturbed, and sees what is shown when he comes back", async () => {
  const said = world({ number: 1, link: "a=1" }, { number: 2, link: "a=2" });
  await said.settle();
  said.following.leave();
  await said.tick();
  assert.equal(said.asked.length, 1, "nothing is asked meanwhile");
  said.following.again();
  await said.settle();
  assert.deepEqual(said.opened, ["a=1", "a=2"]);
  assert.deepEqual(said.asked.at(-1), ["abc", 0], "what was seen before is shown too");
  assert.deepEqual(said.states, ["left", "on"]);
});

test("an answer that comes after one has left changes nothing", async () => {
  const said = world({ number: 1, link: "a=1" });
  said.following.leave();
  await said.settle();
  assert.deepEqual([said.opened, said.waits], [[], []]);
});

test("a lecture that is over is asked for no more", async () => {
  const said = world(404);
  await said.settle();
  assert.equal(said.following.state, "over");
  assert.deepEqual(said.waits, []);
});

test("a server that does not answer is asked again, more seldom", async () => {
  const said = world(new Error("gone"), 500, { number: 3, link: "a=3" });
  await said.settle();
  assert.equal(said.following.state, "lost");
  const pause = said.waits[0][1];
  await said.tick();
  assert.equal(said.following.state, "lost");
  await said.tick();
  assert.equal(said.following.state, "on");
  assert.ok(said.waits[0][1] < pause);
  assert.deepEqual(said.opened, ["a=3"]);
});

test("a view that is gone asks no more", async () => {
  const said = world();
  await said.settle();
  said.following.stop();
  await said.tick();
  assert.equal(said.asked.length, 1);
});
