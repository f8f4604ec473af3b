// The row above the pictures: what is made visible first, then layout, then what to do with the picture; layers under More.

import { explain, h, iconButton, press, setText, toggle } from "./dom.js";
import { ARROWS, DENSITIES, hasLayer } from "./fields.js";
import { meaning, say } from "./language.js";

const SHOW = [
  ["quality", "outside", "tv-dot-outside"],
  ["variation", "variation", "tv-dot-gain"],
  ["trails", "trails"],
  ["paths", "paths"],
  ["samples", "samples", "tv-dot-truth"],
  ["curve", "curve"],
  ["follow", "follow"],
];

const LAYOUTS = ["two", "left", "right", "swipe"];

export class Toolbar {
  // `on`: {layer(name, on), show(name, on), plain(on), layout(name), more(open), draw(on), save(), full(), home()}.
  constructor(on) {
    const group = (label, className, ...children) =>
      h("div", { class: `tv-group ${className}`, role: "group", named: label }, h("span", { class: "tv-group-label", "aria-hidden": "true", say: label }), ...children);
    this.layers = new Map();
    const chip = (name, kind) => {
      const button = toggle(`layer-${name}`, { say: `layer.${name}` }, {}, (value) => on.layer(name, value), `tv-${kind} tv-${kind}-${name}`);
      this.layers.set(name, { button });
      return button;
    };
    this.shows = new Map(SHOW.map(([name, word, swatch]) => [name, toggle(`show-${name}`, name === "variation" ? {} : { say: name }, { means: word }, (v) => on.show(name, v), swatch)]));
    this.plain = toggle("paper-look", { say: "plain" }, { means: "paper_look" }, (v) => on.plain(v));
    this.layouts = new Map(LAYOUTS.map((name) => [name, toggle(`layout-${name}`, { say: name }, { means: name }, () => on.layout(name))]));
    this.layoutGroup = group("view", "tv-for-layout tv-segment", ...this.layouts.values());
    this.more = h("button", { type: "button", class: "tv-chip tv-for-layers", testid: "more", "aria-expanded": "false" }, h("span", { say: "more" }));
    this.more.addEventListener("click", () => on.more(this.more.getAttribute("aria-expanded") !== "true"));
    this.draw = iconButton("draw", "pen", "pen", () => on.draw(this.draw.getAttribute("aria-pressed") !== "true"));
    this.drawer = h(
      "div",
      { class: "tv-drawer tv-for-layers", testid: "drawer" },
      group("density", "", ...DENSITIES.map((name) => chip(name, "area"))),
      group("arrows", "", ...ARROWS.map((name) => chip(name, "line"))),
    );
    this.showGroup = group("show", "tv-for-show", ...this.shows.values(), this.plain);
    this.element = h(
      "div",
      { class: "tv-toolbar", role: "toolbar", named: "toolbar" },
      this.showGroup,
      this.layoutGroup,
      this.more,
      h(
        "div",
        { class: "tv-group tv-for-buttons tv-last" },
        this.draw,
        iconButton("home", "home", "home", on.home),
        iconButton("save-png", "save", "save", on.save),
        iconButton("fullscreen", "full", "full", on.full),
      ),
      this.drawer,
    );
  }

  // What changes the picture, or nothing of it, can be turned.
  lock(on) {
    for (const part of [this.showGroup, this.layoutGroup, this.more, this.draw, this.drawer]) part.inert = on;
  }

  open(on) {
    this.more.setAttribute("aria-expanded", String(on));
    this.drawer.hidden = !on;
  }

  update(ui, { single, offline, pencil, drawing, mode, fieldArrays, panels, canShowTruth, canShowCurve }) {
    setText(this.shows.get("variation").lastChild, say(`variation.${mode}`));
    press(this.draw, drawing);
    this.draw.disabled = !pencil;
    explain(this.draw, pencil ? meaning("draw") : say("offline"));
    for (const [name, { button }] of this.layers) {
      press(button, ui.layers.includes(name));
      const isArrow = ARROWS.includes(name);
      const stored = fieldArrays && (isArrow ? "arrows.at" in fieldArrays : panels.some(({ slot }) => hasLayer(fieldArrays, slot, name)));
      const reasons = panels.map(({ lacks }) => lacks?.[name]);
      const lacking = reasons.length > 0 && reasons.every(Boolean);
      button.disabled = lacking || (offline && !stored);
      explain(button, lacking ? [...new Set(reasons)].join("; ") : button.disabled ? say("offline") : meaning(name));
    }
    for (const [name, button] of this.shows) press(button, ui[name] && !(ui.paper_look && (name === "quality" || name === "variation")));
    this.shows.get("samples").disabled = !canShowTruth;
    this.shows.get("curve").disabled = !canShowCurve;
    press(this.plain, ui.paper_look);
    this.layoutGroup.hidden = single;
    for (const [name, button] of this.layouts) press(button, ui.layout === name);
  }
}
