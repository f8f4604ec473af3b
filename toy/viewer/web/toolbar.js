// The row above the pictures: what is made visible first, then layout, then what to do with the picture; layers under More.

import { OFFLINE, explain, h, iconButton, press, setText, toggle } from "./dom.js";
import { ARROWS, DENSITIES, hasLayer } from "./fields.js";
import { meaning } from "./words.js";

const SHOW = [
  ["quality", "outside", "outside", "tv-dot-outside"],
  ["variation", "branches", "variation", "tv-dot-gain"],
  ["trails", "trails", "trails"],
  ["paths", "paths", "paths"],
  ["samples", "truth", "samples", "tv-dot-truth"],
  ["curve", "curve", "curve"],
  ["follow", "camera", "follow"],
];

const LAYOUTS = ["two", "left", "right", "swipe"];

export class Toolbar {
  // `on`: {layer(name, on), show(name, on), plain(on), layout(name), more(open), draw(on), save(), full(), home(), words()}.
  constructor(on) {
    const group = (label, className, ...children) =>
      h("div", { class: `tv-group ${className}`, role: "group", "aria-label": label }, h("span", { class: "tv-group-label", "aria-hidden": "true", text: label }), ...children);
    this.layers = new Map();
    const chip = ({ name, label }, kind) => {
      const button = toggle(`layer-${name}`, label, meaning(name), (value) => on.layer(name, value), `tv-${kind} tv-${kind}-${name}`);
      this.layers.set(name, { button, long: meaning(name) });
      return button;
    };
    this.shows = new Map(SHOW.map(([name, label, word, swatch]) => [name, toggle(`show-${name}`, label, meaning(word), (v) => on.show(name, v), swatch)]));
    this.plain = toggle("paper-look", "paper look", meaning("paper_look"), (v) => on.plain(v));
    this.layouts = new Map(LAYOUTS.map((name) => [name, toggle(`layout-${name}`, name, meaning(name), () => on.layout(name))]));
    this.layoutGroup = group("view", "tv-for-layout tv-segment", ...this.layouts.values());
    this.more = h("button", { type: "button", class: "tv-chip tv-for-layers", testid: "more", "aria-expanded": "false" }, h("span", { text: "More layers" }));
    this.more.addEventListener("click", () => on.more(this.more.getAttribute("aria-expanded") !== "true"));
    this.draw = iconButton("draw", "pen", "Draw a distribution", () => on.draw(this.draw.getAttribute("aria-pressed") !== "true"));
    this.drawer = h(
      "div",
      { class: "tv-drawer tv-for-layers", testid: "drawer" },
      group("density", "", ...DENSITIES.map((layer) => chip(layer, "area"))),
      group("arrows", "", ...ARROWS.map((layer) => chip(layer, "line"))),
    );
    this.element = h(
      "div",
      { class: "tv-toolbar", role: "toolbar", "aria-label": "What is shown" },
      group("show", "tv-for-show", ...this.shows.values(), this.plain),
      this.layoutGroup,
      this.more,
      h(
        "div",
        { class: "tv-group tv-for-buttons tv-last" },
        this.draw,
        iconButton("home", "home", "Reset the view (double-click)", on.home),
        iconButton("save-png", "save", "Save this picture as PNG", on.save),
        iconButton("fullscreen", "full", "Full screen", on.full),
      ),
      this.drawer,
    );
  }

  open(on) {
    this.more.setAttribute("aria-expanded", String(on));
    this.drawer.hidden = !on;
  }

  update(ui, { single, offline, pencil, drawing, modes, fieldArrays, panels, canShowTruth, canShowCurve }) {
    setText(this.shows.get("variation").lastChild, modes);
    press(this.draw, drawing);
    this.draw.disabled = !pencil;
    explain(this.draw, pencil ? meaning("draw") : OFFLINE);
    for (const [name, { button, long }] of this.layers) {
      press(button, ui.layers.includes(name));
      const isArrow = ARROWS.some((arrow) => arrow.name === name);
      const stored = fieldArrays && (isArrow ? "arrows.at" in fieldArrays : panels.some(({ slot }) => hasLayer(fieldArrays, slot, name)));
      const reasons = panels.map(({ lacks }) => lacks?.[name]);
      const lacking = reasons.length > 0 && reasons.every(Boolean);
      button.disabled = lacking || (offline && !stored);
      explain(button, lacking ? [...new Set(reasons)].join("; ") : button.disabled ? OFFLINE : long);
    }
    for (const [name, button] of this.shows) press(button, ui[name] && !(ui.paper_look && (name === "quality" || name === "variation")));
    this.shows.get("samples").disabled = !canShowTruth;
    this.shows.get("curve").disabled = !canShowCurve;
    press(this.plain, ui.paper_look);
    this.layoutGroup.hidden = single;
    for (const [name, button] of this.layouts) press(button, ui.layout === name);
  }
}
