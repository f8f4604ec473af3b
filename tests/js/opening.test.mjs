// Opening another link: what is asked meanwhile, and from which answer on the controls are those of its picture.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openLink, openingOf, takeOpened } from "../../toy/viewer/web/opening.js";

function viewer() {
  const asked = [];
  return {
    asked,
    opening: null,
    strokes: { on: false },
    slots: ["left", "right"],
    queue: { seq: 7 },
    values: { left: { w: 4 }, right: {} },
    intervals: { left: [0, 1], right: null },
    unpin() {},
    ask: (...what) => asked.push(what),
  };
}

test("a link is asked for as a whole picture, without what the controls say of the one before", () => {
  const v = viewer();
  openLink(v, "left.w=2");
  assert.deepEqual(v.asked, [["release", "left"]]);
  assert.deepEqual(openingOf(v), { open: "left.w=2", knobs: {}, interval: {} });
});

test("an answer to an earlier request is not the opened picture", () => {
  const v = viewer();
  openLink(v, "left.w=2");
  openingOf(v);
  assert.equal(takeOpened(v, { seq: 7 }), false);
  assert.equal(takeOpened(v, {}), false, "the page's own run");
  assert.equal(v.opening, "left.w=2");
  assert.equal(v.values.left.w, 4);
  assert.equal(takeOpened(v, { seq: 8 }), true);
  assert.equal(v.opening, null);
  assert.deepEqual([v.values, v.intervals], [{ left: {}, right: {} }, { left: null, right: null }]);
  assert.equal(takeOpened(v, { seq: 9 }), false, "once");
});

test("what is asked again meanwhile does not put off the answer", () => {
  const v = viewer();
  openLink(v, "left.w=2");
  openingOf(v);
  v.queue.seq = 8;
  openingOf(v);
  assert.equal(takeOpened(v, { seq: 8 }), true);
});

test("before it was asked for nothing is its answer, and a view that opens nothing has none", () => {
  const v = viewer();
  assert.equal(takeOpened(v, { seq: 99 }), false);
  openLink(v, "");
  assert.equal(takeOpened(v, { seq: 99 }), false);
  assert.equal(takeOpened({}, { seq: 1 }), false);
});
