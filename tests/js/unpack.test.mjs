import assert from "node:assert/strict";
import { test } from "node:test";

import { dequantise, unpack } from "../../toy/viewer/web/unpack.js";

// The format, written down a second time.
function pack(header, arrays) {
  const parts = [];
  const table = {};
  let offset = 0;
  for (const [name, { dtype, shape, data, lo, hi }] of Object.entries(arrays)) {
    table[name] = { dtype, shape, offset, lo, hi };
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    parts.push(padded);
    offset += padded.length;
  }
  const text = new TextEncoder().encode(JSON.stringify({ ...header, arrays: table }));
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const out = new Uint8Array(start + offset);
  out.set(new TextEncoder().encode("TOYV"));
  new DataView(out.buffer).setUint32(4, text.length, true);
  out.set(text, 8);
  let at = start;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const ARRAYS = {
  flags: { dtype: "uint8", shape: [3], data: Uint8Array.of(0, 1, 1) },
  codes: { dtype: "uint16", shape: [2, 2], data: Uint16Array.of(0, 65535, 1, 32768), lo: -2, hi: 3 },
  numbers: { dtype: "float32", shape: [2], data: Float32Array.of(1.5, -2) },
};

test("what was packed comes back", () => {
  const { header, arrays } = unpack(pack({ note: "σ · p₁ʷ", seq: 4 }, ARRAYS));
  assert.equal(header.note, "σ · p₁ʷ");
  for (const [name, { data, shape }] of Object.entries(ARRAYS)) {
    assert.deepEqual([...arrays[name].data], [...data]);
    assert.deepEqual(arrays[name].shape, shape);
  }
});

test("an unaligned view into a larger buffer is read", () => {
  const bytes = pack({}, ARRAYS);
  for (const shift of [1, 3, 5]) {
    const larger = new Uint8Array(bytes.length + 16);
    larger.set(bytes, shift);
    const { arrays } = unpack(larger.subarray(shift, shift + bytes.length));
    assert.deepEqual([...arrays.numbers.data], [1.5, -2]);
  }
});

test("codes become numbers within half a step", () => {
  const { arrays } = unpack(pack({}, ARRAYS));
  const values = dequantise(arrays.codes);
  assert.ok(Math.abs(values[0] + 2) < 1e-6 && Math.abs(values[1] - 3) < 1e-6);
  assert.ok(Math.abs(values[3] - 0.5) < 1e-4);
  assert.deepEqual([...dequantise(arrays.numbers)], [1.5, -2]);
});

test("damage is one clear error", () => {
  const good = pack({}, ARRAYS);
  const cases = [new Uint8Array(0), new Uint8Array(3), good.slice(0, 12), good.slice(0, good.length - 8), Uint8Array.of(...good).fill(0, 0, 4), pack({}, {}).fill(255, 8)];
  for (const bytes of cases) assert.throws(() => unpack(bytes), /not a viewer pack/);
});
