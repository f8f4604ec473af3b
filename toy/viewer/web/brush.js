// The row with which one draws, and what is drawn: classes, width, eraser, undo, clear.

import { classColour, css } from "./colour.js";
import { h, press, setText, toggle } from "./dom.js";
import { say } from "./language.js";
import { worldTransform } from "./scenery.js";

const SIZES = { min: 0.01, max: 0.12, step: 0.005 };

export class Brush {
  // `on`: {label(letter), size(share), erase(on), undo(), clear(), copy(), done()}.
  constructor(on) {
    this.on = on;
    this.classes = h("div", { class: "tv-group", role: "group", named: "brush.class" });
    this.size = h("input", { type: "range", class: "tv-brush-size", testid: "brush-size", named: "brush.size", ...SIZES });
    this.size.addEventListener("input", () => on.size(Number(this.size.value)));
    const button = (name) => h("button", { type: "button", class: "tv-chip", testid: `brush-${name}`, means: `brush_${name}`, onclick: on[name] }, h("span", { say: `brush.${name}` }));
    this.eraser = toggle("brush-eraser", { say: "brush.eraser" }, { means: "brush_eraser" }, (value) => on.erase(value));
    [this.undo, this.clear, this.copy, this.done] = ["undo", "clear", "copy", "done"].map(button);
    this.words = h("span", { class: "tv-group-label", role: "status" });
    this.element = h("div", { class: "tv-brush", testid: "brush", role: "toolbar", named: "brush", hidden: true }, this.classes, this.size, this.eraser, this.undo, this.clear, this.copy, this.done, this.words);
    this.key = "";
  }

  update(strokes, { copies, dark }) {
    this.element.hidden = !strokes.on;
    if (!strokes.on) return;
    const { all, erasing, label, labels, past, size } = strokes;
    const key = `${labels.join("")}|${dark}`;
    if (key !== this.key) {
      this.key = key;
      this.classes.replaceChildren(...labels.map((letter) => this.chip(letter)));
    }
    for (const chip of this.classes.children) press(chip, !erasing && chip.dataset.testid === `brush-${label}`);
    press(this.eraser, erasing);
    this.size.value = size;
    this.undo.disabled = !past.length;
    this.clear.disabled = !all.length;
    this.copy.disabled = !copies;
    setText(this.words, all.length ? "" : say("brush.hint"));
  }

  chip(letter) {
    const made = toggle(`brush-${letter}`, { text: letter }, { means: "brush_class", named: ["class", { name: letter }] }, () => this.on.label(letter), "tv-dot-class");
    made.querySelector("i").style.background = css(classColour(letter));
    return made;
  }
}

// Two standard deviations to either side hold what the eye takes for the stroke.
export function drawStrokes(context, cam, strokes) {
  const { all, current, erasing } = strokes;
  worldTransform(context, cam);
  context.lineCap = context.lineJoin = "round";
  for (const { label, width, at } of current && !erasing ? [...all, current] : all) {
    context.strokeStyle = css(classColour(label), 0.5);
    context.lineWidth = (4 * width) / strokes.paper.unit;
    context.beginPath();
    at.forEach((point, i) => context[i ? "lineTo" : "moveTo"](...strokes.toWorld(point)));
    if (at.length === 1) context.lineTo(...strokes.toWorld(at[0]));
    context.stroke();
  }
  if (current && erasing) {
    context.strokeStyle = "rgba(128,128,128,0.8)";
    context.lineWidth = 2 / cam.scale;
    context.beginPath();
    context.arc(...strokes.toWorld(current.at.at(-1)), (2 * current.width) / strokes.paper.unit, 0, 7);
    context.stroke();
  }
}
