// Explore's view: two sides of particles, their knobs, layers and probes. What moves is moved here, without a server.

import { drawChrome } from "./chrome.js";
import { packed } from "./colour.js";
import { setText } from "./dom.js";
import { shadeRamp } from "./dots.js";
import { FieldLayers } from "./fields.js";
import { matchNoise, readFrames, readTruth } from "./frames.js";
import { language, say } from "./language.js";
import { arrange, build } from "./layout.js";
import { drawingKey, followTarget, penOf } from "./drawing.js";
import { takeOpened } from "./opening.js";
import { Player } from "./player.js";
import { clickAt, hoverAt } from "./pointing.js";
import { fetchMissing, layersKey, liveField, probeKey, requestOf } from "./request.js";
import { Session } from "./session.js";
import { SLOTS } from "./slots.js";
import { drawAbove, drawBack, drawDots } from "./stage.js";
import { Strokes } from "./strokes.js";
import { UI, mergeUi } from "./ui.js";
import { noiseZoom } from "./view.js";

const NARROW = 600; // pixels; below this the style sheet has one column

export class Viewer extends Session {
  constructor(root, { send = null, sendUi = null, storageKey = "toy-viewer", welcome = false, locally = null, pencil = true, alone = false, page = null } = {}) {
    super(root, { send, sendUi, storageKey, page });
    Object.assign(this, { welcome, pencil, alone }); // a pencil: who draws a distribution is answered; alone: the engine is all it has
    this.ui = mergeUi(this.usual, { ...this.remembered(), language: this.usual.language, challenge: null, freeze: false }); // these are the link's
    Object.assign(this, { values: { left: {}, right: {} }, intervals: { left: null, right: null } });
    this.beside = 0; // how often something was changed beside the view
    this.truth = null;
    this.frames = null;
    this.layers = null;
    this.fieldCache = new Map();
    this.points = { left: new Float32Array(0), right: new Float32Array(0) };
    this.shades = new Float32Array(0);
    this.strokes = new Strokes();
    this.time = new Player({
      moved: () => this.onMoved(),
      phase: () => this.redraw("back", "dots", "above"),
      playing: () => this.onPlaying(),
      settings: () => this.ui,
      seamless: () => this.calm || this.truth.matched,
      stepwise: () => this.calm,
    });
    this.local = (send && locally?.(this)) || null; // see locally.js
    Object.assign(this, { missing: null, opening: null, marker: null }); // a link whose picture was asked for; what a reader draws
    build(this);
    this.listen();
    document.addEventListener("fullscreenchange", () => this.redraw("size"), { signal: this.abort.signal });
  }

  // Nothing moves unasked; for who wants less motion the camera does not zoom either.
  get usual() {
    return { ...UI, follow: !this.calm };
  }

  pen(panel) {
    return this.marker?.pen(panel) ?? penOf(this, panel);
  }

  onKey(event) {
    if (drawingKey(this, event) || this.marker?.key(event)) event.stopPropagation();
    else super.onKey(event);
  }

  press({ key }, is) {
    if (is("input, select, textarea")) return false;
    if (key === " " && !is("button")) this.time.setPlaying(!this.time.playing);
    else if (key === "ArrowLeft" || key === "ArrowDown") this.time.step(-1);
    else if (key === "ArrowRight" || key === "ArrowUp") this.time.step(1);
    else if (key === "Home") this.time.seek(0);
    else if (key === "End") this.time.seek(this.time.steps);
    else return false;
    return true;
  }

  readTheme() {
    super.readTheme();
    this.ramp = shadeRamp(packed(this.colours.ink), packed(this.colours.outside));
  }

  // --- Packs from the server ----------------------------------------------------------------------------------------

  take(header, arrays, before) {
    // A side that waits has no particles: not those of another scene under its title.
    const waiting = (header.panels ?? []).some((panel) => panel.waiting) && header.id !== this.frames?.id;
    if (waiting || "left.positions" in arrays) this.takeFrames(header, arrays);
    if (arrays["truth.positions"]) this.truth = readTruth(arrays["truth.positions"]);
    takeOpened(this, header);
    this.slots = (header.panels ?? []).map(({ slot }) => slot);
    this.time.setSigmas(this.frames?.sigmas ?? header.sigmas);
    this.takeUi(header, !before);
    followTarget(this, header.target, before?.target);
    if (header.field) this.takeField(header, arrays);
    if (header.probe) this.probe = { ...header.probe, slots: this.slots };
  }

  takeFrames(header, arrays) {
    this.frames = readFrames(header, arrays);
    this.pathsShown = null;
    const gone = (particle) => particle.index >= this.frames.n || !this.frames.slots[particle.slot];
    if (this.pin?.kind === "particle" && gone(this.pin)) this.pin = null;
    if (this.hover && gone(this.hover)) this.hover = null;
  }

  // A story, a reset or the browser's back button sets these from outside; otherwise they are the person's own. At first the
  // URL is more deliberate than what the tab remembers.
  takeUi({ ui, ui_from: from }, first) {
    if (!first && from === this.uiFrom) return;
    this.uiFrom = from;
    this.ui = mergeUi(first ? this.ui : this.usual, ui);
    this.speak(this.tongue);
    // Who has never seen it sees it begin.
    const t = this.ui.t ?? (first && this.welcome ? 0 : this.time.steps);
    this.time.t = Math.min(t, this.time.steps);
    if (first || this.ui.layers.length) this.openDrawer(this.ui.layers.length > 0);
    arrange(this);
    this.redraw("toolbar");
  }

  takeField(header, arrays) {
    this.layers = new FieldLayers(header, arrays, this.slots);
    if (this.fieldAsked && (header.seq === this.fieldAsked.seq || !header.seq)) {
      if (this.fieldCache.size > 60) this.fieldCache.delete(this.fieldCache.keys().next().value);
      this.fieldCache.set(this.fieldAsked.key, this.layers);
    }
  }

  show(header, settled) {
    // A busy answer may show what was there before: the sliders keep what they ask for, unless something was changed beside them.
    const { beside = 0 } = header;
    const mine = beside === this.beside && ((this.queue.busy && !settled) || (Boolean(header.busy) && (header.seq ?? 0) > 0));
    this.beside = beside;
    for (const { slot, schedule, knobs = [] } of header.panels ?? []) {
      const values = this.values[slot];
      const names = knobs.map((knob) => knob.name);
      for (const name of Object.keys(values)) if (!names.includes(name)) delete values[name];
      for (const knob of knobs) if (!mine || !(knob.name in values)) values[knob.name] = knob.value;
      const given = schedule && Number.isFinite(schedule.lo) && Number.isFinite(schedule.hi) ? [schedule.lo, schedule.hi] : null;
      if (!mine || !given || !this.intervals[slot]) this.intervals[slot] = given;
    }
    if (!this.slots.includes("right")) this.intervals.right = null;
    this.updatePanels();
  }

  get tongue() {
    return this.ui.language; // that is asked for
  }

  spoken() {
    super.spoken();
    this.languages.value = language();
    if (this.callouts.element.isConnected) this.callouts.show();
    if (this.header?.panels) this.updatePanels();
    this.redraw("size", "back", "dots", "above", "toolbar");
  }

  updatePanels() {
    const { header } = this;
    const hidden = new Set(header.hide ?? []);
    for (const name of ["knobs", "transport", "layers", "metrics", "layout", "show", "buttons", "formula", "badge", "story", "status"]) {
      this.root.classList.toggle(`tv-hide-${name}`, hidden.has(name));
    }
    for (const panel of header.panels ?? []) {
      this.panels[panel.slot].update(panel, this.values[panel.slot], { editable: Boolean(this.send) && !this.ui.freeze, busy: header.busy });
    }
    this.lead.update(header.lead);
    this.lecture.update(header.lecture);
    arrange(this);
    setText(this.status, header.note ?? "");
  }

  next(header) {
    if (header.id && header.id !== this.frames?.id && this.missing !== header.id) {
      // Frames that were never received here (another tab's scene, a reload): once, so that a confused server cannot loop us.
      this.missing = header.id;
      if (this.send) setTimeout(() => !this.abort.signal.aborted && this.ask("release", this.slots[0] ?? "left"), 0);
    }
    this.local?.offer(header);
    if (this.welcome && !this.greeted) this.greet((this.greeted = true));
    this.settle();
  }

  // --- Requests -----------------------------------------------------------------------------------------------------

  // The request is made at the moment of sending: whatever wins the queue is up to date.
  ask(phase, slot, weak = false) {
    if (!this.send) return;
    const waiting = this.queue.pending?.phase;
    // A field must not push aside the release of a slider.
    if (weak && ["release", "drag", "draw"].includes(waiting)) return;
    const make = () => ({ ...this.request(phase, slot), strokes: this.strokes.on ? this.strokes.news() : null });
    make.phase = phase;
    this.queue.push(make);
    if (this.queue.pending) this.local?.hurry();
    this.redraw();
  }

  // What the sliders say was not computed in time. An answer to nobody belongs to a scene chosen beside the viewer, whose
  // values are not known here: then only what the server has is asked for.
  askAgain() {
    if (this.abort.signal.aborted || this.queue.busy) return;
    if (this.local?.base) return this.local.draw?.follow(this.local);
    const mine = this.adjusting ? "drag" : "release"; // what is still held is not let go of
    this.ask((this.header.seq ?? 0) > 0 ? mine : "field", this.slots[0] ?? "left", true);
  }

  // A server that was restarted does not know this page's fragment and answers none of its requests; the URL restores all,
  // which it must not do to a page whose server is only slow: what is being drawn there would be lost.
  found() {
    location.reload();
  }

  // Nothing is asked any more, of nobody.
  end(words) {
    this.send = null;
    this.queue.clear();
    this.update({ header: { ...this.header, engine: null, note: words }, arrays: {} });
  }

  again() {
    this.strokes.lost(); // with what it said of them
    super.again();
  }

  request(phase, slot) {
    if (this.ui.layers.length > 0 && phase !== "drag") this.fieldAsked = { key: layersKey(this), seq: this.queue.seq + 1 };
    if (this.pin) this.probeAsked = probeKey(this);
    return requestOf(this, phase, slot);
  }

  onKnob(slot, name, value, phase) {
    this.values[slot][name] = value;
    this.adjusted(slot, phase, "knobs");
  }

  onInterval(slot, interval, phase) {
    this.intervals[slot] = interval;
    this.adjusted(slot, phase, "transport");
  }

  adjusted(slot, phase, part) {
    this.lead.pass();
    this.lecture.touched();
    this.adjusting = phase === "drag";
    this.ask(phase, slot);
    this.redraw(part);
    this.settle();
  }

  fetchMissing() {
    fetchMissing(this);
  }

  // --- What the person chooses --------------------------------------------------------------------------------------

  setUi(change) {
    Object.assign(this.ui, change);
    this.remember();
    if (change.language) this.speak(change.language);
    if (change.layout) arrange(this);
    this.redraw("size", "back", "dots", "above", "toolbar");
    this.settle();
  }

  chosen() {
    return { ...super.chosen(), alone: this.lecture.alone, t: this.time.t >= this.time.steps ? null : Number(this.time.t.toFixed(2)) };
  }

  setView(view) {
    this.pathsShown = null;
    super.setView(view);
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

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.().catch(() => setText(this.status, say("refusedFull")));
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  get moving() {
    return this.time.playing;
  }

  onMoved() {
    this.redraw("dots", "above");
    if (this.time.playing) return;
    this.remember();
    this.settle();
  }

  onPlaying() {
    if (this.time.playing) {
      this.callouts.end();
      this.hoverAt(this.panels.left, null);
    } else {
      this.remember();
      this.settle();
    }
    this.redraw("dots", "above", "transport");
  }

  onScrub(u) {
    this.time.scrub(u);
    liveField(this, performance.now());
  }

  onForward(on) {
    if (on && this.header?.paired) matchNoise(this.truth, this.frames?.slots.left, this.time.sigmas[0]);
    this.time.setForward(on && Boolean(this.truth));
    this.redraw("dots", "above", "transport");
  }

  // --- Pointing -----------------------------------------------------------------------------------------------------

  hoverAt = (...place) => hoverAt(this, ...place);
  clickAt = (...place) => clickAt(this, ...place);

  unpin() {
    this.probe = this.probeAsked = null;
    super.unpin();
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
    if (this.header) arrange(this);
    this.redraw("toolbar");
  }

  zoomOut(sigma = this.time.sigma) {
    return this.ui.follow ? noiseZoom(sigma, this.header?.sigma_data ?? 0.5) : 1;
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------

  draw(now) {
    if (!this.header) return false;
    if (this.time.playing) {
      this.time.advance(now);
      liveField(this, now);
    }
    const dirty = this.takeDirty();
    const shown = this.shownSlots().map((slot) => this.panels[slot]);
    if (dirty.has("size")) {
      this.callouts.place();
      for (const panel of shown) if (panel.resize()) for (const part of ["back", "dots", "above"]) dirty.add(part);
    }
    for (const panel of shown) {
      if (!panel.width) continue;
      const cam = this.camera(panel);
      if (dirty.has("back") || cam.scale !== panel.backScale) drawBack(this, panel, cam);
      if (this.moving || dirty.has("dots")) drawDots(this, panel, cam);
      if (this.moving || dirty.has("above")) drawAbove(this, panel, cam);
    }
    drawChrome(this, now, dirty);
    return true;
  }

  destroy() {
    super.destroy();
    this.fit.stop();
    this.lecture.stop();
  }
}
