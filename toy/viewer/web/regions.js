// Where the regions of a drawing end, worked out by the engine as toy/distributions/targets.py and toy/views.py do it: its edges
// from the same true samples, so that they are as sure as there, and outlines from a grid as fine.

import { contoursOf, outlineArrays } from "../../browser/web/contours.js";
import { sharesOf, together } from "../../browser/web/engine.js";
import { linesOf } from "../../browser/web/known.js";
import { gridOf } from "./answers.js";

const SAMPLES = 2 ** 17; // for the edge that samples are measured against
const DRAWN = 2 ** 14; // for one that is drawn alone
const FEWER = 2 ** 12; // for those that pictures read between, at noise levels
const SIDE = { least: 160, most: 480 }; // points of a grid

// The value that a share of sorted ones is below, read linearly between two of them.
export function quantileOf(sorted, share) {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

// What is known of a target of a drawing, `truth` as truth.py says it and the `scenery` as arrays of a pack. `drawn` is what
// drawnOf gives, `known` and `named` what knownOf gives and the density's id by classes, `said` the measures that such a target
// has and the noise levels of its edges.
export async function drawnTarget(engine, { drawn, known, named, said }, classes) {
  const [own, all] = [known(classes), known(drawn.classes)];
  const shown = [...new Set([classes, own.rest, drawn.classes])].filter(Boolean).map(known);
  await engine.learn({ densities: shown.map((each) => [named(each.classes), each.density]) });
  const [levels, [box, size, grids], edges] = await Promise.all([
    Promise.all(shown.map((each) => levelsOf(engine, named(each.classes), each === own ? SAMPLES : DRAWN))),
    gridsOf(engine, shown.map((each) => named(each.classes)), all),
    Promise.all(said.sigmas.map((sigma, i) => engine.ask(i, "sampled", { id: named(classes), sigma, begin: 0, count: FEWER }))),
  ]);
  const thresholds = levels.map((sorted) => quantileOf(sorted, 1 - 0.99));
  const outlines = shown.map((each, i) => outlineArrays(each.classes, contoursOf(grids[i], size, box, thresholds[i])));
  return {
    truth: {
      both: named(drawn.classes),
      prior: own.prior,
      threshold: thresholds[0],
      tail: quantileOf(levels[0], 1 - 0.999),
      far: thresholds[0] - 8,
      mode: own.mode,
      mass: own.mass,
      level: own.mass.map(() => -1),
      names: said.measures,
      regions: { sigmas: said.sigmas, edges: edges.map((values) => quantileOf(values.sort(), 1 - 0.99)) },
    },
    scenery: Object.assign(linesOf(drawn, own), ...outlines),
  };
}

// Log-density of true samples of a density, sorted.
async function levelsOf(engine, id, count) {
  const shares = sharesOf(count, engine.workers.length);
  const parts = await Promise.all(shares.map((share, i) => engine.ask(i, "sampled", { id, sigma: 0, ...share })));
  return together(Float32Array, parts).sort();
}

// The log-densities on one grid over the window of `all`, half as fine as the finest Gaussian of theirs.
async function gridsOf(engine, ids, { density: { variances }, view: [x, y, half] }) {
  const finest = Math.sqrt(variances.reduce((least, value) => Math.min(least, value), Infinity));
  const size = Math.min(Math.max(Math.ceil((4 * half) / finest), SIDE.least), SIDE.most);
  const box = [x - half, x + half, y - half, y + half];
  const points = gridOf(box, size);
  const shares = sharesOf(size * size, engine.workers.length);
  const part = (id) => Promise.all(shares.map(({ begin, count }, i) => engine.ask(i, "logp", { id, x: points.slice(2 * begin, 2 * (begin + count)), sigma: 0 })));
  return [box, size, (await Promise.all(ids.map(part))).map((parts) => together(Float32Array, parts))];
}
