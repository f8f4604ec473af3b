import assert from "node:assert/strict";
import { test } from "node:test";

import * as view from "../../toy/viewer/web/view.js";

const VIEW = { cx: 0.45, cy: 1.22, half: 0.3 };
const near = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("world to screen and back", () => {
  for (const [width, height, out] of [[400, 400, 1], [640, 400, 2.5], [300, 500, 1]]) {
    const cam = view.camera(VIEW, width, height, out);
    const [x, y] = view.toWorld(cam, ...view.toScreen(cam, 0.3, -0.7));
    near(x, 0.3);
    near(y, -0.7);
  }
});

test("the centre is in the middle, up is up, the shorter side spans twice half", () => {
  const cam = view.camera(VIEW, 640, 400);
  assert.deepEqual(view.toScreen(cam, 0.45, 1.22).map(Math.round), [320, 200]);
  near(view.toScreen(cam, 0.45, 1.52)[1], 0);
  near(cam.scale, 400 / 0.6);
});

test("zooming keeps the world under the pointer", () => {
  for (const out of [1, 3]) {
    const cam = view.camera(VIEW, 640, 400, out);
    const before = view.toWorld(cam, 111, 333);
    const next = view.zoomAbout(VIEW, cam, 111, 333, 0.4);
    near(next.half, 0.12);
    const after = view.toWorld(view.camera(next, 640, 400, out), 111, 333);
    near(before[0], after[0]);
    near(before[1], after[1]);
  }
});

test("zoom has ends, and at an end nothing drifts", () => {
  const tight = { ...VIEW, half: view.HALF_MIN };
  const next = view.zoomAbout(tight, view.camera(tight, 400, 400), 10, 10, 0.1);
  assert.equal(next.half, view.HALF_MIN);
  near(next.cx, VIEW.cx);
});

test("panning moves the world with the pointer", () => {
  const cam = view.camera(VIEW, 640, 400);
  const held = view.toWorld(cam, 100, 100);
  const next = view.pan(VIEW, cam, 30, -20);
  const now = view.toWorld(view.camera(next, 640, 400), 130, 80);
  near(held[0], now[0]);
  near(held[1], now[1]);
});

test("the box is what is seen", () => {
  const [x0, x1, y0, y1] = view.visibleBox(view.camera(VIEW, 640, 400));
  near(y0, 0.92, 1e-3);
  near(y1, 1.52, 1e-3);
  near(x1 - x0, 0.96, 2e-3);
});

test("the camera steps back as the noise grows, and not at 0", () => {
  near(view.noiseZoom(0, 0.5), 1);
  near(view.noiseZoom(5, 0.5), Math.sqrt(25.25) / 0.5, 0.005);
  assert.equal(view.noiseZoom(0.006, 0.5), 1);
});

test("scale bars are 1, 2 or 5", () => {
  for (const [most, length] of [[0.7, 0.5], [3, 2], [0.019, 0.01], [5, 5]]) near(view.roundLength(most), length, 1e-12);
});
