// Play, step, speed, and the scrub bar: logarithmic in sigma, with the guidance intervals shaded and their ends draggable.

import { h, iconButton, keepOnly, press, setText, sigmaText, swapIcon, toggle } from "./dom.js";
import { barAt, sigmaAtBar } from "./frames.js";
import { say } from "./language.js";
import { word } from "./words.js";

const TICKS = [5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];
const MINOR = [2, 0.2, 0.02, 0.005];
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

const percent = (u) => `${(100 * u).toFixed(2)}%`;

export class Transport {
  // `on`: {play, step, jump, speed, loop, forward, scrub(u), interval(slot, [lo, hi], phase)}.
  constructor(on) {
    this.on = on;
    this.play = h("button", { type: "button", class: "tv-play", testid: "play", onclick: () => on.play() });
    swapIcon(this.play, "play", "play");
    this.loop = toggle("loop", { say: "loop" }, { means: "loop" }, (value) => on.loop(value));
    this.forward = toggle("forward", { say: "forward" }, { means: "forward" }, (value) => on.forward(value));
    this.speed = h("select", { class: "tv-select", testid: "speed", named: "speed" });
    for (const s of SPEEDS) this.speed.append(h("option", { value: s, text: `${s}×` }));
    this.speed.addEventListener("change", () => on.speed(Number(this.speed.value)));
    this.sigma = h("output", { class: "tv-sigma", testid: "sigma", "aria-live": "off" });
    this.track = h("div", { class: "tv-track" });
    this.ticks = h("div", { class: "tv-ticks", "aria-hidden": "true" });
    this.fill = h("div", { class: "tv-fill" });
    // The thumb rides on a rail as wide as the track, so that moving it is a transform and never a layout.
    this.rail = h("div", { class: "tv-rail" }, h("div", { class: "tv-thumb" }));
    this.bar = h(
      "div",
      { class: "tv-slide", testid: "scrub", role: "slider", tabindex: "0", named: "sigma", "aria-valuemin": "0", "aria-valuemax": "100" },
      this.ticks,
      this.track,
      this.fill,
      this.rail,
    );
    this.box = h("div", { class: "tv-scrub" }, this.bar); // a slider has no others in it: the ends of intervals stand beside it
    this.bands = new Map();
    this.element = h(
      "div",
      { class: "tv-transport", role: "group", named: "playback" },
      h(
        "div",
        { class: "tv-buttons" },
        iconButton("step-back", "back", "back", () => on.step(-1)),
        this.play,
        iconButton("step-forward", "next", "next", () => on.step(1)),
        this.speed,
        this.loop,
        this.forward,
      ),
      h("div", { class: "tv-level" }, word("sigma", { say: "noise" }), this.sigma),
      this.box,
    );
    this.listen();
  }

  listen() {
    const move = (event) => this.on.scrub(this.positionOf(event));
    this.bar.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.bar.setPointerCapture(event.pointerId);
      this.bar.focus({ preventScroll: true });
      this.held = true;
      move(event);
    });
    this.bar.addEventListener("pointermove", (event) => this.held && move(event));
    for (const name of ["pointerup", "pointercancel"]) this.bar.addEventListener(name, () => (this.held = false));
  }

  positionOf(event) {
    const { left, width } = this.track.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  }

  // The range of sigma belongs to the scene, so the ticks are redrawn with it.
  setRange(sigmaMax, sigmaMin) {
    if (this.sigmaMax === sigmaMax && this.sigmaMin === sigmaMin) return;
    Object.assign(this, { sigmaMax, sigmaMin });
    const shown = TICKS.filter((s) => s <= sigmaMax * 1.001 && s >= sigmaMin * 0.999);
    this.ticks.replaceChildren(
      ...[...shown, 0].map((s) => {
        const tick = h("span", { class: MINOR.includes(s) ? "tv-tick tv-minor" : "tv-tick", text: String(s) });
        tick.style.left = percent(barAt(s, sigmaMax, sigmaMin));
        return tick;
      }),
    );
  }

  // `intervals`: {slot: [lo, hi] | null}; one band each, stacked when both panels have one.
  setIntervals(intervals, editable) {
    const slots = Object.keys(intervals).filter((slot) => intervals[slot]);
    keepOnly(this.bands, slots);
    slots.forEach((slot, row) => {
      if (!this.bands.has(slot)) this.bands.set(slot, this.makeBand(slot));
      const band = this.bands.get(slot);
      band.interval = intervals[slot];
      band.element.className = `tv-band tv-${slot} tv-row${slots.length > 1 ? row : ""}`;
      const [lo, hi] = band.interval;
      const from = barAt(hi, this.sigmaMax, this.sigmaMin);
      const to = barAt(lo, this.sigmaMax, this.sigmaMin);
      band.element.style.left = percent(from);
      band.element.style.width = percent(Math.max(0, to - from));
      for (const [end, value] of [["hi", hi], ["lo", lo]]) {
        const handle = band[end];
        handle.hidden = !editable;
        handle.setAttribute("aria-valuenow", String(value));
        handle.setAttribute("aria-valuetext", say("sigmaIs", { sigma: sigmaText(value) }));
        handle.dataset.meaning = say(end === "hi" ? "starts" : "stops", { sigma: sigmaText(value) });
        handle.setAttribute("aria-label", say(end === "hi" ? "upper" : "lower", { side: say(slot) }));
      }
    });
  }

  makeBand(slot) {
    const band = { element: h("div", {}) };
    for (const end of ["hi", "lo"]) {
      const handle = h("div", {
        class: `tv-end tv-end-${end}`,
        testid: `interval-${end}-${slot}`,
        role: "slider",
        tabindex: "0",
        "aria-valuemin": "0",
        "aria-valuemax": String(this.sigmaMax),
      });
      const moveTo = (u, phase) => {
        const sigma = Number(sigmaAtBar(u, this.sigmaMax, this.sigmaMin).toPrecision(3));
        const [lo, hi] = band.interval;
        this.on.interval(slot, end === "hi" ? [lo, Math.max(sigma, lo)] : [Math.min(sigma, hi), hi], phase);
      };
      let held = false;
      handle.addEventListener("pointerdown", (event) => {
        held = true;
        handle.setPointerCapture(event.pointerId);
        event.stopPropagation();
      });
      handle.addEventListener("pointermove", (event) => held && moveTo(this.positionOf(event), "drag"));
      handle.addEventListener("pointerup", (event) => {
        if (held) moveTo(this.positionOf(event), "release");
        held = false;
      });
      handle.addEventListener("pointercancel", () => (held = false));
      handle.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowUp: 0.01 }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        moveTo(barAt(band.interval[end === "hi" ? 1 : 0], this.sigmaMax, this.sigmaMin) + step, "release");
      });
      band[end] = handle;
      band.element.append(handle);
    }
    this.box.append(band.element);
    return band;
  }

  update({ u, t, sigma, playing, phase, loop, forward, canForward, speed }) {
    swapIcon(this.play, playing ? "pause" : "play", playing ? "pause" : "play");
    press(this.loop, loop);
    press(this.forward, forward);
    this.forward.disabled = !canForward;
    if (this.speed.value !== String(speed)) this.speed.value = String(speed);
    this.beat = (this.beat ?? 0) + 1;
    if (!playing || this.beat % 3 === 0) setText(this.sigma, `σ ${sigmaText(sigma)}`);
    this.rail.style.transform = `translateX(${percent(u)})`;
    this.fill.style.transform = `scaleX(${u.toFixed(4)})`;
    this.bar.classList.toggle("tv-forward", phase === "forward");
    // Sixty announcements a second would drown a screen reader.
    if (!playing) {
      this.bar.setAttribute("aria-valuenow", (100 * u).toFixed(0));
      this.bar.setAttribute("aria-valuetext", say("sigmaAt", { sigma: sigmaText(sigma), step: t.toFixed(1) }));
    }
  }
}
