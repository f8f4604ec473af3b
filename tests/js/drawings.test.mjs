// Drawings that the browser keeps: named by their content, no more than fit, none that is not what it says, and in links.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

import { drawingName } from "../../toy/browser/web/naming.js";
import { Drawings, isDrawing } from "../../toy/site/web/drawings.js";
import { sha256 } from "../../toy/browser/web/sha256.js";

const KEY = "toy-site:drawings";
const line = (width = 0.1) => [{ label: "A", width, at: [0, 0, 1, 0.5] }, { label: "B", width, at: [0, 1, 1, 1] }];

class Box {
  constructor(text = null, most = Infinity) {
    Object.assign(this, { text, most });
  }
  getItem() {
    return this.text;
  }
  setItem(key, text) {
    assert.equal(key, KEY);
    if (text.length > this.most) throw new Error("full");
    this.text = text;
  }
}

test("a text has the digits that others give it", () => {
  for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const text = Array.from({ length }, (_, i) => String.fromCodePoint(33 + ((i * 7) % 90))).join("");
    for (const each of [text, `${text}é木😀`]) assert.equal(sha256(each), createHash("sha256").update(each).digest("hex"));
  }
});

test("a drawing is there again in another visit, and one that is not here is none", () => {
  const box = new Box();
  const first = new Drawings(() => box);
  const name = first.take(line());
  assert.ok(isDrawing(name));
  const again = new Drawings(() => box);
  assert.deepEqual(again.of(name).strokes, line());
  assert.equal(again.latest, name);
  assert.equal(again.of("strokes-000000000000"), null);
  assert.equal(new Drawings(() => new Box()).of(name), null);
});

test("what is kept is no more than fits, and the latest stays", () => {
  const box = new Box();
  const drawings = new Drawings(() => box);
  const names = Array.from({ length: 40 }, (_, i) => drawings.take(line(0.1 + i / 1000)));
  const kept = JSON.parse(box.text).map(([name]) => name);
  assert.deepEqual(kept, names.slice(-32));
  drawings.take(line(0.1 + 20 / 1000)); // again: it is the latest
  assert.equal(JSON.parse(box.text).at(-1)[0], names[20]);
  const small = new Box(null, 700);
  const few = new Drawings(() => small);
  const last = Array.from({ length: 20 }, (_, i) => few.take(line(0.1 + i / 1000))).at(-1);
  assert.ok(small.text.length <= 700);
  assert.equal(JSON.parse(small.text).at(-1)[0], last);
  const long = Array.from({ length: 2 }, (_, k) => ({ label: "A", width: 0.1, at: Array.from({ length: 3000 }, (_, i) => (i + k) / 7000 + 1e-9) }));
  const large = new Box();
  const many = new Drawings(() => large);
  for (let i = 0; i < 30; i++) many.take([{ ...long[0], width: 0.1 + i / 1000 }, long[1]]);
  assert.ok(large.text.length <= 2 ** 20);
});

test("a page without storage has what was drawn in it", () => {
  for (const storage of [() => null, () => { throw new Error("forbidden"); }]) {
    const drawings = new Drawings(storage);
    const name = drawings.take(line());
    assert.equal(drawings.of(name).drawn.classes, "AB");
    assert.equal(drawings.latest, name);
  }
});

test("what is kept and is no drawing, or another one than it says, is none", () => {
  const name = drawingName(line());
  const hostile = ["", "{", "null", "7", '"x"', "[[]]", "[null]", `[["${name}"]]`, `{"${name}":1}`];
  const strokes = [null, 7, {}, [], [null], [{}], [{ label: "A", width: 0.1, at: "00" }], [{ label: "A", width: 0.1, at: [0, null] }], [{ label: ["A"], width: 0.1, at: [0, 0] }], [{ label: "A", width: "1", at: [0, 0] }], [{ label: "A", width: 1e-9, at: [0, 0, 1, 1] }], line(0.2)];
  for (const text of [...hostile, ...strokes.map((each) => JSON.stringify([[name, each]]))]) {
    const drawings = new Drawings(() => new Box(text));
    assert.equal(drawings.of(name), null, text);
    assert.equal(typeof drawings.latest, "string");
    assert.equal(drawings.take(line()), name, "and is drawn over");
  }
  const odd = JSON.stringify([["__proto__", line()], ["strokes-xyz", line()], [name, line()]]);
  assert.ok(new Drawings(() => new Box(odd)).of(name));
});

test("a link carries a drawing to another browser, unless it is too long", () => {
  const mine = new Drawings(() => null);
  const name = mine.take([{ label: "A", width: 0.0525, at: [-0.12345, 1e-7, 12.345, -0] }, ...line()]);
  const text = mine.carried(name);
  assert.match(text, /^[-A-P0-9.,;e]+$/);
  const theirs = new Drawings(() => new Box());
  assert.equal(theirs.takeCarried(text), name);
  for (const odd of ["A", "A,1", "A,1,2", "A,x,0,0", ";", "Z,1,0,0", "A,1,0,0;", "%20", "A,1,0,nan"]) assert.throws(() => theirs.takeCarried(odd), { message: /drawing|stroke/ }, odd);
  const long = mine.take([{ label: "A", width: 0.1, at: Array.from({ length: 4000 }, (_, i) => i / 300) }]);
  assert.equal(mine.carried(long), "");
});
