// What a prediction is worth, and whether a control was turned as asked. Nothing here draws.

const EMPTIED = -2; // log2 of a branch's share over its true one: less than a quarter is left

// Whether a point lies in one of some closed regions, each a list of [x, y]: an even number of crossings is outside.
export function inRegions(regions, x, y) {
  return regions.some((region) => {
    let odd = false;
    for (let i = 0, j = region.length - 1; i < region.length; j = i++) {
      const [[ax, ay], [bx, by]] = [region[i], region[j]];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    }
    return odd;
  });
}

// The nearest of the segments `first` to `first + count`, counted from `first`.
export function nearestSegment(segments, first, count, x, y) {
  let best = -1;
  let least = Infinity;
  for (let i = 0; i < count; i++) {
    const at = 4 * (first + i);
    const [ax, ay] = [segments[at], segments[at + 1]];
    const [ux, uy] = [segments[at + 2] - ax, segments[at + 3] - ay];
    const along = Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy || 1)));
    const square = (x - ax - along * ux) ** 2 + (y - ay - along * uy) ** 2;
    if (square < least) [best, least] = [i, square];
  }
  return best;
}

// Points [x, y, x, y, ...] of which some are meant: the share of these in the regions (`caught`), and the share of what is in
// the regions that is meant (`right`); null where there is none.
export function tally(points, meant, regions) {
  let [all, inside, both] = [0, 0, 0];
  for (let p = 0; 2 * p < points.length; p++) {
    const in_ = inRegions(regions, points[2 * p], points[2 * p + 1]);
    const is = meant(p);
    all += is;
    inside += in_;
    both += in_ && is;
  }
  return { caught: all ? both / all : null, right: inside ? both / inside : null };
}

// A drawn prediction against what view `v` shows on a side. `of`: "lost", true samples of branches that are emptied;
// "outside", samples that end outside; "dots", all samples. Null while there is nothing to hold it against.
export function scoreOf(v, { slot, of }, regions) {
  const { frames, truth, scenery, header } = v;
  const moving = frames?.slots[slot];
  if (!moving || !regions.length) return null;
  if (of === "lost") {
    const gain = frames.gain[slot];
    if (!gain || !truth || !scenery.segments) return null;
    const [first, count] = header.target.own;
    const emptied = (p) => gain[nearestSegment(scenery.segments, first, count, truth.x0[2 * p], truth.x0[2 * p + 1])] < EMPTIED;
    return tally(truth.x0, emptied, regions);
  }
  const ends = moving.x.subarray(2 * moving.n * moving.steps);
  if (of === "dots") return tally(ends, () => true, regions);
  const outside = frames.outside[slot]?.data;
  return outside ? tally(ends, (p) => outside[moving.n * moving.steps + p] > 0, regions) : null;
}

// What a control of view `v` says; undefined where there is none of that name.
export function valueOf(v, what) {
  const [first, name] = what.split(".");
  if (what === "sigma") return v.time.sigma;
  if (what === "play") return Number(v.time.playing);
  if (what === "forward") return Number(v.time.forward);
  if (what === "drawn") return Number(Boolean(v.header?.target.drawing));
  if (first === "layers") return Number(v.ui.layers.includes(name));
  if (name === "lo" || name === "hi") return v.intervals[first]?.[name === "lo" ? 0 : 1] ?? v.values[first]?.[name];
  return v.values[first]?.[name];
}

const THAN = { ">=": (a, b) => a >= b - 1e-9, "<=": (a, b) => a <= b + 1e-9, "=": (a, b) => Math.abs(a - b) < 1e-9 };

// Whether it was turned as a step asks.
export function isTurned(v, { what, than, value }) {
  const now = valueOf(v, what);
  return Number.isFinite(now) && THAN[than](now, value);
}

// The control itself, to be pointed at.
export function controlOf(v, what) {
  const [first, name] = what.split(".");
  if (what === "sigma") return v.transport.bar;
  if (what === "play") return v.transport.play;
  if (what === "forward") return v.transport.forward;
  if (what === "drawn") return v.toolbar.draw;
  if (first === "layers") return v.toolbar.layers.get(name)?.button ?? null;
  return v.panels[first]?.knobs.get(name)?.element ?? v.transport.bands.get(first)?.[name] ?? null;
}
