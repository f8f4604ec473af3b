// Where the regions of a drawing end, worked out by the engine as toy/distributions/targets.py and toy/views.py do it: its edges
// from the same true samples, so that they are as sure as there, and outlines from a grid as fine.

import { contoursOf, outlineArrays } from "../../browser/web/contours.js";
import { sharesOf, together } from "../../browser/web/engine.js";
import { linesOf } from "../../browser/web/known.js";
import { gridOf } from "./answers.js";

// Samples for the edge that samples are measured against, for one that is drawn alone, and for those that pictures read between at
// noise levels; points along a grid.
const SURE = { own: 2 ** 17, drawn: 2 ** 14, fewer: 2 ** 12, least: 160, most: 480 };
const [EDGE, TAIL_SHARE] = [1 - 0.99, 1 - 0.999]; // of true samples below the edges of these regions
const [SAMPLES_PARTS, GRID_PARTS] = [8, 2];

// The value that a share of `count` sorted ones is below, read linearly between two of them; the first ones are enough.
export function quantileOf(sorted, share, count = sorted.length) {
  const place = share * (count - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, count - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

// What is known of a target of a drawing, `truth` as truth.py says it and the `scenery` as arrays of a pack, made when it is asked
// for. `drawn` is what drawnOf gives, `known` and `named` what knownOf gives and the density's id by classes, `said` the measures
// that such a target has and the noise levels of its edges. Where `how` has none for `fewer` there are
// no edges at noise levels. All is given up with `by`.
export async function drawnTarget(engine, { drawn, known, named, said }, classes, by = null, how = SURE) {
  const [own, all] = [known(classes), known(drawn.classes)];
  const shown = [...new Set([classes, own.rest, drawn.classes])].filter(Boolean).map(known);
  await engine.learn({ densities: shown.map((each) => [named(each.classes), each.density]) });
  const grid = gridOver(all, how);
  const asked = [
    ...shown.map((each) => samplesOf(named(each.classes), 0, each === own ? how.own : how.drawn)),
    ...shown.map((each) => logsOf(named(each.classes), grid)),
    ...(how.fewer ? said.sigmas : []).map((sigma) => samplesOf(named(classes), sigma, how.fewer)),
  ];
  const found = await answersTo(engine, asked, by);
  const [levels, logs, edges] = [found.splice(0, shown.length), found.splice(0, shown.length), found].map((list) => list.map((parts) => together(Float32Array, parts)));
  for (const sorted of [...levels, ...edges]) sorted.sort();
  const thresholds = levels.map((sorted, i) => quantileOf(sorted, EDGE, shown[i] === own ? how.own : how.drawn));
  const outlines = () => shown.map((each, i) => outlineArrays(each.classes, contoursOf(logs[i], grid.size, grid.box, thresholds[i])));
  let scenery = null;
  return {
    truth: {
      both: named(drawn.classes),
      prior: own.prior,
      threshold: thresholds[0],
      tail: quantileOf(levels[0], TAIL_SHARE, how.own),
      far: thresholds[0] - 8,
      mode: own.mode,
      mass: own.mass,
      level: own.mass.map(() => -1),
      names: said.measures,
      regions: how.fewer && { sigmas: said.sigmas, edges: edges.map((sorted) => quantileOf(sorted, EDGE, how.fewer)) },
    },
    get scenery() {
      return (scenery ??= Object.assign(linesOf(drawn, own), ...outlines()));
    },
  };
}

// What each list of questions [op, given] is answered, by whichever worker is free.
async function answersTo(engine, lists, by) {
  const found = await engine.shared(lists.flat(), (i, [op, given]) => engine.ask(i, op, given, by));
  return lists.map(({ length }) => found.splice(0, length));
}

// Log-densities of true samples, the lowest, from which edges are read.
function samplesOf(id, sigma, count) {
  const lowest = Math.ceil(EDGE * count) + 1;
  return sharesOf(count, SAMPLES_PARTS, { least: SURE.drawn }).map((share) => ["sampled", { id, sigma, lowest, ...share }]);
}

// A grid over the window of `all`, half as fine as the finest Gaussian of theirs.
function gridOver({ density: { variances }, view: [x, y, half] }, { least, most }) {
  const finest = Math.sqrt(variances.reduce((least, value) => Math.min(least, value), Infinity));
  const size = Math.min(Math.max(Math.ceil((4 * half) / finest), least), most);
  const box = [x - half, x + half, y - half, y + half];
  return { box, points: gridOf(box, size), size };
}

function logsOf(id, { points, size }) {
  return sharesOf(size * size, GRID_PARTS).map(({ begin, count }) => ["logp", { id, x: points.slice(2 * begin, 2 * (begin + count)), sigma: 0 }]);
}
