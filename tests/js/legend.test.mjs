// The legend names what is in the picture, and nothing that is not.
import assert from "node:assert/strict";
import { test } from "node:test";

import { classesText, legendItems } from "../../toy/viewer/web/legend.js";
import { ARROWS, DENSITIES } from "../../toy/viewer/web/fields.js";
import { UI, withLayer } from "../../toy/viewer/web/ui.js";
import { WORDS } from "../../toy/viewer/web/language.js";

const OUTLINES = [["A", "target"], ["B", "other"]];
const names = (given) => legendItems({ ui: UI, outlines: OUTLINES, target: { all: "AB", mode: "branch" }, tinted: true, forward: false, plain: false, ...given }).map(({ name }) => name);

test("everything that is on is named once, with a meaning", () => {
  const layers = [...DENSITIES, ...ARROWS];
  const all = names({ ui: { ...UI, layers, trails: true, paths: true, samples: true } });
  assert.equal(new Set(all).size, all.length);
  for (const name of all) assert.ok(WORDS.includes(name), name);
  for (const name of [...layers, "sample", "outside", "outline", "other", "lost", "gained", "trails", "paths", "samples"]) assert.ok(all.includes(name), name);
});

test("what is off is not named", () => {
  assert.deepEqual(names({}), ["sample", "outside", "outline", "other", "lost", "gained"]);
  assert.deepEqual(names({ tinted: false, ui: { ...UI, quality: false } }), ["sample", "outline", "other"]);
  assert.deepEqual(names({ tinted: false, plain: true, outlines: [["A", "target"], ["AB", "other"]] }), ["sample", "outline", "other"]);
  assert.deepEqual(names({ tinted: false, forward: true, outlines: [["AB", "target"]] }), ["sample", "outline"]);
});

test("classes are called by their words, where they have some", () => {
  const target = { all: "ABC", words: { A: "cat", C: "<b>owl</b>" } };
  assert.deepEqual(["A", "B", "BC", "ABC"].map((name) => classesText(name, target)), ["cat", "class B", "classes B, <b>owl</b>", "all classes"]);
  assert.deepEqual(["A", "AB"].map((name) => classesText(name, { all: "AB" })), ["class A", "both classes"]);
});

test("one density at a time, any arrows beside it", () => {
  assert.deepEqual(withLayer(["p1"], "ratio", true), ["ratio"]);
  assert.deepEqual(withLayer(["p1", "main"], "guide", true), ["p1", "main", "guide"]);
  assert.deepEqual(withLayer(["ratio", "main"], "ratio", false), ["main"]);
});
