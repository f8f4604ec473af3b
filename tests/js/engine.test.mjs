// The engine shares points out, joins what its workers find, and gives up what is not wanted any more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine, GIVEN_UP, sharesOf, thresholdsAt } from "../../toy/browser/web/engine.js";
import { prepare, run, scalar } from "../../toy/browser/web/interpret.js";

test("shares are whole, in order, and begin at multiples of eight", () => {
  for (const [from, n] of [[0, 1], [0, 7], [0, 8], [0, 64], [0, 100], [0, 512], [512, 2048], [0, 2047], [512, 520], [0, 8192]]) {
    for (const [count, least] of [[1, 8], [2, 8], [3, 8], [4, 8], [8, 64]]) {
      const shares = sharesOf(n, count, { from, least });
      assert.ok(shares.length <= count);
      let next = from;
      for (const { begin, count: some } of shares) {
        assert.equal(begin, next);
        assert.equal(begin % 8, 0);
        assert.ok(some > 0);
        assert.ok(some >= least || begin + some === n);
        next += some;
      }
      assert.equal(next, n);
    }
  }
});

test("thresholds are read between those that are listed, and sigma 0 has its own", () => {
  const truth = { threshold: 7, regions: { sigmas: [0.01, 0.1, 1], edges: [3, 2, 0] } };
  const close = (found, wanted) => found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-12, `${found} is not ${wanted}`));
  close(thresholdsAt(truth, [1, 0.1, 0.01, 0]), [0, 2, 3, 7]);
  close(thresholdsAt(truth, [Math.sqrt(0.1) * 0.1, 0.001, 50]), [2.5, 3, 0]);
});

// Workers that answer at once, each with its own part.
class Instant {
  constructor() {
    this.heard = [];
  }
  postMessage(message) {
    this.heard.push(message);
    if (message.op === "begin" || message.op === "stop") return;
    if (this.hold) return;
    queueMicrotask(() => this.onmessage({ data: this.answer(message) }));
  }
  answer({ id, op, given }) {
    if (op === "run") {
      const { scene, begin, count } = given;
      const path = Float32Array.from({ length: scene.sigmas.length * count * 2 }, (_, k) => {
        const frame = Math.floor(k / (2 * count));
        return frame * 10000 + 2 * begin + (k % (2 * count));
      });
      return { id, found: { path, data: path.slice(0, 2 * count) } };
    }
    if (op === "measure") return { id, found: { logp: new Float32Array(given.x.length / 2), occupancy: new Float32Array(1), values: {}, errors: {} } };
    if (op === "outside") return { id, found: Uint8Array.from({ length: given.path.length / 2 }, (_, k) => given.path[2 * k] > 9999) };
    return { id, found: {} };
  }
  terminate() {}
}

function engineOf(workers) {
  const made = [];
  const open = () => (made.push(new Instant()), made[made.length - 1]);
  return { engine: new Engine({ open, module: null, workers }), made };
}

const SCENE = { rule: "r", schedule: "s", integrator: "i", cast: { main: "m" }, target: "A", n: 40, sigmas: [1, 0] };

test("parts of a run come back as one, point by point", async () => {
  const { engine } = engineOf(3);
  await engine.learn({ truths: [["A", { both: "exact:AB", threshold: 0, regions: { sigmas: [1, 2], edges: [0, 0] } }]] });
  const { path, data } = await engine.side(SCENE);
  assert.deepEqual([...path.slice(0, 80)], Array.from({ length: 80 }, (_, k) => k));
  assert.deepEqual([...path.slice(80)], Array.from({ length: 80 }, (_, k) => 10000 + k));
  assert.equal(data.length, 80);
  const flags = await engine.outside(SCENE, path);
  assert.deepEqual([...flags], [...new Array(40).fill(0), ...new Array(40).fill(1)]);
});

test("a worker that is slow is asked for fewer parts, and they are joined in their order", async () => {
  const { engine, made } = engineOf(2);
  const scene = { ...SCENE, n: 512 };
  made[0].hold = true;
  const coming = engine.side(scene);
  await new Promise(setImmediate);
  const runs = made.map(({ heard }) => heard.filter(({ op }) => op === "run"));
  assert.deepEqual(runs.map((list) => list.length), [2, 6]);
  for (const run of runs[0]) made[0].onmessage({ data: made[0].answer(run) });
  made[0].hold = false;
  const { path } = await coming;
  assert.deepEqual([...path], Array.from({ length: 2048 }, (_, k) => (k < 1024 ? k : 10000 + k - 1024)));
});

test("of parts that fail no more are asked", async () => {
  const { engine, made } = engineOf(2);
  for (const worker of made) worker.hold = true;
  const coming = engine.side({ ...SCENE, n: 512 });
  const runs = () => made.flatMap(({ heard }) => heard.filter(({ op }) => op === "run"));
  const [first, ...others] = runs();
  assert.equal(others.length, 3);
  made[0].onmessage({ data: { id: first.id, error: "no density m" } });
  await assert.rejects(coming, { message: "no density m" });
  for (const run of others) for (const worker of made) worker.onmessage({ data: worker.answer(run) });
  await new Promise(setImmediate);
  assert.equal(runs().length, 4);
});

test("who has least to do measures", async () => {
  const { engine, made } = engineOf(2);
  const other = engine.ask(0, "probe", {});
  other.catch(() => {});
  assert.equal(engine.idlest(), 1);
  await other;
  assert.equal(engine.idlest(), 0);
  made[0].hold = true;
  engine.ask(0, "probe", {});
  await engine.side({ ...SCENE, n: 8 }, null, { scene: { n: 8 }, path: new Float32Array(32), data: new Float32Array(16) });
  assert.equal(made[1].heard.filter(({ op }) => op === "measure").length, 1);
});

test("particles that are known are not run again, and are the first of all", async () => {
  const { engine, made } = engineOf(1);
  const begun = await engine.side({ ...SCENE, n: 16 });
  begun.path.fill(-1);
  const { path, data } = await engine.side(SCENE, null, begun);
  const runs = made[0].heard.filter(({ op }) => op === "run").map(({ given: { begin, count } }) => [begin, count]);
  assert.deepEqual(runs, [[0, 16], [16, 24]]);
  assert.deepEqual([...path], Array.from({ length: 160 }, (_, k) => (k % 80 < 32 ? -1 : Math.floor(k / 80) * 10000 + (k % 80))));
  assert.equal(data.length, 80);
});

test("workers are told once what they do not know, and lacks says the rest", async () => {
  const { engine, made } = engineOf(2);
  const all = engine.lacks(SCENE);
  assert.deepEqual(all.programs.map(([kind]) => kind), ["rules", "schedules", "integrators", "others"]);
  assert.deepEqual(all.densities, ["m", "exact:A"]);
  assert.deepEqual(all.truths, ["A"]);
  const lists = {
    programs: all.programs.map(([kind, name]) => [kind, name, {}]),
    densities: [["m", {}], ["exact:A", {}]],
    truths: [["A", { both: "exact:AB" }]],
  };
  await engine.learn(lists);
  await engine.learn(lists);
  for (const worker of made) assert.equal(worker.heard.filter(({ op }) => op === "learn").length, 1);
  assert.deepEqual(engine.lacks(SCENE), { programs: [], densities: ["exact:AB"], truths: [] });
});

test("what is given up is refused with that word, and an error with its own", async () => {
  const { engine, made } = engineOf(1);
  made[0].hold = true;
  const asked = engine.side(SCENE);
  engine.stop();
  const [{ id }] = made[0].heard.filter(({ op }) => op === "run");
  assert.deepEqual(made[0].heard.filter(({ op }) => op === "stop"), [{ op: "stop", id }]);
  made[0].onmessage({ data: { id, stopped: true } });
  await assert.rejects(asked, { message: GIVEN_UP });
  const again = engine.side(SCENE);
  const last = made[0].heard[made[0].heard.length - 1];
  made[0].onmessage({ data: { id: last.id, error: "no density m" } });
  await assert.rejects(again, { message: "no density m" });
  const third = engine.side(SCENE);
  made[0].onerror({ message: "out of memory" });
  await assert.rejects(third, { message: "out of memory" });
});

test("a primitive that is not known is named", () => {
  const program = { types: ["f"], vars: [0, 0], in: 1, eqns: [["sort", [0], [1]]], out: [1] };
  assert.throws(() => prepare(program), /no primitive 'sort'/);
});

test("a program runs for any number of points, and a literal that is no number is one", () => {
  const program = prepare({ types: ["f", "f:n"], vars: [1, 1], in: 1, eqns: [["max", [0, ["-inf"]], [1]]], out: [1] });
  for (const n of [1, 3]) {
    const [found] = run(program, [{ shape: [n], data: new Float32Array(n).fill(2) }], { n, offset: 0 });
    assert.deepEqual([...found.data], new Array(n).fill(2));
  }
  assert.equal(scalar(2 ** 24 + 1).data[0], 2 ** 24);
});

test("what one asks is given up alone, and what is learned never", async () => {
  const { engine, made } = engineOf(1);
  made[0].hold = true;
  const [mine, other] = [{}, {}];
  const asked = [engine.side(SCENE, mine), engine.side(SCENE, other)];
  const learned = engine.learn({ densities: [["m", {}]] });
  await Promise.resolve();
  await Promise.resolve();
  engine.stop(mine);
  const runs = made[0].heard.filter(({ op }) => op === "run");
  const stops = () => made[0].heard.filter(({ op }) => op === "stop").map(({ id }) => id);
  assert.deepEqual(stops(), [runs[0].id]);
  engine.stop();
  assert.deepEqual(stops(), [runs[0].id, ...runs.map(({ id }) => id)]);
  for (const { id, op } of made[0].heard.filter(({ id }) => id)) if (op !== "stop") made[0].onmessage({ data: op === "learn" ? { id } : { id, stopped: true } });
  for (const each of asked) await assert.rejects(each, { message: GIVEN_UP });
  await learned;
  await assert.rejects(engine.side(SCENE, mine), { message: GIVEN_UP });
});

test("what could not be learned is not known, and who has nothing new to tell waits for what was told before", async () => {
  const { engine, made } = engineOf(1);
  made[0].hold = true;
  const lists = { densities: [["m", {}]], programs: [["rules", "r", {}]], truths: [["A", { both: "exact:AB" }]] };
  const first = engine.learn(lists);
  let later = "waits";
  const second = engine.learn({ programs: [["rules", "r", {}]] }).then(() => (later = "told"));
  await new Promise((done) => setTimeout(done, 5));
  assert.equal(later, "waits");
  const [{ id }] = made[0].heard.filter(({ op }) => op === "learn");
  made[0].onmessage({ data: { id, error: "the kernel takes 64" } });
  await assert.rejects(first, { message: "the kernel takes 64" });
  await new Promise((done) => setTimeout(done, 5));
  made[0].onmessage({ data: { id: made[0].heard.at(-1).id } });
  await second;
  assert.deepEqual(engine.lacks(SCENE).densities, ["m", "exact:A"]);
  assert.deepEqual(engine.lacks(SCENE).truths, ["A"]);
});

test("a worker that cannot begin is an error of what is asked later", async () => {
  const { engine, made } = engineOf(1);
  made[0].hold = true;
  made[0].onerror({ message: "forbidden" });
  await assert.rejects(engine.side(SCENE), { message: "forbidden" });
});

test("densities that were not asked for longest are forgotten, in the workers too", async () => {
  const made = [];
  const engine = new Engine({ open: () => (made.push(new Instant()), made.at(-1)), module: null, most: 2000 });
  const density = (id) => [id, { kind: "network", first: new Float32Array(75) }]; // 900 bytes
  const truth = (target) => [target, { both: "exact:AB" }];
  await engine.learn({ densities: ["m", "exact:A"].map(density), truths: [truth("A")] });
  await engine.learn({ densities: [density("other")] });
  assert.deepEqual([...engine.known.densities.keys()], ["exact:A", "other"]);
  assert.deepEqual(made[0].heard.at(-1).given.forget.densities, ["m"]);
  await engine.side(SCENE); // asks for exact:A
  await engine.learn({ densities: [density("m")] });
  assert.deepEqual([...engine.known.densities.keys()], ["exact:A", "m"]);
  await engine.learn({ densities: ["a", "b", "c"].map(density) });
  assert.deepEqual([...engine.known.densities.keys()], ["a", "b", "c"], "what one scene needs is never too much");
  for (let i = 0; i < 40; i++) await engine.learn({ truths: [truth(`drawn-${i}/A`)] });
  assert.equal(engine.known.truths.size, 32);
  assert.ok(!engine.known.truths.has("A"));
  assert.deepEqual(made[0].heard.at(-1).given.forget.truths, ["drawn-7/A"]);
});

test("a noise level for each point is asked at once", () => {
  const program = prepare({ types: ["f:n", "f:n,2"], vars: [1, 0, 1], in: 2, eqns: [["score", [0, 1], [2], { role: "main" }]], out: [2] });
  const asked = [];
  const ask = { score: (role, x, sigma) => (asked.push([role, sigma]), x.map((value, i) => value * sigma[i >> 1])) };
  const given = [{ shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }, { shape: [3], data: Float32Array.of(1, 10, 100) }];
  const [found] = run(program, given, { n: 3, offset: 0, ask });
  assert.deepEqual([...found.data], [1, 2, 30, 40, 500, 600]);
  assert.deepEqual(asked.map(([role]) => role), ["main"]);
});

test("a worker that was ended and says nothing is found out, one that is only slow is not", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { engine, made } = engineOf(2);
  const later = (seconds) => {
    for (let i = 0; i < seconds; i++) context.mock.timers.tick(1000);
  };
  made[0].hold = true;
  const asked = engine.ask(0, "run", { scene: SCENE, begin: 0, count: 8 });
  const calls = () => made[0].heard.filter(({ op }) => op === "call").length;
  for (let i = 0; i < 10; i++) {
    later(10);
    made[0].onmessage({ data: {} }); // between two steps
  }
  assert.ok(calls() > 10);
  assert.equal(engine.broken, "");
  assert.ok(!made[1].heard.some(({ op }) => op === "call"), "who is asked nothing is not called");
  later(30);
  await assert.rejects(asked, { message: "a worker does not answer any more" });
  const before = calls();
  later(60);
  assert.equal(calls(), before, "nothing is asked any more");
  await assert.rejects(engine.side(SCENE), { message: "a worker does not answer any more" });
});

test("what follows from no input is worked out once, and anew where a size is another", () => {
  const eqns = [["random_seed", [[7, "u"]], [1]], ["random_bits", [1], [2]], ["convert_element_type", [2], [3]], ["mul", [0, 3], [4]], ["dim_as_value", [], [5], { dim: "n" }]];
  const program = prepare({ types: ["f", "k", "u:m", "f:m", "i"], vars: [0, 1, 2, 3, 3, 4], in: 1, eqns, out: [3, 4, 5] });
  const of = (factor, m, n) => run(program, [scalar(factor)], { n, offset: 0, sizes: { m } });
  const [[drawn], [again, twice, count], [other]] = [of(1, 3, 8), of(2, 3, 16), of(1, 5, 8)];
  assert.equal(again.data, drawn.data, "the same array");
  assert.deepEqual([...twice.data], [...drawn.data].map((value) => Math.fround(2 * value)));
  assert.equal(count.data[0], 16);
  assert.equal(other.data.length, 5);
  assert.equal(new Set(drawn.data).size, 3);
});

test("sums over the first axes are those over any", () => {
  const sum = (shape, axes) => {
    const left = shape.filter((_, d) => !axes.includes(d));
    const program = prepare({ types: [`f:${shape}`, left.length ? `f:${left}` : "f"], vars: [0, 1], in: 1, eqns: [["reduce_sum", [0], [1], { axes }]], out: [1] });
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i);
    return [...run(program, [{ shape, data }], { n: 1, offset: 0 })[0].data];
  };
  assert.deepEqual(sum([2, 3], [0]), [3, 5, 7]);
  assert.deepEqual(sum([2, 3], [1]), [3, 12]);
  assert.deepEqual(sum([2, 2, 2], [0, 1]), [12, 16]);
  assert.deepEqual(sum([2, 2, 2], [1]), [2, 4, 10, 12]);
  assert.deepEqual(sum([2, 2], [0, 1]), [6]);
});
