// Predictions, and what they are held against.

import assert from "node:assert/strict";
import { test } from "node:test";

import { phrase } from "../../toy/viewer/web/language.js";
import { Reading } from "../../toy/viewer/web/progress.js";
import { isTurned, nearestSegment, scoreOf, tally, valueOf, inRegions } from "../../toy/viewer/web/score.js";
import PHRASES from "../../toy/viewer/web/phrases.json" with { type: "json" };

const SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2]];
const POINTS = Float32Array.of(1, 1, 1.5, 1.5, 3, 3, -1, 1);

test("a point is in a region, however its corners go round", () => {
  for (const region of [SQUARE, [...SQUARE].reverse()]) {
    assert.ok(inRegions([region], 1, 1));
    assert.ok(!inRegions([region], 3, 1));
  }
  assert.ok(!inRegions([], 1, 1));
  assert.ok(!inRegions([[[0, 0]]], 0, 0), "a dot holds nothing");
});

test("overlapping regions count once", () => {
  assert.deepEqual(tally(POINTS, () => true, [SQUARE, SQUARE]), { caught: 0.5, right: 1 });
});

test("a tally says what was caught, and how much of the region was right", () => {
  assert.deepEqual(tally(POINTS, (p) => p === 0 || p === 2, [SQUARE]), { caught: 0.5, right: 0.5 });
  assert.deepEqual(tally(POINTS, () => false, [SQUARE]), { caught: null, right: 0 });
  assert.deepEqual(tally(POINTS, () => true, [[[8, 8], [9, 8], [9, 9]]]), { caught: 0, right: null });
});

test("the nearest segment is found among the target's own", () => {
  const segments = Float32Array.of(0, 0, 1, 0, 5, 5, 6, 5, 0, 3, 1, 3);
  assert.equal(nearestSegment(segments, 0, 3, 0.5, 2.9), 2);
  assert.equal(nearestSegment(segments, 1, 2, 0.5, 0.1), 1, "counted from the first of its own");
});

const view = (more = {}) => ({
  frames: {
    slots: { left: { x: Float32Array.of(9, 9, 9, 9, 9, 9, 9, 9, ...POINTS), n: 4, steps: 1 } },
    outside: { left: { data: Uint8Array.of(0, 0, 0, 0, 1, 0, 1, 0) } },
    gain: { left: Float32Array.of(-3, 1) },
  },
  truth: { x0: Float32Array.of(1, 0, 1, 5) },
  scenery: { segments: Float32Array.of(0, 0, 2, 0, 0, 5, 2, 5) },
  header: { target: { own: [0, 2], drawing: false } },
  time: { sigma: 0.5, playing: false, forward: false },
  ui: { layers: ["ratio"] },
  values: { left: { w: 4 }, right: {} },
  intervals: { left: null, right: [0.05, 0.3] },
  ...more,
});

test("what is drawn is held against the last points, the outside ones, or the branches that were emptied", () => {
  const at = (of) => scoreOf(view(), { slot: "left", of }, [SQUARE]);
  assert.deepEqual(at("dots"), { caught: 0.5, right: 1 });
  assert.deepEqual(at("outside"), { caught: 0.5, right: 0.5 });
  assert.deepEqual(scoreOf(view(), { slot: "left", of: "lost" }, [[[0, -1], [2, -1], [2, 1], [0, 1]]]), { caught: 1, right: 1 });
  assert.equal(scoreOf(view(), { slot: "right", of: "dots" }, [SQUARE]), null, "no picture there");
  assert.equal(scoreOf(view(), { slot: "left", of: "dots" }, []), null, "nothing drawn");
});

test("a control is turned when it stands where the step says", () => {
  const turned = (what, than, value, more) => isTurned(view(more), { what, than, value });
  assert.ok(turned("left.w", ">=", 4));
  assert.ok(!turned("left.w", ">=", 4.1));
  assert.ok(turned("left.w", "<=", 4));
  assert.ok(!turned("right.w", ">=", 0), "a knob that is not there is not turned");
  assert.ok(turned("right.hi", "<=", 0.3));
  assert.ok(turned("right.lo", "=", 0.05));
  assert.ok(turned("layers.ratio", "=", 1));
  assert.ok(turned("layers.tilt", "=", 0));
  assert.ok(!turned("play", "=", 1));
  assert.ok(turned("play", "=", 1, { time: { playing: true } }));
  assert.ok(turned("sigma", "<=", 0.5));
  assert.equal(valueOf(view(), "drawn"), 0);
});

const shelf = () => {
  const kept = new Map();
  return { kept, storage: () => ({ getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) }) };
};

test("how far a reader is, and what he said, is there again after a reload", () => {
  const { storage } = shelf();
  const first = new Reading(storage);
  first.reached("cfg", 3, 9);
  first.say("cfg", 2, { choice: 1 });
  const again = new Reading(storage);
  assert.deepEqual(again.of("cfg"), { at: 3, most: 3, done: false, said: { 2: { choice: 1 } } });
  again.reached("cfg", 1, 9);
  assert.equal(again.of("cfg").most, 3);
  again.reached("cfg", 9, 9);
  assert.ok(again.of("cfg").done);
  again.say("cfg", 2, null);
  assert.equal(again.said("cfg", 2), null);
  assert.equal(again.of("other").most, 0);
});

test("without storage, or with nonsense in it, a reader begins anew", () => {
  const refused = new Reading(() => {
    throw new Error("forbidden");
  });
  refused.say("cfg", 1, { number: 2 });
  assert.deepEqual(refused.said("cfg", 1), { number: 2 });
  for (const text of ["{", "null", "[]", '"x"', '{"cfg": {"said": 3}}', '{"cfg": null}']) {
    const odd = new Reading(() => ({ getItem: () => text, setItem: () => {} }));
    assert.equal(odd.said("cfg", 1), null);
  }
});

test("every language has every phrase, with the same numbers in it", () => {
  const holes = (text) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();
  for (const [name, text] of Object.entries(PHRASES.en)) {
    for (const language of ["zh", "ko"]) assert.deepEqual(holes(PHRASES[language][name]), holes(text), `${language} ${name}`);
  }
  for (const language of ["zh", "ko"]) assert.deepEqual(Object.keys(PHRASES[language]), Object.keys(PHRASES.en));
  assert.equal(phrase("{n} of {m}, {x}", { n: 1, m: 2 }), "1 of 2, {x}");
});
