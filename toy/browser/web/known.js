// What is known exactly of some classes of a drawing: shares of its modes, where it lies, and the lines that it is drawn as.

import { halfEven, mixtureOf } from "./drawn.js";

// Each class, all of them, and all but one.
export function classesOf(all) {
  const offered = all.length > 1 ? [...all, all] : [...all];
  return { offered, every: [...new Set([...offered, ...[...all].map((letter) => all.replace(letter, ""))])].filter(Boolean) };
}

// `drawn` is what drawnOf gives. `modes` are indices of its pieces, `mode` that of each group among them.
export function knownOf(drawn, classes) {
  const groups = drawn.groups.filter(({ label }) => classes.includes(label));
  const modes = [...new Set(groups.map(({ mode }) => mode))].sort((a, b) => a - b);
  const places = new Map(modes.map((mode, i) => [mode, i]));
  const mass = new Array(modes.length).fill(0);
  for (const { mode, weight } of groups) mass[places.get(mode)] += weight;
  const [own, all] = [groups, drawn.groups].map((list) => list.reduce((total, { weight }) => total + weight, 0));
  return {
    classes,
    rest: [...drawn.classes].filter((letter) => !classes.includes(letter)).join(""),
    prior: own / all,
    modes,
    mode: groups.map(({ mode }) => places.get(mode)),
    mass: mass.map((weight) => weight / own),
    view: viewOf(groups),
    density: mixtureOf(groups),
  };
}

// A target of the drawing `on`, as the site's catalogue says it of others; `shown` is what a view is told of it.
export function targetOfDrawing(on, { classes: all, origin, unit }, { classes, modes, prior, rest, view }) {
  const [before, last] = [[...classes].slice(0, -1).join(", "), classes.at(-1)];
  const shown = { name: `${on}/${classes}`, classes, called: classes, rest, all, mode: "mode", own: [0, modes.length], origin, unit, drawing: true };
  return { on, prior: Number(prior.toFixed(3)), called: classes, said: [before, last].filter(Boolean).join(" and "), view, shown };
}

// The middle and half-width of a square window that holds them: three standard deviations around each mean.
function viewOf(groups) {
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (const { covariance: [xx, xy, yy], means } of groups) {
    const spread = 3 * Math.sqrt((xx + yy + Math.sqrt((xx - yy) * (xx - yy) + 4 * xy * xy)) / 2);
    for (const mean of means) {
      for (const i of [0, 1]) {
        low[i] = Math.min(low[i], mean[i] - spread);
        high[i] = Math.max(high[i], mean[i] + spread);
      }
    }
  }
  const middle = [0, 1].map((i) => halfEven(100 * ((low[i] + high[i]) / 2)) / 100);
  return [...middle, Math.ceil(5 * Math.max(high[0] - low[0], high[1] - low[1])) / 10];
}

// The modes as lines, those of the target first, as arrays of a pack.
export function linesOf({ pieces }, { modes }) {
  const own = new Set(modes);
  const order = [...modes, ...pieces.keys()].filter((mode, i) => i < modes.length || !own.has(mode));
  const shown = order.map((mode) => pieces[mode]);
  return {
    "tree.segments": { data: Float32Array.from(shown.flatMap(({ end, start }) => [...start, ...end])), shape: [shown.length, 4] },
    "tree.depth": { data: new Uint8Array(shown.length), shape: [shown.length] },
    "tree.thickness": { data: Float32Array.from(shown, ({ thickness }) => thickness), shape: [shown.length] },
    "tree.class": { data: Uint8Array.from(shown, ({ label }) => label.codePointAt(0) - "A".codePointAt(0)), shape: [shown.length] },
  };
}
