// What the page around a component is heard to do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Page } from "../../toy/ui/viewer/page.js";

globalThis.MutationObserver = class {
  constructor(told) {
    this.told = told;
  }
  observe(app) {
    app.tell = this.told;
  }
  disconnect() {}
};

function opened(state = "notRunning") {
  const app = { dataset: { testScriptState: state, testConnectionState: "CONNECTED" } };
  const page = new Page(() => (page.news = (page.news ?? 0) + 1), app);
  const says = (script, connection = "CONNECTED") => {
    Object.assign(app.dataset, { testScriptState: script, testConnectionState: connection });
    app.tell();
  };
  return { page, says };
}

test("a run that nobody here asked for is something changed beside the viewer", () => {
  const { page, says } = opened();
  says("rerunRequested");
  assert.equal(page.outside, true);
  says("running");
  assert.equal(page.outside, true);
  says("notRunning");
  assert.equal(page.outside, false);
  assert.equal(page.news, 2);
});

test("the run that answers one's own message is not", () => {
  const { page, says } = opened();
  page.sent();
  for (const state of ["rerunRequested", "running", "notRunning"]) {
    says(state);
    assert.equal(page.outside, false);
  }
  says("rerunRequested");
  assert.equal(page.outside, true, "but the next one is");
});

test("a change beside the viewer while it waits for its own answer is heard", () => {
  const { page, says } = opened();
  page.sent();
  says("rerunRequested");
  says("running");
  says("rerunRequested");
  assert.equal(page.outside, true);
  page.answered();
  assert.equal(page.outside, false);
});

test("the run that draws the page at first is no change", () => {
  const { page, says } = opened("running");
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

test("a page of its own has nothing around it", () => {
  const page = new Page(() => assert.fail(), null);
  page.sent();
  assert.deepEqual([page.outside, page.lost, page.mine], [false, false, false]);
  page.stop();
});
