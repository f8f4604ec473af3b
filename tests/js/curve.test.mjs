// The small chart of a panel's numbers over its weight.
import assert from "node:assert/strict";
import { test } from "node:test";

import { pointsOf, topOf } from "../../toy/viewer/web/curve.js";

test("a line goes from end to end, up for more", () => {
  assert.deepEqual(pointsOf([0, 4, 8], [0, 0.1, 0.2], 0.2), [[0, 54], [75, 27], [150, 0]]);
  assert.deepEqual(pointsOf([0, 1], [3, 0], 1), [[0, 0], [150, 54]], "what is beyond the top stays in the chart");
  assert.deepEqual(pointsOf([2], [0.5], 1), [[0, 27]], "a single weight");
});

test("the scale holds all values and does not make much of chance", () => {
  assert.equal(topOf([0.01, 0.02]), 0.1);
  assert.equal(topOf([0.4, 0.9]), 0.9);
});
