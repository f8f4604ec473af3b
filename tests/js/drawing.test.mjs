// Colours, blending, and the layers' numbers: all that can be said of drawing without a canvas.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as colour from "../../toy/viewer/web/colour.js";
import { numberText, sigmaText } from "../../toy/viewer/web/dom.js";
import { dotRadius, over, shadeRamp, shadesAt } from "../../toy/viewer/web/dots.js";
import { contourSegments, hasLayer, layerValues } from "../../toy/viewer/web/fields.js";
import { mergeUi } from "../../toy/viewer/web/ui.js";
import { decompose } from "../../toy/viewer/web/probe.js";

const near = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("colours are read as a browser computes them", () => {
  assert.deepEqual(colour.parseColour("rgb(14, 17, 23)"), [14, 17, 23]);
  assert.deepEqual(colour.parseColour("rgba(1, 2, 3, 0.5)"), [1, 2, 3]);
  assert.deepEqual(colour.parseColour("#fff"), [255, 255, 255]);
  assert.deepEqual(colour.parseColour("#0e1117"), [14, 17, 23]);
  assert.equal(colour.parseColour("tomato"), null);
  assert.ok(colour.isDark([14, 17, 23]) && !colour.isDark([255, 255, 255]));
});

test("light and dark name the same colours", () => {
  assert.deepEqual(Object.keys(colour.palette(true)), Object.keys(colour.palette(false)));
});

test("a branch that lost mass turns blue, one that gained brown, and more of it is more", () => {
  for (const dark of [false, true]) {
    const colours = colour.palette(dark);
    const background = dark ? [14, 17, 23] : [255, 255, 255];
    const far = (gain, end) => Math.hypot(...colour.gainColour(gain, colours, background).map((v, i) => v - end[i]));
    for (const [sign, end] of [[-1, colours.lost], [1, colours.gained]]) {
      const steps = [0, 0.5, 1, 2, 3].map((size) => far(sign * size, end));
      for (let i = 1; i < steps.length; i++) assert.ok(steps[i] < steps[i - 1], `${dark} ${sign} ${steps}`);
    }
    assert.deepEqual(colour.gainColour(-9, colours, background), colour.gainColour(-3, colours, background));
    assert.deepEqual(colour.gainColour(0.1, colours, background), colour.gainColour(0, colours, background));
  }
});

test("opacity of a density is 1 at its maximum and falls", () => {
  near(colour.densityAlpha(0), 1);
  assert.ok(colour.densityAlpha(-1) > colour.densityAlpha(-4));
  assert.ok(colour.densityAlpha(-Infinity) < 1e-6);
});

test("one pixel over another", () => {
  const red = colour.packed([255, 0, 0]);
  assert.equal(over(0, red, 128), ((128 << 24) | red) >>> 0);
  assert.equal(over(((255 << 24) | colour.packed([0, 0, 255])) >>> 0, red, 255), ((255 << 24) | red) >>> 0);
  const half = over(((255 << 24) | colour.packed([0, 0, 200])) >>> 0, red, 128);
  assert.equal(half >>> 24, 255);
  near(half & 255, 128, 2);
  near((half >>> 16) & 255, 100, 2);
});

test("a particle's colour goes from inside to outside as it leaves", () => {
  const ramp = shadeRamp(colour.packed([0, 0, 0]), colour.packed([200, 100, 40]));
  assert.equal(ramp[0], 0);
  assert.equal(ramp.at(-1), colour.packed([200, 100, 40]));
  const outside = { data: Uint8Array.of(0, 1, 1, 1), shape: [2, 2] };
  assert.deepEqual([...shadesAt(outside, 0.25, new Float32Array(2))], [0.25, 1]);
  assert.deepEqual([...shadesAt(outside, 1, new Float32Array(2))], [1, 1]);
});

test("dots stay dots", () => {
  for (const n of [64, 512, 4096, 16384]) {
    for (const half of [0.01, 0.3, 1.2, 30]) {
      const radius = dotRadius(n, 430, half);
      assert.ok(radius >= 0.55 && radius <= 3);
    }
  }
  assert.ok(dotRadius(512, 430, 1.2) > dotRadius(4096, 430, 1.2));
});

test("a tilted density is what the server says, whatever p1 and p0 are; a ratio has mean 0", () => {
  const logp1 = Float32Array.of(-1, -3, -2, -8);
  const logp0 = Float32Array.of(-2, -2, -1, -4);
  const logtilt = Float32Array.of(7, 1, 9, -4);
  assert.deepEqual([...layerValues("tilt", { logp1, logp0, logtilt }).values], [-2, -8, 0, -13]);
  assert.ok(!hasLayer({ "left.logp1": logp1, "left.logp0": logp0 }, "left", "tilt"));
  near([...layerValues("ratio", { logp1, logp0 }).values].reduce((a, b) => a + b, 0), 0, 1e-6);
});

test("the sampler's density is shown on the true density's scale", () => {
  const truth = Float32Array.of(1, 2, 0, -9);
  const { kind, values } = layerValues("drawn", { logq: Float32Array.of(5, 1, -3, -38), truth });
  assert.equal(kind, "density");
  assert.deepEqual([...values], [0, -1, -5, -40]);
  assert.ok(!hasLayer({ "truth.logp": truth }, "left", "drawn"));
  assert.ok(hasLayer({ "truth.logp": truth, "left.logq": truth }, "left", "drawn"));
});

test("a contour lies where the level is", () => {
  const [ny, nx] = [21, 31];
  const values = Float32Array.from({ length: ny * nx }, (_, k) => -Math.hypot((k % nx) - 15, Math.floor(k / nx) - 10));
  const segments = contourSegments(values, ny, nx, -6);
  assert.ok(segments.length > 40);
  for (let k = 0; k < segments.length; k += 2) near(Math.hypot(segments[k] - 15, segments[k + 1] - 10), 6, 0.05);
});

test("a probe's vectors add up", () => {
  const { difference, correction, guide } = decompose({ s1: [3, 1], s0: [1, 2], guided: [5, 0], truth: [4, 4] });
  assert.deepEqual(difference, [2, -1]);
  assert.deepEqual(correction, [1, 3]);
  assert.deepEqual(guide, [1, 2]);
  assert.equal(decompose({ s1: [1, 1], s0: null, guided: [1, 1], truth: [0, 0] }).difference, null);
});

test("what a URL says is taken key by key, and nonsense is not", () => {
  const base = { layers: [], quality: true, layout: "two", speed: 1, view: null, t: null };
  const ui = mergeUi(base, { layers: ["p1", "nonsense"], quality: "yes", layout: "one", speed: -1, view: [0, 0, 0], t: 3, other: 1 });
  assert.deepEqual(ui, { ...base, layers: ["p1"], layout: "left", t: 3 });
  assert.deepEqual(mergeUi(base, undefined), base);
  assert.deepEqual(mergeUi(base, null), base);
});

test("numbers are short", () => {
  assert.equal(sigmaText(0.03), "0.0300");
  assert.equal(sigmaText(5), "5.00");
  assert.equal(numberText(-1234.5), "−1235");
  assert.equal(numberText(0.0001), "1.0e−4");
  assert.equal(numberText(NaN), "–");
});
