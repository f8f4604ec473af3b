// What the viewer `v` shows, drawn: scenery and layers behind the particles, particles, and what is pointed at above them.

import { drawStrokes } from "./brush.js";
import { css, mix, packed } from "./colour.js";
import { numberText, sigmaText } from "./dom.js";
import { dotRadius, ringOf, shadesAt } from "./dots.js";
import { ARROWS, DENSITIES } from "./fields.js";
import { forwardAt, positionAt, positionsAt, timeAt } from "./frames.js";
import { say } from "./language.js";
import { circle, crosshair, decompose, drawVectors } from "./probe.js";
import { fieldBox, fieldSigma, pinnedAt, probeKey } from "./request.js";
import { drawScaleBar, drawScenery } from "./scenery.js";
import { toScreen } from "./view.js";

const PATHS = 140;
const PATH_SIGMA = 0.12; // per half-width of the view: where noise is about as wide as what is looked at
const TRAIL_STEPS = 2.5;
const TRAIL_SAMPLES = 6;

// A density and a tint on the same spot could not be read: then contours alone.
export function limbless(v) {
  return v.layers !== null && v.ui.layers.some((name) => DENSITIES.includes(name));
}

export function drawBack(v, panel, cam) {
  const { slot, backContext: context, dpr } = panel;
  const { ui, colours, layers } = v;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, panel.width, panel.height);
  const gain = ui.variation && !ui.paper_look && v.time.phase === "reverse" ? v.frames?.gain[slot] : null;
  const paint = (target, targetCam) =>
    drawScenery(target, targetCam, v.scenery, colours, v.background, { target: v.header.target, gain, plain: ui.paper_look, limbless: limbless(v), dpr });
  const zoomOut = v.zoomOut(v.time.sigma);
  if (v.strokes.on) drawStrokes(context, cam, v.strokes);
  else if (v.time.playing && zoomOut > 1) {
    const { cx, cy, half } = v.view;
    const key = [cx, cy, half, v.frames?.id, v.header.target.name, Boolean(gain), ui.paper_look, limbless(v), v.dark].join("|");
    panel.moving.draw(context, cam, zoomOut, key, paint);
  } else paint(context, cam);
  panel.backScale = cam.scale;
  drawScaleBar(context, cam, panel, v);
  if (layers) {
    for (const name of DENSITIES) {
      if (ui.layers.includes(name)) layers.drawLayer(context, cam, slot, name, colours, dpr);
    }
  }
  if (ui.paths && v.frames?.slots[slot]) drawPaths(v, context, cam, v.frames.slots[slot], dpr);
}

// Some particles, evenly spread over what is in sight at the end; the same ones on both sides.
function choosePaths(v) {
  const frames = v.frames.slots.left ?? v.frames.slots.right;
  const [x0, x1, y0, y1] = fieldBox(v, 0);
  const apart = (0.09 * v.view.half) ** 2;
  const chosen = [];
  for (let p = 0; p < frames.n && chosen.length < PATHS; p++) {
    const [x, y] = positionAt(frames, frames.steps, p);
    if (x < x0 || x > x1 || y < y0 || y > y1) continue;
    if (chosen.every(([, cx, cy]) => (cx - x) ** 2 + (cy - y) ** 2 > apart)) chosen.push([p, x, y]);
  }
  return chosen.map(([p]) => p);
}

function tracePath(v, context, cam, frames, particle, from, to) {
  context.moveTo(...toScreen(cam, ...positionAt(frames, from, particle)));
  for (let i = Math.floor(from) + 1; i < to; i++) context.lineTo(...toScreen(cam, ...positionAt(frames, i, particle)));
  context.lineTo(...toScreen(cam, ...positionAt(frames, to, particle)));
}

function drawPaths(v, context, cam, frames, dpr) {
  v.pathsShown ??= choosePaths(v);
  const from = timeAt(v.time.sigmas, PATH_SIGMA * v.view.half);
  context.beginPath();
  for (const particle of v.pathsShown) tracePath(v, context, cam, frames, particle, from, frames.steps);
  context.lineWidth = 1.1 * dpr;
  context.strokeStyle = css(v.colours.ink, 0.42);
  context.stroke();
}

export function drawDots(v, panel, cam) {
  const { slot, dots, dpr } = panel;
  const { ui, colours, frames, truth } = v;
  const forward = v.time.phase === "forward" && truth;
  const moving = frames?.slots[slot];
  const n = forward ? truth.n : (moving?.n ?? 0);
  const radius = dotRadius(n, Math.min(panel.width, panel.height) / dpr, v.view.half) * dpr;
  dots.begin(radius, ringOf(radius, dpr));
  panel.front.style.opacity = v.time.turn > 0 ? Math.abs(2 * v.time.turn - 1).toFixed(3) : "";
  if (truth && (ui.samples || forward)) {
    forwardAt(truth.x0, truth.eps, v.time.sigma, truth.points);
    if (!forward) dots.draw(truth.points, truth.n, cam, [packed(mix(colours.target, v.background, 0.25))]);
  }
  if (forward) panel.off = dots.draw(truth.points, truth.n, cam, v.ramp);
  else if (moving) {
    if (v.points[slot].length < 2 * n) v.points[slot] = new Float32Array(2 * n);
    if (v.shades.length < n) v.shades = new Float32Array(n);
    const points = v.points[slot];
    if (ui.trails) {
      for (let k = TRAIL_SAMPLES; k > 0; k--) {
        const t = v.time.t - (TRAIL_STEPS * k) / TRAIL_SAMPLES;
        if (t < 0) continue;
        positionsAt(moving, t, points);
        dots.specks(points, n, cam, v.ramp[0], Math.round(90 * (1 - k / (TRAIL_SAMPLES + 1))));
      }
    }
    positionsAt(moving, v.time.t, points);
    const outside = ui.quality && !ui.paper_look ? frames.outside[slot] : null;
    panel.off = dots.draw(points, n, cam, v.ramp, outside ? shadesAt(outside, v.time.t, v.shades) : null);
  } else panel.off = 0;
  dots.end();
}

export function drawAbove(v, panel, cam) {
  const { slot, aboveContext: context, dpr } = panel;
  const { ui, colours, layers } = v;
  const empty = !v.marker?.shown && !v.hover && !v.pin && !(layers && ui.layers.some((name) => ARROWS.includes(name)));
  if (empty && panel.aboveEmpty) return;
  panel.aboveEmpty = empty;
  context.clearRect(0, 0, panel.width, panel.height);
  if (layers) {
    for (const name of ARROWS) if (ui.layers.includes(name)) layers.drawArrows(context, cam, slot, name, colours, dpr);
  }
  const frames = v.frames?.slots[slot];
  if (frames && v.time.phase === "reverse") {
    if (v.hover && v.hover.index !== v.pin?.index) drawTrack(v, context, cam, frames, v.hover.index, colours.hover, dpr);
    if (v.pin?.kind === "particle") drawTrack(v, context, cam, frames, v.pin.index, colours.pin, dpr);
  }
  v.marker?.draw(context, cam, panel, { colours, background: v.background, dpr });
  drawProbe(v, context, cam, panel);
}

// The path with a tick at each solver step, and a ring where the particle is now.
function drawTrack(v, context, cam, frames, particle, colour, dpr) {
  const halo = css(v.background, 0.8);
  for (const [style, width] of [[halo, 4.5], [css(colour), 2]]) {
    context.beginPath();
    tracePath(v, context, cam, frames, particle, 0, frames.steps);
    context.strokeStyle = style;
    context.lineWidth = width * dpr;
    context.lineJoin = "round";
    context.stroke();
  }
  context.fillStyle = css(colour);
  for (let i = 0; i <= frames.steps; i++) {
    const [x, y] = toScreen(cam, ...positionAt(frames, i, particle));
    circle(context, x, y, 1.9 * dpr);
    context.fill();
  }
  const [x, y] = toScreen(cam, ...positionAt(frames, v.time.t, particle));
  circle(context, x, y, 6 * dpr);
  context.fillStyle = halo;
  context.fill();
  context.lineWidth = 2.4 * dpr;
  context.stroke();
}

function drawProbe(v, context, cam, panel) {
  const { slot, dpr } = panel;
  const card = v.cards[slot];
  const { pin, probe } = v;
  if (!pin || v.time.phase !== "reverse") {
    card.hide();
    return;
  }
  const at = pinnedAt(v);
  const [x, y] = toScreen(cam, ...at);
  const entry = probe?.panels[probe.slots.indexOf(slot)] ?? null;
  crosshair(context, x, y, css(v.colours.ink), dpr);
  // Arrows belong to one place and one sigma; while either moves on, the old numbers stay, greyed, and no arrow is drawn.
  const stale = entry !== null && ("pending" in panel.plot.dataset || v.probeAsked !== probeKey(v) || Math.hypot(probe.at[0] - at[0], probe.at[1] - at[1]) > 0.001);
  if (entry && !stale) {
    const vectors = decompose(entry);
    const reach = 0.2 * Math.min(panel.width, panel.height);
    drawVectors(context, x, y, vectors, Object.keys(vectors), reach, (name) => [[v.colours[name], 2.4]], dpr);
  }
  let distance = "";
  const { left, right } = v.frames.slots;
  if (pin.kind === "particle" && left && right) {
    const a = positionAt(left, left.steps, pin.index);
    const b = positionAt(right, right.steps, pin.index);
    distance = say("apart", { distance: numberText(Math.hypot(a[0] - b[0], a[1] - b[1])) });
  }
  const place = `(${numberText(at[0])}, ${numberText(at[1])})  σ ${sigmaText(fieldSigma(v))}`;
  card.update({
    whose: `${slot}: ${panel.info.title}`,
    what: pin.kind === "particle" ? `${say("particle", { index: pin.index })}  ${place}` : place,
    panel: entry,
    stale,
    distance,
    side: x < panel.width / 2 ? "right" : "left",
    vertical: y < panel.height / 2 ? "low" : "high",
    colours: v.colours,
  });
}
