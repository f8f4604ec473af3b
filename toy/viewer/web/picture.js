// A picture of a live view: canvases over each other, and what is written on them.

import { h, setText } from "./dom.js";

const MOST_PIXELS_OF_A_PICTURE = 1.8e6; // memory is bounded: a 4K screen does not need 16 million

export class Picture {
  // `front`: a canvas between the two that every picture has; `words`: what stands in the place of a picture; `notes`: what
  // lies on it.
  constructor(name, { className = "", front = null, words, notes = [] }) {
    this.back = h("canvas", { "aria-hidden": "true" });
    this.above = h("canvas", { "aria-hidden": "true" });
    this.backContext = this.back.getContext("2d");
    this.aboveContext = this.above.getContext("2d");
    this.asked = h("div", { class: "tv-asked", testid: `asked-${name}`, role: "status" });
    const looks = { class: `tv-plot ${className}`.trim(), testid: `plot-${name}`, tabindex: "0", role: "group" };
    this.plot = h("div", looks, this.back, front, this.above, words, this.asked, ...notes);
  }

  // Returns whether the size changed.
  resize() {
    const { clientWidth, clientHeight } = this.plot;
    if (!clientWidth || !clientHeight) return false;
    const dpr = Math.min(window.devicePixelRatio || 1, Math.sqrt(MOST_PIXELS_OF_A_PICTURE / (clientWidth * clientHeight)));
    const [width, height] = [Math.round(clientWidth * dpr), Math.round(clientHeight * dpr)];
    if (this.width === width && this.height === height) return false;
    Object.assign(this, { dpr, width, height });
    for (const canvas of [this.back, this.above]) Object.assign(canvas, { width, height });
    return true;
  }

  // What is dimmed while the picture is not what is asked for.
  get dimmed() {
    return [this.plot];
  }

  // `words`: what is shown instead of what is asked for, or ""; `held`: a control is being moved, and the picture follows.
  setPending(words, held) {
    setText(this.asked, words);
    for (const element of this.dimmed) {
      if (words) element.dataset.pending = held ? "held" : "waits";
      else delete element.dataset.pending;
    }
  }
}
