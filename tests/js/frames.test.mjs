import assert from "node:assert/strict";
import { test } from "node:test";

import * as frames from "../../toy/viewer/web/frames.js";

const SIGMAS = [5, 2, 0.5, 0.1, 0.002, 0];
const near = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("time and sigma are each other's inverse", () => {
  for (let t = 0; t <= 5; t += 0.13) near(frames.timeAt(SIGMAS, frames.sigmaAt(SIGMAS, t)), t, 1e-9);
  SIGMAS.forEach((sigma, i) => near(frames.timeAt(SIGMAS, sigma), i));
});

test("time is held inside the run", () => {
  near(frames.sigmaAt(SIGMAS, -3), 5);
  near(frames.sigmaAt(SIGMAS, 99), 0);
  near(frames.timeAt(SIGMAS, 80), 0);
});

test("the scrub bar is logarithmic, ordered, and ends at 0", () => {
  for (let u = 0; u <= 1; u += 0.01) near(frames.barAt(frames.sigmaAtBar(u, 5, 0.002), 5, 0.002), u, 1e-9);
  near(frames.barAt(5, 5, 0.002), 0);
  near(frames.barAt(0, 5, 0.002), 1);
  const decade = (s) => frames.barAt(s / 10, 5, 0.002) - frames.barAt(s, 5, 0.002);
  near(decade(5), decade(0.5), 1e-12);
});

test("positions come back from codes, noise level by noise level", () => {
  const [lo, hi] = [-1.5, 2];
  const data = Uint16Array.from({ length: 6 * 2 * 2 }, (_, k) => (k * 9973) % 65536);
  const { x, n, steps } = frames.decodeFrames({ data, shape: [6, 2, 2], lo, hi }, SIGMAS, 0.5);
  assert.deepEqual([n, steps], [2, 5]);
  data.forEach((code, k) => near(x[k], ((code / 65535) * (hi - lo) + lo) * Math.hypot(SIGMAS[Math.floor(k / 4)], 0.5), 1e-5));
});

test("between two steps a particle moves in proportion to sigma, in x", () => {
  const made = { x: Float32Array.of(0, 0, 8, 8, 4, -4, 6, 6), n: 2, steps: 1 };
  const t = frames.timeAt([5, 1], 2);
  const [x, y] = frames.positionAt(made, t, 0);
  near(x, (4 * (5 - 2)) / (5 - 1), 1e-6);
  near(y, (-4 * (5 - 2)) / (5 - 1), 1e-6);
  assert.deepEqual(frames.positionAt(made, 0, 1), [8, 8]);
  assert.deepEqual(frames.positionAt(made, 1, 1), [6, 6]);
  const all = frames.positionsAt(made, t, new Float32Array(4));
  assert.deepEqual([all[0], all[1]].map((v) => v.toFixed(5)), [x, y].map((v) => v.toFixed(5)));
});

test("the noise is standard normal and the same each time", () => {
  const a = frames.gaussians(40001, 7);
  assert.deepEqual([...a.slice(0, 8)], [...frames.gaussians(40001, 7).slice(0, 8)]);
  const mean = a.reduce((sum, v) => sum + v, 0) / a.length;
  const variance = a.reduce((sum, v) => sum + v * v, 0) / a.length;
  const fourth = a.reduce((sum, v) => sum + v ** 4, 0) / a.length;
  near(mean, 0, 0.02);
  near(variance, 1, 0.03);
  near(fourth, 3, 0.2);
});

test("the forward process starts at the data", () => {
  const x0 = Float32Array.of(1, 2);
  assert.deepEqual([...frames.forwardAt(x0, Float32Array.of(1, -1), 0, new Float32Array(2))], [1, 2]);
  assert.deepEqual([...frames.forwardAt(x0, Float32Array.of(1, -1), 3, new Float32Array(2))], [4, -1]);
});

test("the nearest particle within reach", () => {
  const points = Float32Array.of(0, 0, 1, 1, 1.2, 1);
  assert.equal(frames.nearest(points, 3, 1.15, 1, 0.5), 2);
  assert.equal(frames.nearest(points, 3, 5, 5, 0.5), -1);
});
