// The page of fields: what is read off its grids, which questions are the same question, and noise levels.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FieldCache, wantedBoxOf, fieldKey, sampleGrid, sigmaOf, sliderAt, stretchOf, sweep } from "../../toy/viewer/web/fieldgrid.js";
import { layerValues } from "../../toy/viewer/web/fields.js";

const near = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("a plane is read off a grid exactly, and nothing outside it", () => {
  const [ny, nx, box] = [4, 6, [-1, 2, 0.5, 1]];
  const at = (x, y) => 3 * x - 7 * y + 2;
  const values = Float64Array.from({ length: ny * nx }, (_, k) => at(-1 + (3 * (k % nx)) / (nx - 1), 0.5 + (0.5 * Math.floor(k / nx)) / (ny - 1)));
  for (const [x, y] of [[-1, 0.5], [2, 1], [0.3, 0.77], [1.999, 0.501], [-1, 1]]) near(sampleGrid(values, [ny, nx], box, x, y), at(x, y), 1e-12);
  for (const [x, y] of [[-1.01, 0.7], [2.01, 0.7], [0, 0.49], [0, 1.01], [NaN, 0.7]]) assert.equal(sampleGrid(values, [ny, nx], box, x, y), null);
});

test("a box holds what the view shows, at every zoom", () => {
  for (const half of [0.003, 0.1387, 1.2, 40]) {
    const [x0, x1, y0, y1] = wantedBoxOf({ cx: 0.45, cy: 1.22, half }, 1.1);
    assert.ok(x0 <= 0.45 - half && x1 >= 0.45 + half && y0 <= 1.22 - half && y1 >= 1.22 + half);
    near(x1 - x0, 2.2 * half, 0.01 * half);
    near(y1 - y0, 2.2 * half, 0.01 * half);
  }
  assert.deepEqual(wantedBoxOf({ cx: 0.3, cy: 0.3, half: 1.2 }, 1.1), [-1.02, 1.62, -1.02, 1.62]);
});

test("rounding makes no new question; another place, zoom, noise level or cast does", () => {
  const box = wantedBoxOf({ cx: 0.3, cy: 0.3, half: 1.2 }, 1.1);
  const key = fieldKey("a", 0.03, box);
  assert.equal(fieldKey("a", 0.0300000001, box.map((v) => v + 1e-9)), key);
  const others = [fieldKey("b", 0.03, box), fieldKey("a", 0.031, box), fieldKey("a", 0.03, box.map((v) => v + 0.05)), fieldKey("a", 0.03, box.map((v) => v * 1.02))];
  for (const other of others) assert.notEqual(other, key);
});

test("the slider is logarithmic and its own inverse to three digits", () => {
  const range = [5, 0.005];
  near(sliderAt(5, range), 0);
  near(sliderAt(0.005, range), 1);
  for (const sigma of [5, 0.5, 0.25, 0.08, 0.03, 0.01, 0.005]) near(sigmaOf(sliderAt(sigma, range), range), sigma, 1e-12);
  near(sliderAt(0.05, range) - sliderAt(0.5, range), 1 / 3, 1e-12);
  assert.equal(sigmaOf(-1, range), 5);
  assert.equal(sigmaOf(2, range), 0.005);
});

test("a sweep goes down from its first level to its last, each level once", () => {
  const levels = sweep(5, 0.01, 46);
  assert.equal(levels[0], 5);
  assert.equal(levels.at(-1), 0.01);
  for (let k = 1; k < levels.length; k++) assert.ok(levels[k] < levels[k - 1]);
});

test("short arrows are stretched by a round number, long ones are left", () => {
  const arrows = (length) => Float32Array.from({ length: 40 }, (_, k) => (k % 2 ? 0 : length));
  assert.equal(stretchOf(arrows(1), 1.5), 1);
  assert.equal(stretchOf(arrows(1), 2.5), 2);
  assert.equal(stretchOf(arrows(0.01), 0.6), 50);
  assert.equal(stretchOf(arrows(3), 1), 1);
  assert.equal(stretchOf(arrows(0), 1), 1);
});

test("the cache keeps the finer of two, and forgets the oldest", () => {
  const cache = new FieldCache(2);
  cache.put("a", { side: 128 });
  assert.equal(cache.put("a", { side: 64 }).side, 128);
  cache.put("b", { side: 64 });
  assert.equal(cache.put("b", { side: 128 }).side, 128);
  cache.put("c", { side: 64 });
  assert.equal(cache.get("a"), null);
  assert.equal(cache.get("b").side, 128);
});

test("a ratio is half where it is typical near the data, whatever it is far away, and constants do not matter", () => {
  const logp1 = Float32Array.of(-1, -2, -3, -900);
  const logp0 = Float32Array.of(-2, -2, -2, -10);
  const within = Uint8Array.of(1, 1, 1, 0);
  const { values } = layerValues("ratio", { logp1, logp0, within });
  near(values[1], 0, 1e-6);
  near(values[0], Math.tanh(0.5), 1e-6);
  near(values[2], -Math.tanh(0.5), 1e-6);
  near(values[3], -1, 1e-6);
  const moved = layerValues("ratio", { logp1: logp1.map((v) => v + 7), logp0, within }).values;
  values.forEach((v, i) => near(moved[i], v, 1e-5));
});
