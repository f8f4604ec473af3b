import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Densities } from "../../toy/browser/web/densities.js";
import { mergedOf, mixtureBytes } from "../../toy/browser/web/layouts.js";
import { moduleOf } from "../../toy/browser/web/module.js";
import { Room } from "../../toy/browser/web/room.js";

const read = (file) => readFileSync(new URL(`../../toy/browser/web/${file}`, import.meta.url));
const module = moduleOf({ plain: read("kernel.wasm"), relaxed: read("kernel_relaxed.wasm") });
const ones = (count) => new Float32Array(count).fill(0.1);

const network = (units, depth = 1, predicts = "energy") => ({
  kind: "network", predicts, units, depth, gain: 0.5, level: [1, 0],
  first: ones(4 * units), hidden: ones(depth * units * units), last: ones(2 * units),
});
// One Gaussian of standard deviations 1 and 2 about (3, 0).
const gaussian = {
  kind: "mixture", groups: 1, parts: 1, level: [1, 0], edges: Float32Array.of(1), log_weights: Float32Array.of(0),
  origins: Float32Array.of(3, 0), axes: Float32Array.of(1, 0, 0, 1), variances: Float32Array.of(1, 4), centres: new Float32Array(2),
};

test("a Gaussian's score, log and posterior are the closed ones", () => {
  const densities = new Densities(module), x = Float32Array.of(3, 0, 4, 2);
  densities.add("g", gaussian);
  const near = (found, wanted) => wanted.forEach((value, i) => assert.ok(Math.abs(found[i] - value) < 1e-6, `${found}`));
  near(densities.score("g", x, Math.sqrt(3)), [0, 0, -1 / 4, -2 / 7]);
  const top = -Math.log(2 * Math.PI) - Math.log(28) / 2;
  near(densities.logp("g", x, Math.sqrt(3)), [top, top - 1 / 8 - 2 / 7]);
  near(densities.posterior("g", x, 1), [1, 1]);
  near(densities.scoreJvp("g", x, Math.sqrt(3), Float32Array.of(1, 1, 0, 7)), [-1 / 4, -1 / 7, 0, -1]);
  assert.equal(densities.constant("g", 1), 0);
});

// Two Gaussians, the second one as several equal groups that share its weight; another one of its shape stands before the first.
const repeated = (times) => {
  const weights = [0.25, 0.5, ...new Array(times).fill(0.25 / times)];
  const again = (first, ...rest) => Float32Array.from([...first, ...weights.slice(1).flatMap(() => rest)]);
  return {
    kind: "mixture", groups: times + 2, parts: 1, level: [1, 0], log_weights: Float32Array.from(weights, Math.log), edges: new Float32Array(times + 2),
    origins: again([3, 0], -1, 2), axes: again([1, 0, 0, 1], 0.6, 0.8, -0.8, 0.6), variances: again([1, 4], 0.5, 0.1), centres: again([0, 0], 0, 0),
  };
};

test("equal groups count as one, and each has its share of the posterior", () => {
  const densities = new Densities(module), x = Float32Array.from({ length: 2 * 5000 }, (_, i) => 3 * Math.sin(7 * i)), times = 53;
  densities.add("one", repeated(1));
  densities.add("many", repeated(times));
  for (const ask of ["score", "logp"]) {
    const [one, many] = ["one", "many"].map((id) => densities[ask](id, x, 0.3));
    one.forEach((value, i) => assert.ok(Math.abs(many[i] - value) <= 1e-5 * (1 + Math.abs(value)), `${ask} ${i}: ${many[i]}, ${value}`));
  }
  const [one, many] = ["one", "many"].map((id) => densities.posterior(id, x, 0.3));
  assert.equal(many.length, 5000 * (times + 2));
  for (let i = 0; i < 5000; i++) {
    const [a, b, c] = one.subarray(3 * i, 3 * i + 3), of = many.subarray((times + 2) * i, (times + 2) * (i + 1));
    assert.ok(Math.abs(of[0] - a) < 1e-5 && Math.abs(of[1] - b) < 1e-5);
    for (const share of of.subarray(2)) assert.ok(Math.abs(share - c / times) < 1e-6);
  }
});

test("merging equal groups leaves different ones and their order", () => {
  const merged = mergedOf(repeated(4));
  assert.deepEqual(merged.copies, [1, 1, 4]); // of unequal weight
  assert.equal(merged.groups, 3);
  assert.ok(Math.abs(Math.exp(merged.log_weights[2]) - 0.25) < 1e-6);
  assert.equal(mergedOf(repeated(1)).groups, 3);
  assert.ok(mixtureBytes(merged).byteLength < mixtureBytes(repeated(4)).byteLength);
});

test("the plain module is taken where there is no relaxed one, or none that is valid", () => {
  for (const relaxed of [undefined, Uint8Array.of(0, 1, 2)]) {
    assert.ok(moduleOf({ plain: read("kernel.wasm"), relaxed }) instanceof WebAssembly.Module);
  }
});

test("what cannot be answered is said in one sentence", () => {
  const densities = new Densities(module), x = new Float32Array(2);
  densities.add("n", network(3, 1, "score"));
  densities.add("g", gaussian);
  densities.add("shifted", { ...gaussian, level: [1, 0.5] });
  const says = (ask, message) => assert.throws(ask, { name: "Error", message });
  says(() => densities.add("x", { kind: "spline" }), /knows no density of the kind spline$/);
  says(() => densities.score("x", x, 1), /holds no density x$/);
  says(() => densities.logp("n", x, 1), /predicts the score has no log-density$/);
  says(() => densities.scoreAndLogp("n", x, 1), /has no log-density$/);
  says(() => densities.posterior("n", x, 1), /^n is a network and no mixture$/);
  says(() => densities.sample("shifted", Uint32Array.of(0, 1), 1), /no samples of its own$/);
  says(() => densities.add("x", { ...gaussian, parts: 65 }), /65 parts in a group/);
  assert.equal(densities.has("x"), false);
  assert.deepEqual(["n", "g"].map((id) => densities.kind(id)), ["score", "mixture"]);
});

test("added anew a density is the new one, and dropped it is gone", () => {
  const densities = new Densities(module), x = Float32Array.of(0, 0);
  densities.add("g", gaussian);
  densities.add("g", { ...gaussian, origins: Float32Array.of(-3, 0) });
  assert.ok(densities.score("g", x, 0.1)[0] < 0);
  densities.drop("g");
  densities.drop("g");
  assert.throws(() => densities.score("g", x, 1));
});

test("what is dropped makes room, and what does not fit leaves the rest as it was", () => {
  const densities = new Densities(module), x = Float32Array.of(0.3, -0.2);
  densities.add("small", network(8, 2));
  const before = densities.score("small", x, 0.5);
  for (let i = 0; i < 6; i++) {
    densities.add("large", network(512, 16, "score")); // 16 MB each, of the 64 that there are
    assert.ok(densities.score("large", x, 0.5).every(Number.isFinite));
    densities.drop("large");
  }
  assert.throws(() => densities.add("huge", network(1024, 24, "score")), { message: /MB more do not fit/ });
  densities.add("large", network(512, 16, "score"));
  assert.deepEqual(densities.score("small", x, 0.5), before);
});

test("pieces of a memory never overlap and come back whole", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 16 }), room = new Room(memory, 100), held = new Map();
  let word = 1;
  const any = (below) => (word = (Math.imul(word, 48271) >>> 0) % 2147483647) % below;
  for (let i = 0; i < 500; i++) {
    const size = 1 + any(60000);
    if (held.size > 5 || any(3) === 0) {
      const [at] = [...held.keys()].slice(any(held.size || 1));
      if (at !== undefined) room.give(at);
      held.delete(at);
    } else held.set(room.take(size), size);
    const pieces = [...held].sort((a, b) => a[0] - b[0]);
    pieces.forEach(([at, length], k) => {
      assert.ok(at >= 100 && at % 16 === 0 && at + length <= (pieces[k + 1]?.[0] ?? memory.buffer.byteLength));
    });
  }
  for (const at of held.keys()) room.give(at);
  const whole = 16 * 65536 - 112;
  assert.equal(room.take(whole), 112);
  assert.throws(() => room.take(1), { message: /do not fit/ });
});
