// Numbers as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { conventionsOf, measureRows } from "../../toy/viewer/web/measures.js";

const FLOOR = { outliers: 0.01, branch_tv: 0.026, root_share: 0.26, alignment: 0.993 };
const ERRORS = { outliers: 0.006, branch_tv: 0.012, root_share: 0.0005, alignment: 0.001 };
const rowsOf = (values, called = "A") =>
  Object.fromEntries(measureRows({ values, errors: ERRORS, floor: FLOOR, called }).map((row) => [row.key, row]));

test("every number is said with its error, in as many digits", () => {
  const rows = rowsOf({ outliers: 0.09, branch_tv: 0.25, root_share: 0, alignment: 0.99 });
  assert.equal(rows.outliers.text, "9.0 ± 0.6% outside");
  assert.equal(rows.branch_tv.text, "TV 0.25 ± 0.01");
  assert.equal(rows.root_share.text, "0.0 ± 0.1%");
  assert.equal(rows.outliers.floor_text, "truth 1.0%");
  assert.equal(rows.branch_tv.floor_text, "truth 0.03");
});

test("a bar is as long as its number says, and says where it ends and which way is better", () => {
  const rows = rowsOf({ outliers: 0.05, branch_tv: 0.25, root_share: 0.6, alignment: 0.5 });
  assert.deepEqual([rows.outliers.fill, rows.branch_tv.fill, rows.root_share.fill, rows.alignment.fill], [0.2, 0.25, 1, 0.5]);
  assert.deepEqual(rows.outliers.ends, ["0", "25%"]);
  assert.deepEqual(rows.root_share.ends, ["0", "50% or more"]);
  assert.deepEqual(Object.values(rows).map((row) => row.better), ["less is better", "less is better", "the truth's is best", "more is better"]);
});

test("what is no number is as bad as can be, and what a target has not is left out", () => {
  const rows = rowsOf({ outliers: null, branch_tv: Number.NaN, alignment: 1 });
  assert.deepEqual(Object.keys(rows), ["outliers", "branch_tv", "alignment"]);
  assert.equal(rows.outliers.value, 1);
  assert.equal(rows.branch_tv.value, 1);
  assert.deepEqual(measureRows(null), []);
});

test("a posterior is named as what it is, and stands back where most samples are outside", () => {
  const sure = rowsOf({ outliers: 0.01, branch_tv: 0.05, alignment: 0.99 }, "B").alignment;
  const far = rowsOf({ outliers: 0.94, branch_tv: 0.9, alignment: 1 }, "B").alignment;
  assert.equal(sure.label, "P(B|x)");
  assert.ok(!sure.muted);
  assert.ok(far.muted);
  assert.match(far.text, /outside/);
});

test("the weight as others write it", () => {
  assert.deepEqual(conventionsOf(3).map(({ value }) => value), ["3.00", "2.00"]);
  assert.deepEqual(conventionsOf(undefined), []);
});
