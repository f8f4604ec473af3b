// The browser's engine under a view: what is answered here, what is told to the server, and what may come in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers } from "../../toy/viewer/web/answers.js";
import { drawHere } from "../../toy/viewer/web/drawhere.js";
import { FieldLocal, Local, told } from "../../toy/viewer/web/local.js";
import { Queue } from "../../toy/viewer/web/queue.js";
import { FakeEngine, baseOf } from "./fake_engine.mjs";

function viewOf() {
  const view = { sent: [], packs: [], frames: null, adjusting: false, knobs: {}, lastAnswer: 0, ui: { sigma: 1 } };
  Object.assign(view, {
    abort: { signal: { aborted: false } },
    page: { answered() {} },
    queue: new Queue((request) => view.local?.takes(request) || view.send(request), { seq: 6 }),
    header: { id: "before" },
    request: (phase) => ({ phase, knobs: view.knobs, interval: {}, layers: [], drawing: false, have: view.frames?.id ?? null }),
    send: (request) => view.sent.push(request),
    update(pack) {
      const { header, arrays } = pack;
      if (view.local?.adopts(header, arrays)) return;
      view.packs.push(pack);
      view.frames = { id: header.id, outside: {} };
      if (header.seq === 0) view.queue.lost();
      view.queue.answered(header.seq);
    },
    ask(phase) {
      view.queue.push(() => view.request(phase));
      if (view.queue.pending) view.local?.hurry();
    },
    redraw() {},
  });
  return view;
}

// A view whose engine is held until the gate is opened.
function held() {
  const [view, engine] = [viewOf(), new FakeEngine()];
  let open;
  engine.gate = new Promise((done) => (open = done));
  view.local = new Local(view, new Answers(engine), drawHere);
  return { view, engine, local: view.local, open };
}

const pen = (y = 1) => [{ label: "A", width: 0.1, at: [0, 0, 1, y] }];
const side = { title: "CFG, class A", caption: "CFG, w 4, class A", pending: "soon", cast: { main: "exact:strokes-0/A" } };
const sides = { left: side, right: side };
const SKETCH = { alone: sides, some: sides, all: sides, lead: {}, measures: ["outliers"], sigmas: [0.1, 1] };

// A view that draws, of whose drawings an engine knows nothing yet.
async function drawing() {
  const { view, engine, local, open } = held();
  open();
  Object.assign(view, { status: { textContent: "" }, retry: { saw: () => (view.retries = (view.retries ?? 0) + 1) } });
  view.draw = (strokes) => view.queue.push(() => ({ ...view.request("draw"), strokes }));
  const header = { ...engineHeader(0), sketch: SKETCH };
  header.target = { name: "A", classes: "A", called: "A" };
  view.update({ header, arrays });
  await settled();
  view.packs.length = 0;
  engine.told = true;
  return { view, engine, local, known: () => Promise.resolve(local.drawing).then(settled) };
}

const engineHeader = (seq) => {
  const { header, scenes } = baseOf();
  return { ...header, seq, engine: { programs: [], densities: [["m", { kind: "network" }]], truths: [["A", {}]], scenes } };
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

test("what was chosen is lost where the server does not answer to it for long", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  const local = (view.local = new Local(view, new Answers(engine)));
  view.update({ header: engineHeader(0), arrays });
  await settled();
  assert.ok(!local.lost());
  local.takes({ ...view.request("release"), seq: 7, knobs: { left: { w: 5 } } });
  await settled();
  const told = view.sent[0].seq;
  assert.ok(!local.lost(), "it may be late");
  local.toldWhen -= 60000;
  assert.ok(local.lost());
  view.update({ header: engineHeader(told - 1), arrays });
  await settled();
  assert.ok(local.lost(), "that is the answer to something before");
  local.tell();
  assert.ok(!local.lost(), "it is told again");
  local.toldWhen -= 60000;
  view.update({ header: engineHeader(view.sent.at(-1).seq), arrays });
  assert.ok(!local.lost());
  view.update({ header: engineHeader(told), arrays });
  assert.ok(!local.lost(), "an older answer that comes late changes nothing");
  local.tell();
  local.toldWhen -= 60000;
  assert.ok(local.lost());
  view.alone = true;
  assert.ok(!local.lost(), "a page without a server waits for none");
});

test("links, the sampler's own density, and drawings of which the server has not said how they are shown, are its own", () => {
  const local = new Local(viewOf(), new Answers(new FakeEngine()), drawHere);
  local.base = baseOf();
  assert.ok(local.can({ layers: [], drawing: true }));
  assert.ok(!local.can({ layers: ["drawn"] }));
  assert.ok(!local.can({ layers: [], open: "left.w=2" }));
  assert.ok(!local.can({ layers: [], strokes: pen() }));
  local.base.header.sketch = SKETCH;
  assert.ok(local.can({ layers: [], strokes: pen() }));
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
  assert.match(local.refused, /all that the picture needs/);
  assert.deepEqual(view.sent.map(({ phase }) => phase), ["tell", "field"]);
});

test("an engine that fails is asked no more: the server answers", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  const local = new Local(view, new Answers(engine));
  engine.broken = "out of memory";
  local.adopts(engineHeader(0), arrays);
  await settled();
  assert.equal(local.refused, "out of memory");
  assert.ok(!local.on);
  assert.deepEqual(view.sent.map(({ phase }) => phase), ["field"]);
  const header = { note: "n = 512.", target: { called: "A" } };
  assert.ok(!local.adopts(header, {}));
  assert.equal(header.note, "n = 512. Computed by the server: out of memory.");
  local.adopts({ target: { name: "moons" } }, {});
  assert.ok(local.on, "another distribution may be another matter");
});

test("a page without a server whose engine fails says so, keeps its picture and asks nobody", async () => {
  const [view, engine] = [viewOf(), new FakeEngine()];
  const local = (view.local = new Local(view, new Answers(engine)));
  view.alone = true;
  view.end = (words) => (view.ended = words);
  view.update({ header: engineHeader(0), arrays });
  await settled();
  engine.broken = "a worker does not answer any more";
  view.knobs = { left: { w: 5 } };
  view.ask("release");
  await settled();
  assert.equal(view.ended, "This page computes no more: a worker does not answer any more.");
  assert.deepEqual(view.sent.filter(({ phase }) => phase !== "tell"), []);
  assert.ok(!local.on);
});

test("what the controls said before a change beside the view is not said of the scene after it", async () => {
  const { view, open } = held();
  open();
  view.update({ header: { ...engineHeader(0), beside: 0 }, arrays });
  await settled();
  view.knobs = { left: { w: 7 } };
  view.header = { id: "abc", beside: 0 };
  view.ask("release");
  await settled();
  assert.equal(view.packs.at(-1).header.panels[0].shown.knobs.w, 7);
  view.ask("release"); // in one run with the change
  view.update({ header: { ...engineHeader(view.queue.seq), beside: 1 }, arrays });
  await settled();
  assert.equal(view.packs.at(-1).header.panels[0].shown.knobs.w, 4);
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

// --- What comes in between ---------------------------------------------------------------------------------------------

const served = (id, seq, more = {}) => ({ header: { id, seq, target: { called: "A" }, ...more }, arrays: {} });

test("what is told in answer to a request answers it", async () => {
  const { view, open } = held();
  open();
  view.ask("release"); // the server's: the engine knows nothing yet
  const [{ seq }] = view.sent;
  view.update({ header: engineHeader(seq), arrays });
  await settled();
  assert.deepEqual(view.packs.map(({ header }) => header.seq), [seq]);
  assert.ok(!view.queue.busy);
});

test("a picture of the server's is not overdrawn by what was being computed here, and the engine is not thought broken", async () => {
  const { view, local, open } = held();
  view.update({ header: engineHeader(0), arrays });
  await settled();
  view.ask("release");
  view.update(served("smc", 0));
  open();
  await settled();
  assert.deepEqual(view.packs.map(({ header }) => header.id), ["smc"]);
  assert.ok(!view.queue.busy);
  assert.ok(local.on);
});

test("an answer of the server's that was overtaken does not stop what is computed here", async () => {
  const { view, local, open } = held();
  open();
  view.update({ header: engineHeader(3), arrays });
  await settled();
  view.lastAnswer = 9;
  view.ask("drag");
  local.adopts({ id: "old", seq: 8, target: { called: "A" } }, {});
  await settled();
  assert.ok(local.base);
  assert.equal(view.packs.at(-1).header.quality, "preview");
});

test("what is given up when its workers are ready already holds nothing up", async () => {
  const { view, engine, open } = held();
  view.update({ header: engineHeader(3), arrays });
  await settled();
  engine.stop = () => {}; // too late: no worker is asked any more
  view.ask("release");
  view.knobs = { left: { w: 5 } };
  view.ask("release");
  open();
  await settled();
  assert.equal(view.packs.at(-1).header.panels[0].shown.knobs.w, 5);
  assert.ok(!view.queue.busy);
});

test("until a story's picture is there the controls say nothing of it", async () => {
  const { view, open } = held();
  view.knobs = { left: { w: 7 } }; // of the picture before
  view.update({ header: engineHeader(0), arrays });
  await settled();
  view.ask("field"); // the view was moved, say
  open();
  await settled();
  assert.equal(view.packs.at(-1).header.panels[0].shown.knobs.w, 4);
  assert.deepEqual(view.sent, []);
  view.ask("release");
  await settled();
  assert.equal(view.packs.at(-1).header.panels[0].shown.knobs.w, 7);
});

test("a base that comes while the engine still learns is not there before the server's own picture", async () => {
  const { view, local, engine, open } = held();
  open();
  let learned;
  engine.learn = () => new Promise((done) => (learned = done));
  view.update({ header: engineHeader(0), arrays });
  view.update(served("smc", 0));
  learned();
  await settled();
  assert.equal(local.base, null);
  assert.deepEqual(view.packs.map(({ header }) => header.id), ["smc"]);
});

test("back at a target that was told before, its own scenery is shown again", async () => {
  const { view, engine, open } = held();
  open();
  view.update({ header: engineHeader(0), arrays });
  await settled();
  const moons = engineHeader(0);
  engine.known.truths.set("moons/A", engine.known.truths.get("A"));
  for (const scene of Object.values(moons.engine.scenes)) scene.target = "moons/A";
  moons.engine.truths = [["moons/A", {}]];
  view.update({ header: moons, arrays: { ...arrays, "tree.segments": { data: new Float32Array(8), shape: [2, 4] } } });
  await settled();
  const back = engineHeader(0);
  back.engine.truths = [];
  view.update({ header: back, arrays: {} });
  await settled();
  assert.deepEqual(view.packs.map(({ arrays: { "tree.segments": tree } }) => tree.shape[0]), [1, 2, 1]);
  const other = held(); // the element is mounted anew, with the same engine
  other.view.local = new Local(other.view, new Answers(engine));
  other.view.update({ header: back, arrays: {} });
  await settled();
  assert.ok("tree.segments" in other.view.packs[0].arrays);
});

test("Fields shows nothing of densities before", async () => {
  const { view, engine } = held();
  const packs = [];
  let open;
  const answers = { engine, stop() {}, answer: ({ header }) => new Promise((done) => (open = () => done({ header: { ...header, engine: null }, arrays: {} }))), later: async () => ({}) };
  const local = (view.local = new FieldLocal(view, answers));
  view.update = ({ header }) => packs.push(header.id);
  const fields = (id) => ({ ...engineHeader(3), id });
  local.adopts(fields("one"), arrays);
  await settled();
  local.takes({ seq: 9, layers: [] });
  local.adopts(fields("two"), arrays);
  await settled();
  open();
  await settled();
  assert.deepEqual(packs, ["one", "two"]);
});

test("a view that has shown nothing yet is shown what it is told of", async () => {
  const view = viewOf();
  const local = new Local(view, new Answers(new FakeEngine()));
  view.header = null;
  view.request = () => assert.fail("it has nothing to ask");
  local.adopts(engineHeader(7), arrays);
  await settled();
  assert.equal(view.packs.length, 1);
  assert.equal(view.packs[0].header.seq, 7);
});

test("particles that the server has made are made here too, once", async () => {
  const view = viewOf();
  const local = new Local(view, new Answers(new FakeEngine()));
  view.local = local;
  view.frames = { id: "abc", outside: {} }; // a picture of the server's, under the name that it has here too
  local.adopts(engineHeader(7), arrays);
  await settled();
  assert.ok("left.positions" in view.packs[0].arrays);
  local.adopts(engineHeader(8), arrays);
  await settled();
  assert.ok(!("left.positions" in view.packs[1].arrays));
});

// --- What is drawn -----------------------------------------------------------------------------------------------------

// What the server says of what was drawn, in answer to the number of a request.
function answered(view, seq, more = {}) {
  const { header } = view.packs.at(-1);
  const { base } = view.local;
  return { header: { ...base.header, ...more, id: `server's ${header.id}`, seq, engine: { programs: [], densities: [], truths: [], scenes: base.scenes } }, arrays: {} };
}

test("a stroke is shown before the server has heard of it, and then as surely as it can be", async () => {
  const { view, engine, known } = await drawing();
  view.draw(pen());
  const [told] = view.sent;
  assert.deepEqual([told.phase, told.made, told.strokes], ["tell", true, pen()]);
  await known();
  const [first, whole] = view.packs;
  assert.deepEqual([first, whole].map(({ header }) => header.quality), ["preview", "full"]);
  for (const { header, arrays: { "tree.segments": lines } } of [first, whole]) {
    assert.match(header.target.name, /^strokes-[0-9a-f]{12}\/A$/);
    assert.equal(header.panels[0].pending, "soon");
    assert.ok(header.panels[0].standing && header.busy);
    assert.ok(lines.shape[0] > 1);
  }
  assert.equal(first.header.seq, told.seq);
  assert.ok(!view.queue.busy);
  const { regions } = engine.known.truths.get(whole.header.target.name);
  assert.equal(regions.edges.length, 2);
});

test("an answer from before a stroke is none, and the stroke is said again until it is answered", async () => {
  const { view, local, known } = await drawing();
  view.draw(pen());
  await known();
  const [{ seq }] = view.sent;
  const count = view.packs.length;
  view.update(served("old", 0));
  view.update(served("old", seq - 1));
  view.update({ header: engineHeader(0), arrays });
  await settled();
  assert.equal(view.packs.length, count);
  drawHere.follow(local);
  assert.equal(view.sent.length, 1, "it is not asked how far it is before it has heard");
  local.tell();
  assert.deepEqual(view.sent[1].strokes, pen());
  view.update(answered(view, view.sent[1].seq));
  await settled();
  local.tell();
  assert.equal(view.sent[2].strokes, undefined, "and no more");
});

test("the server's words for what was drawn come to the picture that is there", async () => {
  const { view, engine, known } = await drawing();
  view.draw(pen());
  await known();
  const runs = engine.runs.length;
  const pack = answered(view, view.sent[0].seq);
  pack.header.panels = pack.header.panels.map((panel) => ({ ...panel, pending: "training" }));
  view.update(pack);
  await settled();
  assert.equal(view.packs.at(-1).header.panels[0].pending, "training");
  assert.equal(engine.runs.length, runs);
  drawHere.follow(view.local);
  assert.equal(view.sent.at(-1).phase, "tell", "and it is asked how far it is");
});

test("how far the server is it is asked one question at a time, and never while it runs the page", async () => {
  const { view, local, known } = await drawing();
  view.draw(pen());
  await known();
  view.update(answered(view, view.sent[0].seq));
  await settled();
  drawHere.follow(local);
  const [, first] = view.sent;
  assert.equal(first.phase, "tell");
  drawHere.follow(local);
  assert.equal(view.sent.length, 2, "it has not answered");
  local.waited.since -= 60000;
  view.page.working = true;
  drawHere.follow(local);
  assert.equal(view.sent.length, 2, "it is late, and not lost");
  view.page.working = false;
  drawHere.follow(local);
  assert.equal(view.sent.length, 3, "it is lost");
  view.update(answered(view, view.sent[2].seq));
  view.page.working = true;
  drawHere.follow(local);
  assert.equal(view.sent.length, 3);
  view.page.working = false;
  const { retries } = view;
  drawHere.follow(local);
  assert.equal(view.sent.length, 4);
  assert.ok(retries >= 3, "and what is put off is asked later");
});

test("of strokes that follow one another at once the last is shown, and an answer to one before it is none", async () => {
  const { view, known } = await drawing();
  view.draw(pen(1));
  view.draw(pen(2));
  view.draw(pen(3));
  await known();
  const names = view.packs.map(({ header }) => header.target.name);
  const last = names.at(-1);
  assert.equal(view.packs.at(-1).header.quality, "full");
  assert.deepEqual(view.sent.map(({ strokes }) => strokes), [pen(1), pen(3)]);
  view.update({ header: { ...engineHeader(view.sent[0].seq) }, arrays });
  await settled();
  assert.equal(view.packs.at(-1).header.target.name, last);
});

test("a knob that is turned while a drawing is worked out does not lose it", async () => {
  const { view, engine, known } = await drawing();
  let open;
  engine.gate = new Promise((done) => (open = done));
  view.draw(pen());
  view.knobs = { left: { w: 5 } };
  view.ask("release");
  open();
  await known();
  const { header } = view.packs.at(-1);
  assert.match(header.target.name, /^strokes-/);
  assert.equal(header.panels[0].shown.knobs.w, 5);
  assert.equal(header.quality, "full");
});

test("strokes that are no drawing are refused here in a sentence, and nobody is told", async () => {
  const { view, known } = await drawing();
  view.draw([{ label: "A", width: 1e-9, at: [0, 0, 1, 1] }]);
  await known();
  assert.match(view.status.textContent, /^width 1e-09 of a stroke is not at least 0.001/);
  assert.deepEqual(view.sent, []);
  assert.ok(!view.queue.busy);
});

test("an engine that fails while one draws leaves what was drawn to the server", async () => {
  const { view, engine, local, known } = await drawing();
  engine.ask = async () => {
    throw new Error("out of memory");
  };
  view.draw(pen());
  await known();
  assert.ok(!local.on);
  assert.equal(view.sent[0].phase, "tell");
  assert.equal(view.sent.at(-1).phase, "release");
  assert.equal(view.sent.at(-1).local, undefined);
});
