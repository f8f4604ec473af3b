// The viewer: holds the state, takes packs, asks the server, answers the person. What moves is moved here, without a server.

import { pendingWords } from "./asked.js";
import { Callouts } from "./callouts.js";
import { packed, themeOf } from "./colour.js";
import { Divider } from "./divider.js";
import { h, setText } from "./dom.js";
import { shadeRamp } from "./dots.js";
import { FieldLayers } from "./fields.js";
import { Fit } from "./fit.js";
import { barAt, decodeFrames, gaussians, nearest, positionAt, sigmaAt } from "./frames.js";
import { embedded, gestures, leave } from "./gestures.js";
import { Lead } from "./lead.js";
import { Legend, legendItems } from "./legend.js";
import { Page, serverIsThere } from "./page.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { ProbeCard } from "./probe.js";
import { Queue, Retry } from "./queue.js";
import { outlineRoles, readScenery } from "./scenery.js";
import { savePng } from "./saved.js";
import { Screen } from "./screen.js";
import { drawAbove, drawBack, drawDots, limbless } from "./stage.js";
import { Toolbar } from "./toolbar.js";
import { Transport } from "./transport.js";
import { UI, mergeUi, withLayer } from "./ui.js";
import { unpack } from "./unpack.js";
import { camera, noiseZoom, pan, toWorld, visibleBox, zoomAbout } from "./view.js";
import { Meanings } from "./words.js";

const SLOTS = ["left", "right"];
const SETTLE_MS = 120; // quiet time before a field is asked for
const LIVE_FIELD_MS = 260; // while sigma moves, at most one field in this time
const HOVER_PX = 12;
const NARROW = 600; // pixels; below this the style sheet has one column

export class Viewer extends Screen {
  constructor(root, header, { send, sendUi, storageKey, welcome = false }) {
    super(root);
    this.welcome = welcome;
    // What runs because the viewer asked for it is no news of the page around it.
    const telling = (tell) => tell && ((message) => (this.page.sent(), tell(message)));
    this.send = telling(send);
    this.sendUi = telling(sendUi);
    this.page = new Page(() => this.redraw());
    this.gone = false; // the server, which has not answered
    this.storageKey = storageKey;
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
    this.time = new Player({
      moved: () => this.onMoved(),
      phase: () => this.redraw("back", "dots", "above"),
      playing: () => this.onPlaying(),
      settings: () => this.ui,
      seamless: () => this.calm || this.truth.matched,
      stepwise: () => this.calm,
    });
    this.hover = null;
    this.pin = null;
    this.pinsBefore = [null, null];
    this.probe = null;
    this.missing = null;
    this.lastAnswer = 0;
    this.queue = new Queue((request) => this.transmit(request), { seq: Math.max(header.seq ?? 0, Date.now()) }); // never a number of an earlier page's
    this.retry = new Retry(() => this.askAgain());
    this.build();
  }

  // --- Screen -------------------------------------------------------------------------------------------------------

  build() {
    const root = this.root;
    this.lead = new Lead();
    this.toolbar = new Toolbar({
      layer: (name, on) => this.setUi({ layers: withLayer(this.ui.layers, name, on) }),
      more: (open) => this.openDrawer(open),
      show: (name, on) => this.setUi({ [name]: on, ...((name === "quality" || name === "variation") && on ? { paper_look: false } : {}) }),
      plain: (on) => this.setUi({ paper_look: on, ...(on ? {} : { quality: true, variation: true }) }),
      layout: (layout) => {
        this.chosenLayout = true;
        this.setUi({ layout });
      },
      save: () => savePng(this),
      full: () => this.fullscreen(),
      home: () => this.resetView(),
    });
    this.panels = {};
    this.cards = {};
    const pointers = new Map();
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
        reset: () => this.onDoubleClick(),
      }, pointers);
      this.panels[slot] = panel;
    }
    this.transport = new Transport({
      play: () => this.time.setPlaying(!this.time.playing),
      step: (d) => this.time.step(d),
      jump: (t) => this.time.seek(t),
      speed: (speed) => this.setUi({ speed }),
      loop: (loop) => this.setUi({ loop }),
      forward: (on) => this.onForward(on),
      scrub: (u) => this.onScrub(u),
      interval: (slot, interval, phase) => this.onInterval(slot, interval, phase),
    });
    this.status = h("div", { class: "tv-status", testid: "status", role: "status", "aria-live": "polite" });
    this.legend = new Legend();
    this.items = [];
    const { left, right } = this.panels;
    this.sheet = h("div", { class: "tv-sheet", testid: "sheet" }); // below the pictures, for what would cover a small one
    this.divider = new Divider(left.plot, () => this.arrange());
    this.grid = h(
      "div",
      { class: "tv-grid" },
      // In the order of use, which is that of the keyboard; the stylesheet says where each one stands.
      this.transport.element,
      left.head,
      right.head,
      this.toolbar.element,
      ...left.elements.filter((element) => element !== left.head),
      ...right.elements.filter((element) => element !== right.head),
      this.divider.element,
      this.legend.element,
      this.sheet,
    );
    root.replaceChildren(this.lead.element, this.grid, this.status);
    const rows = [...root.children, ...this.grid.children].filter((row) => row !== this.grid && row !== this.status && row !== left.plot && row !== right.plot);
    this.fit = new Fit(root, () => this.panels[this.shownSlots()[0]].plot, this.status, rows);
    this.openDrawer(this.ui.layers.length > 0);
    this.callouts = new Callouts(root, [[left.plot, root], [this.legend.element, root], [this.transport.play, this.transport.element]], () => this.greet(false));
    this.listen();
  }

  listen() {
    const { signal } = this.abort;
    const options = { signal };
    this.meanings = new Meanings(this.root, signal);
    this.observer = new ResizeObserver(() => {
      this.measure();
      this.redraw("size");
    });
    this.observer.observe(this.root);
    this.measure();
    for (const slot of SLOTS) this.observer.observe(this.panels[slot].plot);
    this.root.addEventListener("keydown", (event) => this.onKey(event), options);
    // Space plays as soon as the pointer is over the viewer, unless some control has the keyboard.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key === " " && !embedded() && event.target === document.body && this.root.matches(":hover")) this.onKey(event);
      },
      options,
    );
    document.addEventListener("fullscreenchange", () => this.redraw("size"), options);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readTheme(), options);
    this.timer = setInterval(() => (this.queue.tick() || this.gone) && this.onLost(), 1000);
  }

  onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.composedPath()[0];
    const typing = on instanceof HTMLElement && on.matches("input, select, textarea");
    const pressing = on instanceof HTMLElement && on.matches("button");
    if (event.key === "Escape") {
      if (this.pin) this.unpin();
      else leave(this.root);
    }
    else if (typing) return;
    else if (event.key === " " && !pressing) this.time.setPlaying(!this.time.playing);
    else if (event.key === "ArrowLeft" || event.key === "ArrowDown") this.time.step(-1);
    else if (event.key === "ArrowRight" || event.key === "ArrowUp") this.time.step(1);
    else if (event.key === "Home") this.time.seek(0);
    else if (event.key === "End") this.time.seek(this.time.steps);
    else if (event.key === "Enter" && on === event.target && on.dataset?.testid?.startsWith("plot-")) this.pinCentre(on);
    else return;
    event.preventDefault();
    // Streamlit has shortcuts of its own.
    event.stopPropagation();
  }

  readTheme() {
    Object.assign(this, themeOf(this.root));
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
    this.gone = false;
    if (seq === 0) this.page.answered(); // the page's own run, after what was changed beside the viewer
    // An answer that was overtaken would make the picture jump back.
    if (seq > 0 && seq < this.lastAnswer) return;
    this.lastAnswer = Math.max(this.lastAnswer, seq);
    const answersMine = this.queue.inFlight !== null && seq >= this.queue.inFlight.seq;
    this.header = header;
    // A side that waits has no particles: not those of another scene under its title.
    const waiting = (header.panels ?? []).some((panel) => panel.waiting) && header.id !== this.frames?.id;
    if (waiting || "left.positions" in arrays) this.takeFrames(header, arrays);
    if (Object.keys(arrays).some((name) => name.startsWith("tree.") || name.startsWith("outline."))) this.scenery = readScenery(arrays);
    if (arrays["truth.positions"]) this.takeTruth(arrays["truth.positions"]);
    this.slots = (header.panels ?? []).map(({ slot }) => slot);
    this.time.setSigmas(this.frames?.sigmas ?? header.sigmas);
    if (!this.home) {
      this.home = header.layout?.view ?? [0.3, 0.3, 1.2];
      const [cx, cy, half] = this.ui.view ?? this.home;
      this.view = { cx, cy, half };
      // Who has never seen it sees it begin.
      this.time.t = Math.min(this.ui.t ?? (this.welcome ? 0 : this.time.steps), this.time.steps);
    } else if (header.layout?.view) this.moveHome(header.layout.view);
    this.takeUi(header);
    if (seq === 0) this.queue.lost(); // a run that knew of no request: a restarted server, say
    this.takeSettings(header, answersMine && !this.queue.pending);
    if (header.field) this.takeField(header, arrays, seq);
    if (header.probe) {
      this.probe = { ...header.probe, slots: this.slots };
    }
    this.updatePanels();
    this.readTheme();
    if (answersMine) this.queue.answered(seq);
    if (this.send) this.retry.saw(Boolean(header.busy));
    if (header.id && header.id !== this.frames?.id && this.missing !== header.id) {
      // Frames that were never received here (another tab's scene, a reload): once, so that a confused server cannot loop us.
      this.missing = header.id;
      if (this.send) this.later(() => this.ask("release", this.slots[0] ?? "left"));
    }
    this.redraw("size", "back", "dots", "above");
    if (this.welcome && !this.greeted) this.greet((this.greeted = true));
    this.settle();
  }

  takeFrames(header, arrays) {
    const { sigmas, id, quality } = header;
    const frames = { id, quality, sigmas, n: 0, slots: {}, outside: {}, gain: {} };
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
    const gone = (particle) => particle.index >= frames.n || !frames.slots[particle.slot];
    if (this.pin?.kind === "particle" && gone(this.pin)) this.pin = null;
    if (this.hover && gone(this.hover)) this.hover = null;
  }

  takeTruth({ data }) {
    this.truth = { x0: data, n: data.length / 2, points: new Float32Array(data.length), eps: gaussians(data.length, 7), matched: false };
  }

  // Where the start is said to be these very samples plus noise, that noise joins forward process and ODE without a seam.
  matchNoise() {
    const { truth, frames } = this;
    const start = frames?.slots.left;
    if (!truth || !this.header?.paired || !start || start.n !== truth.n) return;
    for (let k = 0; k < truth.x0.length; k++) truth.eps[k] = (start.x[k] - truth.x0[k]) / this.time.sigmas[0];
    truth.matched = true;
  }

  // A story, a reset or the browser's back button sets these from outside; otherwise they are the person's own.
  takeUi({ ui, ui_from: from }) {
    if (this.uiFrom !== undefined && from !== this.uiFrom) {
      this.ui = mergeUi({ ...UI, follow: !this.calm }, ui);
      const [cx, cy, half] = this.ui.view ?? this.home;
      this.view = { cx, cy, half };
      this.time.t = Math.min(this.ui.t ?? this.time.steps, this.time.steps);
      if (this.ui.layers.length) this.openDrawer(true);
      this.arrange();
      this.redraw("toolbar");
    }
    this.uiFrom = from;
  }

  takeSettings(header, settled) {
    // A busy answer may show what was there before: the sliders keep what they ask for.
    const mine = (this.queue.busy && !settled) || (Boolean(header.busy) && (header.seq ?? 0) > 0);
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
    for (const name of ["knobs", "transport", "layers", "metrics", "layout", "show", "buttons", "formula", "badge", "story", "status"]) {
      this.root.classList.toggle(`tv-hide-${name}`, hidden.has(name));
    }
    for (const panel of header.panels ?? []) {
      this.panels[panel.slot].update(panel, this.values[panel.slot], { editable: Boolean(this.send), busy: header.busy });
    }
    this.lead.update(header.lead);
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

  // What the sliders say was not computed in time. An answer to nobody belongs to a scene chosen beside the viewer, whose
  // values are not known here: then only what the server has is asked for.
  askAgain() {
    if (this.abort.signal.aborted || this.queue.busy) return;
    const mine = this.adjusting ? "drag" : "release"; // what is still held is not let go of
    this.ask((this.header.seq ?? 0) > 0 ? mine : "field", this.slots[0] ?? "left", true);
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
      curve: this.ui.curve,
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
    this.lead.pass();
    this.adjusting = phase === "drag";
    this.ask(phase, slot);
    this.redraw("back");
    this.settle();
  }

  onInterval(slot, interval, phase) {
    this.intervals[slot] = interval;
    this.lead.pass();
    this.adjusting = phase === "drag";
    this.ask(phase, slot);
    this.redraw("transport");
    this.settle();
  }

  // Whole steps while time runs, so that the second round finds every field in the cache.
  fieldSigma() {
    const t = this.time.playing ? Math.round(this.time.t) : this.time.t;
    return Number(Math.max(sigmaAt(this.time.sigmas, t), this.header.sigma_min ?? 0.002).toPrecision(4));
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
    const [x, y] = pin.kind === "point" ? pin.at : positionAt(this.frames.slots[pin.slot], this.time.t, pin.index);
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
    this.fetchCurves();
    if (this.pin && !this.time.playing && this.probeKey() !== this.probeAsked) this.ask("probe", this.pin.slot, true);
  }

  // Every answer brings them along while they are on; a busy one is asked for again anyway.
  fetchCurves() {
    const lacking = this.ui.curve && this.header.panels?.some((panel) => !panel.curve && !panel.waiting);
    if (lacking && !this.queue.busy && !this.header.busy) this.ask("field", this.shownSlots()[0], true);
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

  // First contact; over as soon as it is dismissed or something is played.
  greet(on) {
    this.welcome = on;
    this.lead.invitation.hidden = !on;
    this.redraw("size");
    if (on) this.callouts.show();
  }

  openDrawer(on) {
    this.toolbar.open(on);
    this.redraw("size");
  }

  remember() {
    clearTimeout(this.rememberTimer);
    this.rememberTimer = setTimeout(() => {
      const { cx, cy, half } = this.view;
      const view = [cx, cy, half].map((v) => Number(v.toPrecision(5)));
      const home = view.every((v, i) => Math.abs(v - this.home[i]) < 1e-9);
      const state = { ...this.ui, view: home ? null : view, t: this.time.t >= this.time.steps ? null : Number(this.time.t.toFixed(2)) };
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

  // A server that was restarted does not know this page's fragment and answers none of its requests; the URL restores all.
  async onLost() {
    // While the engine starts nothing is lost: the server keeps what was asked, and answers when it is ready.
    if (this.looking || this.header?.precomputed) return;
    this.looking = true;
    this.redraw();
    this.gone = !(await serverIsThere());
    if (!this.gone && !this.abort.signal.aborted) location.reload();
    if (this.gone) setText(this.status, "The server does not answer.");
    this.redraw();
    this.looking = false;
  }

  // What each panel shows that is not what the controls ask for, in words. Of a scene whose particles never came here
  // the numbers are there, and the picture is another's.
  pending() {
    const { header, page, frames } = this;
    const lost = this.gone || page.lost;
    const outside = page.outside || (Boolean(frames) && Boolean(header.id) && header.id !== frames.id);
    const late = Boolean(header.busy);
    return Object.fromEntries(
      (header.panels ?? []).map((panel) => [panel.slot, pendingWords(panel, this.values[panel.slot], this.intervals[panel.slot], { late, outside, lost })]),
    );
  }

  // Another target stands elsewhere; who looks at the whole of one then looks at the whole of the other.
  moveHome(home) {
    const { cx, cy, half } = this.view;
    const there = [cx, cy, half].every((v, i) => Math.abs(v - this.home[i]) < 1e-9);
    this.home = home;
    if (there) [this.view.cx, this.view.cy, this.view.half] = home;
  }

  resetView() {
    const [cx, cy, half] = this.home;
    this.setView({ cx, cy, half });
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.().catch(() => setText(this.status, "The browser refused full screen."));
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  onMoved() {
    this.redraw("dots", "above");
    if (this.time.playing) return;
    this.remember();
    this.settle();
  }

  onPlaying() {
    if (this.time.playing) this.callouts.end();
    if (this.time.playing) this.setHover("left", null);
    else {
      this.remember();
      this.settle();
    }
    this.redraw("dots", "above", "transport");
  }

  onScrub(u) {
    this.time.scrub(u);
    this.liveField(performance.now());
  }

  onForward(on) {
    if (on) this.matchNoise();
    this.time.setForward(on && Boolean(this.truth));
    this.redraw("dots", "above", "transport");
  }

  liveField(now) {
    if (!this.send || !this.ui.layers.length || now - (this.liveAt ?? 0) < LIVE_FIELD_MS) return;
    this.liveAt = now;
    if (!this.queue.busy || this.fieldCache.has(this.fieldKey())) this.fetchField();
  }

  // --- Pointing -----------------------------------------------------------------------------------------------------

  setHover(slot, x, y) {
    let hover = null;
    if (x !== null && x !== undefined && !this.time.playing && this.time.phase === "reverse") {
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

  // Its two clicks were not meant as clicks: what was pinned before them is pinned again.
  onDoubleClick() {
    this.pin = this.pinsBefore[0];
    this.probe = null;
    this.resetView();
    this.redraw("above");
  }

  onClick(slot, x, y) {
    if (this.time.phase === "forward" || !this.frames) return;
    this.pinsBefore = [this.pinsBefore[1], this.pin];
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
    return { left: ["left"], right: ["right"] }[this.layout] ?? SLOTS;
  }

  get swiping() {
    return (this.slots ?? []).length > 1 && this.layout === "swipe";
  }

  // Two pictures need width: on a narrow screen both share one, until the person chooses otherwise.
  get layout() {
    return this.narrow && !this.chosenLayout && this.ui.layout === "two" ? "swipe" : this.ui.layout;
  }

  measure() {
    const narrow = this.root.clientWidth > 0 && this.root.clientWidth < NARROW;
    if (narrow === this.narrow) return;
    this.narrow = narrow;
    if (this.header) this.arrange();
    this.redraw("toolbar");
  }

  arrange() {
    const shown = this.shownSlots();
    for (const slot of SLOTS) this.panels[slot].show(shown.includes(slot));
    this.grid.className = `tv-grid ${this.swiping ? "tv-swipe" : shown.length === 2 ? "tv-two" : `tv-one tv-one-${shown[0]}`}`;
    this.divider.update(this.panels.right.plot, this.swiping);
    for (const slot of SLOTS) (this.narrow ? this.sheet : this.panels[slot].plot).append(this.cards[slot].element);
  }

  zoomOut(sigma) {
    return this.ui.follow ? noiseZoom(sigma, this.header?.sigma_data ?? 0.5) : 1;
  }

  // Cameras in canvas pixels and in CSS pixels; both panels always share the view.
  camera(panel) {
    return camera(this.view, panel.width, panel.height, this.zoomOut(this.time.sigma));
  }

  cssCamera(panel) {
    return camera(this.view, panel.width / panel.dpr, panel.height / panel.dpr, this.zoomOut(this.time.sigma));
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------

  get moving() {
    return this.time.playing;
  }

  draw(now) {
    if (!this.header || !this.view) return false;
    if (this.time.playing) {
      this.time.advance(now);
      this.liveField(now);
    }
    const dirty = this.takeDirty();
    const shown = this.shownSlots();
    if (dirty.has("size")) {
      this.callouts.place();
      for (const slot of shown) {
        if (this.panels[slot].resize()) for (const part of ["back", "dots", "above"]) dirty.add(part);
      }
    }
    for (const slot of shown) {
      const panel = this.panels[slot];
      if (!panel.width) continue;
      const cam = this.camera(panel);
      if (dirty.has("back") || cam.scale !== panel.backScale) drawBack(this, panel, cam);
      if (this.moving || dirty.has("dots")) drawDots(this, panel, cam);
      if (this.moving || dirty.has("above")) drawAbove(this, panel, cam);
    }
    this.drawChrome(now, dirty);
    return true;
  }

  drawChrome(now, dirty) {
    const { ui, header, root } = this;
    const [sigmaMax, sigmaMin] = this.time.range;
    this.transport.setRange(sigmaMax, sigmaMin);
    this.transport.update({
      u: barAt(this.time.sigma, sigmaMax, sigmaMin),
      t: this.time.t,
      sigma: this.time.sigma,
      playing: this.time.playing,
      phase: this.time.phase,
      loop: ui.loop,
      forward: this.time.forward,
      canForward: Boolean(this.truth),
      speed: ui.speed,
    });
    const pending = this.pending();
    for (const [slot, words] of Object.entries(pending)) this.panels[slot].setPending(words, this.adjusting);
    const waits = this.gone || this.page.lost || Object.values(pending).some(Boolean);
    const state = waits ? "pending" : this.time.playing ? "playing" : this.queue.inFlight ? "waiting" : "idle";
    const data = {
      state,
      seq: String(header.seq ?? 0),
      id: this.frames?.id ?? "",
      quality: this.frames?.quality ?? "",
      frame: this.time.t.toFixed(2),
      phase: this.time.phase,
      view: [this.view.cx, this.view.cy, this.view.half].join(","),
      field: String(this.layers?.field.sigma ?? ""),
    };
    for (const [name, value] of Object.entries(data)) if (root.dataset[name] !== value) root.dataset[name] = value;
    // Numbers that flicker cannot be read: while time runs, five updates a second.
    if (this.time.playing && now - (this.chromeAt ?? 0) < 200) return;
    this.chromeAt = now;
    for (const slot of this.shownSlots()) {
      const panel = this.panels[slot];
      const n = this.time.phase === "forward" ? this.truth.n : (this.frames?.slots[slot]?.n ?? 0);
      const quality = this.frames?.quality === "preview" ? "preview " : "";
      const source = header.precomputed ? "precomputed" : "";
      panel.setBadge(panel.info?.waiting ? [] : [`${quality}n=${n}`, source]);
      panel.badge.classList.toggle("tv-preview", quality !== "");
      const phase = this.time.phase === "forward" ? "forward process" : "";
      const stochastic = panel.info?.stochastic && !phase ? "stochastic" : "";
      const tilt = ui.layers.includes("tilt") ? (this.layers?.field.tilt?.[slot] ?? "") : "";
      setText(panel.corner, [phase, stochastic, tilt, panel.off ? `${panel.off} off screen` : ""].filter(Boolean).join(" · "));
    }
    if (dirty.size === 0 || (dirty.size === 2 && this.time.playing)) return;
    this.transport.setIntervals(this.intervals, Boolean(this.send));
    const fieldArrays = this.layers?.arrays ?? null;
    this.toolbar.update({ ...ui, layout: this.layout }, { single: (this.slots ?? []).length < 2, offline: !this.send, fieldArrays, panels: header.panels ?? [], canShowTruth: Boolean(this.truth), canShowCurve: Boolean(this.send) || (header.panels ?? []).some((panel) => panel.curve) });
    for (const slot of this.shownSlots()) this.panels[slot].curve.update(ui.curve ? this.panels[slot].info?.curve : null, this.values[slot].w);
    const forward = this.time.phase === "forward";
    const tinted = ui.variation && !ui.paper_look && !forward && !limbless(this) && Boolean(this.frames?.gain[this.shownSlots()[0]]);
    const outlines = outlineRoles(this.scenery.outlines, header.target, ui.paper_look).reverse();
    this.items = legendItems({ ui, outlines, tinted, forward, plain: ui.paper_look });
    this.legend.update(this.items);
  }

  destroy() {
    super.destroy();
    clearInterval(this.timer);
    this.page.stop();
    this.fit.stop();
    this.retry.stop();
    clearTimeout(this.settleTimer);
    clearTimeout(this.rememberTimer);
    this.observer.disconnect();
    this.queue.clear();
  }
}
