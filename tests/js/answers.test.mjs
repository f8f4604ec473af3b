// Answers that the browser makes itself: the picture that was asked for, under the titles that the server gave.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers, PREVIEW, arrowsOf, gainOf, gridOf, moved, tiltWords } from "../../toy/viewer/web/answers.js";
import { Local, told } from "../../toy/viewer/web/local.js";

const FLOOR = { outliers: 0.01 };
const MEASURED = { logp: new Float32Array(4), occupancy: Float32Array.of(0.5, 0.5), values: { outliers: 0.1 }, errors: { outliers: 0.01 } };

class FakeEngine {
  constructor() {
    this.runs = [];
    this.known = { truths: new Map([["A", { threshold: 0, mass: [0.25, 0.75], names: ["outliers"] }]]) };
    this.floors = 0;
    this.learned = [];
    this.lacking = [];
  }
  async side(scene) {
    this.runs.push(scene);
    if (this.broken) throw new Error(this.broken);
    const frames = scene.sigmas.length;
    const path = Float32Array.from({ length: frames * scene.n * 2 }, (_, k) => k);
    return { scene, path, data: path.slice(0, 2 * scene.n), ...MEASURED, logp: new Float32Array(scene.n) };
  }
  async outside({ sigmas, n }) {
    return new Uint8Array(sigmas.length * n).fill(1);
  }
  async ask(_, op, given) {
    if (op === "floor") return (this.floors += 1), { ...FLOOR, root_share: Number.NaN };
    if (op === "measure") return { ...MEASURED, logp: new Float32Array(given.x.length / 2) };
    const values = new Float32Array(given.x.length / 2);
    return { logp1: values, truth: values, error: values, main: given.at, guided: given.at, true: given.at, powers: { main: 2, weak: -1 } };
  }
  async learn(lists) {
    this.learned.push(lists);
  }
  lacks() {
    return { programs: this.lacking, densities: [], truths: [] };
  }
  stop() {
    this.stopped = (this.stopped ?? 0) + 1;
  }
}

const sceneOf = (w) => ({ rule: "cfg", schedule: "interval", target: "A", n: 2048, seed: 0, sigmas: [5, 1, 0], cast: {}, knobs: { w, lo: 0.1, hi: 1, vector: [1, 2] } });
const knob = { name: "w", label: "w", lo: 0, hi: 8, step: 0.05, value: 4 };
const panel = (slot) => ({ slot, title: "CFG", knobs: [{ ...knob }], lacks: {}, waiting: "computing", pending: "" });
const baseOf = () => ({
  header: { id: "abc", seq: 3, panels: [panel("left"), panel("right")], target: { called: "A" }, lead: {} },
  scenes: { left: sceneOf(4), right: sceneOf(3) },
});

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
  await answers.answer(baseOf(), { phase: "release", have: "abc", knobs: {}, interval: {} });
  assert.equal(engine.runs.length, 3);
  assert.equal(engine.floors, 2); // one for each number of particles
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

// --- The engine under a view -------------------------------------------------------------------------------------------

function viewOf() {
  const view = { sent: [], packs: [], lost: 0, frames: null, adjusting: false };
  Object.assign(view, {
    abort: { signal: { aborted: false } },
    page: { answered() {} },
    queue: { seq: 7, busy: false, lost: () => (view.lost += 1) },
    request: (phase) => ({ phase, seq: 7, knobs: {}, interval: {}, layers: [], drawing: false, have: view.frames?.id ?? null }),
    send: (request) => view.sent.push(request),
    update: (pack) => (view.packs.push(pack), (view.frames = { id: pack.header.id, outside: {} })),
    ask: (phase) => view.sent.push({ asked: phase }),
    redraw() {},
  });
  return view;
}

const engineHeader = (seq) => {
  const { header, scenes } = baseOf();
  return { ...header, seq, engine: { programs: [], densities: [["m", { kind: "network" }]], truths: [], scenes } };
};
const arrays = { "density.0.first": { data: Float32Array.of(1) }, "tree.segments": { data: new Float32Array(4), shape: [1, 4] } };
const settled = () => new Promise((done) => setTimeout(done, 5));

test("the lists are put together with their arrays", () => {
  const { densities } = told(engineHeader(0).engine, arrays);
  assert.deepEqual(densities, [["m", { kind: "network", first: Float32Array.of(1) }]]);
});

test("what the server tells is learned, and the picture is made here", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  const local = new Local(view, new Answers(engine));
  assert.ok(local.adopts(engineHeader(0), arrays));
  await settled();
  assert.equal(engine.learned.length, 1);
  assert.equal(view.packs.length, 1);
  assert.equal(view.packs[0].header.seq, 0);
  assert.ok("tree.segments" in view.packs[0].arrays);
  assert.ok(!("density.0.first" in view.packs[0].arrays));
});

test("a drag is between view and engine alone, letting go is told to the server", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  const local = new Local(view, new Answers(engine));
  local.adopts(engineHeader(0), arrays);
  await settled();
  assert.ok(local.takes({ ...view.request("drag"), knobs: { left: { w: 5 } } }));
  await settled();
  assert.deepEqual(view.sent, []);
  assert.ok(local.takes({ ...view.request("release"), knobs: { left: { w: 5 } } }));
  assert.equal(view.sent.length, 1);
  assert.equal(view.sent[0].phase, "tell");
  assert.deepEqual(view.sent[0].knobs, { left: { w: 5 } });
});

test("drawings and the sampler's own density are the server's", () => {
  const local = new Local(viewOf(), new Answers(new FakeEngine()));
  local.base = baseOf();
  assert.ok(local.can({ layers: [], drawing: false }));
  assert.ok(!local.can({ layers: ["drawn"], drawing: false }));
  assert.ok(!local.can({ layers: [], drawing: true }));
});

test("an engine that lacks what it was told before asks for all of it, once", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  engine.lacking = [["rules", "cfg"]];
  const local = new Local(view, new Answers(engine));
  local.adopts(engineHeader(0), arrays);
  await settled();
  assert.equal(view.sent.length, 1);
  assert.equal(view.sent[0].anew, true);
  const header = engineHeader(0);
  header.engine.anew = true;
  local.adopts(header, arrays);
  await settled();
  assert.equal(view.sent.length, 1);
});

test("an engine that fails is asked no more: the server answers", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  const local = new Local(view, new Answers(engine));
  engine.broken = "out of memory";
  local.adopts(engineHeader(0), arrays);
  await settled();
  assert.equal(local.refused, "out of memory");
  assert.ok(!local.on);
  assert.deepEqual(view.sent, [{ asked: "release" }]);
  assert.equal(view.lost, 1);
});

test("a whole picture is given up for something newer, a preview is not", () => {
  const engine = new FakeEngine();
  const local = new Local(viewOf(), new Answers(engine));
  local.running = { phase: "drag" };
  local.hurry();
  assert.ok(local.running);
  local.running = { phase: "release" };
  local.hurry();
  assert.equal(local.running, null);
});

test("a picture of the server's is offered to the engine once", () => {
  const view = viewOf();
  const local = new Local(view, new Answers(new FakeEngine()));
  for (const header of [{ id: "a" }, { id: "a" }, { id: "b", busy: true }, { id: "c", precomputed: true }, { id: "d", engine: null }]) local.offer(header);
  assert.equal(view.sent.length, 1);
});
