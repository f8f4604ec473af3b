// What is in the picture, and nothing that is not: each mark beside its word, which says what it means when it is asked.

import { h } from "./dom.js";
import { ARROWS, DENSITIES } from "./fields.js";
import { say } from "./language.js";
import { word } from "./words.js";

// `outlines`: [classes, role] of each outline as drawn; `tinted`: whether the target's modes carry their gain.
export function legendItems({ ui, outlines, target, tinted, forward, plain }) {
  const items = [];
  const add = (name, text, swatch) => items.push({ name, text, swatch });
  add("sample", say(forward ? "legend.forward" : "legend.sample"), "tv-dot-sample");
  if (ui.quality && !plain && !forward) add("outside", say("legend.outside"), "tv-dot-outside");
  if (ui.samples && !forward) add("samples", say("legend.samples"), "tv-dot-truth");
  for (const [name, role] of outlines) {
    const classes = classesText(name, target);
    if (role === "target") add("outline", say("legend.outline", { classes }), "tv-line tv-line-target");
    else add("other", say("legend.other", { classes }), "tv-line tv-line-other");
  }
  if (tinted) {
    add("lost", say(`legend.lost.${target.mode}`), "tv-key-lost");
    add("gained", say("legend.gained"), "tv-key-gained");
  }
  if (ui.trails) add("trails", say("trails"), "tv-dot-sample");
  if (ui.paths) add("paths", say("paths"), "tv-line tv-line-paths");
  for (const [layers, kind] of [[DENSITIES, "tv-area"], [ARROWS, "tv-line tv-line"]]) {
    for (const name of layers) if (ui.layers.includes(name)) add(name, say(`layer.${name}`), `${kind}-${name}`);
  }
  return items;
}

// Some classes of a target's distribution, which may have `words` for its letters.
export function classesText(name, { all, words = {} }) {
  const said = [...name].map((letter) => words[letter] ?? letter).join(", ");
  if (name.length === 1) return name in words ? said : say("class", { name: said });
  return name !== all ? say("classes", { names: said }) : say(name.length === 2 ? "both" : "all");
}

export class Legend {
  constructor() {
    this.element = h("ul", { class: "tv-legend", testid: "legend", named: "legend" });
    this.key = "";
  }

  update(items) {
    const key = JSON.stringify(items);
    if (key === this.key) return;
    this.key = key;
    this.element.replaceChildren(
      ...items.map(({ name, text, swatch }) => h("li", {}, word(name, { text }, h("i", { class: `tv-swatch ${swatch}`, "aria-hidden": "true" })))),
    );
  }
}
