// What the page around a component is heard to do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Page, isChange } from "../../toy/viewer/web/page.js";

const listeners = {};
globalThis.document = { addEventListener: (type, heard) => (listeners[type] = heard) };
globalThis.MutationObserver = class {
  constructor(told) {
    this.told = told;
  }
  observe(app) {
    app.tell = this.told;
  }
  disconnect() {}
};

function opened({ state = "notRunning", there = true } = {}) {
  const timers = [];
  const app = { dataset: { testScriptState: state, testConnectionState: "CONNECTED" } };
  const server = { there };
  const page = new Page(() => {}, { app, there: async () => server.there, after: (act) => timers.push(act) });
  const says = (script, connection = "CONNECTED") => {
    Object.assign(app.dataset, { testScriptState: script, testConnectionState: connection });
    app.tell();
  };
  const pass = async () => {
    for (const act of timers.splice(0)) act();
    await new Promise((done) => setImmediate(done));
  };
  return { page, says, pass, server };
}

test("a choice beside the viewer counts at once, until its run is over", () => {
  const { page, says } = opened();
  page.touched();
  assert.equal(page.outside, true);
  says("running");
  assert.equal(page.outside, true);
  says("notRunning");
  assert.equal(page.outside, false);
});

test("an answer ends it too", () => {
  const { page } = opened();
  page.touched();
  page.answered(false); // of a request that was made before
  assert.equal(page.outside, true);
  page.answered(true);
  assert.equal(page.outside, false);
});

test("a choice that changed nothing is forgotten, but not while the server is silent", async () => {
  const { page, pass, server } = opened({ there: false });
  page.touched();
  await pass();
  await pass();
  assert.equal(page.outside, true);
  server.there = true;
  await pass();
  assert.equal(page.outside, false);
});

test("a run that nobody here asked for counts when it takes its time", async () => {
  const { page, says, pass } = opened();
  says("running");
  assert.equal(page.outside, false);
  await pass();
  assert.equal(page.outside, true);
  says("notRunning");
  says("running");
  says("notRunning");
  await pass();
  assert.equal(page.outside, false, "this one was short");
});

test("the run that answers one's own message is no news, the next one is", async () => {
  const { page, says, pass } = opened();
  page.sent();
  says("running");
  await pass();
  assert.equal(page.outside, false);
  says("notRunning");
  says("running");
  await pass();
  assert.equal(page.outside, true);
});

test("the run that draws the page at first is no change", async () => {
  const { page, says, pass } = opened({ state: "running" });
  await pass();
  assert.equal(page.outside, false);
  says("notRunning");
  assert.equal(page.outside, false);
});

test("a server that is gone is heard at once, and when it is back", () => {
  const { page, says } = opened();
  says("notRunning", "PINGING_SERVER");
  assert.equal(page.lost, true);
  says("notRunning");
  assert.equal(page.lost, false);
});

test("what the server is at work on is late, until the connection was cut", () => {
  const { page, says } = opened();
  assert.equal(page.working, false);
  says("running");
  assert.equal(page.working, true);
  says("running", "CONNECTING");
  says("running"); // a server that was restarted runs nothing for this page
  assert.deepEqual([page.lost, page.cut, page.working], [false, true, false]);
  page.answered(false, true);
  assert.equal(page.cut, true, "what the browser's own engine answers says nothing of the server");
  page.answered(false);
  assert.deepEqual([page.cut, page.working], [false, true]);
});

test("what is typed or pressed beside the viewer is a change, what is looked at is none", () => {
  const on = (...matching) => ({ closest: (selector) => (matching.some((part) => selector.includes(part)) ? {} : null) });
  assert.equal(isChange({ type: "change", target: on("input") }), true);
  assert.equal(isChange({ type: "click", target: on("option") }), true);
  assert.equal(isChange({ type: "click", target: on() }), false);
  assert.equal(isChange({ type: "keydown", key: "Enter", target: on("combobox") }), true);
  assert.equal(isChange({ type: "keydown", key: "a", target: on("combobox") }), false);
  assert.equal(isChange({ type: "click", target: null }), false);
});

test("a page of its own has nothing around it", () => {
  const page = new Page(() => assert.fail(), { app: null });
  page.sent();
  assert.deepEqual([page.outside, page.lost, page.mine, page.cut, page.working], [false, false, false, false, false]);
  page.stop();
});
