// What Fields' view `v` shows, drawn: fields and scenery, what is pointed at above them, and what stands around the pictures.

import { css, mix } from "./colour.js";
import { numberText, press, setText, sigmaText, swapIcon } from "./dom.js";
import { sampleGrid, sliderAt } from "./fieldgrid.js";
import { FIELD_PANELS } from "./fieldpanel.js";
import { hasLayer } from "./fields.js";
import { say } from "./language.js";
import { circle, crosshair, decompose, drawVectors } from "./probe.js";
import { classesText } from "./legend.js";
import { drawScaleBar, drawScenery, worldTransform } from "./scenery.js";
import { toScreen } from "./view.js";

export function drawFieldBack(v, panel, cam) {
  const { backContext: context, dpr, kind } = panel;
  const { shown, colours } = v;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, panel.width, panel.height);
  const has = shown && hasLayer(shown.layers.arrays, "left", kind.name);
  setText(panel.empty, shown && !has ? say("noGuide") : "");
  if (has) shown.layers.drawLayer(context, cam, "left", kind.name, colours, dpr);
  drawScenery(context, cam, v.scenery, colours, v.background, { target: v.header.target, gain: null, plain: true, limbless: true, dpr });
  if (has && shown.contour) {
    worldTransform(context, cam);
    context.lineWidth = (1.3 * dpr) / cam.scale;
    context.strokeStyle = css(colours.ink, 0.7);
    context.stroke(shown.contour);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
  const times = shown?.stretch[kind.arrows] ?? 1;
  if (has && v.ui.arrows) {
    const strong = { ...colours, [kind.arrows]: mix(colours.ink, colours[kind.arrows], 0.25) };
    const every = panel.width / dpr < 235 ? 2 : 1; // on small pictures every second arrow is enough
    shown.layers.drawArrows(context, cam, "left", kind.arrows, strong, dpr, { times, every });
  }
  setText(panel.scaleNote, has && v.ui.arrows ? `${kind.vector()}${times === 1 ? "" : ` ×${times}`}` : "");
  drawScaleBar(context, cam, panel, v);
}

export function drawFieldAbove(v, panel, cam) {
  const { aboveContext: context, dpr, kind } = panel;
  const { colours, background } = v;
  context.clearRect(0, 0, panel.width, panel.height);
  if (v.hover) {
    const [x, y] = toScreen(cam, ...v.hover);
    for (const [style, width] of [[css(background, 0.8), 3.5], [css(colours.ink, 0.85), 1.3]]) {
      context.strokeStyle = style;
      context.lineWidth = width * dpr;
      circle(context, x, y, 6 * dpr);
      context.stroke();
    }
  }
  if (!v.pin) return;
  const [x, y] = toScreen(cam, ...v.pin);
  crosshair(context, x, y, css(colours.ink), dpr, 6);
  if (v.probeStale) return;
  const [scores] = v.probe.panels;
  const vectors = { ...decompose(scores), truth: scores.truth };
  // On the ratio the difference is seen as what leads from one score to the other.
  const names = kind.name === "ratio" ? ["main", "guide", "difference"] : kind.name === "error" ? ["main", "truth", "correction"] : [kind.arrows];
  const reach = 0.24 * Math.min(panel.width, panel.height);
  drawVectors(context, x, y, vectors, names, reach, (name) => [[background, 5], [colours[name], 2.6]], dpr);
}

export function drawFieldCard(v) {
  const { pin, probe, header, ui, card, colours } = v;
  v.hint.hidden = Boolean(pin);
  if (!pin) {
    card.hide();
    return;
  }
  const [x, y] = pin.map(numberText);
  const panel = probe?.id === header.id ? probe.panels[0] : null;
  const stale = v.probeStale || Boolean(v.pending());
  card.update({ whose: header.title, what: `(${x}, ${y})  σ ${sigmaText(ui.sigma)}`, panel, stale, distance: "", side: "left", vertical: "high", colours });
}

export function drawFieldChrome(v) {
  const { ui, header, shown } = v;
  const pending = v.pending();
  const waiting = v.queue.busy || !v.fine;
  drawSlider(v);
  v.chips.forEach((chip, i) => press(chip, ui.panels.includes(FIELD_PANELS[i].name)));
  press(v.arrowChip, ui.arrows);
  for (const row of v.rows ?? []) press(row, Math.abs(Math.log(row.sigma / ui.sigma)) < 0.01);
  for (const panel of Object.values(v.panels)) panel.setPending(pending, v.held);
  v.readout.classList.toggle("tf-stale", Boolean(pending));
  const current = shown && shown === v.cache.get(v.wanted);
  setText(v.badge, header.busy ? say("computing") : !current && shown && v.play ? say("showing", { what: `σ ${sigmaText(shown.sigma)}` }) : waiting && !pending ? say("sharpening") : "");
  v.badge.classList.toggle("tv-busy", Boolean(header.busy));
  setText(v.targetWords, say("regionOf", { classes: classesText(header.target.classes, header.target) }));
  v.otherKey.hidden = header.target.classes === header.target.all;
  v.contourKey.hidden = !shown?.contour;
  setText(v.readout, readoutOf(v));
  v.setData({
    state: pending || v.gone || v.page.lost ? "pending" : v.play ? "playing" : waiting || v.probeStale ? "waiting" : "idle",
    seq: String(header.seq ?? 0),
    id: header.id,
    field: String(shown?.sigma ?? ""),
    side: String(shown?.side ?? ""),
    sigma: String(ui.sigma),
    view: (v.chosen().view ?? v.home).join(","),
  });
}

function drawSlider({ ui, header, held, play, playButton, slider, sigmaField }) {
  const u = sliderAt(ui.sigma, header.range);
  if (!held) slider.value = String(u);
  slider.style.setProperty("--tv-at", `${100 * u}%`);
  slider.setAttribute("aria-valuetext", say("sigmaIs", { sigma: sigmaText(ui.sigma) }));
  sigmaField.range = { lo: header.range[1], hi: header.range[0], step: 0.01, name: "σ" };
  sigmaField.show(sigmaText(ui.sigma));
  swapIcon(playButton, play ? "pause" : "play", play ? "pause" : "fieldPlay");
}

function readoutOf({ shown, hover, header }) {
  if (!hover || !shown) return say("pointAt");
  const read = (name) => (name in shown.layers.arrays ? sampleGrid(shown.layers.values(name), shown.shape, shown.box, ...hover) : null);
  const [log1, log0] = [read("left.logp1"), read("left.logp0")];
  // A network says the slope of its log density, not its height: what is read off it lacks a constant.
  const lacks = (...who) => (who.some((role) => header.constant[role]) ? ` + ${say("constant")}` : "");
  const rows = [
    [`log p₁${lacks("main")}`, log1],
    [`log p₀${lacks("guide")}`, log0],
    [`log p₁/p₀${lacks("main", "guide")}`, log1 === null || log0 === null ? null : log1 - log0],
    [say("trueLog"), read("truth.logp")],
    [say("errorTimes"), read("left.error")],
  ];
  const place = `(${hover.map(numberText).join(", ")})`;
  return [place, ...rows.filter(([, value]) => value !== null).map(([label, value]) => `${label} ${numberText(value)}`)].join("   ");
}
