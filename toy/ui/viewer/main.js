// The viewer: holds the state, asks the server, draws. Everything that moves is moved here, without a server.

import { css, isDark, mix, packed, palette, parseColour } from "./colour.js";
import { h, numberText, save, setText, sigmaText } from "./dom.js";
import { dotRadius, shadeRamp, shadesAt } from "./dots.js";
import { ARROWS, DENSITIES, FieldLayers, arrow } from "./fields.js";
import { barAt, decodeFrames, forwardAt, gaussians, nearest, positionAt, positionsAt, sigmaAt, sigmaAtBar, timeAt } from "./frames.js";
import { gestures } from "./gestures.js";
import { Panel } from "./panel.js";
import { ProbeCard, decompose } from "./probe.js";
import { Queue } from "./queue.js";
import { drawScenery, readScenery } from "./scenery.js";
import { Toolbar } from "./toolbar.js";
import { Transport } from "./transport.js";
import { unpack } from "./unpack.js";
import { camera, noiseZoom, pan, roundLength, toScreen, toWorld, visibleBox, zoomAbout } from "./view.js";

const SLOTS = ["left", "right"];
const DENSITY_NAMES = DENSITIES.map(({ name }) => name);
const ARROW_NAMES = ARROWS.map(({ name }) => name);
const LAYER_NAMES = [...DENSITY_NAMES, ...ARROW_NAMES];

const BAR_SECONDS = 7; // the whole scrub bar at speed 1
const HOLD_MS = 1100; // what has been sampled is looked at before the loop starts again
const TURN_MS = 500; // cross-fade between the forward process and other noise
const SETTLE_MS = 120; // quiet time before a field is asked for
const LIVE_FIELD_MS = 260; // while sigma moves, at most one field in this time
const HOVER_PX = 12;
const PATHS = 140;
const PATH_SIGMA = 0.12; // per half-width of the view: where noise is about as wide as what is looked at
const TRAIL_STEPS = 2.5;
const TRAIL_SAMPLES = 10;

const UI = {
  layers: [],
  quality: true,
  variation: true,
  paper_look: false,
  trails: false,
  paths: false,
  samples: false,
  follow: true,
  layout: "two",
  speed: 1,
  loop: false,
  view: null,
  t: null,
};

// What a URL or an old session says is taken key by key, and only if it has the right kind.
export function mergeUi(base, given) {
  const ui = { ...base };
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name === "layers" && Array.isArray(value)) ui.layers = value.filter((layer) => LAYER_NAMES.includes(layer));
    else if (name === "layout" && ["two", "one", "left", "right", "swipe"].includes(value)) ui.layout = value === "one" ? "left" : value;
    else if (name === "view" && Array.isArray(value) && value.length === 3 && value.every(Number.isFinite) && value[2] > 0) ui.view = value;
    else if (name === "t" && (value === null || (Number.isFinite(value) && value >= 0))) ui.t = value;
    else if (name === "speed" && Number.isFinite(value) && value > 0 && value <= 10) ui.speed = value;
    else if (typeof base[name] === "boolean" && typeof value === "boolean") ui[name] = value;
  }
  return ui;
}

class Viewer {
  constructor(root, header, { send, sendUi, storageKey }) {
    this.root = root;
    this.send = send;
    this.sendUi = sendUi;
    this.storageKey = storageKey;
    this.abort = new AbortController();
    let stored = null;
    try {
      stored = JSON.parse(sessionStorage.getItem(storageKey));
    } catch {
      // Storage may be forbidden; then nothing is remembered.
    }
    // The URL is the more deliberate of the two.
    // Nothing moves unasked; for who wants less motion the camera does not zoom either.
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.ui = mergeUi(mergeUi({ ...UI, follow: !this.calm }, stored), header.ui);
    this.values = { left: {}, right: {} };
    this.intervals = { left: null, right: null };
    this.scenery = { outlines: {}, segments: null };
    this.truth = null;
    this.frames = null;
    this.layers = null;
    this.fieldCache = new Map();
    this.points = { left: new Float32Array(0), right: new Float32Array(0) };
    this.shades = new Float32Array(0);
    this.phase = "reverse";
    this.turn = 0;
    this.hover = null;
    this.pin = null;
    this.probe = null;
    this.dirty = new Set();
    this.stats = [];
    this.missing = null;
    this.lastAnswer = 0;
    this.queue = new Queue((request) => this.transmit(request), { seq: header.seq ?? 0 });
    this.build();
  }

  // --- Screen -------------------------------------------------------------------------------------------------------

  build() {
    const root = this.root;
    this.toolbar = new Toolbar({
      layer: (name, on) => this.setUi({ layers: on ? [...this.ui.layers, name] : this.ui.layers.filter((other) => other !== name) }),
      show: (name, on) => this.setUi({ [name]: on, ...((name === "quality" || name === "variation") && on ? { paper_look: false } : {}) }),
      plain: (on) => this.setUi({ paper_look: on, ...(on ? {} : { quality: true, variation: true }) }),
      layout: (layout) => this.setUi({ layout }),
      save: () => this.savePng(),
      full: () => this.fullscreen(),
      home: () => this.resetView(),
    });
    this.panels = {};
    this.cards = {};
    for (const slot of SLOTS) {
      const panel = new Panel(slot, { knob: (...args) => this.onKnob(...args) });
      this.cards[slot] = new ProbeCard(slot, () => this.unpin());
      panel.plot.append(this.cards[slot].element);
      gestures(panel.plot, {
        pan: (dx, dy) => this.setView(pan(this.view, this.cssCamera(panel), dx, dy)),
        zoom: (x, y, factor) => this.setView(zoomAbout(this.view, this.cssCamera(panel), x, y, factor)),
        hover: (x, y) => this.setHover(slot, x, y),
        leave: () => this.setHover(slot, null),
        click: (x, y) => this.onClick(slot, x, y),
        reset: () => this.resetView(),
      });
      this.panels[slot] = panel;
    }
    this.transport = new Transport({
      play: () => this.setPlaying(!this.playing),
      step: (d) => this.step(d),
      jump: (t) => this.seek(t),
      speed: (speed) => this.setUi({ speed }),
      loop: (loop) => this.setUi({ loop }),
      forward: (on) => this.setForward(on),
      scrub: (u) => this.scrub(u),
      interval: (slot, interval, phase) => this.onInterval(slot, interval, phase),
    });
    this.divider = h("div", { class: "tv-divider", testid: "divider", role: "slider", tabindex: "0", "aria-label": "Swipe divider", "aria-valuemin": "0", "aria-valuemax": "100" });
    this.status = h("div", { class: "tv-status", testid: "status", role: "status", "aria-live": "polite" });
    this.legend = h("div", { class: "tv-legend", testid: "legend", "aria-hidden": "true" });
    this.legendQuality = h("span", { class: "tv-legend-item" }, h("i", { class: "tv-swatch tv-dot-outside" }), h("span", { text: "outside the true 99% region" }));
    this.legendGain = h("span", { class: "tv-legend-item" }, h("span", { text: "branch mass ÷8" }), h("i", { class: "tv-ramp" }), h("span", { text: "×8" }));
    this.legend.append(this.legendQuality, this.legendGain);
    const { left, right } = this.panels;
    this.grid = h(
      "div",
      { class: "tv-grid" },
      ...left.elements,
      ...right.elements,
      this.divider,
      this.transport.element,
    );
    root.replaceChildren(this.toolbar.element, this.grid, this.status);
    this.swipe = 0.5;
    this.listen();
  }

  listen() {
    const { signal } = this.abort;
    const options = { signal };
    this.observer = new ResizeObserver(() => this.redraw("size"));
    for (const slot of SLOTS) this.observer.observe(this.panels[slot].plot);
    this.root.addEventListener("keydown", (event) => this.onKey(event), options);
    // Space plays as soon as the pointer is over the viewer, unless some control has the keyboard.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.target === document.body && this.root.matches(":hover")) this.onKey(event);
      },
      options,
    );
    document.addEventListener("fullscreenchange", () => this.redraw("size"), options);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readTheme(), options);
    let held = false;
    const slide = (event) => {
      const { left, width } = this.panels.left.plot.getBoundingClientRect();
      this.setSwipe((event.clientX - left) / width);
    };
    this.divider.addEventListener("pointerdown", (event) => {
      held = true;
      this.divider.setPointerCapture(event.pointerId);
    });
    this.divider.addEventListener("pointermove", (event) => held && slide(event));
    this.divider.addEventListener("lostpointercapture", () => (held = false));
    this.divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.setSwipe(this.swipe + step);
    });
    this.timer = setInterval(() => this.queue.tick(), 1000);
  }

  onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.composedPath()[0];
    const typing = on instanceof HTMLElement && on.matches("input, select, textarea");
    const pressing = on instanceof HTMLElement && on.matches("button");
    if (event.key === "Escape") this.unpin();
    else if (typing) return;
    else if (event.key === " " && !pressing) this.setPlaying(!this.playing);
    else if (event.key === "ArrowLeft" || event.key === "ArrowDown") this.step(-1);
    else if (event.key === "ArrowRight" || event.key === "ArrowUp") this.step(1);
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.steps);
    else if (event.key === "Enter" && on === event.target && on.dataset?.testid?.startsWith("plot-")) this.pinCentre(on);
    else return;
    event.preventDefault();
    // Streamlit has shortcuts of its own.
    event.stopPropagation();
  }

  readTheme() {
    const style = getComputedStyle(this.root);
    this.background = parseColour(style.backgroundColor) ?? [255, 255, 255];
    this.dark = isDark(this.background);
    this.colours = palette(this.dark);
    this.font = style.fontFamily;
    this.root.classList.toggle("tv-dark", this.dark);
    for (const [name, colour] of Object.entries(this.colours)) {
      if (name !== "pins") this.root.style.setProperty(`--tv-${name}`, css(colour));
    }
    this.ramp = shadeRamp(packed(this.colours.ink), packed(this.colours.outside));
    this.redraw("back", "dots", "above");
  }

  // --- Packs from the server ----------------------------------------------------------------------------------------

  update(bytes) {
    let pack;
    try {
      pack = unpack(bytes);
    } catch (error) {
      setText(this.status, error.message);
      this.redraw();
      return;
    }
    const { header, arrays } = pack;
    const seq = header.seq ?? 0;
    // An answer that was overtaken would make the picture jump back.
    if (seq > 0 && seq < this.lastAnswer) return;
    this.lastAnswer = Math.max(this.lastAnswer, seq);
    const answersMine = this.queue.inFlight !== null && seq >= this.queue.inFlight.seq;
    this.header = header;
    const before = this.frames;
    if ("left.positions" in arrays) this.takeFrames(header, arrays);
    if (Object.keys(arrays).some((name) => name.startsWith("tree.") || name.startsWith("outline."))) this.scenery = readScenery(arrays);
    if (arrays["truth.positions"]) this.takeTruth(arrays["truth.positions"]);
    this.slots = (header.panels ?? []).map(({ slot }) => slot);
    if (!this.home) {
      this.home = header.layout?.view ?? [0.3, 0.3, 1.2];
      const [cx, cy, half] = this.ui.view ?? this.home;
      this.view = { cx, cy, half };
      this.t = Math.min(this.ui.t ?? this.steps, this.steps);
    } else if (header.layout?.view) this.home = header.layout.view;
    if (before && this.frames !== before && this.steps !== before.sigmas.length - 1) this.t = timeAt(this.sigmas, sigmaAt(before.sigmas, this.t));
    this.takeSettings(header, answersMine && !this.queue.pending);
    if (header.field) this.takeField(header, arrays, seq);
    if (header.probe) {
      this.probe = { ...header.probe, slots: this.slots };
    }
    this.updatePanels();
    this.readTheme();
    if (answersMine) this.queue.answered(seq);
    if (header.id && header.id !== this.frames?.id && this.missing !== header.id) {
      // Frames that were never received here (another tab's scene, a reload): once, so that a confused server cannot loop us.
      this.missing = header.id;
      if (this.send) this.later(() => this.ask("release", this.slots[0] ?? "left"));
    }
    this.redraw("size", "back", "dots", "above");
    this.settle();
  }

  takeFrames(header, arrays) {
    const { sigmas, id, quality } = header;
    const frames = { id, quality, sigmas, slots: {}, outside: {}, gain: {} };
    for (const slot of SLOTS) {
      const positions = arrays[`${slot}.positions`];
      if (!positions) continue;
      frames.slots[slot] = decodeFrames(positions, sigmas, header.sigma_data ?? 0.5);
      frames.outside[slot] = arrays[`${slot}.outside`] ?? null;
      frames.gain[slot] = arrays[`${slot}.branch_gain`]?.data ?? null;
      frames.n = frames.slots[slot].n;
    }
    this.frames = frames;
    this.chosen = null;
    if (this.pin?.kind === "particle" && this.pin.index >= frames.n) this.pin = null;
    if (this.hover && this.hover.index >= frames.n) this.hover = null;
  }

  takeTruth({ data }) {
    this.truth = { x0: data, n: data.length / 2, points: new Float32Array(data.length), eps: gaussians(data.length, 7), matched: false };
  }

  // Where the start is said to be these very samples plus noise, that noise joins forward process and ODE without a seam.
  matchNoise() {
    const { truth, frames } = this;
    const start = frames?.slots.left;
    if (!truth || !this.header?.paired || !start || start.n !== truth.n) return;
    for (let k = 0; k < truth.x0.length; k++) truth.eps[k] = (start.x[k] - truth.x0[k]) / this.sigmas[0];
    truth.matched = true;
  }

  takeSettings(header, settled) {
    const mine = this.queue.busy && !settled;
    for (const panel of header.panels ?? []) {
      const { slot, schedule } = panel;
      const values = this.values[slot];
      const names = (panel.knobs ?? []).map((knob) => knob.name);
      for (const name of Object.keys(values)) if (!names.includes(name)) delete values[name];
      for (const knob of panel.knobs ?? []) if (!mine || !(knob.name in values)) values[knob.name] = knob.value;
      const given = schedule && Number.isFinite(schedule.lo) && Number.isFinite(schedule.hi) ? [schedule.lo, schedule.hi] : null;
      if (!mine || !given || !this.intervals[slot]) this.intervals[slot] = given;
    }
    if (!this.slots.includes("right")) this.intervals.right = null;
  }

  takeField(header, arrays, seq) {
    this.layers = new FieldLayers(header, arrays, this.slots);
    if (this.fieldAsked && (seq === this.fieldAsked.seq || seq === 0)) {
      if (this.fieldCache.size > 60) this.fieldCache.delete(this.fieldCache.keys().next().value);
      this.fieldCache.set(this.fieldAsked.key, this.layers);
    }
  }

  updatePanels() {
    const { header } = this;
    const hidden = new Set(header.hide ?? []);
    for (const name of ["knobs", "transport", "layers", "metrics", "layout", "show", "buttons", "formula", "badge", "status"]) {
      this.root.classList.toggle(`tv-hide-${name}`, hidden.has(name));
    }
    for (const panel of header.panels ?? []) {
      this.panels[panel.slot].update(panel, this.values[panel.slot], { editable: Boolean(this.send), busy: header.busy });
    }
    this.arrange();
    setText(this.status, header.note ?? "");
  }

  // --- Requests -----------------------------------------------------------------------------------------------------

  // All of the state goes with every request, asked for at the moment of sending: whatever wins the queue is up to date.
  ask(phase, slot, weak = false) {
    if (!this.send) return false;
    const waiting = this.queue.pending?.phase;
    // A field must not push aside the release of a slider.
    if (weak && (waiting === "release" || waiting === "drag")) return false;
    const make = () => this.request(phase, slot);
    make.phase = phase;
    this.queue.push(make);
    this.redraw();
    return true;
  }

  request(phase, slot) {
    const sigma = this.fieldSigma();
    const probe = this.probePoint();
    const wantsField = this.ui.layers.length > 0;
    if (wantsField && phase !== "drag") this.fieldAsked = { key: this.fieldKey(), seq: this.queue.seq + 1 };
    if (probe) this.probeAsked = this.probeKey();
    const knobs = {};
    const interval = {};
    for (const s of this.slots) {
      knobs[s] = { ...this.values[s] };
      interval[s] = this.intervals[s];
    }
    return {
      have: this.frames && this.frames.id === this.header.id ? this.frames.id : null,
      phase,
      slot,
      knobs,
      interval,
      sigma,
      box: this.fieldBox(sigma),
      layers: [...this.ui.layers],
      probe,
    };
  }

  transmit(request) {
    this.send(request);
    this.redraw();
  }

  later(act) {
    setTimeout(() => !this.abort.signal.aborted && act(), 0);
  }

  onKnob(slot, name, value, phase) {
    this.values[slot][name] = value;
    this.adjusting = phase === "drag";
    this.ask(phase, slot);
    this.redraw("back");
    this.settle();
  }

  onInterval(slot, interval, phase) {
    this.intervals[slot] = interval;
    this.adjusting = phase === "drag";
    this.ask(phase, slot);
    this.redraw("transport");
    this.settle();
  }

  // Whole steps while time runs, so that the second round finds every field in the cache.
  fieldSigma() {
    const t = this.playing ? Math.round(this.t) : this.t;
    return Number(Math.max(sigmaAt(this.sigmas, t), this.header.sigma_min ?? 0.002).toPrecision(4));
  }

  fieldBox(sigma) {
    const panel = this.panels[this.shownSlots()[0]];
    return visibleBox(camera(this.view, panel.width || 1, panel.height || 1, this.zoomOut(sigma)));
  }

  fieldKey() {
    const sigma = this.fieldSigma();
    return [this.frames?.id, sigma, ...this.fieldBox(sigma), ...this.ui.layers.slice().sort()].join("|");
  }

  probePoint() {
    const { pin } = this;
    if (!pin) return null;
    const [x, y] = pin.kind === "point" ? pin.at : positionAt(this.frames.slots[pin.slot], this.t, pin.index);
    return [Number(x.toFixed(5)), Number(y.toFixed(5))];
  }

  probeKey() {
    return [this.frames?.id, this.fieldSigma(), ...(this.probePoint() ?? [])].join("|");
  }

  // When nothing has moved for a moment, ask for what the picture lacks.
  settle() {
    clearTimeout(this.settleTimer);
    if (!this.send) return;
    this.settleTimer = setTimeout(() => this.fetchMissing(), SETTLE_MS);
  }

  fetchMissing() {
    if (this.abort.signal.aborted || this.adjusting || !this.frames) return;
    this.fetchField();
    if (this.pin && !this.playing && this.probeKey() !== this.probeAsked) this.ask("probe", this.pin.slot, true);
  }

  fetchField() {
    if (!this.ui.layers.length || !this.frames) return;
    const key = this.fieldKey();
    const cached = this.fieldCache.get(key);
    if (cached) {
      if (cached !== this.layers) {
        this.layers = cached;
        this.redraw("back", "above");
      }
    } else if (key !== this.fieldAsked?.key) this.ask("field", this.shownSlots()[0], true);
  }

  // --- State the person changes -------------------------------------------------------------------------------------

  setUi(change) {
    Object.assign(this.ui, change);
    this.remember();
    if (change.layout) this.arrange();
    this.redraw("size", "back", "dots", "above", "toolbar");
    this.settle();
  }

  remember() {
    clearTimeout(this.rememberTimer);
    this.rememberTimer = setTimeout(() => {
      const { cx, cy, half } = this.view;
      const view = [cx, cy, half].map((v) => Number(v.toPrecision(5)));
      const home = view.every((v, i) => Math.abs(v - this.home[i]) < 1e-9);
      const state = { ...this.ui, view: home ? null : view, t: this.t >= this.steps ? null : Number(this.t.toFixed(2)) };
      try {
        sessionStorage.setItem(this.storageKey, JSON.stringify(state));
      } catch {
        // As above.
      }
      this.sendUi?.(state);
    }, 400);
  }

  setView(view) {
    this.view = view;
    this.chosen = null;
    this.remember();
    this.redraw("back", "dots", "above");
    this.settle();
  }

  resetView() {
    const [cx, cy, half] = this.home;
    this.setView({ cx, cy, half });
  }

  setSwipe(at) {
    this.swipe = Math.min(1, Math.max(0, at));
    this.arrange();
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.().catch(() => setText(this.status, "The browser refused full screen."));
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  get sigmas() {
    return this.frames?.sigmas ?? this.header?.sigmas ?? [1, 0];
  }

  get steps() {
    return this.sigmas.length - 1;
  }

  get sigma() {
    return sigmaAt(this.sigmas, this.t);
  }

  get range() {
    return [this.sigmas[0], this.sigmas[this.steps - 1] || this.header.sigma_min || 0.002];
  }

  setTime(t) {
    const bounded = Math.min(Math.max(t, 0), this.steps);
    if (bounded === this.t) return;
    this.t = bounded;
    this.redraw("dots", "above");
  }

  seek(t) {
    this.setPlaying(false);
    this.setTime(t);
    this.remember();
    this.settle();
  }

  step(direction) {
    const sign = this.phase === "forward" ? -direction : direction;
    this.seek(sign > 0 ? Math.floor(this.t + 1 + 1e-6) : Math.ceil(this.t - 1 - 1e-6));
  }

  scrub(u) {
    this.setPlaying(false);
    this.setTime(timeAt(this.sigmas, sigmaAtBar(u, ...this.range)));
    this.remember();
    this.liveField(performance.now());
    this.settle();
  }

  setForward(on) {
    this.forward = on && Boolean(this.truth);
    this.setPhase(this.forward ? "forward" : "reverse");
    this.turn = 0;
    if (this.forward) {
      this.matchNoise();
      this.setTime(this.steps);
      this.setPlaying(true);
    }
    this.setHover("left", null);
    this.redraw("dots", "above", "transport");
  }

  setPhase(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.redraw("back", "dots", "above");
  }

  setPlaying(on) {
    if (this.playing === on) return;
    this.playing = on;
    if (on) {
      this.setHover("left", null);
      this.holdUntil = 0;
      if (this.phase === "reverse" && this.t >= this.steps) {
        if (this.forward) this.setPhase("forward");
        else this.setTime(0);
      }
      this.lastTick = null;
    } else {
      this.remember();
      this.settle();
    }
    this.redraw("dots", "above", "transport");
  }

  advance(now) {
    // After a hidden tab or a long stall the picture goes on from where it was.
    const dt = Math.min(100, now - (this.lastTick ?? now));
    this.lastTick = now;
    if (this.holdUntil) {
      if (now < this.holdUntil) return;
      this.holdUntil = 0;
      if (this.forward) this.setPhase("forward");
      else this.setTime(0);
      return;
    }
    if (this.turn > 0) {
      this.turn = Math.max(0, this.turn - dt / TURN_MS);
      if (this.turn <= 0.5) this.setPhase("reverse");
      this.redraw("dots", "above");
      return;
    }
    const sign = this.phase === "forward" ? -1 : 1;
    const u = barAt(this.sigma, ...this.range) + (sign * this.ui.speed * dt) / (1000 * BAR_SECONDS);
    this.setTime(timeAt(this.sigmas, sigmaAtBar(Math.min(1, Math.max(0, u)), ...this.range)));
    if (sign < 0 && u <= 0) {
      if (this.truth.matched || this.calm) this.setPhase("reverse");
      else this.turn = 1;
    } else if (sign > 0 && u >= 1) {
      if (this.ui.loop) this.holdUntil = now + HOLD_MS;
      else this.setPlaying(false);
    }
    this.liveField(now);
  }

  liveField(now) {
    if (!this.send || !this.ui.layers.length || now - (this.liveAt ?? 0) < LIVE_FIELD_MS) return;
    this.liveAt = now;
    if (!this.queue.busy || this.fieldCache.has(this.fieldKey())) this.fetchField();
  }

  // --- Pointing -----------------------------------------------------------------------------------------------------

  setHover(slot, x, y) {
    let hover = null;
    if (x !== null && x !== undefined && !this.playing && this.phase === "reverse") {
      const index = this.particleAt(slot, x, y);
      if (index >= 0) hover = { slot, index };
    }
    if (hover?.index === this.hover?.index && hover?.slot === this.hover?.slot) return;
    this.hover = hover;
    this.redraw("above");
  }

  particleAt(slot, x, y) {
    const frames = this.frames?.slots[slot];
    if (!frames) return -1;
    const cam = this.cssCamera(this.panels[slot]);
    return nearest(this.points[slot], frames.n, ...toWorld(cam, x, y), HOVER_PX / cam.scale);
  }

  onClick(slot, x, y) {
    if (this.phase === "forward" || !this.frames) return;
    const index = this.particleAt(slot, x, y);
    if (index >= 0 && this.pin?.index === index) {
      this.unpin();
      return;
    }
    this.pin = index >= 0 ? { kind: "particle", slot, index } : { kind: "point", slot, at: toWorld(this.cssCamera(this.panels[slot]), x, y) };
    this.probe = null;
    this.redraw("above");
    if (this.send && this.probeKey() !== this.probeAsked) this.ask("probe", slot, true);
  }

  pinCentre(plot) {
    const slot = plot.dataset.testid.slice(5);
    this.onClick(slot, plot.clientWidth / 2, plot.clientHeight / 2);
  }

  unpin() {
    if (!this.pin) return;
    this.pin = null;
    this.probe = null;
    this.probeAsked = null;
    this.redraw("above");
  }

  // --- Layout -------------------------------------------------------------------------------------------------------

  shownSlots() {
    const slots = this.slots ?? [];
    if (slots.length < 2) return slots.length ? slots : ["left"];
    return { left: ["left"], right: ["right"] }[this.ui.layout] ?? SLOTS;
  }

  get swiping() {
    return (this.slots ?? []).length > 1 && this.ui.layout === "swipe";
  }

  arrange() {
    const shown = this.shownSlots();
    for (const slot of SLOTS) this.panels[slot].show(shown.includes(slot));
    this.grid.className = `tv-grid ${this.swiping ? "tv-swipe" : shown.length === 2 ? "tv-two" : `tv-one tv-one-${shown[0]}`}`;
    this.divider.hidden = !this.swiping;
    this.panels.right.plot.style.clipPath = this.swiping ? `inset(0 0 0 ${(100 * this.swipe).toFixed(2)}%)` : "";
    this.divider.style.setProperty("--tv-swipe", this.swipe);
    this.divider.setAttribute("aria-valuenow", (100 * this.swipe).toFixed(0));
    this.panels[shown[0]].plot.append(this.legend);
  }

  zoomOut(sigma) {
    return this.ui.follow ? noiseZoom(sigma, this.header?.sigma_data ?? 0.5) : 1;
  }

  // Cameras in canvas pixels and in CSS pixels; both panels always share the view.
  camera(panel) {
    return camera(this.view, panel.width, panel.height, this.zoomOut(this.sigma));
  }

  cssCamera(panel) {
    return camera(this.view, panel.width / panel.dpr, panel.height / panel.dpr, this.zoomOut(this.sigma));
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------

  redraw(...parts) {
    for (const part of parts) this.dirty.add(part);
    if (this.frame || this.abort.signal.aborted) return;
    this.frame = requestAnimationFrame((now) => {
      this.frame = 0;
      this.draw(now);
    });
  }

  draw(now) {
    const began = performance.now();
    if (!this.header || !this.view) return;
    if (this.playing) this.advance(now);
    const { dirty } = this;
    this.dirty = new Set();
    const shown = this.shownSlots();
    if (dirty.has("size")) {
      for (const slot of shown) {
        if (this.panels[slot].resize()) for (const part of ["back", "dots", "above"]) dirty.add(part);
      }
    }
    for (const slot of shown) {
      const panel = this.panels[slot];
      if (!panel.width) continue;
      const cam = this.camera(panel);
      if (dirty.has("back") || cam.scale !== panel.backScale) this.drawBack(panel, cam);
      if (dirty.has("dots")) this.drawDots(panel, cam);
      if (dirty.has("above")) this.drawAbove(panel, cam);
    }
    this.drawChrome(now, dirty);
    if (this.stats.length > 2000) this.stats.shift();
    this.stats.push({ at: now, ms: performance.now() - began, playing: Boolean(this.playing) });
    if (this.playing) this.redraw("dots", "above");
  }

  // A density and a tint on the same spot could not be read.
  get limbless() {
    return this.layers !== null && this.ui.layers.some((name) => DENSITY_NAMES.includes(name));
  }

  drawBack(panel, cam) {
    const { slot, backContext: context, dpr } = panel;
    const { ui, colours, layers } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, panel.width, panel.height);
    const gain = ui.variation && !ui.paper_look && this.phase === "reverse" ? this.frames?.gain[slot] : null;
    const paint = (target, targetCam) =>
      drawScenery(target, targetCam, this.scenery, colours, this.background, { gain, plain: ui.paper_look, limbless: this.limbless, dpr });
    const zoomOut = this.zoomOut(this.sigma);
    if (this.playing && zoomOut > 1) {
      const { cx, cy, half } = this.view;
      const key = [cx, cy, half, this.frames?.id, Boolean(gain), ui.paper_look, this.limbless, this.dark].join("|");
      panel.moving.draw(context, cam, zoomOut, key, paint);
    } else paint(context, cam);
    panel.backScale = cam.scale;
    this.drawScaleBar(context, cam, panel);
    if (layers) {
      for (const name of DENSITY_NAMES) {
        if (ui.layers.includes(name)) layers.drawLayer(context, cam, slot, name, this.values[slot].w ?? 1, colours, dpr);
      }
    }
    if (ui.paths && this.frames?.slots[slot]) this.drawPaths(context, cam, this.frames.slots[slot], dpr);
  }

  // Some particles, evenly spread over what is in sight at the end; the same ones on both sides.
  choosePaths() {
    const frames = this.frames.slots.left ?? this.frames.slots.right;
    const [x0, x1, y0, y1] = this.fieldBox(0);
    const apart = (0.09 * this.view.half) ** 2;
    const chosen = [];
    for (let p = 0; p < frames.n && chosen.length < PATHS; p++) {
      const [x, y] = positionAt(frames, frames.steps, p);
      if (x < x0 || x > x1 || y < y0 || y > y1) continue;
      if (chosen.every(([, cx, cy]) => (cx - x) ** 2 + (cy - y) ** 2 > apart)) chosen.push([p, x, y]);
    }
    return chosen.map(([p]) => p);
  }

  tracePath(context, cam, frames, particle, from, to) {
    context.moveTo(...toScreen(cam, ...positionAt(frames, from, particle)));
    for (let i = Math.floor(from) + 1; i < to; i++) context.lineTo(...toScreen(cam, ...positionAt(frames, i, particle)));
    context.lineTo(...toScreen(cam, ...positionAt(frames, to, particle)));
  }

  drawPaths(context, cam, frames, dpr) {
    this.chosen ??= this.choosePaths();
    const from = timeAt(this.sigmas, PATH_SIGMA * this.view.half);
    context.beginPath();
    for (const particle of this.chosen) this.tracePath(context, cam, frames, particle, from, frames.steps);
    context.lineWidth = 1.1 * dpr;
    context.strokeStyle = css(this.colours.ink, 0.42);
    context.stroke();
  }

  drawDots(panel, cam) {
    const { slot, dots, dpr } = panel;
    const { ui, colours, frames, truth } = this;
    const forward = this.phase === "forward" && truth;
    const moving = frames?.slots[slot];
    const n = forward ? truth.n : (moving?.n ?? 0);
    dots.begin(dotRadius(n, Math.min(panel.width, panel.height) / dpr, this.view.half) * dpr);
    panel.front.style.opacity = this.turn > 0 ? Math.abs(2 * this.turn - 1).toFixed(3) : "";
    if (truth && (ui.samples || forward)) {
      forwardAt(truth.x0, truth.eps, this.sigma, truth.points);
      if (!forward) dots.draw(truth.points, truth.n, cam, [packed(mix(colours.classA, this.background, 0.25))]);
    }
    if (forward) panel.off = dots.draw(truth.points, truth.n, cam, this.ramp);
    else if (moving) {
      if (this.points[slot].length < 2 * n) this.points[slot] = new Float32Array(2 * n);
      if (this.shades.length < n) this.shades = new Float32Array(n);
      const points = this.points[slot];
      if (ui.trails) {
        for (let k = TRAIL_SAMPLES; k > 0; k--) {
          const t = this.t - (TRAIL_STEPS * k) / TRAIL_SAMPLES;
          if (t < 0) continue;
          positionsAt(moving, t, points);
          dots.specks(points, n, cam, this.ramp[0], Math.round(90 * (1 - k / (TRAIL_SAMPLES + 1))));
        }
      }
      positionsAt(moving, this.t, points);
      const outside = ui.quality && !ui.paper_look ? frames.outside[slot] : null;
      panel.off = dots.draw(points, n, cam, this.ramp, outside ? shadesAt(outside, this.t, this.shades) : null);
    }
    dots.end();
  }

  drawAbove(panel, cam) {
    const { slot, aboveContext: context, dpr } = panel;
    const { ui, colours, layers } = this;
    const empty = !this.hover && !this.pin && !(layers && ui.layers.some((name) => ARROW_NAMES.includes(name)));
    if (empty && panel.aboveEmpty) return;
    panel.aboveEmpty = empty;
    context.clearRect(0, 0, panel.width, panel.height);
    if (layers) {
      for (const name of ARROW_NAMES) if (ui.layers.includes(name)) layers.drawArrows(context, cam, slot, name, colours, dpr);
    }
    const frames = this.frames?.slots[slot];
    if (frames && this.phase === "reverse") {
      if (this.hover && this.hover.index !== this.pin?.index) this.drawTrack(context, cam, frames, this.hover.index, colours.pins[1], dpr);
      if (this.pin?.kind === "particle") this.drawTrack(context, cam, frames, this.pin.index, colours.pins[0], dpr);
    }
    this.drawProbe(context, cam, panel);
  }

  // The path with a tick at each solver step, and a ring where the particle is now.
  drawTrack(context, cam, frames, particle, colour, dpr) {
    const halo = css(this.background, 0.8);
    for (const [style, width] of [[halo, 4.5], [css(colour), 2]]) {
      context.beginPath();
      this.tracePath(context, cam, frames, particle, 0, frames.steps);
      context.strokeStyle = style;
      context.lineWidth = width * dpr;
      context.lineJoin = "round";
      context.stroke();
    }
    context.fillStyle = css(colour);
    for (let i = 0; i <= frames.steps; i++) {
      const [x, y] = toScreen(cam, ...positionAt(frames, i, particle));
      context.beginPath();
      context.arc(x, y, 1.9 * dpr, 0, 7);
      context.fill();
    }
    const [x, y] = toScreen(cam, ...positionAt(frames, this.t, particle));
    context.beginPath();
    context.arc(x, y, 6 * dpr, 0, 7);
    context.fillStyle = halo;
    context.fill();
    context.lineWidth = 2.4 * dpr;
    context.stroke();
  }

  drawProbe(context, cam, panel) {
    const { slot, dpr } = panel;
    const card = this.cards[slot];
    const { pin, probe } = this;
    if (!pin || this.phase !== "reverse") {
      card.hide();
      return;
    }
    const at = pin.kind === "point" ? pin.at : positionAt(this.frames.slots[pin.slot], this.t, pin.index);
    const [x, y] = toScreen(cam, ...at);
    const entry = probe?.panels[probe.slots.indexOf(slot)] ?? null;
    context.strokeStyle = css(this.colours.ink);
    context.lineWidth = 1.2 * dpr;
    context.beginPath();
    context.moveTo(x - 5 * dpr, y);
    context.lineTo(x + 5 * dpr, y);
    context.moveTo(x, y - 5 * dpr);
    context.lineTo(x, y + 5 * dpr);
    context.stroke();
    // Arrows belong to one place and one sigma; while either moves on, the old numbers stay, greyed, and no arrow is drawn.
    const stale = entry !== null && (this.probeAsked !== this.probeKey() || Math.hypot(probe.at[0] - at[0], probe.at[1] - at[1]) > 0.001);
    if (entry && !stale) {
      const vectors = decompose(entry);
      const longest = Math.max(1e-12, ...Object.values(vectors).map((v) => (v ? Math.hypot(...v) : 0)));
      const k = (0.2 * Math.min(panel.width, panel.height)) / longest;
      for (const [name, v] of Object.entries(vectors)) {
        if (!v) continue;
        context.strokeStyle = context.fillStyle = css(this.colours[name]);
        context.lineWidth = 2.4 * dpr;
        // The difference goes from the guide's tip to the main model's, the correction on from there: the sum is seen.
        const from = { difference: vectors.guide, correction: vectors.main }[name] ?? [0, 0];
        arrow(context, x + from[0] * k, y - from[1] * k, v[0] * k, -v[1] * k, 1.5 * dpr);
      }
    }
    let distance = "";
    const { left, right } = this.frames.slots;
    if (pin.kind === "particle" && left && right) {
      const a = positionAt(left, left.steps, pin.index);
      const b = positionAt(right, right.steps, pin.index);
      distance = `the two ends lie ${numberText(Math.hypot(a[0] - b[0], a[1] - b[1]))} apart`;
    }
    const place = `(${numberText(at[0])}, ${numberText(at[1])})  σ ${sigmaText(this.fieldSigma())}`;
    card.update({
      what: pin.kind === "particle" ? `particle ${pin.index}  ${place}` : place,
      panel: entry,
      stale,
      distance,
      side: x < panel.width / 2 ? "right" : "left",
      vertical: y < panel.height / 2 ? "low" : "high",
      colours: this.colours,
    });
  }

  drawScaleBar(context, cam, panel) {
    const { dpr } = panel;
    const length = roundLength((0.22 * panel.width) / cam.scale);
    const width = length * cam.scale;
    const x = panel.width - 10 * dpr - width;
    const y = panel.height - 10 * dpr;
    context.strokeStyle = context.fillStyle = css(this.colours.ink, 0.55);
    context.lineWidth = 1.5 * dpr;
    context.beginPath();
    context.moveTo(x, y - 3 * dpr);
    context.lineTo(x, y);
    context.lineTo(x + width, y);
    context.lineTo(x + width, y - 3 * dpr);
    context.stroke();
    context.font = `${11 * dpr}px ${this.font}`;
    context.textAlign = "center";
    context.fillText(String(Number(length.toPrecision(1))), x + width / 2, y - 5 * dpr);
    context.textAlign = "start";
  }

  drawChrome(now, dirty) {
    const { ui, header, root } = this;
    const [sigmaMax, sigmaMin] = this.range;
    this.transport.setRange(sigmaMax, sigmaMin);
    this.transport.update({
      u: barAt(this.sigma, sigmaMax, sigmaMin),
      t: this.t,
      sigma: this.sigma,
      playing: this.playing,
      phase: this.phase,
      loop: ui.loop,
      forward: this.forward,
      canForward: Boolean(this.truth),
      speed: ui.speed,
    });
    const state = this.playing ? "playing" : this.queue.inFlight ? "waiting" : "idle";
    const data = { state, seq: String(header.seq ?? 0), id: this.frames?.id ?? "", quality: this.frames?.quality ?? "", frame: this.t.toFixed(2) };
    for (const [name, value] of Object.entries(data)) if (root.dataset[name] !== value) root.dataset[name] = value;
    // Numbers that flicker cannot be read: while time runs, five updates a second.
    if (this.playing && now - (this.chromeAt ?? 0) < 200) return;
    this.chromeAt = now;
    for (const slot of this.shownSlots()) {
      const panel = this.panels[slot];
      const n = this.phase === "forward" ? this.truth.n : (this.frames?.slots[slot]?.n ?? 0);
      const quality = this.frames?.quality === "preview" ? "preview " : "";
      const source = header.precomputed ? "precomputed" : "";
      const ms = Number.isFinite(panel.info?.ms) && !header.precomputed ? `${Math.round(panel.info.ms)} ms` : "";
      panel.setBadge([header.busy ? "busy" : "", `${quality}n=${n}`, source, ms]);
      panel.badge.classList.toggle("tv-preview", quality !== "");
      const phase = this.phase === "forward" ? "forward process" : "";
      const stochastic = panel.info?.stochastic && !phase ? "stochastic" : "";
      setText(panel.corner, [phase, stochastic, panel.off ? `${panel.off} off screen` : ""].filter(Boolean).join(" · "));
    }
    if (dirty.size === 0 || (dirty.size === 2 && this.playing)) return;
    this.transport.setIntervals(this.intervals, Boolean(this.send));
    const fieldArrays = this.layers?.arrays ?? null;
    this.toolbar.update(ui, { single: (this.slots ?? []).length < 2, offline: !this.send, fieldArrays, slots: this.slots ?? [], canShowTruth: Boolean(this.truth) });
    this.legendQuality.hidden = ui.paper_look || !ui.quality;
    this.legendGain.hidden = ui.paper_look || !ui.variation || this.limbless || !this.frames?.gain[this.shownSlots()[0]];
  }

  // --- Pictures -----------------------------------------------------------------------------------------------------

  async savePng() {
    const shown = this.shownSlots().map((slot) => this.panels[slot]);
    const { dpr, width, height } = shown[0];
    const line = 20 * dpr;
    const columns = this.swiping ? 1 : shown.length;
    const canvas = h("canvas", { width: width * columns + 12 * dpr * (columns - 1), height: height + 3.2 * line });
    const context = canvas.getContext("2d");
    context.fillStyle = css(this.background);
    context.fillRect(0, 0, canvas.width, canvas.height);
    shown.forEach((panel, i) => {
      const x = this.swiping ? 0 : i * (width + 12 * dpr);
      const cut = this.swiping && i === 1 ? Math.round(this.swipe * width) : 0;
      for (const layer of [panel.back, panel.front, panel.above]) {
        // The right side covers the left one up to the divider.
        if (cut) {
          context.fillStyle = css(this.background);
          if (layer === panel.back) context.fillRect(cut, 1.3 * line, width - cut, height);
        }
        context.drawImage(layer, cut, 0, width - cut, height, x + cut, 1.3 * line, width - cut, height);
      }
      const textX = this.swiping ? (i * width) / 2 : x;
      const write = (text, y, size, weight = "") => {
        context.fillStyle = css(this.colours.ink);
        context.font = `${weight} ${size * dpr}px ${this.font}`;
        context.fillText(text, textX + 2 * dpr, y, columns > 1 || !this.swiping ? width : width / 2);
      };
      const knobs = (panel.info.knobs ?? []).map(({ name, label }) => `${label} ${numberText(this.values[panel.slot][name])}`);
      write([panel.info.title, ...knobs].join("   "), 0.9 * line, 14, "600");
      write(`${panel.info.formula ?? ""}   σ = ${sigmaText(this.sigma)}   n = ${this.frames?.n ?? 0}`, height + 2.1 * line, 12);
      write((panel.info.metrics ?? []).map(({ label, text }) => `${label} ${text}`).join("   "), height + 2.95 * line, 12);
    });
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (blob) save(blob, `toy-${this.frames?.id?.slice(0, 8) || "scene"}.png`);
  }

  destroy() {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
    clearTimeout(this.settleTimer);
    clearTimeout(this.rememberTimer);
    this.observer.disconnect();
    this.queue.clear();
    this.root.replaceChildren();
  }
}

// Puts a viewer into `root`. Without `send` nothing is asked of a server, and what would need one is disabled.
export function mount(root, bytes, { send = null, sendUi = null, storageKey = "toy-viewer" } = {}) {
  let header = {};
  try {
    header = unpack(bytes).header;
  } catch {
    // update() says it where it can be read.
  }
  const viewer = new Viewer(root, header, { send, sendUi, storageKey });
  viewer.update(bytes);
  return viewer;
}

const mounted = new WeakMap();

export default function ({ data, parentElement, key, setStateValue }) {
  const root = parentElement.querySelector("[data-toy-viewer]");
  let entry = mounted.get(parentElement);
  if (entry && entry.root !== root) {
    entry.viewer.destroy();
    entry = null;
  }
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data ?? []);
  if (!entry) {
    entry = { root, setStateValue, data };
    mounted.set(parentElement, entry);
    entry.viewer = mount(root, bytes, {
      send: (request) => entry.setStateValue("request", request),
      sendUi: (ui) => entry.setStateValue("ui", ui),
      storageKey: `toy-viewer:${key ?? ""}`,
    });
    entry.clean = () => {
      entry.viewer.destroy();
      mounted.delete(parentElement);
    };
  } else {
    entry.setStateValue = setStateValue;
    // The theme may have changed alone.
    if (entry.data === data) entry.viewer.readTheme();
    else entry.viewer.update(bytes);
    entry.data = data;
  }
  return entry.clean;
}
