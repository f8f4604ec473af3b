// The line between two pictures that lie on each other: it is dragged, or moved by the arrow keys.

import { h } from "./dom.js";

export class Divider {
  // `plot` is what it divides; `moved()` is told of every change of `share`, from 0 at the left to 1.
  constructor(plot, moved) {
    this.share = 0.5;
    this.moved = moved;
    this.element = h("div", { class: "tv-divider", testid: "divider", role: "slider", tabindex: "0", named: "divider", "aria-valuemin": "0", "aria-valuemax": "100" });
    let held = false;
    this.element.addEventListener("pointerdown", (event) => {
      held = true;
      this.element.setPointerCapture(event.pointerId);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!held) return;
      const { left, width } = plot.getBoundingClientRect();
      this.set((event.clientX - left) / width);
    });
    this.element.addEventListener("lostpointercapture", () => (held = false));
    this.element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.set(this.share + step);
    });
  }

  set(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.moved();
  }

  // Shows it, and the covering picture from it on; or neither cut nor line.
  update(covering, on) {
    this.element.hidden = !on;
    covering.style.clipPath = on ? `inset(0 0 0 ${(100 * this.share).toFixed(2)}%)` : "";
    this.element.style.setProperty("--tv-swipe", this.share);
    this.element.setAttribute("aria-valuenow", (100 * this.share).toFixed(0));
  }
}
