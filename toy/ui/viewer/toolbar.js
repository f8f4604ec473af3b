// The row above the pictures: layers, arrows, what is made visible, layout, and what to do with the picture.

import { h, iconButton, press, toggle } from "./dom.js";
import { ARROWS, DENSITIES, hasLayer } from "./fields.js";

const SHOW = [
  ["quality", "outside", "Quality: particles outside the true 99% region become rings", "tv-dot-outside"],
  ["variation", "branches", "Variation: branches that lost mass against the truth are blue and cut across, those that gained are brown with a core", "tv-dot-gain"],
  ["trails", "trails", "Where each particle has just been"],
  ["paths", "paths", "The last stretch of the paths of some particles, the same on both sides"],
  ["samples", "truth", "True samples at the same σ, in orange", "tv-dot-truth"],
  ["follow", "camera", "The camera steps back as the noise grows, so that particles stay in sight"],
];

const LAYOUTS = [
  ["two", "two", "Two panels side by side"],
  ["left", "left", "The left panel alone"],
  ["right", "right", "The right panel alone"],
  ["swipe", "swipe", "Both on one picture, with a divider to drag"],
];

const OFFLINE = "Needs the server: this page plays a stored scene offline";

export class Toolbar {
  // `on`: {layer(name, on), show(name, on), plain(on), layout(name), save(), full(), home()}.
  constructor(on) {
    const group = (label, className, ...children) =>
      h("div", { class: `tv-group ${className}`, role: "group", "aria-label": label }, h("span", { class: "tv-group-label", "aria-hidden": "true", text: label }), ...children);
    this.layers = new Map();
    const chip = ({ name, label, long }, kind) => {
      const button = toggle(`layer-${name}`, label, long, (value) => on.layer(name, value), `tv-${kind} tv-${kind}-${name}`);
      this.layers.set(name, { button, long });
      return button;
    };
    this.shows = new Map(SHOW.map(([name, label, title, swatch]) => [name, toggle(`show-${name}`, label, title, (v) => on.show(name, v), swatch)]));
    this.plain = toggle("paper-look", "paper look", "The paper's look: contours and black dots, no colouring", (v) => on.plain(v));
    this.layouts = new Map(LAYOUTS.map(([name, label, title]) => [name, toggle(`layout-${name}`, label, title, () => on.layout(name))]));
    this.layoutGroup = group("view", "tv-for-layout tv-segment", ...this.layouts.values());
    this.element = h(
      "div",
      { class: "tv-toolbar", role: "toolbar", "aria-label": "Layers and layout" },
      group("density", "tv-for-layers", ...DENSITIES.map((layer) => chip(layer, "area"))),
      group("arrows", "tv-for-layers", ...ARROWS.map((layer) => chip(layer, "line"))),
      group("show", "tv-for-show", ...this.shows.values(), this.plain),
      this.layoutGroup,
      h(
        "div",
        { class: "tv-group tv-for-buttons tv-last" },
        iconButton("home", "home", "Reset the view (double-click)", on.home),
        iconButton("save-png", "save", "Save this picture as PNG", on.save),
        iconButton("fullscreen", "full", "Full screen", on.full),
      ),
    );
  }

  update(ui, { single, offline, fieldArrays, panels, canShowTruth }) {
    for (const [name, { button, long }] of this.layers) {
      press(button, ui.layers.includes(name));
      const isArrow = ARROWS.some((arrow) => arrow.name === name);
      const stored = fieldArrays && (isArrow ? "arrows.at" in fieldArrays : panels.some(({ slot }) => hasLayer(fieldArrays, slot, name)));
      const reasons = panels.map(({ lacks }) => lacks?.[name]);
      const lacking = reasons.length > 0 && reasons.every(Boolean);
      button.disabled = lacking || (offline && !stored);
      button.title = lacking ? [...new Set(reasons)].join("; ") : button.disabled ? OFFLINE : long;
    }
    for (const [name, button] of this.shows) press(button, ui[name] && !(ui.paper_look && (name === "quality" || name === "variation")));
    this.shows.get("samples").disabled = !canShowTruth;
    press(this.plain, ui.paper_look);
    this.layoutGroup.hidden = single;
    for (const [name, button] of this.layouts) press(button, ui.layout === name);
  }
}
