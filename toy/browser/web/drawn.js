// Strokes of a brush as a Gaussian mixture, as toy/distributions/strokes.py makes it: each a chain of Gaussians of its class.
//
// Pieces are as wide as long, or nearly: which of two equal variances comes first, and so the axis along which a sample lies,
// hangs on a last digit. Sums are therefore taken in NumPy's order, and eigenvectors have LAPACK's signs.

const PIECES = 56; // of a class, about
const MULTIPLE = 64; // Gaussians of a class are four times so many
const EACH = 4; // Gaussians of a piece
const DEVIATION = 0.5; // of either coordinate, root mean square
const EPSILON = 2 ** -53;

// What strokes {label, width, at: [x, y, x, y, ...]} are as a distribution: `pieces`, its modes, each from `start` to `end`;
// `groups` of Gaussians; and its own letters. A point x was origin + unit * x on the paper.
export function drawnOf(strokes) {
  const length = {};
  for (const stroke of strokes) length[stroke.label] = (length[stroke.label] ?? 0) + longOf(placesOf(stroke));
  const pieces = strokes.flatMap((stroke) => {
    const { label, width } = stroke;
    const line = resampled(placesOf(stroke), width, Math.max(3 * width, length[label] / PIECES));
    return line.slice(1).map((end, i) => pieceOf(label, width, line[i], end));
  });
  const { middle, scale } = scaleOf(pieces);
  const moved = ([x, y]) => [(x - middle[0]) * scale, (y - middle[1]) * scale];
  const scaled = pieces.map((piece, mode) => ({
    ...piece,
    mode,
    start: moved(piece.start),
    end: moved(piece.end),
    thickness: piece.thickness * scale,
    means: piece.means.map(moved),
    covariance: piece.covariance.map((value) => value * (scale * scale)),
  }));
  const classes = [...new Set(strokes.map(({ label }) => label))].sort().join("");
  return { classes, pieces: scaled, groups: [...classes].flatMap((letter) => roundedOf(scaled, letter)), origin: middle, unit: 1 / scale };
}

// Those of one class, a round number of them: the last one again, all sharing its weight.
function roundedOf(pieces, letter) {
  const own = pieces.filter(({ label }) => label === letter);
  const more = (MULTIPLE - (own.length % MULTIPLE)) % MULTIPLE;
  const last = { ...own.at(-1), weight: own.at(-1).weight / (more + 1) };
  return [...own.slice(0, -1), ...new Array(more + 1).fill(last)];
}

// A piece of a line: Gaussians two thirds of their distance apart add up to a density that is level along it.
function pieceOf(label, width, start, end) {
  const [x, y] = [end[0] - start[0], end[1] - start[1]];
  const length = Math.sqrt(x * x + y * y);
  const [u, v] = [x / length, y / length];
  const spread = Math.max(((2 / 3) * length) / EACH, width);
  const [along, across] = [spread * spread, width * width];
  const means = Array.from({ length: EACH }, (_, k) => [start[0] + ((k + 0.5) / EACH) * x, start[1] + ((k + 0.5) / EACH) * y]);
  const covariance = [along * (u * u) + across * (1 - u * u), along * (u * v) + across * (0 - u * v), along * (v * v) + across * (1 - v * v)];
  return { label, start, end, thickness: width, weight: length, means, covariance };
}

// The mean of all, and what they are multiplied by so that they have the deviation of every distribution here.
function scaleOf(pieces) {
  const total = sum(pieces.flatMap(({ weight }) => new Array(EACH).fill(weight)));
  const middle = [0, 0];
  for (const { means, weight } of pieces) for (const mean of means) for (const i of [0, 1]) middle[i] += (weight / total) * mean[i];
  const around = pieces.flatMap(({ covariance: [xx, , yy], means, weight }) => {
    const square = ([x, y]) => (x - middle[0]) * (x - middle[0]) + (y - middle[1]) * (y - middle[1]);
    return means.map((mean) => (weight / total) * (square(mean) + (xx + yy)));
  });
  return { middle, scale: DEVIATION / Math.sqrt(sum(around) / 2) };
}

// --- Lines ------------------------------------------------------------------------------------------------------------

const placesOf = ({ at }) => Array.from({ length: at.length / 2 }, (_, i) => [at[2 * i], at[2 * i + 1]]);

const stepsOf = (line) => line.slice(1).map(([x, y], i) => Math.sqrt((x - line[i][0]) * (x - line[i][0]) + (y - line[i][1]) * (y - line[i][1])));

const longOf = (line) => sum(stepsOf(line));

// A line in even steps; two points for one that has no length.
function resampled(line, width, step) {
  if (longOf(line) < width) return dotOf(line, width);
  const along = [0];
  for (const length of stepsOf(line)) along.push(along.at(-1) + length);
  const count = Math.max(1, halfEven(along.at(-1) / step));
  const places = Array.from({ length: count + 1 }, (_, i) => (i === count ? along.at(-1) : i * (along.at(-1) / count)));
  const even = places.map((place) => pointAt(line, along, place));
  const apart = stepsOf(even);
  const kept = even.filter((_, i) => i === 0 || apart[i - 1] > 0);
  return kept.length > 1 ? kept : dotOf(line, width);
}

function dotOf(line, width) {
  const mean = [0, 1].map((i) => line.reduce((total, point) => total + point[i], 0) / line.length);
  return [-0.5, 0.5].map((share) => [mean[0] + share * width, mean[1]]);
}

// The point so far along a line.
function pointAt(line, along, place) {
  let i = along.length - 1;
  while (along[i] > place) i--;
  if (i === along.length - 1 || along[i] === place) return line[i];
  return [0, 1].map((c) => ((line[i + 1][c] - line[i][c]) / (along[i + 1] - along[i])) * (place - along[i]) + line[i][c]);
}

// The nearest whole number, of two equally near ones the even one.
export function halfEven(x) {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low % 2) : Math.round(x);
}

// A sum in the order in which NumPy takes it.
function sum(values, begin = 0, end = values.length) {
  const count = end - begin;
  if (count > 128) {
    const half = begin + (count >> 1) - ((count >> 1) % 8);
    return sum(values, begin, half) + sum(values, half, end);
  }
  let total = 0;
  let i = begin;
  if (count >= 8) {
    const eight = values.slice(begin, begin + 8);
    for (i += 8; i < end - (count % 8); i += 8) for (let k = 0; k < 8; k++) eight[k] += values[i + k];
    total = eight[0] + eight[1] + (eight[2] + eight[3]) + (eight[4] + eight[5] + (eight[6] + eight[7]));
  }
  for (; i < end; i++) total += values[i];
  return total;
}

// --- Mixtures ---------------------------------------------------------------------------------------------------------

// The exact density of groups of Gaussians as the kernel takes it: what numbers.py writes of GaussianMixture.of.
export function mixtureOf(groups) {
  const total = sum(groups.flatMap(({ weight }) => new Array(EACH).fill(weight)));
  const numbers = { kind: "mixture", groups: groups.length, parts: EACH, level: [1, 0] };
  const arrays = { log_weights: [], origins: [], axes: [], variances: [], centres: [] };
  for (const { covariance, means, weight } of groups) {
    const origin = [0, 1].map((i) => means.reduce((all, mean) => all + mean[i], 0) / EACH);
    const { axes, variances } = eigen(covariance);
    arrays.log_weights.push(...means.map(() => Math.log(weight / total)));
    arrays.origins.push(...origin);
    arrays.axes.push(...axes.flat());
    arrays.variances.push(...variances);
    for (const [x, y] of means) for (const [u, v] of axes) arrays.centres.push(u * (x - origin[0]) + v * (y - origin[1]));
  }
  for (const [name, values] of Object.entries(arrays)) numbers[name] = Float32Array.from(values);
  let edge = 0;
  numbers.edges = numbers.log_weights.map((weight) => (edge += Math.exp(weight)));
  return numbers;
}

// The variances of a covariance [xx, xy, yy], the smaller one first, and their axes: unit vectors with the signs that dsteqr
// and dlaev2 of LAPACK give them.
export function eigen([a, b, c]) {
  if (Math.abs(b) <= Math.sqrt(a) * Math.sqrt(c) * EPSILON) {
    const axes = [[1, 0], [0, 1]];
    return c < a ? { variances: [c, a], axes: axes.reverse() } : { variances: [a, c], axes };
  }
  const [df, tb] = [a - c, b + b];
  const [most, least] = [Math.abs(df), Math.abs(tb)].sort((p, q) => q - p);
  const root = most === least ? most * Math.SQRT2 : most * Math.sqrt(1 + (least / most) * (least / most));
  const large = 0.5 * (a + c + root);
  const small = (Math.max(a, c) / large) * Math.min(a, c) - (b / large) * b;
  const cs = df >= 0 ? df + root : df - root;
  let [cosine, sine] = Math.abs(cs) > Math.abs(tb) ? sloped(-tb / cs) : sloped(-cs / tb).reverse();
  if (df >= 0) [cosine, sine] = [-sine, cosine];
  return { variances: [small, large], axes: [[-sine, cosine], [cosine, sine]] };
}

// The cosine and sine of an angle by its cotangent.
function sloped(cotangent) {
  const sine = 1 / Math.sqrt(1 + cotangent * cotangent);
  return [cotangent * sine, sine];
}
