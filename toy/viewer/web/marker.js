// A prediction that is drawn on a picture: closed regions, each a stroke of the pointer whose ends are joined. A click draws a
// disc, and so does Enter where the arrow keys have gone. What was drawn stays over the picture when the answer is shown.

import { css } from "./colour.js";
import { crosshair } from "./probe.js";
import { worldTransform } from "./scenery.js";
import { toWorld } from "./view.js";

const DISC = 0.13; // radius over the half-width of the view
const CORNERS = 24;
const MOST_REGIONS = 40;
const MOST_CORNERS = 240;
const NUDGE = 0.06; // of the half-width, at each arrow key

const ARROWS_OF_KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Marker {
  // `changed` is called when a region was added or taken away.
  constructor(viewer, changed = () => {}) {
    Object.assign(this, { viewer, changed, regions: [], current: null, cursor: null, slot: null });
  }

  // Draw on one side, or on none.
  start(slot) {
    this.slot = slot;
    this.current = this.cursor = null;
    this.viewer.root.classList.toggle("tv-drawing", slot !== null);
    this.viewer.redraw("above");
  }

  put(regions) {
    this.regions = regions;
    this.viewer.redraw("above");
  }

  get shown() {
    return this.slot !== null || this.regions.length > 0;
  }

  add(region) {
    const step = Math.ceil(region.length / MOST_CORNERS);
    const kept = region.filter((_, i) => i % step === 0).map((point) => point.map((x) => Number(x.toFixed(4))));
    if (this.regions.length < MOST_REGIONS) this.regions = [...this.regions, kept];
    this.viewer.redraw("above");
    this.changed();
  }

  undo() {
    this.regions = this.regions.slice(0, -1);
    this.viewer.redraw("above");
    this.changed();
  }

  disc([x, y]) {
    const radius = DISC * this.viewer.view.half;
    const angle = (i) => (2 * Math.PI * i) / CORNERS;
    this.add(Array.from({ length: CORNERS }, (_, i) => [x + radius * Math.cos(angle(i)), y + radius * Math.sin(angle(i))]));
  }

  // What the pointer does to a picture while one draws; null where one does not.
  pen(panel) {
    if (this.slot !== panel.slot) return null;
    const place = (x, y) => toWorld(this.viewer.cssCamera(panel), x, y);
    return {
      down: (x, y) => (this.current = [place(x, y)]),
      move: (x, y) => {
        this.current?.push(place(x, y));
        this.viewer.redraw("above");
      },
      up: () => {
        const region = this.current ?? [];
        this.current = null;
        const [reach, least] = [(i) => Math.max(...region.map((p) => p[i])) - Math.min(...region.map((p) => p[i])), 0.05 * this.viewer.view.half];
        if (region.length > 3 && reach(0) + reach(1) > least) this.add(region);
        else if (region.length) this.disc(region[0]);
      },
      cancel: () => {
        this.current = null;
        this.viewer.redraw("above");
      },
    };
  }

  // Whether a key was one of drawing's: arrows move a cursor on the picture, Enter draws there, Backspace takes back.
  key(event) {
    const panel = this.viewer.panels[this.slot];
    if (!panel || event.composedPath()[0] !== panel.plot) return false;
    const { cx, cy, half } = this.viewer.view;
    const way = ARROWS_OF_KEYS[event.key];
    this.cursor ??= [cx, cy];
    if (way) this.cursor = this.cursor.map((x, i) => x + way[i] * NUDGE * half);
    else if (event.key === "Enter") this.disc(this.cursor);
    else if (event.key === "Backspace" && this.regions.length) this.undo();
    else return false;
    event.preventDefault();
    this.viewer.redraw("above");
    return true;
  }

  draw(context, cam, panel, { colours, background, dpr }) {
    if (!this.shown) return;
    const trace = (region) => {
      context.beginPath();
      region.forEach((point, i) => context[i ? "lineTo" : "moveTo"](...point));
      context.closePath();
    };
    worldTransform(context, cam);
    for (const region of this.current?.length > 1 && panel.slot === this.slot ? [...this.regions, this.current] : this.regions) {
      trace(region);
      context.fillStyle = css(colours.pin, 0.14);
      context.fill();
      for (const [style, width] of [[css(background, 0.8), 5], [css(colours.pin), 2.2]]) {
        context.strokeStyle = style;
        context.lineWidth = (width * dpr) / cam.scale;
        context.setLineDash(width < 5 ? [(7 * dpr) / cam.scale, (4 * dpr) / cam.scale] : []);
        context.stroke();
      }
      context.setLineDash([]);
    }
    if (this.cursor && panel.slot === this.slot) {
      crosshair(context, ...this.cursor, css(colours.ink), dpr / cam.scale, 9);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
}
