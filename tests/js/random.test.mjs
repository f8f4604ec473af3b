import assert from "node:assert/strict";
import { test } from "node:test";

import { bits, erfInv, normal, split, threefry, uniform } from "../../toy/browser/web/random.js";

const words = ([a, b]) => [a >>> 0, b >>> 0];

test("threefry gives its authors' known answers", () => {
  assert.deepEqual(words(threefry(0, 0, 0, 0)), [0x6b200159, 0x99ba4efe]);
  assert.deepEqual(words(threefry(-1, -1, -1, -1)), [0x1cb996fc, 0xbb002be7]);
  assert.deepEqual(words(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)), [0xc4923a9c, 0x483df7a0]);
});

test("a share of a draw is what the whole has there", () => {
  const [key] = split(Uint32Array.of(3, 4));
  for (const draw of [bits, uniform, normal]) {
    assert.deepEqual([...draw(key, 20, 80)], [...draw(key, 100).subarray(80)]);
  }
});

test("uniform numbers are in [0, 1), normal ones finite and of moments 0, 1, 0, 3", () => {
  const [one, other] = split(Uint32Array.of(0, 1)), n = 2 ** 16;
  assert.ok(uniform(one, n).every((u) => u >= 0 && u < 1));
  const drawn = normal(other, n), moment = (k) => drawn.reduce((sum, z) => sum + z ** k, 0) / n;
  for (const [k, wanted, spread] of [[1, 0, 1], [2, 1, 2], [3, 0, 15], [4, 3, 96]]) {
    assert.ok(Math.abs(moment(k) - wanted) < 5 * Math.sqrt(spread / n), `moment ${k}: ${moment(k)}`);
  }
});

test("erfInv inverts erf, and is odd and infinite at the ends", () => {
  const erf = (x) => { // by its series
    let sum = 0, term = x;
    for (let k = 0; k < 100; k++, term *= (-x * x) / k) sum += term / (2 * k + 1);
    return (2 / Math.sqrt(Math.PI)) * sum;
  };
  for (const x of [1e-6, 0.1, 0.5, 0.9, 0.99, 0.9999]) {
    assert.ok(Math.abs(erf(erfInv(x)) - x) < 2e-7, `${x}`);
    assert.equal(erfInv(-x), -erfInv(x));
  }
  assert.deepEqual([1, -1].map(erfInv), [Infinity, -Infinity]);
});
