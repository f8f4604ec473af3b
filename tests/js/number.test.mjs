// What people type for a number.

import assert from "node:assert/strict";
import { test } from "node:test";

import { digitsOf, readNumber } from "../../toy/ui/viewer/number.js";

const W = { lo: 0, hi: 8, name: "w" };
const read = (text, range = W) => readNumber(text, range);

test("a number is taken however it is written", () => {
  const given = { "2.5": 2.5, "2,5": 2.5, "0,5": 0.5, ",5": 0.5, ".5": 0.5, "5.": 5, " 3 ": 3, "\t3\n": 3, "+3": 3, "3e0": 3, "30E-1": 3, "0": 0, "-0": 0 };
  for (const [text, value] of Object.entries(given)) {
    assert.equal(read(text).value + 0, value, text);
    assert.equal(read(text).said, "", text);
  }
  assert.deepEqual(read("−0.5", { lo: -1, hi: 1, name: "β" }), { value: -0.5, said: "" });
});

test("what is out of range becomes the end of the range, and it is said", () => {
  assert.deepEqual(read("1e1"), { value: 8, said: "w is from 0 to 8, not 10" });
  assert.deepEqual(read("-2"), { value: 0, said: "w is from 0 to 8, not -2" });
  assert.equal(read("1e999").value, 8);
});

test("what is no number is refused in words, never read as another number", () => {
  for (const text of ["2 5", "abc", "1.000,5", "1,000,5", "1,2,3", "2.5.1", "0x10", "1_0", "²", "NaN", "Infinity", "e1", "5%", "--1", "1e", ".", ","]) {
    const { value, said } = read(text);
    assert.equal(value, null, text);
    assert.match(said, /is not a number: w is from 0 to 8$/, text);
  }
});

test("a blank is no answer and no mistake", () => {
  for (const text of ["", " ", "\t"]) assert.deepEqual(read(text), { value: null, said: "" });
});

test("a field has as many digits as its slider's step needs", () => {
  assert.deepEqual([1, 0.05, 0.01, 0.001, 0.00005, undefined].map(digitsOf), [2, 2, 2, 3, 4, 2]);
});
