// Answers that the browser makes itself: the picture that was asked for, under the titles that the server gave.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers, PREVIEW, arrowsOf, gainOf, gridOf, moved, tiltWords } from "../../toy/viewer/web/answers.js";
import { FakeEngine, MEASURED, baseOf, sceneOf } from "./fake_engine.mjs";

test("only knobs of the scene that are numbers move, within so many particles", () => {
  const scene = moved(sceneOf(4), { w: 2.123456789, other: 1, vector: 3 }, [0.2, 0.8], 512);
  assert.deepEqual(scene.knobs, { w: 2.12346, lo: 0.2, hi: 0.8, vector: [1, 2] });
  assert.equal(scene.n, 512);
  assert.deepEqual(moved({ ...sceneOf(4), schedule: "constant" }, {}, [0.2, 0.8]).knobs, sceneOf(4).knobs);
});

test("a whole picture has the header's own name where nothing was moved, another where something was", async () => {
  const answers = new Answers(new FakeEngine());
  const plain = await answers.answer(baseOf(), { phase: "release", seq: 5, knobs: {}, interval: {} });
  assert.equal(plain.header.id, "abc");
  assert.equal(plain.header.seq, 5);
  assert.equal(plain.header.quality, "full");
  assert.equal(plain.header.engine, null);
  assert.deepEqual(plain.arrays["left.positions"].shape, [3, 2048, 2]);
  assert.deepEqual(plain.arrays["truth.positions"].shape, [2048, 2]);
  const [left] = plain.header.panels;
  assert.equal(left.waiting, "");
  assert.deepEqual(left.measured, { values: { outliers: 0.1 }, errors: { outliers: 0.01 }, floor: { outliers: 0.01 }, called: "A" });
  const other = await answers.answer(baseOf(), { phase: "release", seq: 6, knobs: { left: { w: 5 } }, interval: {} });
  assert.notEqual(other.header.id, "abc");
  assert.equal(other.header.panels[0].knobs[0].value, 5);
  assert.equal(other.header.panels[0].shown.knobs.w, 5);
});

test("what was computed is not computed again, nor the beginning of it", async () => {
  const engine = new FakeEngine();
  const answers = new Answers(engine);
  const whole = await answers.answer(baseOf(), { phase: "release", knobs: {}, interval: {} });
  assert.equal(engine.runs.length, 2);
  assert.equal(engine.floors, 1);
  const dragged = await answers.answer(baseOf(), { phase: "drag", knobs: { left: { w: 5 } }, interval: {} });
  assert.deepEqual(engine.runs.map(({ n }) => n), [2048, 2048, PREVIEW]);
  assert.equal(dragged.header.quality, "preview");
  const { data } = dragged.arrays["right.positions"];
  assert.equal(data.length, 3 * PREVIEW * 2);
  assert.equal(data[2 * PREVIEW], whole.arrays["right.positions"].data[2 * 2048]);
  assert.ok(!("truth.positions" in dragged.arrays));
  assert.equal(engine.begun, undefined);
  await answers.answer(baseOf(), { phase: "release", knobs: { left: { w: 5 } }, interval: {} });
  assert.deepEqual(engine.runs.splice(3).map(({ n }) => n), [2048]); // of which the preview is the beginning
  assert.equal(engine.begun.path, dragged.arrays["left.positions"].data);
  const stroke = await answers.answer(baseOf(), { phase: "draw", knobs: {}, interval: {} });
  assert.equal(stroke.header.quality, "preview");
  assert.equal(engine.runs.length, 3);
  await answers.answer(baseOf(), { phase: "release", have: "abc", knobs: {}, interval: {} });
  assert.equal(engine.runs.length, 3);
  assert.equal(engine.floors, 2); // one for each number of particles
});

test("two sides that are the same are computed once, and both learn what comes later", async () => {
  const engine = new FakeEngine();
  const answers = new Answers(engine);
  const same = { phase: "release", knobs: { left: { w: 2 }, right: { w: 2 } }, interval: {} };
  const { arrays } = await answers.answer(baseOf(), same);
  assert.equal(engine.runs.length, 1);
  assert.deepEqual(arrays["right.positions"], arrays["left.positions"]);
  assert.deepEqual(Object.keys(await answers.later(baseOf(), same)), ["left.outside", "right.outside"]);
  assert.deepEqual(await answers.later(baseOf(), same), {});
});

test("what was given up, or has failed, is computed anew", async () => {
  const engine = new FakeEngine();
  const answers = new Answers(engine);
  const same = { phase: "release", knobs: { left: { w: 2 }, right: { w: 2 } }, interval: {} };
  let open;
  engine.gate = new Promise((done) => (open = done));
  const first = answers.answer(baseOf(), same);
  answers.stop();
  const second = answers.answer(baseOf(), same);
  open();
  await assert.rejects(first);
  assert.equal((await second).header.quality, "full");
  assert.equal(engine.runs.length, 2);
  engine.broken = "out of memory";
  const other = { ...same, knobs: { left: { w: 3 }, right: { w: 3 } } };
  await assert.rejects(answers.answer(baseOf(), other), { message: "out of memory" });
  engine.broken = "";
  assert.equal((await answers.answer(baseOf(), other)).header.quality, "full");
});

test("what is known of true samples is not worked out", async () => {
  const engine = new FakeEngine();
  engine.known.truths.get("A").floors = { 2048: { outliers: 0.0096, other: 1 } };
  const answers = new Answers(engine);
  const { header } = await answers.answer(baseOf(), { phase: "release", knobs: {}, interval: {} });
  assert.deepEqual(header.panels[0].measured.floor, { outliers: 0.0096 });
  assert.equal(engine.floors, 0);
  await answers.answer(baseOf(), { phase: "drag", knobs: {}, interval: {} });
  assert.equal(engine.floors, 1);
});

test("particles that the view has are not given again", async () => {
  const answers = new Answers(new FakeEngine());
  const { arrays } = await answers.answer(baseOf(), { phase: "release", have: "abc", knobs: {}, interval: {} });
  assert.deepEqual(arrays, {});
});

test("whether particles were outside on their way comes later, once", async () => {
  const answers = new Answers(new FakeEngine());
  const request = { phase: "release", knobs: {}, interval: {} };
  const { arrays } = await answers.answer(baseOf(), request);
  assert.equal(arrays["left.outside"].data.reduce((a, b) => a + b, 0), 0);
  const later = await answers.later(baseOf(), request);
  assert.equal(later["left.outside"].data.length, 3 * 2048);
  assert.deepEqual(await answers.later(baseOf(), request), {});
});

test("what was given up before it was told is told with the same picture, and two who ask at once ask the engine once", async () => {
  const engine = new FakeEngine();
  const answers = new Answers(engine);
  const request = { phase: "release", knobs: {}, interval: {} };
  await answers.answer(baseOf(), request);
  const { outside } = engine;
  let asked = 0;
  engine.outside = async (scene, path, turn) => {
    asked += 1;
    if (scene.knobs.w === 3) answers.stop(); // the right one's
    if (turn.over) throw new Error("given up");
    return outside(scene);
  };
  await assert.rejects(answers.later(baseOf(), request));
  engine.outside = async (scene) => ((asked += 1), outside(scene));
  const again = await Promise.all([1, 2].map(() => answers.later(baseOf(), { ...request, have: "abc" })));
  for (const arrays of again) assert.deepEqual(Object.keys(arrays), ["left.outside", "right.outside"]);
  assert.equal(asked, 3);
});

test("layers, curve and what has none", async () => {
  const answers = new Answers(new FakeEngine());
  const request = { phase: "field", knobs: {}, interval: {}, layers: ["p1"], box: [0, 1, 0, 1], sigma: 0.5, curve: true };
  const base = baseOf();
  base.header.panels[1].knobs = [];
  const { header, arrays } = await answers.answer(base, request);
  assert.deepEqual(arrays["left.logp1"].shape, [96, 96]);
  assert.equal(header.field.tilt.left, "tilted: p(main)^2 · p(weak)^−1");
  assert.equal(header.panels[0].curve.w.length, 9);
  assert.match(header.panels[1].curve.lacks, /no weight w/);
});

test("gains are within three of zero, and a mode without samples is at the end", () => {
  assert.deepEqual([...gainOf([0.5, 0, Number.NaN], [0.25, 0.5, 0.1])], [1, -3, -3]);
});

test("a grid begins at the lower left and ends at the upper right; arrows are within", () => {
  const x = gridOf([0, 1, 2, 4], 3);
  assert.deepEqual([...x.slice(0, 4), ...x.slice(-2)], [0, 2, 0.5, 2, 1, 4]);
  const at = arrowsOf([0, 1, 2, 4]);
  for (let k = 0; k < at.length; k += 2) assert.ok(at[k] > 0 && at[k] < 1 && at[k + 1] > 2 && at[k + 1] < 4);
});

test("a tilted density is said as the product of powers that it is", () => {
  assert.equal(tiltWords({ main: 1, weak: 0 }, "none"), "tilted: p(main)^1");
  assert.equal(tiltWords({}, "none"), "none");
});

test("one view's stop leaves what another computes", async () => {
  const engine = new FakeEngine();
  const [one, two] = [new Answers(engine), new Answers(engine)];
  const request = { phase: "release", knobs: {}, interval: {} };
  const found = two.answer(baseOf(), request);
  one.stop();
  assert.equal((await found).header.id, "abc");
  assert.equal(new Set(engine.turns).size, 1);
});

test("paths are kept by their bytes, those of the picture always", async () => {
  const engine = new FakeEngine();
  const answers = new Answers(engine);
  engine.side = async (scene) => ({ scene, path: { byteLength: 17 * 2 ** 20, length: 0 }, data: new Float32Array(0), ...MEASURED });
  answers.particles = () => ({});
  for (const w of [1, 2, 3, 4, 5]) await answers.answer(baseOf(), { phase: "release", knobs: { left: { w }, right: { w } }, interval: {} });
  assert.equal(answers.sides.size, 3);
  engine.side = async (scene) => ({ scene, path: { byteLength: 99 * 2 ** 20, length: 0 }, data: new Float32Array(0), ...MEASURED });
  await answers.answer(baseOf(), { phase: "release", knobs: { left: { w: 6 }, right: { w: 6.5 } }, interval: {} });
  assert.deepEqual([...answers.sides.values()].map(({ scene }) => scene.knobs.w), [6, 6.5]);
});

test("a value that is no number takes its own place alone in a layer", async () => {
  const engine = new FakeEngine();
  const ask = engine.ask.bind(engine);
  engine.ask = async (i, op, given) => {
    const found = await ask(i, op, given);
    if (op === "field") Object.assign(found, { logp1: found.logp1.map((_, k) => [NaN, Infinity, -Infinity, 3][k] ?? k / 100) });
    return found;
  };
  const request = { phase: "field", knobs: {}, interval: {}, layers: ["p1"], box: [0, 1, 0, 1], sigma: 0.5 };
  const { arrays: found } = await new Answers(engine).answer(baseOf(), request);
  const { data } = found["left.logp1"];
  assert.ok(data.every(Number.isFinite));
  assert.equal(data[3], 3);
  assert.ok(data[0] < 0);
});
