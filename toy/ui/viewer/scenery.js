// What stands still in data units: the branches of the tree, tinted by their share of the samples, and the 99% contours.

import { css, gainColour, mix } from "./colour.js";

// Everything in data units is drawn under the camera's transform; line widths are then given in pixels / scale.
export function worldTransform(context, cam) {
  context.setTransform(cam.scale, 0, 0, -cam.scale, cam.ox, cam.oy);
}

// `starts` are the first vertices of the closed contours in `points`.
export function outlinePath(points, starts) {
  const path = new Path2D();
  const { data } = points;
  const total = data.length / 2;
  const firsts = starts ? [...starts.data] : [0];
  firsts.forEach((first, i) => {
    const end = Math.min(i + 1 < firsts.length ? firsts[i + 1] : total, total);
    if (end - first < 2) return;
    path.moveTo(data[2 * first], data[2 * first + 1]);
    for (let v = first + 1; v < end; v++) path.lineTo(data[2 * v], data[2 * v + 1]);
    path.closePath();
  });
  return path;
}

export function readScenery(arrays) {
  const outlines = {};
  for (const name of ["A", "B", "AB"]) {
    const points = arrays[`outline.${name}`];
    if (points && points.data.length) outlines[name] = outlinePath(points, arrays[`outline.${name}.starts`]);
  }
  const segments = arrays["tree.segments"]?.data ?? null;
  return { outlines, segments, thickness: arrays["tree.thickness"]?.data ?? null };
}

// Thin branches last, so that a twig is not buried under its trunk.
function limbs(context, scenery, first, count, colourOf, minWidth) {
  const { segments, thickness } = scenery;
  context.lineCap = "round";
  for (let i = first; i < first + count; i++) {
    context.strokeStyle = colourOf(i - first);
    // Two standard deviations to either side hold what the eye takes for the branch.
    context.lineWidth = Math.max(minWidth, 4 * (thickness ? thickness[i] : 0.01));
    context.beginPath();
    context.moveTo(segments[4 * i], segments[4 * i + 1]);
    context.lineTo(segments[4 * i + 2], segments[4 * i + 3]);
    context.stroke();
  }
}

// `gain` null: the paper's look, contours alone.
export function drawScenery(context, cam, scenery, colours, background, { gain, plain, dpr }) {
  worldTransform(context, cam);
  const pixel = dpr / cam.scale;
  const { segments, outlines } = scenery;
  if (segments && !plain) {
    const half = segments.length / 8;
    const grey = css(mix(background, colours.classB, 0.13));
    const orange = css(mix(background, colours.classA, 0.16));
    limbs(context, scenery, half, half, () => grey, pixel);
    limbs(context, scenery, 0, half, (i) => (gain ? css(gainColour(gain[i] ?? 0, colours, background)) : orange), pixel);
  }
  context.lineJoin = "round";
  const other = plain ? (outlines.AB ?? outlines.B) : (outlines.B ?? outlines.AB);
  if (other) {
    context.lineWidth = 1 * pixel;
    context.strokeStyle = css(colours.classB, 0.85);
    context.stroke(other);
  }
  if (outlines.A) {
    context.lineWidth = 1.4 * pixel;
    context.strokeStyle = css(colours.classA);
    context.stroke(outlines.A);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}
