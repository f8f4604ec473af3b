// What is drawn, without a browser: strokes, undo, eraser, the paper that lies still, what the server is told.

import assert from "node:assert/strict";
import test from "node:test";

import { MOST, Strokes, cut } from "../../toy/viewer/web/strokes.js";

const TREE = { name: "A", drawing: false };

function drawn(strokes, ...places) {
  strokes.begin(places[0], 1.5);
  for (const place of places.slice(1)) strokes.extend(place);
  return strokes.end();
}

function begun(target = TREE, scenery = {}) {
  const strokes = new Strokes();
  strokes.start(target, scenery);
  return strokes;
}

test("a stroke is told once, with its class and width", () => {
  const strokes = begun();
  assert.equal(strokes.news(), null);
  assert.deepEqual(drawn(strokes, [0, 0], [0.5, 0.25]), { changed: true });
  assert.deepEqual(strokes.news(), [{ label: "A", width: 0.0525, at: [0, 0, 0.5, 0.25] }]);
  assert.equal(strokes.news(), null);
  strokes.label = "B";
  drawn(strokes, [1, 1]);
  assert.deepEqual(strokes.news().map(({ label }) => label), ["A", "B"]);
});

test("what was told and lost is told again", () => {
  const strokes = begun();
  drawn(strokes, [0, 0], [0.5, 0.25]);
  const told = strokes.news();
  strokes.lost();
  assert.deepEqual(strokes.news(), told);
  assert.equal(strokes.news(), null);
});

test("points nearer than the brush is wide add nothing", () => {
  const strokes = begun();
  drawn(strokes, [0, 0], [0.001, 0], [0.002, 0], [1, 0]);
  assert.equal(strokes.all[0].at.length, 2);
});

test("undo takes back strokes, erasing and clearing, and what is undone to nothing is not told", () => {
  const strokes = begun();
  drawn(strokes, [0, 0], [1, 0]);
  const one = strokes.all;
  strokes.put([]);
  strokes.undo();
  assert.equal(strokes.all, one);
  strokes.erasing = true;
  assert.deepEqual(drawn(strokes, [0.5, 0]), { changed: true });
  assert.equal(strokes.all.length, 2);
  strokes.undo();
  assert.equal(strokes.all, one);
  strokes.undo();
  strokes.undo();
  assert.deepEqual(strokes.all, []);
  assert.equal(strokes.news(), null);
});

test("the eraser takes what it touches and no more", () => {
  const line = { label: "A", width: 0.05, at: [[0, 0], [1, 0]] };
  assert.equal(cut([line], [0.5, 0.3], 0.2)[0], line);
  const [before, after] = cut([line], [0.5, 0], 0.1);
  assert.ok(before.at.at(-1)[0] <= 0.4 && before.at.at(-1)[0] > 0.3);
  assert.ok(after.at[0][0] >= 0.6 && after.at[0][0] < 0.7);
  assert.deepEqual(cut([line], [0.5, 0], 2), []);
  const strokes = begun();
  drawn(strokes, [0, 0], [1, 0]);
  strokes.erasing = true;
  assert.deepEqual(drawn(strokes, [0, 9]), { changed: false });
});

test("what is drawn lies where it was drawn, however it is scaled", () => {
  const strokes = begun();
  drawn(strokes, [0.2, 0.4], [0.9, -0.3]);
  const view = { cx: 0.1, cy: 0.3, half: 1.5 };
  const seen = (point, { cx, cy, half }) => {
    const [x, y] = strokes.toWorld(point);
    return [(x - cx) / half, (y - cy) / half];
  };
  const before = strokes.all[0].at.map((point) => seen(point, view));
  const after = strokes.moved(view, { drawing: true, origin: [0.6, 0.05], unit: 0.7 });
  strokes.all[0].at.forEach((point, i) => seen(point, after).forEach((x, k) => assert.ok(Math.abs(x - before[i][k]) < 1e-12)));
  drawn(strokes, strokes.toWorld([0.2, 0.4]));
  assert.deepEqual(strokes.all[1].at[0].map((x) => Number(x.toFixed(9))), [0.2, 0.4]);
});

test("a stroke that is cancelled is none, and one too many says so", () => {
  const strokes = begun();
  strokes.begin([0, 0], 1);
  strokes.cancel();
  assert.deepEqual(strokes.end(), { changed: false });
  assert.deepEqual(strokes.all, []);
  for (let i = 0; i < MOST.strokes; i++) drawn(strokes, [i, 0]);
  assert.deepEqual(drawn(strokes, [0, 1]), { changed: false, why: "a drawing has at most 512 strokes" });
  strokes.put([]);
  strokes.begin([0, 0], 1);
  for (let i = 0; i <= MOST.points; i++) strokes.extend([i + 1, 0]);
  assert.match(strokes.end().why, /at most 4000 points/);
});

test("a drawing is opened as the strokes that it is of, and another distribution on blank paper", () => {
  const scenery = { segments: [0, 0, 1, 0, 1, 0, 1, 1, 5, 5, 6, 6], thickness: [0.1, 0.1, 0.1], classes: [0, 0, 1] };
  const own = begun({ drawing: true, origin: [1, 2], unit: 2 }, scenery);
  assert.deepEqual(own.all.map(({ label, width, at }) => [label, width, at]), [
    ["A", 0.2, [[1, 2], [3, 2], [3, 4]]],
    ["B", 0.2, [[11, 12], [13, 14]]],
  ]);
  assert.equal(own.news(), null);
  const blank = begun(TREE, scenery);
  assert.deepEqual(blank.all, []);
  blank.put(blank.joined(scenery));
  assert.equal(blank.news().length, 2);
});

test("one more class than there is can be chosen, up to eight", () => {
  const strokes = begun();
  assert.deepEqual(strokes.labels, ["A", "B", "C"]);
  strokes.label = "C";
  assert.deepEqual(strokes.labels, ["A", "B", "C", "D"]);
  strokes.label = "H";
  assert.equal(strokes.labels.length, 8);
});
