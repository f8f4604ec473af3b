// Another link's picture in place of the one that view `v` shows. Until its answer is there the controls say nothing.

import { draw } from "./drawing.js";

export function openLink(v, link) {
  if (v.strokes.on) draw(v, false);
  v.opening = link;
  v.openAsked = Infinity;
  v.unpin();
  v.ask("release", v.slots?.[0] ?? "left");
}

// What a request says while a link is being opened: the link, and no value of a control, which is of the picture before.
export function openingOf(v) {
  v.openAsked = Math.min(v.openAsked, v.queue.seq + 1); // the first that is asked with it
  return { open: v.opening, knobs: {}, interval: {} };
}

// A pack has come: whether it is the first of what was opened, whose values are then those of the controls.
export function takeOpened(v, { seq = 0 }) {
  if ((v.opening ?? null) === null || seq < v.openAsked) return false;
  v.opening = null;
  v.values = { left: {}, right: {} };
  v.intervals = { left: null, right: null };
  return true;
}
