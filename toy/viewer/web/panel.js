// One panel: title and live knobs above the picture, numbers and formula below it, three canvases in between.

import { Curve } from "./curve.js";
import { Dots } from "./dots.js";
import { explain, h, keepOnly, setText } from "./dom.js";
import { meaning, say } from "./language.js";
import { conventionsOf, measureRows } from "./measures.js";
import { NumberField, digitsOf } from "./number.js";
import { Picture } from "./picture.js";
import { MovingScenery } from "./scenery.js";
import { word } from "./words.js";

const MEASURED = { outliers: "quality", branch_tv: "variation", root_share: "trunk", alignment: "alignment" };

export class Panel extends Picture {
  // `on`: {knob(slot, name, value, phase), ...}; pointer gestures are attached by the owner.
  constructor(slot, on) {
    const lie = (name) => h("div", { class: `tv-${name}`, testid: `${name}-${slot}` });
    const front = h("canvas", { "aria-hidden": "true", testid: `dots-${slot}` });
    const waiting = h("div", { class: "tv-waiting", testid: `waiting-${slot}`, role: "status" });
    const [tag, badge, corner, curve] = [lie("tag"), lie("badge"), lie("corner"), new Curve(slot)];
    super(slot, { className: `tv-at-plot-${slot}`, front, words: waiting, notes: [tag, badge, corner, curve.element] });
    Object.assign(this, { slot, front, waiting, tag, badge, corner, curve });
    this.on = on;
    this.knobs = new Map();
    this.metrics = new Map();
    this.title = h("h3", { class: "tv-title", testid: `title-${slot}` });
    this.knobBox = h("div", { class: "tv-knobs" });
    this.head = h("div", { class: `tv-head tv-at-head-${slot}` }, this.title, this.knobBox);
    this.dots = new Dots(this.front);
    this.moving = new MovingScenery();
    this.metricBox = h("div", { class: `tv-metrics tv-at-metrics-${slot}`, testid: `metrics-${slot}` });
    this.formula = h("span", { class: "tv-formula", testid: `formula-${slot}` });
    this.conventions = h("span", { class: "tv-conventions", testid: `conventions-${slot}` });
    this.foot = h("div", { class: `tv-foot tv-at-foot-${slot}`, testid: `foot-${slot}` }, this.formula, this.conventions);
    this.elements = [this.head, this.plot, this.metricBox, this.foot];
    this.off = 0;
    this.offShown = 0;
  }

  show(visible) {
    for (const element of this.elements) element.hidden = !visible;
    this.visible = visible;
  }

  resize() {
    const changed = super.resize();
    if (changed) this.dots.resize(this.width, this.height);
    return changed;
  }

  get dimmed() {
    return [this.plot, this.metricBox, this.conventions];
  }

  // `values` are the knobs as the person last set them; a control that is being moved keeps its own.
  update(header, values, { editable, busy }) {
    this.info = header;
    setText(this.title, header.title);
    explain(this.title, header.summary ?? "");
    setText(this.tag, header.title);
    setText(this.waiting, header.waiting ?? "");
    this.plot.setAttribute("aria-label", say("plot", { title: header.title }));
    this.updateKnobs(header.knobs ?? [], values, editable);
    this.updateMetrics(measureRows(header.measured));
    setText(this.formula, header.formula ?? "");
    explain(this.formula, header.summary ?? "");
    explain(this.conventions, `${meaning("guidance scale")} ${meaning("extra weight")}`);
    setText(this.conventions, conventionsOf(values.w).map(({ label, value }) => `${label} ${value}`).join("  ·  "));
    this.badge.classList.toggle("tv-busy", Boolean(busy));
  }

  setBadge(parts) {
    setText(this.badge, parts.filter(Boolean).join(" · "));
  }

  updateKnobs(knobs, values, editable) {
    const live = knobs.filter((knob) => knob.live !== false);
    keepOnly(this.knobs, live.map((knob) => knob.name));
    for (const knob of live) {
      let made = this.knobs.get(knob.name);
      if (!made) {
        made = this.makeKnob(knob);
        this.knobs.set(knob.name, made);
        this.knobBox.append(made.element);
      }
      setText(made.label, knob.label);
      explain(made.label, editable ? meaning(knob.name) || (knob.help ?? "") : say("offline"));
      Object.assign(made.range, { min: knob.lo, max: knob.hi, step: knob.step });
      made.number.range = { lo: knob.lo, hi: knob.hi, step: knob.step, name: knob.label };
      made.number.input.inputMode = knob.lo < 0 ? "text" : "decimal"; // some keyboards for decimals have no minus
      for (const input of [made.range, made.number.input]) {
        input.disabled = !editable;
        input.setAttribute("aria-label", say("knob", { label: knob.label, side: say(this.slot) }));
      }
      made.digits = digitsOf(knob.step);
      made.show(values[knob.name] ?? knob.value);
    }
  }

  makeKnob(knob) {
    const label = h("button", { type: "button", class: "tv-word tv-knob-label", "data-word": knob.name, "aria-expanded": "false" });
    const range = h("input", { autocomplete: "off", type: "range", testid: `knob-${knob.name}-${this.slot}`, min: knob.lo, max: knob.hi, step: knob.step });
    const number = new NumberField({ testid: `number-${knob.name}-${this.slot}` }, (value) => tell(value, "release"));
    const made = { label, range, number, digits: 2, element: h("div", { class: "tv-knob" }, label, range, number.element) };
    made.show = (value) => {
      if (!made.held) range.value = value;
      number.show(Number(value).toFixed(made.digits));
      range.style.setProperty("--tv-at", `${(100 * (value - range.min)) / (range.max - range.min || 1)}%`);
    };
    const tell = (value, phase) => {
      this.on.knob(this.slot, knob.name, value, phase);
      made.show(value);
    };
    range.addEventListener("input", () => {
      made.held = true;
      tell(Number(range.value), "drag");
    });
    range.addEventListener("change", () => {
      made.held = false;
      tell(Number(range.value), "release");
    });
    return made;
  }

  updateMetrics(metrics) {
    keepOnly(this.metrics, metrics.map((metric) => metric.key));
    for (const metric of metrics) {
      const made = this.metrics.get(metric.key) ?? this.makeMetric(metric);
      explain(made.label, `${meaning(MEASURED[metric.key]) || metric.label} ${meaning("floor")} ${meaning("spread")}`);
      setText(made.label.lastChild, metric.label);
      setText(made.number, metric.text ?? String(metric.value));
      setText(made.note, metric.floor_text ?? "");
      made.element.classList.toggle("tv-muted", Boolean(metric.muted));
      setText(made.from, metric.ends?.[0] ?? "");
      setText(made.to, metric.ends?.[1] ?? "");
      setText(made.better, metric.better ?? "");
      made.fill.style.width = `${100 * (metric.fill ?? 0)}%`;
      made.floor.hidden = !Number.isFinite(metric.floor);
      if (!made.floor.hidden) made.floor.style.left = `${100 * metric.floor}%`;
    }
  }

  // A number, and below it the bar that shows where it lies: longer is more of it, never "better" unasked.
  makeMetric({ key, label }) {
    const said = (name) => h("span", { class: `tv-metric-${name}` });
    const made = { label: word(MEASURED[key] ?? key, { text: label }), fill: h("i", {}), floor: h("b", {}), number: said("number"), note: said("floor"), from: said("end"), to: said("end"), better: said("better") };
    const bar = h("span", { class: "tv-bar", "aria-hidden": "true" }, made.fill, made.floor);
    made.element = h(
      "div",
      { class: "tv-metric", testid: `metric-${key}-${this.slot}` },
      h("div", { class: "tv-metric-said" }, made.label, made.number, made.note),
      h("div", { class: "tv-metric-scale" }, made.from, bar, made.to, made.better),
    );
    this.metrics.set(key, made);
    this.metricBox.append(made.element);
    return made;
  }
}
