// What stands around the pictures of Explore's view `v`, brought up to date with each frame that is drawn.

import { pendingWords } from "./asked.js";
import { setText } from "./dom.js";
import { barAt } from "./frames.js";
import { say } from "./language.js";
import { legendItems } from "./legend.js";
import { outlineRoles } from "./scenery.js";
import { limbless } from "./stage.js";

const READ_MS = 200; // numbers that flicker cannot be read: while time runs, five updates a second

export function drawChrome(v, now, dirty) {
  const pending = pendingOf(v);
  drawTransport(v);
  for (const [slot, words] of Object.entries(pending)) v.panels[slot].setPending(words, v.adjusting || v.strokes.on || v.panels[slot].info?.standing);
  drawChallenge(v, pending);
  v.setData(dataOf(v, (v.gone && !v.local?.base) || v.page.lost || Object.values(pending).some(Boolean)));
  if (v.time.playing && now - (v.chromeAt ?? 0) < READ_MS) return;
  v.chromeAt = now;
  for (const slot of v.shownSlots()) drawNotes(v, v.panels[slot]);
  if (dirty.size === 0 || (dirty.size === 2 && v.time.playing)) return;
  v.transport.setIntervals(v.intervals, Boolean(v.send) && !v.ui.freeze);
  drawToolbar(v);
  for (const slot of v.shownSlots()) v.panels[slot].curve.update(v.ui.curve ? v.panels[slot].info?.curve : null, v.values[slot].w);
  drawLegend(v);
}

// What each panel shows that is not what the controls ask for, in words. Of a scene whose particles never came here the
// numbers are there, and the picture is another's.
function pendingOf({ frames, gone, header, intervals, opening, page, values }) {
  const outside = page.outside || opening !== null || (Boolean(frames) && Boolean(header.id) && header.id !== frames.id);
  const how = { late: Boolean(header.busy), outside, lost: gone || page.lost };
  return Object.fromEntries((header.panels ?? []).map((panel) => [panel.slot, pendingWords(panel, values[panel.slot], intervals[panel.slot], how)]));
}

// The numbers that a challenge is about, of what is asked for and of all its samples alone.
function drawChallenge(v, pending) {
  const settled = v.frames?.quality === "full" && !v.header.busy;
  const sides = v.shownSlots().map((slot) => {
    const { measured, n, seed, shown, standing, title, waiting } = v.panels[slot].info ?? {};
    return { slot, caption: shown?.caption ?? title, measured, n, seed, whole: settled && Boolean(measured) && !standing && !waiting && !pending[slot] };
  });
  v.challenge.update(v.ui.challenge, sides);
}

function drawTransport({ time, transport, truth, ui }) {
  const [sigmaMax, sigmaMin] = time.range;
  const { t, sigma, playing, phase, forward } = time;
  transport.setRange(sigmaMax, sigmaMin);
  transport.update({ u: barAt(sigma, sigmaMax, sigmaMin), t, sigma, playing, phase, loop: ui.loop, forward, canForward: Boolean(truth), speed: ui.speed });
}

function dataOf({ frames, header, layers, local, queue, time, view }, waits) {
  return {
    state: waits ? "pending" : time.playing ? "playing" : queue.inFlight ? "waiting" : "idle",
    seq: String(header.seq ?? 0),
    id: frames?.id ?? "",
    quality: frames?.quality ?? "",
    frame: time.t.toFixed(2),
    phase: time.phase,
    view: [view.cx, view.cy, view.half].join(","),
    field: String(layers?.field.sigma ?? ""),
    engine: local?.undecided(header) ? "asking" : engineOf(header),
  };
}

// Which engine has drawn what is shown.
const engineOf = (header) => (header.engine === null ? "your browser" : "server");

function drawNotes({ frames, header, layers, send, time, truth, ui }, panel) {
  const forward = time.phase === "forward";
  const n = forward ? truth.n : (frames?.slots[panel.slot]?.n ?? 0);
  const quality = frames?.quality === "preview" ? `${say("preview")} ` : "";
  const engine = header.engine === null ? "here" : "server";
  panel.setBadge(panel.info?.waiting ? [] : [`${quality}n=${n}`, header.precomputed ? say("precomputed") : send ? say(engine) : ""]);
  panel.badge.classList.toggle("tv-preview", quality !== "");
  const stochastic = panel.info?.stochastic && !forward ? say("stochastic") : "";
  const [, product] = (ui.layers.includes("tilt") && layers?.field.tilt?.[panel.slot]?.match(/^tilted: (.*)$/)) || [];
  const tilt = product ? say("tilted", { product }) : ui.layers.includes("tilt") ? (layers?.field.tilt?.[panel.slot] ?? "") : "";
  setText(panel.corner, [forward ? say("forwardProcess") : "", stochastic, tilt, panel.off ? say("offScreen", { n: panel.off }) : ""].filter(Boolean).join(" · "));
}

function drawToolbar(v) {
  const panels = v.header.panels ?? [];
  v.toolbar.update({ ...v.ui, layout: v.layout }, {
    single: (v.slots ?? []).length < 2,
    offline: !v.send,
    pencil: Boolean(v.send) && v.pencil,
    drawing: v.strokes.on,
    mode: v.header.target.mode,
    fieldArrays: v.layers?.arrays ?? null,
    panels,
    canShowTruth: Boolean(v.truth),
    canShowCurve: Boolean(v.send) || panels.some((panel) => panel.curve),
  });
  v.brush.update(v.strokes, { copies: Boolean(v.scenery.segments && v.scenery.classes), dark: v.dark });
}

function drawLegend(v) {
  const { ui } = v;
  const forward = v.time.phase === "forward";
  const tinted = ui.variation && !ui.paper_look && !forward && !limbless(v) && Boolean(v.scenery.segments) && Boolean(v.frames?.gain[v.shownSlots()[0]]);
  const outlines = outlineRoles(v.scenery.outlines, v.header.target, ui.paper_look).reverse();
  v.items = legendItems({ ui, outlines, target: v.header.target, tinted, forward, plain: ui.paper_look });
  v.legend.update(v.items);
}
