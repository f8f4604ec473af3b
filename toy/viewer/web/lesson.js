// A lesson beside Explore's view: the step's text, what it asks and what came of it, and the way through the steps. It is given
// the lesson as JSON, the view, and ways to the world around; it knows no server.

import { askChoice, askDrawing, askNumber, revealChoice, revealDrawing, revealNumber } from "./asking.js";
import { h, setText } from "./dom.js";
import { phrase } from "./language.js";
import { Marker } from "./marker.js";
import { proseOf } from "./prose.js";
import { controlOf, isTurned } from "./score.js";
import { Meanings } from "./words.js";

const ASK = { "predict-choice": askChoice, "predict-number": askNumber, "predict-draw": askDrawing };
const REVEAL = { "predict-choice": revealChoice, "predict-number": revealNumber, "predict-draw": revealDrawing };
const WATCHED = ["input", "change", "click", "pointerup", "keyup"]; // after which a control of the view may stand elsewhere

export class LessonCard {
  // `languages` is a control that stands on the card; `on`: {open(link, play), at(step, opens), leave(), lesson(name)}; `reading` keeps what the reader said.
  constructor({ viewer, on, reading, languages = null }) {
    Object.assign(this, { viewer, on, reading });
    this.abort = new AbortController();
    this.marker = viewer.marker = new Marker(viewer);
    this.all = h("button", { type: "button", class: "tl-quiet", testid: "all-lessons", onclick: () => on.leave() });
    this.count = h("span", { class: "tl-quiet-text", testid: "step-count" });
    this.title = h("h2", { class: "tl-title" });
    this.heading = h("h3", { class: "tl-heading", testid: "step-heading", tabindex: "-1" });
    this.text = h("div", { class: "tl-text", testid: "step-text" });
    this.ask = h("div", { class: "tl-part", testid: "ask" });
    this.back = h("button", { type: "button", class: "tl-quiet tl-way", testid: "step-before", onclick: () => this.go(-1) });
    this.next = h("button", { type: "button", class: "tl-go tl-way", testid: "step-after", onclick: () => this.go(1) });
    this.dots = h("ol", { class: "tl-dots" });
    const way = h("nav", { class: "tl-nav" }, this.back, this.dots, this.next);
    this.body = h("div", { class: "tl-body", tabindex: "0", role: "group" }, this.heading, this.text, this.ask);
    this.element = h("section", { class: "tl-card", testid: "lesson-card" }, h("div", { class: "tl-top" }, this.all, this.count, languages), this.title, this.body, way);
    this.explore = h("a", { class: "tl-explore", testid: "explore", hidden: true });
    this.element.append(this.explore);
    const { signal } = this.abort;
    this.meanings = new Meanings(this.element, signal);
    this.element.addEventListener("keydown", (event) => this.onKey(event), { signal });
    for (const type of WATCHED) viewer.root.addEventListener(type, () => this.watch(), { signal });
  }

  // Shows a step, counted from 1, of a lesson, whose picture is there or on the way.
  show(lesson, at, words) {
    Object.assign(this, { lesson, words });
    this.element.lang = lesson.language;
    setText(this.all, words.all);
    setText(this.explore, words.explore);
    setText(this.title, lesson.title);
    this.element.setAttribute("aria-label", lesson.title);
    this.body.setAttribute("aria-label", lesson.title);
    this.link = lesson.steps[Math.min(Math.max(at, 1), lesson.steps.length) - 1].link;
    this.to(at, false);
  }

  // Where the same picture can be looked at by itself.
  shownAt(href) {
    this.explore.hidden = !href;
    if (href) this.explore.setAttribute("href", href);
  }

  get step() {
    return this.lesson.steps[this.at - 1];
  }

  // What the reader predicted at the step that this one is of.
  get said() {
    const { kind, of } = this.step;
    return this.reading.said(this.lesson.name, kind === "reveal" ? of + 1 : this.at);
  }

  // To a step; one that the reader has `moved` to may need another picture.
  to(at, moved = true) {
    const { steps, name } = this.lesson;
    this.at = Math.min(Math.max(at, 1), steps.length);
    const { step } = this;
    this.reading.reached(name, this.at, steps.length);
    this.turned = false;
    const opens = step.link !== this.link;
    if (moved) this.on.at(this.at, opens);
    if (opens) this.open(step.link, Boolean(step.play));
    this.draw();
    if (!moved) return;
    this.body.scrollTop = 0;
    this.heading.focus({ preventScroll: true });
  }

  open(link, play = false) {
    this.link = link;
    this.on.open(link, play);
  }

  go(by) {
    const at = this.at + by;
    if (at > this.lesson.steps.length) {
      this.on.leave();
      return;
    }
    if (at < 1 || (by > 0 && this.waits)) return;
    this.to(at);
  }

  // A prediction is made, or passed over, before its answer is shown.
  get waits() {
    return this.step.kind in ASK && !this.reading.said(this.lesson.name, this.at);
  }

  say(prediction) {
    this.reading.say(this.lesson.name, this.at, prediction);
    this.draw();
    if (prediction) this.next.focus();
  }

  draw() {
    const { lesson, step, words, said } = this;
    const { length } = lesson.steps;
    setText(this.count, phrase(words.step, { n: this.at, m: length }));
    setText(this.heading, step.heading);
    this.text.replaceChildren(...proseOf(step.text, lesson.methods, { open: (query) => this.open(query), lesson: (name) => this.on.lesson(name) }));
    const asks = step.kind in ASK;
    this.came = null;
    const drawn = asks ? step.draw : step.kind === "reveal" ? lesson.steps[step.of].draw : null;
    this.marker.put((drawn && said?.regions) || []);
    this.marker.start(asks && drawn && !said ? drawn.slot : null);
    this.cover(asks && !said ? step.cover : null);
    this.ask.replaceChildren(...this.parts(asks, step, words, said));
    this.point();
    setText(this.back, words.back);
    this.back.disabled = this.at === 1;
    setText(this.next, this.at === length ? words.finish : words.next);
    this.next.disabled = this.waits;
    this.drawDots();
    this.seen();
  }

  parts(asks, step, words, said) {
    if (asks && !said) return [ASK[step.kind](step, words, (prediction) => this.say(prediction), this.marker)];
    if (asks) {
      const change = h("button", { type: "button", class: "tl-quiet", testid: "change", text: words.change, onclick: () => this.say(null) });
      return [h("p", { class: "tl-note", testid: "locked", role: "status", text: said.unknown ? words.passed : words.locked }), change];
    }
    if (step.kind === "reveal") {
      const of = this.lesson.steps[step.of];
      this.came = REVEAL[of.kind](of, words, said);
      return [this.came];
    }
    if (step.kind !== "turn") return [];
    this.note = h("p", { class: "tl-note", testid: "turn", role: "status", text: words.todo });
    return [this.note];
  }

  drawDots() {
    const { most } = this.reading.of(this.lesson.name);
    const dots = this.lesson.steps.map(({ heading }, i) => {
      const label = `${phrase(this.words.step, { n: i + 1, m: this.lesson.steps.length })}: ${heading}`;
      const dot = h("button", { type: "button", class: "tl-dot", testid: `dot-${i + 1}`, "aria-label": label, "aria-current": i + 1 === this.at ? "step" : null });
      dot.disabled = i + 1 > most;
      dot.addEventListener("click", () => this.to(i + 1));
      return h("li", {}, dot);
    });
    this.dots.replaceChildren(...dots);
  }

  // Hides a side until the reader has answered.
  cover(side) {
    for (const slot of ["left", "right"]) {
      const covered = side === slot || side === "both";
      this.viewer.root.classList.toggle(`tl-cover-${slot}`, covered);
      this.viewer.panels[slot].plot.dataset.cover = covered ? this.words.first : "";
    }
  }

  // Another picture, or other values of its controls.
  seen() {
    this.came?.update?.(this.viewer);
    this.point();
    this.watch();
  }

  point() {
    const { kind, turn } = this.step;
    const control = kind === "turn" && !this.turned ? controlOf(this.viewer, turn.what) : null;
    if (control === this.pointed) return;
    this.pointed?.classList.remove("tv-pointed");
    this.pointed = control;
    control?.classList.add("tv-pointed");
  }

  watch() {
    if (!this.lesson || this.step.kind !== "turn" || this.turned || this.viewer.opening || !isTurned(this.viewer, this.step.turn)) return;
    this.turned = true;
    setText(this.note, this.words.turned);
    this.note.classList.add("tl-done");
    this.point();
  }

  onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, PageDown: 1, PageUp: -1 }[event.key];
    if (!by) return;
    this.go(by);
    event.preventDefault();
    event.stopPropagation();
  }

  destroy() {
    this.abort.abort();
    this.pointed?.classList.remove("tv-pointed");
    this.element.remove();
  }
}
