// What a panel says it shows while it is not what the controls ask for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pendingWords, shownOf } from "../../toy/viewer/web/asked.js";

const W = { name: "w", label: "w", step: 0.05, value: 4 };
const shown = { title: "CFG", caption: "CFG, w 4", knobs: { w: 4, lo: 0.05, hi: 0.3 }, schedule: { name: "interval", lo: 0.05, hi: 0.3 } };
const panel = { title: "CFG", knobs: [W], shown, pending: "" };
const words = (values, more = {}, interval = [0.05, 0.3], given = panel) => pendingWords(given, values, interval, more);

test("nothing is said where the picture is what the controls ask for", () => {
  assert.equal(words({ w: 4 }), "");
  assert.equal(words({ w: 4 * (1 + 4e-6) }), "", "the server keeps six digits");
  assert.equal(words({ w: 4 }, { late: true }), "", "another panel is late");
  assert.equal(words({ w: 4 }, { lost: true }), "");
  assert.equal(words({}, {}, null), "");
});

test("a knob that was moved is said by the value that made the picture", () => {
  assert.equal(words({ w: 1.7 }), "showing w 4.00 …");
  assert.equal(words({ w: 4.0005 }), "showing w 4.00 …");
  assert.equal(words({ w: 4 }, {}, [0.1, 0.3]), "showing σ 0.0500 to 0.300 …");
  assert.equal(words({ w: 1.7 }, { lost: true }), "showing w 4.00 … the server does not answer");
});

test("zero is a value like any other", () => {
  const none = { ...panel, shown: { ...shown, knobs: { w: 0 } } };
  assert.equal(words({ w: 0 }, {}, null, none), "");
  assert.equal(words({ w: 0.05 }, {}, null, none), "showing w 0.00 …");
});

test("what the server has not got yet is said by the scene that is shown, and why", () => {
  const late = { ...panel, title: "Autoguidance", pending: "compiling" };
  assert.equal(words({ w: 3 }, { late: true }, null, late), "showing CFG, w 4 … compiling");
  assert.equal(words({ w: 4 }, {}, null, { ...panel, waiting: "no such density", pending: "no such density", shown: null }), "");
});

test("something changed beside the viewer makes the picture pending before anybody knows what", () => {
  assert.equal(words({ w: 4 }, { outside: true }), "showing CFG, w 4 …");
  assert.equal(words({ w: 4 }, { outside: true }, null, { ...panel, shown: null }), "computing …");
});

test("a pack that does not say what it shows shows what it asks for", () => {
  const { shown: _, ...old } = panel;
  assert.deepEqual(shownOf(old).knobs, { w: 4 });
  assert.equal(words({ w: 4 }, {}, null, old), "");
  assert.equal(words({ w: 2 }, {}, null, old), "showing w 4.00 …");
  assert.equal(shownOf({ ...old, waiting: "training" }), null);
});
