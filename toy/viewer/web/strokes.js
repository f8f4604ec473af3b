// A drawing that takes the distribution's place: strokes of a brush, on a paper that lies still while what is drawn is
// scaled. Points are [x, y] of the paper; the world, in which the view stands, is (paper - origin) / unit.

import { say } from "./language.js";

export const MOST = { classes: 8, strokes: 512, points: 4000 };
const CLOSE = 0.3; // of a stroke's width; a point nearer than that to the last adds nothing
const LETTERS = "ABCDEFGH";

export class Strokes {
  constructor() {
    this.on = false;
    this.all = [];
    this.past = [];
    this.current = null;
    this.known = this.all; // by the server
    this.label = "A";
    this.size = 0.035; // of half the window: the brush's standard deviation
    this.erasing = false;
    this.paper = { origin: [0, 0], unit: 1 };
  }

  // Begins on what is shown: blank, or on the strokes of a drawing.
  start(target, scenery) {
    this.paper = paperOf(target);
    this.past = [];
    this.all = target.drawing ? this.joined(scenery) : [];
    this.known = this.all;
    this.current = null;
    this.on = true;
  }

  toPaper([x, y]) {
    const { origin, unit } = this.paper;
    return [origin[0] + unit * x, origin[1] + unit * y];
  }

  toWorld([x, y]) {
    const { origin, unit } = this.paper;
    return [(x - origin[0]) / unit, (y - origin[1]) / unit];
  }

  // What is drawn is scaled anew with each stroke: the view that keeps the paper where it is.
  moved(view, target) {
    const [[cx, cy], half] = [this.toPaper([view.cx, view.cy]), view.half * this.paper.unit];
    this.paper = paperOf(target);
    const [x, y] = this.toWorld([cx, cy]);
    return { cx: x, cy: y, half: half / this.paper.unit };
  }

  // --- A stroke, from pen down to pen up; places are in the world ---------------------------------------------------

  begin(at, half) {
    const width = this.size * half * this.paper.unit;
    this.current = { label: this.label, width, at: [], before: this.all };
    this.extend(at);
  }

  extend(at) {
    const { current } = this;
    if (!current) return;
    const here = this.toPaper(at);
    const last = current.at.at(-1);
    if (last && Math.hypot(here[0] - last[0], here[1] - last[1]) < CLOSE * current.width) return;
    current.at.push(here);
    if (this.erasing) this.all = cut(this.all, here, 2 * current.width);
  }

  // Says whether anything is drawn otherwise than before, or why it cannot be.
  end() {
    const { current } = this;
    this.current = null;
    if (!current) return { changed: false };
    if (this.erasing) {
      const changed = this.all !== current.before;
      if (changed) this.past.push(current.before);
      return { changed };
    }
    if (this.all.length >= MOST.strokes) return { changed: false, why: say("mostStrokes", { most: MOST.strokes }) };
    if (points(this.all) + current.at.length > MOST.points) return { changed: false, why: say("mostPoints", { most: MOST.points }) };
    const { label, width, at } = current;
    this.put([...this.all, { label, width, at }]);
    return { changed: true };
  }

  cancel() {
    if (this.current) this.all = this.current.before;
    this.current = null;
  }

  put(all) {
    this.past.push(this.all);
    this.all = all;
  }

  undo() {
    if (this.past.length) this.all = this.past.pop();
  }

  // --- Classes ------------------------------------------------------------------------------------------------------

  // Those that are drawn or chosen, and one more while there is one.
  get labels() {
    const last = Math.max(1, ...[...this.all.map(({ label }) => label), this.label].map((label) => LETTERS.indexOf(label)));
    return [...LETTERS.slice(0, Math.min(last + 2, MOST.classes))];
  }

  // --- The server ---------------------------------------------------------------------------------------------------

  // What the server does not know yet, for a request; null where it knows all, or nothing is drawn.
  news() {
    if (this.all === this.known || !this.all.length) return null;
    this.known = this.all;
    return this.all.map(({ label, width, at }) => ({ label, width: digits(width), at: at.flat().map(digits) }));
  }

  // What was said of them may not have been heard: all are news again.
  lost() {
    this.known = null;
  }

  // The lines of what is shown as strokes: those that go on from one another are one.
  joined({ segments, thickness, classes }) {
    const found = [];
    let last = null;
    for (let i = 0; segments && classes && i < classes.length; i++) {
      const [a, b] = [0, 2].map((k) => this.toPaper([segments[4 * i + k], segments[4 * i + k + 1]]));
      const [label, width] = [LETTERS[classes[i]] ?? LETTERS.at(-1), thickness[i] * this.paper.unit];
      const end = last?.at.at(-1);
      if (end && last.label === label && Math.hypot(end[0] - a[0], end[1] - a[1]) < 1e-3 * width + 1e-6 && Math.abs(last.width - width) < 1e-3 * width) last.at.push(b);
      else found.push((last = { label, width, at: [a, b] }));
    }
    return found;
  }
}

const paperOf = ({ origin = [0, 0], unit = 1 }) => ({ origin, unit });
const digits = (x) => Number(x.toPrecision(5));
const points = (all) => all.reduce((sum, { at }) => sum + at.length, 0);

// The strokes without what lies within `radius` of a place; the same array where nothing does.
export function cut(all, [x, y], radius) {
  const near = ([a, b]) => Math.hypot(a - x, b - y) <= radius;
  let touched = false;
  const left = all.flatMap((stroke) => {
    const fine = refined(stroke.at, radius / 2);
    if (!fine.some(near)) return [stroke];
    touched = true;
    const runs = [[]];
    for (const point of fine) {
      if (!near(point)) runs.at(-1).push(point);
      else if (runs.at(-1).length) runs.push([]);
    }
    return runs.filter((run) => run.length > 1).map((at) => ({ ...stroke, at }));
  });
  return touched ? left : all;
}

// A line with points no further apart than `step`, so that what is cut away is no more than what was touched.
function refined(at, step) {
  return at.flatMap((point, i) => {
    if (!i) return [point];
    const [[a, b], [c, d]] = [at[i - 1], point];
    const pieces = Math.min(64, Math.max(1, Math.ceil(Math.hypot(c - a, d - b) / step)));
    return Array.from({ length: pieces }, (_, k) => [a + ((c - a) * (k + 1)) / pieces, b + ((d - b) * (k + 1)) / pieces]);
  });
}
