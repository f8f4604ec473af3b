// The page of fields: densities, ratio and error beside each other at one noise level, under one camera. The picture at hand
// stays, moved and stretched with the camera, until a sharper one has come.

import { css, mix, themeOf } from "./colour.js";
import { Page, serverIsThere } from "./page.js";
import { explain, h, iconButton, numberText, press, setText, sigmaText, swapIcon, toggle } from "./dom.js";
import { FieldCache, boxOf, fieldKey, sampleGrid, sigmaOf, sliderAt, stretchOf, sweep } from "./fieldgrid.js";
import { ARROW_LOOK, FieldLayers, arrow, contourSegments, hasLayer } from "./fields.js";
import { embedded, gestures, leave } from "./gestures.js";
import { NumberField } from "./number.js";
import { ProbeCard, decompose } from "./probe.js";
import { Queue, Retry } from "./queue.js";
import { drawScaleBar, drawScenery, readScenery, worldTransform } from "./scenery.js";
import { Screen } from "./screen.js";
import { unpack } from "./unpack.js";
import { HALF_MAX, HALF_MIN, camera, pan, toScreen, toWorld, zoomAbout } from "./view.js";
import { Meanings } from "./words.js";

const FIELD_PANELS = [
  { name: "p1", label: "p₁", title: "Main model p₁", who: "main", arrows: "main", vector: "s₁", long: "Density of the main model at this σ" },
  { name: "p0", label: "p₀", title: "Guide p₀", who: "guide", arrows: "guide", vector: "s₀", long: "Density of the guide at this σ" },
  { name: "ratio", label: "p₁/p₀", title: "Ratio p₁/p₀", arrows: "difference", vector: "s₁ − s₀", long: "Ratio p₁/p₀: guidance climbs it; violet above what is typical near the data, ochre below" },
  { name: "truth", label: "p true", title: "Truth", arrows: "truth", vector: "true score", long: "True density of the class at this σ" },
  { name: "error", label: "error", title: "Score error of p₁", arrows: "correction", vector: "true − s₁", long: "Length of the main model's score error, times σ" },
];
const FIELD_SETTLE_MS = 140;
const FRAME_MS = 170; // the least time that each noise level is shown while they play
const PATIENCE_MS = 4000;
const DOUBLE_MS = 600;
const SWEEP = sweep(5, 0.01, 46);
const COARSE_CELL = 0.8; // a contour is drawn from the grid only where a cell is narrower than this share of what it outlines
const TREE_WIDTH = 0.012;

class FieldPanel {
  constructor(kind) {
    this.kind = kind;
    this.back = h("canvas", { "aria-hidden": "true" });
    this.above = h("canvas", { "aria-hidden": "true" });
    this.backContext = this.back.getContext("2d");
    this.aboveContext = this.above.getContext("2d");
    this.name = h("span", { class: "tf-name", testid: `name-${kind.name}` });
    this.scaleNote = h("span", { class: "tf-note", testid: `arrows-${kind.name}` });
    this.head = h("div", { class: "tf-head" }, h("i", { class: `tv-swatch tv-area-${kind.name}`, "aria-hidden": "true" }), h("h3", { class: "tf-title", text: kind.title }), this.name, this.scaleNote);
    this.empty = h("div", { class: "tf-empty" });
    this.asked = h("div", { class: "tv-asked", testid: `asked-${kind.name}`, role: "status" });
    this.plot = h("div", { class: "tv-plot", testid: `plot-${kind.name}`, tabindex: "0", role: "group" }, this.back, this.above, this.empty, this.asked);
    this.plot.setAttribute("aria-label", `${kind.title}. Drag pans, wheel zooms, double-click resets, click or Enter probes; plus and minus zoom, shift and arrows pan, arrows change the noise level.`);
    this.element = h("div", { class: "tf-panel", testid: `panel-${kind.name}` }, this.head, this.plot);
    explain(this.head, kind.long);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    const dpr = Math.min(window.devicePixelRatio || 1, 2.5);
    const size = [Math.round(width * dpr), Math.round(height * dpr)];
    if (!width || !height || (this.width === size[0] && this.height === size[1])) return false;
    [this.width, this.height] = size;
    this.dpr = dpr;
    for (const canvas of [this.back, this.above]) [canvas.width, canvas.height] = size;
    return true;
  }
}

// One answer of the server, ready to be drawn and read.
function readField(header, arrays) {
  const { sigma, box, shape, threshold } = header.field;
  const kept = Object.fromEntries(Object.entries(arrays).filter(([name]) => /^(left|truth|arrows)\./.test(name)));
  const truth = kept["truth.logp"].data;
  const top = truth.reduce((a, b) => Math.max(a, b), -Infinity);
  const some = truth.some((v) => v >= threshold);
  const within = Uint8Array.from(truth, (v) => (v >= (some ? threshold : top - 8) ? 1 : 0));
  // Where there is hardly any data, nobody knows the ratio and nobody needs it.
  const floor = some ? threshold : top - 8;
  const fade = Float32Array.from(truth, (v) => 0.16 + 0.84 * Math.min(1, Math.max(0, (v - floor + 24) / 20)));
  const layers = new FieldLayers(header, kept, ["left"], { strength: 0.95, within, fade });
  const [, nx] = shape;
  const cell = (box[1] - box[0]) / (nx - 1);
  let contour = null;
  if (some && cell < COARSE_CELL * Math.hypot(sigma, TREE_WIDTH)) {
    contour = new Path2D();
    const s = contourSegments(truth, shape[0], nx, threshold);
    for (let k = 0; k < s.length; k += 4) {
      contour.moveTo(box[0] + s[k] * cell, box[2] + s[k + 1] * cell);
      contour.lineTo(box[0] + s[k + 2] * cell, box[2] + s[k + 3] * cell);
    }
  }
  const spacing = (box[1] - box[0]) / Math.sqrt(kept["arrows.at"].data.length / 2);
  const stretch = {};
  for (const { arrows } of FIELD_PANELS) {
    const v = layers.vectors("left", arrows);
    // Scores share one scale, as they are compared; differences are smaller by far and get their own, which is said.
    const own = arrows === "difference" || arrows === "correction";
    stretch[arrows] = v && own ? stretchOf(v, (1.1 * spacing) / layers.scale) : 1;
  }
  const { main, guide } = header.names;
  return { id: header.id, names: guide ? `${main} over ${guide}` : main, sigma, box, shape, side: nx, layers, contour, stretch };
}

export class FieldView extends Screen {
  constructor(root, { send, sendUi }) {
    super(root);
    const telling = (tell) => tell && ((message) => (this.page.sent(), tell(message)));
    this.send = telling(send);
    this.sendUi = telling(sendUi);
    this.page = new Page(() => this.redraw("chrome"));
    this.gone = false; // the server, which has not answered
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.cache = new FieldCache();
    this.scenery = { outlines: {}, segments: null };
    this.ui = { sigma: 0.03, view: null, panels: ["p1", "p0", "ratio"], arrows: true };
    this.shown = null;
    this.latest = null;
    this.pin = null;
    this.probe = null;
    this.hover = null;
    this.play = null;
    this.held = false;
    this.lastAnswer = 0;
    this.queue = new Queue((request) => this.transmit(request));
    this.retry = new Retry(() => this.askAgain());
    this.build();
  }

  // --- Screen -------------------------------------------------------------------------------------------------------

  build() {
    this.panels = Object.fromEntries(FIELD_PANELS.map((kind) => [kind.name, new FieldPanel(kind)]));
    this.chips = FIELD_PANELS.map(({ name, label, long }) => toggle(`show-${name}`, label, long, (on) => this.onPanel(name, on), `tv-area-${name}`));
    this.arrowChip = toggle("arrows", "scores as arrows", "Scores as arrows, times σ²: to where the denoiser points; their difference on the ratio", (on) => this.setUi({ arrows: on }));
    this.badge = h("span", { class: "tf-badge", testid: "badge" });
    const toolbar = h(
      "div",
      { class: "tv-toolbar", role: "toolbar", "aria-label": "Panels" },
      h("div", { class: "tv-group" }, h("span", { class: "tv-group-label", text: "panels" }), ...this.chips),
      h("div", { class: "tv-group" }, this.arrowChip),
      h("div", { class: "tv-group tv-last" }, this.badge, iconButton("home", "home", "Reset the view (double-click, 0)", () => this.setView(null))),
    );
    this.row = h("div", { class: "tf-row", testid: "row" });
    this.playButton = h("button", { type: "button", class: "tv-play", testid: "play", onclick: () => this.setPlaying(!this.play) });
    this.slider = h("input", { type: "range", testid: "sigma", min: "0", max: "1", step: "0.001", "aria-label": "Noise level sigma, from high to low" });
    this.sigmaField = new NumberField({ testid: "sigma-number", "aria-label": "Noise level sigma" }, (value) => {
      this.jump(Number(value.toPrecision(4)));
      this.sigmaField.show(sigmaText(this.ui.sigma));
    });
    this.ticks = h("div", { class: "tf-ticks", "aria-hidden": "true" });
    this.strip = h("div", { class: "tf-strip", role: "group", "aria-label": "Noise levels of the paper" });
    this.formula = h("div", { class: "tf-formula" });
    this.readout = h("div", { class: "tf-readout", testid: "readout" });
    this.contourKey = h("span", {}, h("i", { class: "tf-key tf-key-now" }), h("span", { text: "true 99% region at this σ" }));
    this.targetWords = h("span", {});
    this.targetKey = h("span", {}, h("i", { class: "tf-key tf-key-target" }), this.targetWords);
    this.otherKey = h("span", {}, h("i", { class: "tf-key tf-key-other" }), h("span", { text: "of both classes" }));
    this.keys = h(
      "div",
      { class: "tf-keys", testid: "legend" },
      this.targetKey,
      this.otherKey,
      this.contourKey,
      h("span", {}, h("i", { class: "tf-key tf-key-ratio" }), h("span", { text: "ratio below, above typical" })),
    );
    this.status = h("div", { class: "tv-status", testid: "status", role: "status", "aria-live": "polite" });
    this.card = new ProbeCard("fields", () => this.unpin());
    this.hint = h("p", { class: "tf-hint", text: "Click a place: both scores, their difference, the guided score and what would be true, as arrows and numbers." });
    const line = h("div", { class: "tf-line" }, this.playButton, h("label", { class: "tf-sigma" }, h("span", { text: "σ" }), this.sigmaField.element), h("div", { class: "tf-track tv-knob" }, this.slider, this.ticks));
    const controls = h("div", { class: "tf-controls" }, h("div", { class: "tf-deck" }, line, this.strip), this.readout, this.keys, this.formula, this.status);
    this.root.replaceChildren(toolbar, this.row, h("div", { class: "tf-below" }, controls, h("div", { class: "tf-side" }, this.hint, this.card.element)));
    this.listen();
  }

  listen() {
    const { signal } = this.abort;
    this.meanings = new Meanings(this.root, signal);
    this.observer = new ResizeObserver(() => this.redraw("size"));
    for (const panel of Object.values(this.panels)) {
      this.observer.observe(panel.plot);
      gestures(panel.plot, {
        pan: (dx, dy) => this.setView(pan(this.view, this.cssCamera(panel), dx, dy)),
        zoom: (x, y, factor) => this.setView(zoomAbout(this.view, this.cssCamera(panel), x, y, factor)),
        hover: (x, y) => this.setHover(toWorld(this.cssCamera(panel), x, y)),
        leave: () => this.setHover(null),
        click: (x, y) => this.setPin(toWorld(this.cssCamera(panel), x, y)),
        reset: () => {
          this.pin = this.pinBefore ?? null; // the double click's first half was no question
          this.setView(null);
        },
      });
    }
    this.slider.addEventListener("input", () => {
      this.setPlaying(false);
      this.held = true;
      this.setSigma(sigmaOf(Number(this.slider.value), this.header.range));
    });
    this.slider.addEventListener("change", () => {
      this.held = false;
      this.settle(0);
    });
    this.root.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener("keydown", (event) => event.key === " " && !embedded() && event.target === document.body && this.root.matches(":hover") && this.onKey(event), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readTheme(), { signal });
    this.timer = setInterval(() => (this.queue.tick() || this.gone) && this.onLost(), 1000);
  }

  onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.composedPath()[0];
    const plot = on instanceof HTMLElement && on.classList.contains("tv-plot");
    const typing = on instanceof HTMLElement && on.matches("input:not([type=range])");
    const sliding = on instanceof HTMLElement && on.matches("input[type=range]");
    const pressing = on instanceof HTMLElement && on.matches("button");
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const { cx, cy, half } = this.view;
    if (event.key === "Escape") {
      if (this.pin) this.unpin();
      else leave(this.root);
    }
    else if (typing || (sliding && (arrows || ["Home", "End"].includes(event.key)))) return;
    else if (event.key === " " && !pressing) this.setPlaying(!this.play);
    else if (arrows && event.shiftKey) this.setView({ cx: cx + 0.15 * half * arrows[0], cy: cy + 0.15 * half * arrows[1], half });
    else if (arrows) this.stepSigma(arrows[0] || arrows[1]);
    else if (event.key === "Home" || event.key === "End") this.jump(event.key === "Home" ? SWEEP[0] : SWEEP.at(-1));
    else if (event.key === "+" || event.key === "=") this.setView({ cx, cy, half: Math.max(HALF_MIN, half / 1.25) });
    else if (event.key === "-") this.setView({ cx, cy, half: Math.min(HALF_MAX, half * 1.25) });
    else if (event.key === "0") this.setView(null);
    else if (event.key === "Enter" && plot) this.setPin([cx, cy]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  readTheme() {
    Object.assign(this, themeOf(this.root));
    this.redraw("back", "above");
  }

  // --- Packs from the server ----------------------------------------------------------------------------------------

  update(bytes) {
    let pack;
    try {
      pack = unpack(bytes);
    } catch (error) {
      setText(this.status, error.message);
      return;
    }
    const { header, arrays } = pack;
    const seq = header.seq ?? 0;
    if (seq > 0 && seq < this.lastAnswer) return;
    this.lastAnswer = Math.max(this.lastAnswer, seq);
    this.gone = false;
    if (seq === 0) this.page.answered();
    this.queue.seq = Math.max(this.queue.seq, seq);
    const first = !this.header;
    const moved = !first && header.id !== this.header.id;
    const linked = first || header.link !== this.header.link;
    this.header = header;
    if (linked) this.ui = { ...this.ui, ...header.ui };
    if (moved) this.probe = null;
    if (Object.keys(arrays).some((name) => name.startsWith("outline."))) this.scenery = readScenery(arrays);
    if (header.field) {
      const field = readField(header, arrays);
      this.latest = this.cache.put(fieldKey(header.id, field.sigma, field.box), field);
    }
    if (header.probe) this.probe = { ...header.probe, id: header.id };
    this.queue.answered(seq);
    this.retry.saw(Boolean(header.busy));
    this.arrange();
    this.pick();
    this.readTheme();
    this.redraw("size", "chrome");
    // An answer to the drag is coarse, and one to another page's visit may be of another place.
    if (!this.held && !header.busy) this.settle(first ? 0 : FIELD_SETTLE_MS);
  }

  arrange() {
    const { header } = this;
    if (!this.ticks.children.length) {
      for (const sigma of [5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005]) {
        const tick = h("span", { text: String(sigma) });
        tick.style.setProperty("--tf-u", sliderAt(sigma, header.range));
        this.ticks.append(tick);
      }
      this.rows = header.rows.map((sigma) => {
        const button = h("button", { type: "button", class: "tf-frame", testid: `row-${sigma}`, "aria-pressed": "false", text: `σ ${sigma}`, "data-meaning": `Noise level ${sigma}, a row of the paper's Figure 9.`, onclick: () => this.jump(sigma) });
        button.sigma = sigma;
        return button;
      });
      this.strip.append(h("span", { class: "tv-group-label", text: "the paper's rows" }), ...this.rows);
    }
    const shown = FIELD_PANELS.filter(({ name }) => this.ui.panels.includes(name)).map(({ name }) => this.panels[name].element);
    if (shown.length !== this.row.children.length || shown.some((element, i) => this.row.children[i] !== element)) this.row.replaceChildren(...shown);
    this.row.style.setProperty("--tf-n", Math.max(1, shown.length));
    for (const { name, who } of FIELD_PANELS) setText(this.panels[name].name, who ? (header.names[who] ?? "") : name === "truth" ? `class ${header.target}` : name === "error" ? header.names.main : "");
    setText(this.formula, `${header.title}: ${header.formula}${header.knobs ? `, ${header.knobs}` : ""}`);
    setText(this.status, header.note ?? "");
  }

  // --- Requests -----------------------------------------------------------------------------------------------------

  get view() {
    const [cx, cy, half] = this.ui.view ?? this.header.home;
    return { cx, cy, half };
  }

  get wanted() {
    return fieldKey(this.header.id, this.ui.sigma, boxOf(this.view, this.header.margin));
  }

  get fine() {
    return this.cache.get(this.wanted)?.side >= 128;
  }

  get probeStale() {
    const { pin, probe, header } = this;
    return Boolean(pin) && !(probe && probe.id === header.id && probe.sigma === this.ui.sigma && probe.at[0] === pin[0] && probe.at[1] === pin[1]);
  }

  // The best there is of what is wanted; failing that, the latest of the same densities.
  pick() {
    const best = this.cache.get(this.wanted) ?? this.latest;
    if (best === this.shown) return;
    this.shown = best;
    this.redraw("back", "above");
  }

  ask(phase) {
    if (!this.send || this.abort.signal.aborted) return;
    this.queue.push(() => {
      const field = phase === "drag" ? !this.cache.get(this.wanted) : !this.fine;
      const probe = this.probeStale && phase !== "drag" ? this.pin : null;
      if (!field && !probe) return null;
      const scenery = Object.keys(this.scenery.outlines).length > 0;
      return { phase: field ? phase : "probe", sigma: this.ui.sigma, box: boxOf(this.view, this.header.margin), have: scenery, field, probe };
    });
    this.redraw("chrome");
  }

  askAgain() {
    if (!this.queue.busy) this.ask(this.held ? "drag" : "release");
  }

  async onLost() {
    if (this.looking) return;
    this.looking = true;
    this.gone = !(await serverIsThere());
    this.looking = false;
    if (!this.gone) this.askAgain();
    this.redraw("chrome");
  }

  // What is shown instead of what is asked for, in words; "" where it is that. The film says its level itself.
  pending() {
    const { shown, header, page, ui } = this;
    if (!shown) return "";
    const parts = [];
    if (shown.id !== header.id || page.outside) parts.push(shown.names);
    if (parts.length || (shown.sigma !== ui.sigma && !this.play)) parts.push(`σ ${sigmaText(shown.sigma)}`);
    if (!parts.length) return "";
    return `showing ${parts.join(", ")} …${this.gone || page.lost ? " the server does not answer" : ""}`;
  }

  transmit(request) {
    this.send(request);
    this.redraw("chrome");
  }

  settle(ms = FIELD_SETTLE_MS) {
    clearTimeout(this.settleTimer);
    this.settleTimer = setTimeout(() => {
      if (this.abort.signal.aborted || this.held || this.play) return;
      if (!this.fine || this.probeStale) this.ask("release");
    }, ms);
  }

  // --- What the person changes --------------------------------------------------------------------------------------

  setUi(change) {
    Object.assign(this.ui, change);
    this.arrange();
    this.remember();
    this.redraw("size", "back", "above", "chrome");
  }

  remember() {
    clearTimeout(this.rememberTimer);
    if (this.play) return;
    this.rememberTimer = setTimeout(() => !this.abort.signal.aborted && this.sendUi?.({ ...this.ui }), 500);
  }

  onPanel(name, on) {
    const panels = FIELD_PANELS.map((kind) => kind.name).filter((other) => (other === name ? on : this.ui.panels.includes(other)));
    // An empty page explains nothing.
    if (panels.length) this.setUi({ panels });
  }

  setView(view) {
    this.ui.view = view ? [view.cx, view.cy, view.half].map((v) => Number(v.toPrecision(5))) : null;
    this.pick();
    this.remember();
    this.redraw("back", "above", "chrome");
    this.settle();
  }

  setSigma(sigma) {
    if (sigma === this.ui.sigma) return;
    this.ui.sigma = sigma;
    this.pick();
    this.remember();
    if (this.held && !this.cache.get(this.wanted)) this.ask("drag");
    this.redraw("above", "chrome");
    if (!this.held && !this.play) this.settle();
  }

  jump(sigma) {
    this.setPlaying(false);
    this.held = false;
    this.setSigma(sigma);
    this.settle(0);
  }

  // To the next of the levels that are played: right is less noise.
  stepSigma(direction) {
    const levels = direction > 0 ? SWEEP : SWEEP.toReversed();
    const next = levels.find((s) => (direction > 0 ? s < this.ui.sigma * 0.999 : s > this.ui.sigma * 1.001));
    if (next) this.jump(next);
  }

  setPlaying(on) {
    if (on === Boolean(this.play)) return;
    if (!on) {
      this.play = null;
      this.remember();
      this.settle();
    } else {
      const at = SWEEP.findIndex((s) => s < this.ui.sigma * 0.999);
      this.play = { index: at < 0 || at >= SWEEP.length - 1 ? 0 : at, since: null };
      this.setSigma(SWEEP[this.play.index]);
      if (!this.fine) this.ask("release");
    }
    this.redraw("chrome");
  }

  // A level is left when it has been seen; a server that keeps one waiting does not stop the film.
  advance(now) {
    const { play } = this;
    play.since ??= now;
    const seen = this.fine && this.shown === this.cache.get(this.wanted);
    if (seen) play.seenAt ??= now;
    const pace = this.calm ? 3 * FRAME_MS : FRAME_MS;
    if (!(seen && now - play.seenAt >= pace) && now - play.since < PATIENCE_MS) return;
    if (play.index + 1 >= SWEEP.length) {
      this.setPlaying(false);
      return;
    }
    this.play = { index: play.index + 1, since: now };
    this.setSigma(SWEEP[this.play.index]);
    if (!this.fine) this.ask("release");
  }

  setHover(at) {
    if (!at && !this.hover) return;
    this.hover = at;
    this.redraw("above");
  }

  setPin([x, y]) {
    const now = performance.now();
    if (now - (this.pinnedAt ?? -Infinity) > DOUBLE_MS) this.pinBefore = this.pin;
    this.pinnedAt = now;
    this.pin = [Number(x.toFixed(5)), Number(y.toFixed(5))];
    this.redraw("above");
    if (this.probeStale) this.ask("release");
  }

  unpin() {
    this.pin = null;
    this.pinBefore = null;
    this.redraw("above");
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------

  cssCamera(panel) {
    return camera(this.view, panel.width / panel.dpr, panel.height / panel.dpr);
  }

  get moving() {
    return Boolean(this.play);
  }

  draw(now) {
    if (!this.header || !this.colours) return false;
    if (this.play) this.advance(now);
    const dirty = this.takeDirty();
    for (const name of this.ui.panels) {
      const panel = this.panels[name];
      const resized = dirty.has("size") && panel.resize();
      if (!panel.width) continue;
      const cam = camera(this.view, panel.width, panel.height);
      if (resized || dirty.has("back")) this.drawBack(panel, cam);
      if (resized || dirty.has("above")) this.drawAbove(panel, cam);
    }
    if (dirty.has("above")) this.drawCard();
    this.drawChrome();
    return true;
  }

  drawBack(panel, cam) {
    const { backContext: context, dpr, kind } = panel;
    const { shown, colours } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, panel.width, panel.height);
    const has = shown && hasLayer(shown.layers.arrays, "left", kind.name);
    setText(panel.empty, shown && !has ? "this method has no guide" : "");
    if (has) shown.layers.drawLayer(context, cam, "left", kind.name, colours, dpr);
    drawScenery(context, cam, this.scenery, colours, this.background, { target: this.header.target, gain: null, plain: true, limbless: true, dpr });
    if (has && shown.contour) {
      worldTransform(context, cam);
      context.lineWidth = (1.3 * dpr) / cam.scale;
      context.strokeStyle = css(colours.ink, 0.7);
      context.stroke(shown.contour);
      context.setTransform(1, 0, 0, 1, 0, 0);
    }
    if (has && this.ui.arrows) {
      const strong = { ...colours, [kind.arrows]: mix(colours.ink, colours[kind.arrows], 0.25) };
      shown.layers.drawArrows(context, cam, "left", kind.arrows, strong, dpr, this.arrowSize(panel));
    }
    const { times } = this.arrowSize(panel);
    setText(panel.scaleNote, has && this.ui.arrows ? `${kind.vector}${times === 1 ? "" : ` ×${times}`}` : "");
    drawScaleBar(context, cam, panel, this);
  }

  // On small pictures every second arrow is enough.
  arrowSize({ width, dpr, kind }) {
    return { times: this.shown?.stretch[kind.arrows] ?? 1, every: width / dpr < 235 ? 2 : 1 };
  }

  drawAbove(panel, cam) {
    const { aboveContext: context, dpr, kind } = panel;
    const { colours } = this;
    context.clearRect(0, 0, panel.width, panel.height);
    if (this.hover) {
      const [x, y] = toScreen(cam, ...this.hover);
      for (const [style, width] of [[css(this.background, 0.8), 3.5], [css(colours.ink, 0.85), 1.3]]) {
        context.strokeStyle = style;
        context.lineWidth = width * dpr;
        context.beginPath();
        context.arc(x, y, 6 * dpr, 0, 7);
        context.stroke();
      }
    }
    if (!this.pin) return;
    const [x, y] = toScreen(cam, ...this.pin);
    context.strokeStyle = css(colours.ink);
    context.lineWidth = 1.4 * dpr;
    context.beginPath();
    context.moveTo(x - 6 * dpr, y);
    context.lineTo(x + 6 * dpr, y);
    context.moveTo(x, y - 6 * dpr);
    context.lineTo(x, y + 6 * dpr);
    context.stroke();
    if (this.probeStale) return;
    const said = this.probe.panels[0];
    const vectors = { ...decompose(said), truth: said.truth };
    const longest = Math.max(1e-12, ...Object.values(vectors).map((v) => (v ? Math.hypot(...v) : 0)));
    const k = (0.24 * Math.min(panel.width, panel.height)) / longest;
    // On the ratio the difference is seen as what leads from one score to the other.
    const drawn = kind.name === "ratio" ? ["main", "guide", "difference"] : kind.name === "error" ? ["main", "truth", "correction"] : [kind.arrows];
    for (const name of drawn) {
      const v = vectors[name];
      if (!v) continue;
      const from = { difference: vectors.guide, correction: vectors.main }[name] ?? [0, 0];
      for (const [colour, width] of [[this.background, 5], [colours[name], 2.6]]) {
        context.strokeStyle = context.fillStyle = css(colour);
        context.lineWidth = width * dpr;
        arrow(context, x + from[0] * k, y - from[1] * k, v[0] * k, -v[1] * k, 1.5 * dpr, ARROW_LOOK[name]);
      }
    }
  }

  drawCard() {
    this.hint.hidden = Boolean(this.pin);
    if (!this.pin) {
      this.card.hide();
      return;
    }
    const panel = this.probe?.id === this.header.id ? this.probe.panels[0] : null;
    const [x, y] = this.pin.map(numberText);
    this.card.update({ whose: this.header.title, what: `(${x}, ${y})  σ ${sigmaText(this.ui.sigma)}`, panel, stale: this.probeStale || Boolean(this.pending()), distance: "", side: "left", vertical: "high", colours: this.colours });
  }

  drawChrome() {
    const { ui, header, root, shown } = this;
    const u = sliderAt(ui.sigma, header.range);
    if (!this.held) this.slider.value = String(u);
    this.slider.style.setProperty("--tv-at", `${100 * u}%`);
    this.slider.setAttribute("aria-valuetext", `sigma ${sigmaText(ui.sigma)}`);
    this.sigmaField.range = { lo: header.range[1], hi: header.range[0], step: 0.01, name: "σ" };
    this.sigmaField.show(sigmaText(ui.sigma));
    swapIcon(this.playButton, this.play ? "pause" : "play", this.play ? "Pause (space)" : "Play from noise to data (space)");
    this.chips.forEach((chip, i) => press(chip, ui.panels.includes(FIELD_PANELS[i].name)));
    press(this.arrowChip, ui.arrows);
    for (const row of this.rows ?? []) press(row, Math.abs(Math.log(row.sigma / ui.sigma)) < 0.01);
    const current = shown && shown === this.cache.get(this.wanted);
    const waiting = this.queue.busy || !this.fine;
    const pending = this.pending();
    for (const { plot, asked } of Object.values(this.panels)) {
      setText(asked, pending);
      if (pending) plot.dataset.pending = this.held ? "held" : "waits";
      else delete plot.dataset.pending;
    }
    this.readout.classList.toggle("tf-stale", Boolean(pending));
    setText(this.badge, header.busy ? "computing …" : !current && shown && this.play ? `showing σ ${sigmaText(shown.sigma)} …` : waiting && !pending ? "sharpening …" : "");
    this.badge.classList.toggle("tf-busy", Boolean(header.busy));
    setText(this.targetWords, `99% region of ${header.target === "AB" ? "both classes" : header.target}`);
    this.otherKey.hidden = header.target === "AB";
    this.contourKey.hidden = !shown?.contour;
    this.drawReadout();
    const state = pending || this.gone || this.page.lost ? "pending" : this.play ? "playing" : waiting || this.probeStale ? "waiting" : "idle";
    const data = { state, seq: String(header.seq ?? 0), id: header.id, field: String(shown?.sigma ?? ""), side: String(shown?.side ?? ""), sigma: String(ui.sigma), view: [this.view.cx, this.view.cy, this.view.half].join(",") };
    for (const [name, value] of Object.entries(data)) if (root.dataset[name] !== value) root.dataset[name] = value;
  }

  drawReadout() {
    const { shown, hover, header } = this;
    if (!hover || !shown) {
      setText(this.readout, "Point at a place to read its log densities.");
      return;
    }
    const read = (name) => (name in shown.layers.arrays ? sampleGrid(shown.layers.values(name), shown.shape, shown.box, ...hover) : null);
    const [log1, log0] = [read("left.logp1"), read("left.logp0")];
    const parts = [`(${hover.map(numberText).join(", ")})`];
    // A network says the slope of its log density, not its height: what is read off it lacks a constant.
    const lacks = (...who) => (who.some((role) => header.constant[role]) ? " + const" : "");
    const add = (label, value) => value !== null && parts.push(`${label} ${numberText(value)}`);
    add(`log p₁${lacks("main")}`, log1);
    add(`log p₀${lacks("guide")}`, log0);
    if (log1 !== null && log0 !== null) add(`log p₁/p₀${lacks("main", "guide")}`, log1 - log0);
    add("log p true", read("truth.logp"));
    add("σ·error", read("left.error"));
    setText(this.readout, parts.join("   "));
  }

  destroy() {
    super.destroy();
    clearInterval(this.timer);
    this.page.stop();
    clearTimeout(this.settleTimer);
    clearTimeout(this.rememberTimer);
    this.retry.stop();
    this.observer.disconnect();
    this.queue.clear();
  }
}

const mountedFields = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector("[data-toy-fields]");
  let entry = mountedFields.get(parentElement);
  if (entry && entry.root !== root) {
    entry.view.destroy();
    entry = null;
  }
  if (!entry) {
    entry = { root, setStateValue, data: null };
    mountedFields.set(parentElement, entry);
    entry.view = new FieldView(root, {
      send: (request) => entry.setStateValue("request", request),
      sendUi: (ui) => entry.setStateValue("ui", ui),
    });
    root.fieldView = entry.view;
    entry.clean = () => {
      entry.view.destroy();
      mountedFields.delete(parentElement);
    };
  }
  entry.setStateValue = setStateValue;
  // The theme may have changed alone.
  if (entry.data === data) entry.view.readTheme();
  else entry.view.update(data instanceof Uint8Array ? data : new Uint8Array(data ?? []));
  entry.data = data;
  return entry.clean;
}
