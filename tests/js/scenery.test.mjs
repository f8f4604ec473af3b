// What stands still: whose limbs are tinted, whose outline has the target's colour.
import assert from "node:assert/strict";
import { test } from "node:test";

import { css, gainColour, mix, palette } from "../../toy/viewer/web/colour.js";
import { drawScenery } from "../../toy/viewer/web/scenery.js";

const BACKGROUND = [255, 255, 255];
const SEGMENTS = Float32Array.from({ length: 16 }, (_, i) => Math.floor(i / 4)); // four limbs: two of A, two of B
const OUTLINES = { A: "outline A", B: "outline B", AB: "outline AB" };

// A canvas that only remembers, in order, what was stroked in which colour: limbs by their number, outlines by name.
// A tree of two limbs a class, A's first.
const TARGETS = {
  A: { classes: "A", rest: "B", all: "AB", own: [0, 2] },
  B: { classes: "B", rest: "A", all: "AB", own: [2, 2] },
  AB: { classes: "AB", rest: "", all: "AB", own: [0, 4] },
};

function drawn(target, { gain = null, plain = false } = {}) {
  const strokes = [];
  let limb = null;
  let cut = false;
  const context = {
    setTransform() {},
    setLineDash(dash) {
      cut = dash.length > 0;
    },
    beginPath() {},
    lineTo() {},
    moveTo: (x) => (limb = x),
    stroke(path) {
      const again = strokes.some(([name]) => name === limb);
      strokes.push([path ?? (again ? `${limb} ${cut ? "cut" : "core"}` : limb), this.strokeStyle]);
    },
  };
  drawScenery(context, { scale: 100, ox: 0, oy: 0 }, { segments: SEGMENTS, thickness: null, outlines: OUTLINES }, palette(false), BACKGROUND, { target: TARGETS[target], gain, plain, limbless: false, dpr: 1 });
  return new Map(strokes);
}

const colours = palette(false);
const tint = (gain) => css(gainColour(gain, colours, BACKGROUND));

test("gains are painted on the target's limbs, whichever class that is; the other class is grey", () => {
  const grey = css(mix(BACKGROUND, colours.other, 0.13));
  for (const [target, own, others] of [["A", [0, 1], [2, 3]], ["B", [2, 3], [0, 1]], ["AB", [0, 1, 2, 3], []]]) {
    const gain = Float32Array.from(own, (_, i) => (i % 2 ? 3 : -3));
    const strokes = drawn(target, { gain });
    own.forEach((limb, i) => assert.equal(strokes.get(limb), tint(gain[i]), `${target} ${limb}`));
    for (const limb of others) assert.equal(strokes.get(limb), grey, `${target} ${limb}`);
  }
});

test("what a branch lost or gained is seen without its colour: cut across, or with a core", () => {
  const marks = [...drawn("B", { gain: Float32Array.of(-2, 2) }).keys()].filter((name) => / /.test(name) && !/outline/.test(name));
  assert.deepEqual(marks, ["2 cut", "3 core"]);
  assert.ok(![...drawn("B", { gain: Float32Array.of(0.1, -0.1) }).keys()].some((name) => /cut|core/.test(name)));
});

test("the target's outline has the target's colour and lies above the other's", () => {
  const own = css(colours.target);
  for (const target of ["A", "B", "AB"]) {
    for (const plain of [false, true]) {
      const outlines = [...drawn(target, { plain })].filter(([name]) => /outline/.test(name));
      assert.deepEqual(outlines.at(-1), [OUTLINES[target], own]);
      assert.ok(outlines.slice(0, -1).every(([, colour]) => colour !== own));
      assert.equal(outlines.length, target === "AB" ? 1 : 2);
    }
  }
});
