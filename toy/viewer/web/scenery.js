// What stands still in data units: the modes of the distribution, such as branches, tinted by their share of the samples, and the 99% contours.

import { LIMB, css, gainColour, mix } from "./colour.js";
import { roundLength } from "./view.js";

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
  for (const [key, points] of Object.entries(arrays)) {
    const [, name] = /^outline\.([A-P]+)$/.exec(key) ?? [];
    if (name && points.data.length) outlines[name] = outlinePath(points, arrays[`${key}.starts`]);
  }
  const segments = arrays["tree.segments"]?.data ?? null;
  return { outlines, segments, thickness: arrays["tree.thickness"]?.data ?? null, classes: arrays["tree.class"]?.data ?? null };
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

const MARKED = 0.5; // |log2| of the change of mass from which on a branch is also marked

// Beside the tint, for who does not see it: a branch that lost is cut across, and the more it lost the less of it is left;
// one that gained has a core, and the more it gained the wider.
function marks(context, { segments, thickness }, first, gain, colours, background, pixel) {
  context.lineCap = "butt";
  for (let i = 0; i < gain.length; i++) {
    const size = Math.min(Math.abs(gain[i]), 3) / 3;
    if (Math.abs(gain[i]) < MARKED) continue;
    const at = 4 * (first + i);
    const width = 4 * (thickness ? thickness[first + i] : 0.01);
    if (width < 2.4 * pixel) continue; // would be no more than noise
    const lost = gain[i] < 0;
    context.strokeStyle = css(lost ? background : mix(colours.gained, colours.ink, 0.5));
    context.lineWidth = lost ? 1.1 * width : Math.max(pixel, width * (0.12 + 0.22 * size));
    // Of a mode that is wider than long something is left too.
    const cut = Math.min(0.9 * width, Math.hypot(segments[at + 2] - segments[at], segments[at + 3] - segments[at + 1]) / 2);
    if (lost) context.setLineDash([cut * (0.3 + 0.7 * size), cut]);
    context.beginPath();
    context.moveTo(segments[at], segments[at + 1]);
    context.lineTo(segments[at + 2], segments[at + 3]);
    context.stroke();
    context.setLineDash([]);
  }
}

const BUCKET = 1.2;

// While the camera moves, the scenery is drawn anew only every 20% of zoom, at the sharper end, and shrunk in between: that is
// a quarter of the work of stroking some four hundred paths sixty times a second.
export class MovingScenery {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.key = "";
  }

  // `zoomOut` is what the camera's scale has been divided by; `key` names all else that the picture depends on.
  draw(context, cam, zoomOut, key, paint) {
    const bucket = Math.floor(Math.log(zoomOut) / Math.log(BUCKET) + 1e-9);
    const shrink = zoomOut / BUCKET ** bucket;
    const width = Math.ceil(cam.width * BUCKET);
    const height = Math.ceil(cam.height * BUCKET);
    const made = `${bucket}|${width}|${height}|${key}`;
    if (made !== this.key) {
      this.key = made;
      this.canvas.width = width;
      this.canvas.height = height;
      const scale = cam.scale * shrink;
      // The same world point in the middle of both.
      const x = (cam.width / 2 - cam.ox) / cam.scale;
      const y = (cam.oy - cam.height / 2) / cam.scale;
      paint(this.context, { scale, ox: width / 2 - x * scale, oy: height / 2 + y * scale, width, height });
    }
    const w = width / shrink;
    const h = height / shrink;
    context.drawImage(this.canvas, (cam.width - w) / 2, (cam.height - h) / 2, w, h);
  }
}

// Outlines, those behind first, as [name, colour's role]; the paper draws all classes behind the target. `target` says its own
// `classes`, the `rest` and `all` of them, and which modes, that is segments, are its `own`: [first, count].
export function outlineRoles(outlines, { classes, rest, all }, plain) {
  const behind = classes === all ? "" : plain ? all : rest;
  return [[behind, "other"], [classes, "target"]].filter(([name]) => outlines[name]);
}

// `plain`: the paper's look, contours alone, of the target and of both classes. `limbless`: contours alone, so that a density
// shows.
export function drawScenery(context, cam, scenery, colours, background, { target, gain, plain, limbless, dpr }) {
  worldTransform(context, cam);
  const pixel = dpr / cam.scale;
  const { segments, outlines } = scenery;
  if (segments && !plain && !limbless) {
    const total = segments.length / 4;
    const [first, count] = target.own;
    const grey = css(mix(background, colours.other, 0.13));
    const orange = css(mix(background, colours.target, LIMB));
    if (count < total) limbs(context, scenery, first === 0 ? count : 0, count, () => grey, pixel);
    limbs(context, scenery, first, count, (i) => (gain ? css(gainColour(gain[i] ?? 0, colours, background)) : orange), pixel);
    if (gain) marks(context, scenery, first, gain, colours, background, pixel);
  }
  context.lineJoin = "round";
  for (const [name, role] of outlineRoles(outlines, target, plain)) {
    context.lineWidth = (role === "target" ? 1.4 : 1) * pixel;
    context.strokeStyle = css(colours[role], role === "target" ? 1 : 0.85);
    context.stroke(outlines[name]);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}

// A round length in the lower right corner; its number has a halo, as it may stand on any colour.
export function drawScaleBar(context, cam, { width, height, dpr }, { colours, background, font }) {
  const length = roundLength((0.22 * width) / cam.scale);
  const reach = length * cam.scale;
  const x = width - 10 * dpr - reach;
  const y = height - 10 * dpr;
  context.strokeStyle = context.fillStyle = css(colours.ink, 0.6);
  context.lineWidth = 1.5 * dpr;
  context.beginPath();
  context.moveTo(x, y - 3 * dpr);
  context.lineTo(x, y);
  context.lineTo(x + reach, y);
  context.lineTo(x + reach, y - 3 * dpr);
  context.stroke();
  context.font = `${11 * dpr}px ${font}`;
  context.textAlign = "center";
  context.lineWidth = 3 * dpr;
  context.strokeStyle = css(background, 0.8);
  const text = String(Number(length.toPrecision(1)));
  context.strokeText(text, x + reach / 2, y - 5 * dpr);
  context.fillText(text, x + reach / 2, y - 5 * dpr);
  context.textAlign = "start";
}
