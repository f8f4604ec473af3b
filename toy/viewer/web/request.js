// What Explore's view `v` asks of the server, and which questions are the same question.

import { openingOf } from "./opening.js";
import { positionAt, sigmaAt } from "./frames.js";
import { camera, visibleBox } from "./view.js";

const LIVE_FIELD_MS = 260; // while sigma moves, at most one field in this time

// Whole steps while time runs, so that the second round finds every field in the cache.
export function fieldSigma({ time, header }) {
  const t = time.playing ? Math.round(time.t) : time.t;
  return Number(Math.max(sigmaAt(time.sigmas, t), header.sigma_min ?? 0.002).toPrecision(4));
}

export function fieldBox(v, sigma) {
  const panel = v.panels[v.shownSlots()[0]];
  return visibleBox(camera(v.view, panel.width || 1, panel.height || 1, v.zoomOut(sigma)));
}

export function layersKey(v) {
  const sigma = fieldSigma(v);
  return [v.frames?.id, sigma, ...fieldBox(v, sigma), ...v.ui.layers.slice().sort()].join("|");
}

// Where a pin is now: a particle's moves with it.
export function pinnedAt({ frames, pin, time }) {
  return pin.kind === "point" ? pin.at : positionAt(frames.slots[pin.slot], time.t, pin.index);
}

const probePoint = (v) => v.pin && pinnedAt(v).map((x) => Number(x.toFixed(5)));

export function probeKey(v) {
  return [v.frames?.id, fieldSigma(v), ...(probePoint(v) ?? [])].join("|");
}

// All of the state, as it is when the request is sent.
export function requestOf(v, phase, slot) {
  const of = (make) => Object.fromEntries(v.slots.map((side) => [side, make(side)]));
  const sigma = fieldSigma(v);
  return {
    have: v.frames && v.frames.id === v.header.id ? v.frames.id : null,
    phase,
    slot,
    beside: v.beside, // what the controls say is of the scene after so many changes
    ...(v.opening === null ? { knobs: of((side) => ({ ...v.values[side] })), interval: of((side) => v.intervals[side]) } : openingOf(v)),
    sigma,
    box: fieldBox(v, sigma),
    layers: [...v.ui.layers],
    probe: probePoint(v),
    curve: v.ui.curve,
    drawing: v.strokes.on,
    strokes: null, // those that the queue's own requests say
  };
}

// Asks for what the picture lacks.
export function fetchMissing(v) {
  if (v.adjusting || !v.frames) return;
  fetchField(v);
  fetchCurves(v);
  if (v.pin && !v.time.playing && probeKey(v) !== v.probeAsked) v.ask("probe", v.pin.slot, true);
}

// Every answer brings them along while they are on; a busy one is asked for again anyway.
function fetchCurves(v) {
  const lacking = v.ui.curve && v.header.panels?.some((panel) => !panel.curve && !panel.waiting);
  if (lacking && !v.queue.busy && !v.header.busy) v.ask("field", v.shownSlots()[0], true);
}

function fetchField(v) {
  if (!v.ui.layers.length || !v.frames) return;
  const key = layersKey(v);
  const cached = v.fieldCache.get(key);
  if (cached) {
    if (cached !== v.layers) {
      v.layers = cached;
      v.redraw("back", "above");
    }
  } else if (key !== v.fieldAsked?.key) v.ask("field", v.shownSlots()[0], true);
}

export function liveField(v, now) {
  if (!v.send || !v.ui.layers.length || now - (v.liveAt ?? 0) < LIVE_FIELD_MS) return;
  v.liveAt = now;
  if (!v.queue.busy || v.fieldCache.has(layersKey(v))) fetchField(v);
}
