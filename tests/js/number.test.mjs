// What people type for a number.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { digitsOf, readNumber } from "../../toy/viewer/web/number.js";

// The pages read numbers by the same cases, in Python.
const { taken, held, refused, blank, ...W } = JSON.parse(readFileSync(new URL("numbers.json", import.meta.url)));
const read = (text, range = W) => readNumber(text, range);

test("a number is taken however it is written", () => {
  for (const [text, value] of Object.entries(taken)) assert.deepEqual({ ...read(text), value: read(text).value + 0 }, { value, said: "" }, text);
  assert.deepEqual(read("−0.5", { lo: -1, hi: 1, name: "β" }), { value: -0.5, said: "" });
});

test("what is out of range becomes the end of the range, and it is said", () => {
  for (const [text, [value, said]] of Object.entries(held)) assert.deepEqual(read(text), { value, said }, text);
  assert.equal(read("1e999").value, 8);
});

test("what is no number is refused in words, never read as another number", () => {
  for (const text of refused) assert.deepEqual(read(text), { value: null, said: `“${text}” is not a number: w is from 0 to 8` });
});

test("a blank is no answer and no mistake", () => {
  for (const text of blank) assert.deepEqual(read(text), { value: null, said: "" });
});

test("a field has as many digits as its slider's step needs", () => {
  assert.deepEqual([1, 0.05, 0.01, 0.001, 0.00005, undefined].map(digitsOf), [2, 2, 2, 3, 4, 2]);
});
