// Fields' view: densities, ratio and error beside each other at one noise level, under one camera. The picture at hand stays,
// moved and stretched with the camera, until a sharper one has come.

import { component } from "./component.js";
import { h, iconButton, retell, setText, sigmaText, toggle } from "./dom.js";
import { FieldAnswers } from "./fieldanswers.js";
import { FieldCache, wantedBoxOf, fieldKey, sigmaOf, sliderAt, sweep } from "./fieldgrid.js";
import { FIELD_PANELS, FieldPanel, readField } from "./fieldpanel.js";
import { drawFieldAbove, drawFieldBack, drawFieldCard, drawFieldChrome } from "./fieldstage.js";
import { engineHere } from "./here.js";
import { language, say } from "./language.js";
import { languageMenu } from "./languagemenu.js";
import { classesText } from "./legend.js";
import { FieldLocal } from "./local.js";
import { NumberField } from "./number.js";
import { ProbeCard } from "./probe.js";
import { Session } from "./session.js";
import { HALF_MAX, HALF_MIN, toWorld } from "./view.js";

const FRAME_MS = 170; // the least time that each noise level is shown while they play
const PATIENCE_MS = 4000;
const SWEEP = sweep(5, 0.01, 46);
const TICKS_OF_FIELDS = [5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005];

export class FieldView extends Session {
  constructor(root, options) {
    super(root, options);
    this.local = options.engine ? new FieldLocal(this, new FieldAnswers(options.engine)) : null;
    this.cache = new FieldCache();
    this.ui = { sigma: 0.03, view: null, panels: ["p1", "p0", "ratio"], arrows: true, language: "en" };
    this.shown = null;
    this.latest = null;
    this.play = null;
    this.held = false;
    this.build();
    this.listen();
  }

  // --- Screen -------------------------------------------------------------------------------------------------------

  build() {
    this.panels = Object.fromEntries(FIELD_PANELS.map((kind) => [kind.name, new FieldPanel(kind)]));
    for (const panel of Object.values(this.panels)) this.point(panel);
    this.chips = FIELD_PANELS.map(({ name }) => toggle(`show-${name}`, { say: `layer.${name}` }, { note: `field.${name}.long` }, (on) => this.onPanel(name, on), `tv-area-${name}`));
    this.arrowChip = toggle("arrows", { say: "fieldArrows" }, { note: "fieldArrows.long" }, (on) => this.setUi({ arrows: on }));
    this.languages = languageMenu((name) => this.setUi({ language: name }));
    this.badge = h("span", { class: "tf-badge", testid: "badge" });
    const toolbar = h(
      "div",
      { class: "tv-toolbar", role: "toolbar", named: "panels" },
      h("div", { class: "tv-group" }, h("span", { class: "tv-group-label", say: "panels.label" }), ...this.chips),
      h("div", { class: "tv-group" }, this.arrowChip),
      h("div", { class: "tv-group tv-last" }, this.badge, iconButton("home", "home", "fieldHome", () => this.setView(null)), this.languages),
    );
    this.row = h("div", { class: "tf-row", testid: "row" });
    this.card = new ProbeCard("fields", () => this.unpin());
    this.hint = h("p", { class: "tf-hint", say: "fieldHint" });
    const side = h("div", { class: "tf-side" }, this.hint, this.card.element);
    this.root.replaceChildren(toolbar, this.row, h("div", { class: "tf-below" }, this.buildControls(), side));
  }

  buildControls() {
    this.playButton = h("button", { type: "button", class: "tv-play", testid: "play", onclick: () => this.setPlaying(!this.play) });
    this.slider = h("input", { type: "range", testid: "sigma", min: "0", max: "1", step: "0.001", named: "fieldSigma" });
    this.slider.addEventListener("input", () => {
      this.setPlaying(false);
      this.held = true;
      this.setSigma(sigmaOf(Number(this.slider.value), this.header.range));
    });
    this.slider.addEventListener("change", () => {
      this.held = false;
      this.settle(0);
    });
    this.sigmaField = new NumberField({ testid: "sigma-number", named: "sigma" }, (value) => {
      this.jump(Number(value.toPrecision(4)));
      this.sigmaField.show(sigmaText(this.ui.sigma));
    });
    this.ticks = h("div", { class: "tf-ticks", "aria-hidden": "true" });
    this.strip = h("div", { class: "tf-strip", role: "group", named: "rows" });
    this.formula = h("div", { class: "tf-formula" });
    this.readout = h("div", { class: "tf-readout", testid: "readout" });
    const key = (name, ...words) => h("span", {}, h("i", { class: `tf-key tf-key-${name}` }), ...words);
    const words = (key) => h("span", { say: key });
    this.targetWords = h("span", {});
    this.contourKey = key("now", words("regionNow"));
    this.otherKey = key("other", words("ofBoth"));
    const keys = h("div", { class: "tf-keys", testid: "legend" }, key("target", this.targetWords), this.otherKey, this.contourKey, key("ratio", words("ratioKey")));
    const line = h("div", { class: "tf-line" }, this.playButton, h("label", { class: "tf-sigma" }, h("span", { text: "σ" }), this.sigmaField.element), h("div", { class: "tf-track tv-knob" }, this.slider, this.ticks));
    return h("div", { class: "tf-controls" }, h("div", { class: "tf-deck" }, line, this.strip), this.readout, keys, this.formula, this.status);
  }

  press({ key, shiftKey }, is) {
    const sliding = is("input[type=range]");
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (is("input:not([type=range])") || (sliding && (arrows || ["Home", "End"].includes(key)))) return false;
    const { cx, cy, half } = this.view;
    if (key === " " && !is("button")) this.setPlaying(!this.play);
    else if (arrows && shiftKey) this.setView({ cx: cx + 0.15 * half * arrows[0], cy: cy + 0.15 * half * arrows[1], half });
    else if (arrows) this.stepSigma(arrows[0] || arrows[1]);
    else if (key === "Home" || key === "End") this.jump(key === "Home" ? SWEEP[0] : SWEEP.at(-1));
    else if (key === "+" || key === "=") this.setView({ cx, cy, half: Math.max(HALF_MIN, half / 1.25) });
    else if (key === "-") this.setView({ cx, cy, half: Math.min(HALF_MAX, half * 1.25) });
    else if (key === "0") this.setView(null);
    else return false;
    return true;
  }

  // --- Packs from the server ----------------------------------------------------------------------------------------

  take(header, arrays, before) {
    if (header.link !== before?.link) {
      this.ui = { ...this.ui, ...header.ui };
      this.speak(this.ui.language);
    }
    if (before && header.id !== before.id) this.probe = null;
    if (header.field) {
      const field = readField(header, arrays);
      this.latest = this.cache.put(fieldKey(header.id, field.sigma, field.box), field);
    }
    if (header.probe) this.probe = { ...header.probe, id: header.id };
  }

  show() {
    this.arrange();
    this.pick();
  }

  // An answer to the drag is coarse, and one to another page's visit may be of another place.
  next(header, before) {
    this.local?.offer(header);
    if (!this.held && !header.busy) this.settle(before ? undefined : 0);
  }

  spoken() {
    super.spoken();
    for (const panel of Object.values(this.panels)) {
      if (!panel.element.isConnected) retell(panel.element);
      panel.spoken();
    }
    this.languages.value = language();
    if (this.header) this.arrange();
    this.redraw("back", "above");
  }

  arrange() {
    const { header } = this;
    if (!this.rows) this.mark(header);
    const shown = FIELD_PANELS.filter(({ name }) => this.ui.panels.includes(name)).map(({ name }) => this.panels[name].element);
    if (shown.length !== this.row.children.length || shown.some((element, i) => this.row.children[i] !== element)) this.row.replaceChildren(...shown);
    this.row.style.setProperty("--tf-n", Math.max(1, shown.length));
    for (const { name, who } of FIELD_PANELS) setText(this.panels[name].name, who ? (header.names[who] ?? "") : name === "truth" ? classesText(header.target.classes, header.target) : name === "error" ? header.names.main : "");
    setText(this.formula, `${header.title}: ${header.formula}${header.knobs ? `, ${header.knobs}` : ""}`);
    setText(this.status, header.note ?? "");
  }

  // The slider's ticks, and the paper's rows as buttons.
  mark({ range, rows }) {
    for (const sigma of TICKS_OF_FIELDS) {
      const tick = h("span", { class: "tv-tick", text: String(sigma) });
      tick.style.setProperty("--tf-u", sliderAt(sigma, range));
      this.ticks.append(tick);
    }
    this.rows = rows.map((sigma) => {
      const button = h("button", { type: "button", class: "tf-frame", testid: `row-${sigma}`, "aria-pressed": "false", text: `σ ${sigma}`, tip: ["row", { sigma }], onclick: () => this.jump(sigma) });
      return Object.assign(button, { sigma });
    });
    this.strip.append(h("span", { class: "tv-group-label", say: "rows.label" }), ...this.rows);
  }

  // --- Requests -----------------------------------------------------------------------------------------------------

  get wantedBox() {
    return wantedBoxOf(this.view, this.header.margin);
  }

  get wanted() {
    return fieldKey(this.header.id, this.ui.sigma, this.wantedBox);
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
      return { phase: field ? phase : "probe", sigma: this.ui.sigma, box: this.wantedBox, have: scenery, field, probe };
    });
    this.redraw();
  }

  askAgain() {
    if (!this.queue.busy) this.ask(this.held ? "drag" : "release");
  }

  found() {
    this.askAgain();
  }

  fetchMissing() {
    if (!this.held && !this.play && (!this.fine || this.probeStale)) this.ask("release");
  }

  // What is shown instead of what is asked for, in words; "" where it is that. The film says its level itself.
  pending() {
    const { shown, header, page, ui } = this;
    if (!shown) return "";
    const parts = [];
    if (shown.id !== header.id || page.outside) parts.push(shown.names());
    if (parts.length || (shown.sigma !== ui.sigma && !this.play)) parts.push(`σ ${sigmaText(shown.sigma)}`);
    if (!parts.length) return "";
    return say(this.gone || page.lost ? "showingBut" : "showing", { what: parts.join(", ") });
  }

  // --- What the person chooses --------------------------------------------------------------------------------------

  setUi(change) {
    Object.assign(this.ui, change);
    if (change.language) this.speak(change.language);
    this.arrange();
    this.remember();
    this.redraw("size", "back", "above");
  }

  // Not each level of a film.
  remember() {
    super.remember();
    if (this.play) clearTimeout(this.rememberTimer);
  }

  onPanel(name, on) {
    const panels = FIELD_PANELS.map((kind) => kind.name).filter((other) => (other === name ? on : this.ui.panels.includes(other)));
    // An empty page explains nothing.
    if (panels.length) this.setUi({ panels });
  }

  setView(view) {
    super.setView(view);
    this.pick();
  }

  setSigma(sigma) {
    if (sigma === this.ui.sigma) return;
    this.ui.sigma = sigma;
    this.pick();
    this.remember();
    if (this.held && !this.cache.get(this.wanted)) this.ask("drag");
    this.redraw("above");
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

  // --- Playing ------------------------------------------------------------------------------------------------------

  get moving() {
    return Boolean(this.play);
  }

  setPlaying(on) {
    if (on === this.moving) return;
    if (on) {
      const at = SWEEP.findIndex((s) => s < this.ui.sigma * 0.999);
      this.playLevel(at < 0 || at >= SWEEP.length - 1 ? 0 : at, null);
    } else {
      this.play = null;
      this.remember();
      this.settle();
    }
    this.redraw();
  }

  playLevel(index, since) {
    this.play = { index, since };
    this.setSigma(SWEEP[index]);
    if (!this.fine) this.ask("release");
  }

  // A level is left when it has been seen; a server that keeps one waiting does not stop the film.
  advance(now) {
    const { play } = this;
    play.since ??= now;
    const seen = this.fine && this.shown === this.cache.get(this.wanted);
    if (seen) play.seenAt ??= now;
    const pace = this.calm ? 3 * FRAME_MS : FRAME_MS;
    if (!(seen && now - play.seenAt >= pace) && now - play.since < PATIENCE_MS) return;
    if (play.index + 1 >= SWEEP.length) this.setPlaying(false);
    else this.playLevel(play.index + 1, now);
  }

  // --- Pointing -----------------------------------------------------------------------------------------------------

  hoverAt(panel, x, y) {
    if (x === null && !this.hover) return;
    this.hover = x === null ? null : toWorld(this.cssCamera(panel), x, y);
    this.redraw("above");
  }

  clickAt(panel, x, y) {
    this.setPin(toWorld(this.cssCamera(panel), x, y).map((v) => Number(v.toFixed(5))));
    if (this.probeStale) this.ask("release");
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------

  draw(now) {
    if (!this.header || !this.colours) return false;
    if (this.play) this.advance(now);
    const dirty = this.takeDirty();
    for (const panel of this.ui.panels.map((name) => this.panels[name])) {
      const resized = dirty.has("size") && panel.resize();
      if (!panel.width) continue;
      const cam = this.camera(panel);
      if (resized || dirty.has("back")) drawFieldBack(this, panel, cam);
      if (resized || dirty.has("above")) drawFieldAbove(this, panel, cam);
    }
    if (dirty.has("above")) drawFieldCard(this);
    drawFieldChrome(this);
    return true;
  }
}

export default component("[data-toy-fields]", (root, tell) => new FieldView(root, { ...tell, engine: engineHere() }));
