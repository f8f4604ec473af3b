// A challenge is met by the measured value itself, and says by how much.

import assert from "node:assert/strict";
import { test } from "node:test";

import { conditionOf, conditionText, judged } from "../../toy/viewer/web/challenge.js";
import { UI, mergeUi } from "../../toy/viewer/web/ui.js";

const measured = (outliers, branch_tv = 0.1) => ({ values: { outliers, branch_tv }, errors: { outliers: 0.005, branch_tv: 0.01 } });

test("a condition is a name, a side and a number, and nothing else is one", () => {
  assert.deepEqual(conditionOf("outside<7"), { name: "outside", than: "<", bound: 7, said: "7" });
  assert.deepEqual(conditionOf("mode_tv<0.13"), { name: "mode_tv", than: "<", bound: 0.13, said: "0.13" });
  const odd = ["outside", "outside<", "outside<=7", "outside<-7", "outside<1e9", "outside<7 ", " outside<7", "beauty<7", "outside<7;x", "outside<12345", "__proto__<1", "constructor>1", "", null, undefined, {}, "outside<٣", "outside<7\n"];
  for (const text of odd) assert.equal(conditionOf(text), null, String(text));
});

test("the measured value decides, and its error stands beside it", () => {
  const condition = conditionOf("outside<7");
  assert.deepEqual(judged(condition, measured(0.0625)), { value: 6.25, error: 0.5, met: true, margin: 0.75 });
  assert.equal(judged(condition, measured(0.0699)).met, true, "although the error reaches over the bound");
  assert.equal(judged(condition, measured(0.07)).met, false, "less is less");
  assert.equal(judged(condition, measured(0.0701)).met, false, "although the error reaches below the bound");
  assert.ok(judged(condition, measured(0.09)).margin < 0);
  assert.deepEqual(judged(conditionOf("mode_tv>0.05"), measured(0, 0.1)), { value: 0.1, error: 0.01, met: true, margin: 0.05 });
});

test("what was not measured meets nothing", () => {
  for (const given of [undefined, null, {}, { values: {}, errors: {} }, { values: { outliers: null }, errors: { outliers: null } }, measured(NaN)]) {
    assert.equal(judged(conditionOf("outside<7"), given), null);
  }
  assert.equal(judged(conditionOf("trunk>20"), measured(0)), null, "a target without a trunk");
  assert.ok(Number.isNaN(judged(conditionOf("outside<7"), { values: { outliers: 0.01 } }).error), "a number without an error");
});

test("a view takes conditions alone from a link or its memory", () => {
  assert.deepEqual(mergeUi(UI, { challenge: ["outside<7", "<img>", 3, null, "mode_tv<.1"] }).challenge, ["outside<7"]);
  for (const odd of ["outside<7", 3, { 0: "outside<7" }, true]) assert.equal(mergeUi(UI, { challenge: odd }).challenge, null);
  assert.equal(mergeUi(UI, { language: "ko" }).language, "ko");
  for (const odd of ["xx", "__proto__", 3, null]) assert.equal(mergeUi(UI, { language: odd }).language, "en");
});

test("it is said as it was written", () => {
  assert.equal(conditionText(conditionOf("outside<7")), "outside < 7%");
  assert.equal(conditionText(conditionOf("mode_tv<0.130")), "TV < 0.130");
});
