// One panel of Fields, and the answers of the server that it shows.

import { explain, h } from "./dom.js";
import { stretchOf } from "./fieldgrid.js";
import { FieldLayers, contourPath } from "./fields.js";
import { say } from "./language.js";
import { Picture } from "./picture.js";

export const FIELD_PANELS = [
  { name: "p1", who: "main", arrows: "main", vector: () => "s₁" },
  { name: "p0", who: "guide", arrows: "guide", vector: () => "s₀" },
  { name: "ratio", arrows: "difference", vector: () => "s₁ − s₀" },
  { name: "truth", arrows: "truth", vector: () => say("field.trueScore") },
  { name: "error", arrows: "correction", vector: () => say("row.correction") },
];
const COARSE_CELL = 0.8; // a contour is drawn from the grid only where a cell is narrower than this share of what it outlines
const TREE_WIDTH = 0.012;

export class FieldPanel extends Picture {
  constructor(kind) {
    const empty = h("div", { class: "tf-empty" });
    super(kind.name, { words: empty });
    Object.assign(this, { kind, empty });
    this.name = h("span", { class: "tf-name", testid: `name-${kind.name}` });
    this.scaleNote = h("span", { class: "tf-note", testid: `arrows-${kind.name}` });
    this.head = h("div", { class: "tf-head" }, h("i", { class: `tv-swatch tv-area-${kind.name}`, "aria-hidden": "true" }), h("h3", { class: "tf-title", say: `field.${kind.name}` }), this.name, this.scaleNote);
    this.element = h("div", { class: "tf-panel", testid: `panel-${kind.name}` }, this.head, this.plot);
    this.spoken();
  }

  spoken() {
    this.plot.setAttribute("aria-label", say("field.plot", { title: say(`field.${this.kind.name}`) }));
    explain(this.head, say(`field.${this.kind.name}.long`));
  }
}

// One answer of the server, ready to be drawn and read.
export function readField(header, arrays) {
  const { sigma, box, shape, threshold } = header.field;
  const kept = Object.fromEntries(Object.entries(arrays).filter(([name]) => /^(left|truth|arrows)\./.test(name)));
  const truth = kept["truth.logp"].data;
  const top = truth.reduce((a, b) => Math.max(a, b), -Infinity);
  const some = truth.some((v) => v >= threshold);
  // Where there is hardly any data, nobody knows the ratio and nobody needs it.
  const floor = some ? threshold : top - 8;
  const within = Uint8Array.from(truth, (v) => (v >= floor ? 1 : 0));
  const fade = Float32Array.from(truth, (v) => 0.16 + 0.84 * Math.min(1, Math.max(0, (v - floor + 24) / 20)));
  const layers = new FieldLayers(header, kept, ["left"], { strength: 0.95, within, fade });
  const side = shape[1];
  const cell = (box[1] - box[0]) / (side - 1);
  const contour = some && cell < COARSE_CELL * Math.hypot(sigma, TREE_WIDTH) ? contourPath(truth, shape, box, threshold) : null;
  const spacing = (box[1] - box[0]) / Math.sqrt(kept["arrows.at"].data.length / 2);
  const stretch = {};
  for (const { arrows } of FIELD_PANELS) {
    const v = layers.vectors("left", arrows);
    // Scores share one scale, as they are compared; differences are smaller by far and get their own, which is said.
    const own = arrows === "difference" || arrows === "correction";
    stretch[arrows] = v && own ? stretchOf(v, (1.1 * spacing) / layers.scale) : 1;
  }
  const { main, guide } = header.names;
  return { id: header.id, names: () => (guide ? say("over", { main, guide }) : main), sigma, box, shape, side, layers, contour, stretch };
}
