// What is read off a grid over a box [x0, x1, y0, y1], row 0 at the bottom; and the noise levels of the slider.

// Bilinear; null outside the box.
export function sampleGrid(values, [ny, nx], [x0, x1, y0, y1], x, y) {
  const u = ((x - x0) / (x1 - x0)) * (nx - 1);
  const v = ((y - y0) / (y1 - y0)) * (ny - 1);
  if (!(u >= 0 && u <= nx - 1 && v >= 0 && v <= ny - 1)) return null;
  const i = Math.min(Math.floor(u), nx - 2);
  const j = Math.min(Math.floor(v), ny - 2);
  const [a, b] = [u - i, v - j];
  const at = j * nx + i;
  return (1 - b) * ((1 - a) * values[at] + a * values[at + 1]) + b * ((1 - a) * values[at + nx] + a * values[at + nx + 1]);
}

// The square that is asked for: what a view shows and a little more, rounded as the server rounds it.
export function wantedBoxOf({ cx, cy, half }, margin) {
  const reach = half * margin;
  const digits = Math.min(8, Math.max(0, Math.ceil(3 - Math.log10(2 * reach))));
  return [cx - reach, cx + reach, cy - reach, cy + reach].map((v) => Number(v.toFixed(digits)) + 0);
}

// To a three hundredth of the box: rounding to and fro must not make two questions of one.
export function fieldKey(id, sigma, box) {
  const unit = (box[1] - box[0]) / 300;
  const size = Math.round(300 * Math.log(box[1] - box[0]));
  return [id, Number(sigma.toPrecision(4)), size, Math.round((box[0] + box[1]) / 2 / unit), Math.round((box[2] + box[3]) / 2 / unit)].join("|");
}

// The slider is logarithmic: 0 is the highest noise, 1 the lowest.
export function sliderAt(sigma, [most, least]) {
  return Math.log(most / sigma) / Math.log(most / least);
}

export function sigmaOf(u, [most, least]) {
  const sigma = most * (least / most) ** Math.min(1, Math.max(0, u));
  return Number(Math.min(most, Math.max(least, sigma)).toPrecision(3));
}

// From noise to data in equal steps of log sigma.
export function sweep(from, to, count) {
  return Array.from({ length: count }, (_, k) => Number((from * (to / from) ** (k / (count - 1))).toPrecision(3)));
}

// How much longer arrows may be drawn so that the longest tenth reaches `reach`: 1, 2, 5, 10 ... up to 1000.
export function stretchOf(vectors, reach) {
  const lengths = [];
  for (let k = 0; k < vectors.length; k += 2) lengths.push(Math.hypot(vectors[k], vectors[k + 1]));
  lengths.sort((a, b) => a - b);
  const typical = lengths[Math.floor(0.9 * (lengths.length - 1))];
  if (!(typical > 0)) return 1;
  const most = Math.min(1000, reach / typical);
  let best = 1;
  for (const unit of [1, 10, 100, 1000]) for (const lead of [1, 2, 5]) if (unit * lead <= most) best = unit * lead;
  return best;
}

// Results of a bounded number of questions, the oldest forgotten first; a coarse one never replaces a fine one.
export class FieldCache {
  constructor(most = 80) {
    this.most = most;
    this.kept = new Map();
  }

  get(key) {
    return this.kept.get(key) ?? null;
  }

  put(key, field) {
    const before = this.kept.get(key);
    if (before && before.side > field.side) return before;
    this.kept.delete(key);
    this.kept.set(key, field);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value);
    return field;
  }
}
