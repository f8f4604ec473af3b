// Outlines from a grid: closed, with what is above the level on their left, and as many as there are pieces and holes.

import assert from "node:assert/strict";
import test from "node:test";

import { contoursOf, outlineArrays } from "../../toy/browser/web/contours.js";

const BOX = [-1, 1, -1, 1];

// Values of a function on a grid over the box.
function gridded(size, of, [left, right, bottom, top] = BOX) {
  const place = (i, low, high) => low + ((high - low) * i) / (size - 1);
  return Float32Array.from({ length: size * size }, (_, k) => of(place(k % size, left, right), place(Math.floor(k / size), bottom, top)));
}

// Twice the area that a closed line runs round, positive where it is on its left.
const area = (line) => line.reduce((sum, [x, y], i) => sum + x * line[(i + 1) % line.length][1] - line[(i + 1) % line.length][0] * y, 0) / 2;

test("a disc has one outline, of its size and its place", () => {
  const [line, ...others] = contoursOf(gridded(101, (x, y) => -((x - 0.1) ** 2 + y ** 2)), 101, BOX, -0.25);
  assert.equal(others.length, 0);
  for (const [x, y] of line) assert.ok(Math.abs(Math.hypot(x - 0.1, y) - 0.5) < 1e-3);
  assert.ok(Math.abs(area(line) - Math.PI / 4) < 2e-3);
});

test("a ring has two, the inner one the other way round", () => {
  const lines = contoursOf(gridded(101, (x, y) => -Math.abs(Math.hypot(x, y) - 0.6)), 101, BOX, -0.1);
  const areas = lines.map(area).sort((a, b) => a - b);
  assert.equal(areas.length, 2);
  assert.ok(Math.abs(areas[0] + Math.PI * 0.25) < 0.01 && Math.abs(areas[1] - Math.PI * 0.49) < 0.01);
});

test("what reaches over the edge of the grid is closed along it", () => {
  const [line, ...others] = contoursOf(gridded(21, (x) => x), 21, BOX, 0.05);
  assert.equal(others.length, 0);
  assert.ok(Math.abs(area(line) - 0.95 * 2) < 1e-6);
  const whole = contoursOf(gridded(5, () => 1), 5, BOX, 0);
  assert.ok(Math.abs(area(whole[0]) - 4) < 1e-9);
  assert.deepEqual(contoursOf(gridded(5, () => -1), 5, BOX, 0), []);
});

test("of corners on a diagonal the mean says whether they are joined", () => {
  const joined = contoursOf(Float32Array.of(3, -1, -1, 3), 2, BOX, 0);
  assert.equal(joined.length, 1);
  const apart = contoursOf(Float32Array.of(1, -3, -3, 1), 2, BOX, 0);
  assert.equal(apart.length, 2);
  assert.ok(apart.every((line) => area(line) > 0));
});

test("on any grid the lines run once through every edge that is crossed, and round what is above", () => {
  let word = 7;
  const any = () => (word = Math.imul(word, 48271) % 2147483647) / 2147483647;
  for (let round = 0; round < 30; round++) {
    const size = 2 + (round % 9);
    const values = Float32Array.from({ length: size * size }, any);
    const lines = contoursOf(values, size, [0, size - 1, 0, size - 1], 0.3);
    const inside = (i, j) => i >= 0 && j >= 0 && i < size && j < size && values[j * size + i] >= Math.fround(0.3);
    let crossed = 0;
    for (let j = -1; j < size; j++) for (let i = -1; i < size; i++) crossed += (inside(i, j) !== inside(i + 1, j)) + (inside(i, j) !== inside(i, j + 1));
    assert.equal(lines.flat().length, crossed);
    for (const line of lines) {
      line.forEach(([x, y], i) => {
        const [a, b] = line[(i + 1) % line.length];
        assert.ok(Math.max(Math.abs(a - x), Math.abs(b - y)) <= 1 + 1e-9, "within one square");
      });
    }
  }
});

test("all lines stand in one array, each from where it begins", () => {
  const found = outlineArrays("AB", [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [0, 1]]]);
  assert.deepEqual([...found["outline.AB"].data], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  assert.deepEqual(found["outline.AB"].shape, [6, 2]);
  assert.deepEqual([...found["outline.AB.starts"].data], [0, 3]);
});
