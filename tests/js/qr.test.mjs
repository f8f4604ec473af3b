// A QR code is read by whoever reads QR codes: its words and their corrections are those of the standard.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { correction, penalty, qrCode, qrPath } from "../../toy/viewer/web/qr.js";

test("corrections are those of a worked example", () => {
  // "HELLO WORLD" as a version 1 code of level M.
  const data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17];
  assert.deepEqual(correction(data, 10), [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]);
});

// Pictures that a reader by others (zxing-cpp 2) read as these texts, by their hash.
const digest = (rows) => createHash("sha256").update(rows.map((row) => row.map(Number).join("")).join("\n")).digest("hex").slice(0, 16);
const KNOWN = [
  ["HELLO", "M", "c346c75add569873"],
  ["HELLO", "L", "eea957f1f3550546"],
  ["https://example.org/site/?left.rule=cfg&left.w=4", "M", "49174fc49e9dca58"],
  ["ü→ζ", "L", "4833e927ae9d6ad5"],
  [`https://example.org/?${"left.w=2.5&".repeat(30)}`, "L", "b2052cfdde471721"],
  [`https://example.org/?${"right.main=exact:A&".repeat(40)}`, "M", "2006122b15684fc4"],
];

test("pictures are those that were read by others", () => {
  for (const [text, level, hash] of KNOWN) assert.equal(digest(qrCode(text, { level })), hash, text);
});

const text = (length) => Array.from({ length }, (_, i) => "abcdefghijklmnopqrstuvwxyz0123456789=&.:/"[(i * 7) % 41]).join("");

test("every size has its three corners, its rulers and its format twice", () => {
  for (let length = 1; length < 2900; length += 61) {
    const rows = qrCode(text(length), { level: "L" });
    const size = rows.length;
    assert.equal((size - 17) % 4, 0);
    for (const [x, y] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
      const mark = rows.slice(y, y + 7).map((row) => row.slice(x, x + 7).map(Number).join(""));
      assert.deepEqual(mark, ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]);
    }
    for (let i = 8; i < size - 8; i++) assert.deepEqual([rows[6][i], rows[i][6]], [i % 2 === 0, i % 2 === 0]);
    const first = [0, 1, 2, 3, 4, 5, 7].map((y) => rows[y][8]);
    const again = [0, 1, 2, 3, 4, 5, 6].map((i) => rows[8][size - 1 - i]);
    assert.deepEqual(first, again);
  }
});

test("a longer text never takes a smaller picture, and one that is too long is refused", () => {
  const sizes = [10, 100, 300, 600, 1000, 2000, 2900].map((length) => qrCode(text(length)).length);
  assert.deepEqual(sizes, sizes.toSorted((a, b) => a - b));
  assert.equal(qrCode(text(2953), { level: "L" }).length, 177);
  assert.throws(() => qrCode(text(2954)), /2954 bytes is too long/);
});

test("pictures that are hard to read cost more", () => {
  const even = Array.from({ length: 21 }, (_, y) => Array.from({ length: 21 }, (_, x) => (x + y) % 2 === 0));
  assert.ok(penalty(even) < penalty(even.map((row) => row.map(() => true))));
});

test("the path has a square for each dark module, beside a quiet zone", () => {
  assert.equal(qrPath([[true, false], [false, true]]), "M4 4h1v1h-1zM5 5h1v1h-1z");
});
