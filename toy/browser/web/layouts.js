// How networks and mixtures lie in the kernel's memory: what network.ts and mixture.ts say, written from plain numbers.

const SILU_GAIN = 0.596; // root mean square of SiLU under a unit normal, by which the layers divide
const SHARES = { energy: 0, score: -1, denoiser: 0.5 };
const GROUP = 16, PART = 5, CLUSTER = 108, DEGREE = 8; // words
const MOST_PARTS = 64;
const ROW = DEGREE + 1; // of a table of moments

const round4 = (count) => (count + 3) & ~3;

/** Bytes that the kernel works in while it asks a network. */
export const workspaceOf = ({ units, depth }) => (4 + 2 * depth) * round4(units) * 32;

/** A network's memory; the layers that another network shares are written anew. */
export function networkBytes({ predicts, units, depth, gain, first, hidden, last }) {
  const n = round4(units), energy = predicts === "energy";
  const words = new Float32Array(8 + 4 * n + depth * n * n + (energy ? depth * n * n : 2 * n));
  new Int32Array(words.buffer).set([n, 0, depth, units]);
  words[1] = energy ? Math.abs(gain) : gain;
  words[4] = SHARES[predicts];
  for (let row = 0; row < 4; row++) words.set(first.subarray(row * units, (row + 1) * units), 8 + row * n);
  const begin = 8 + 4 * n, second = begin + depth * n * n;
  const layer = (l) => Float64Array.from(hidden.subarray(l * units * units, (l + 1) * units * units), (weight) => weight / SILU_GAIN);
  for (let l = 0; l < depth; l++) {
    const own = layer(l), back = energy && (l === depth - 1 ? timesItself(own, units) : own);
    for (let a = 0; a < units; a++) {
      for (let b = 0; b < units; b++) {
        words[begin + (l * n + a) * n + b] = own[a * units + b];
        if (energy) words[second + (l * n + b) * n + a] = back[a * units + b];
      }
    }
  }
  if (!energy) {
    for (let a = 0; a < units; a++) for (const b of [0, 1]) words[second + b * n + a] = last[2 * a + b] / SILU_GAIN;
  }
  return words.buffer;
}

// The products of all pairs of a matrix's rows.
function timesItself(rows, size) {
  const found = new Float64Array(size * size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += rows[a * size + k] * rows[b * size + k];
      found[a * size + b] = found[b * size + a] = sum;
    }
  }
  return found;
}

/**
 * The same mixture with one group in the place of equal ones that follow each other, which a distribution has to be of a round
 * number, and how many each was: `copies`.
 */
export function mergedOf(numbers) {
  const { groups, parts } = numbers, sizes = { log_weights: parts, origins: 2, axes: 4, variances: 2, centres: 2 * parts };
  const names = Object.keys(sizes), first = [], copies = [];
  const alike = (a, b) => names.every((name) => {
    for (let k = 0; k < sizes[name]; k++) if (numbers[name][a * sizes[name] + k] !== numbers[name][b * sizes[name] + k]) return false;
    return true;
  });
  for (let g = 0; g < groups; g++) {
    if (g && alike(g - 1, g)) copies[copies.length - 1] += 1;
    else {
      first.push(g);
      copies.push(1);
    }
  }
  if (first.length === groups) return { ...numbers, copies };
  const of = (name) => first.flatMap((g, i) => Array.from({ length: sizes[name] }, (_, k) => numbers[name][g * sizes[name] + k] + (name === "log_weights" ? Math.log(copies[i]) : 0)));
  return { ...numbers, ...Object.fromEntries(names.map((name) => [name, Float32Array.from(of(name))])), groups: first.length, copies };
}

/** A mixture's memory: its groups, and the clusters that they make. */
export function mixtureBytes(numbers) {
  const { groups, parts, log_weights, origins, axes, variances, centres } = numbers;
  if (parts > MOST_PARTS) throw new Error(`a mixture has ${parts} parts in a group, and the kernel takes ${MOST_PARTS}`);
  const size = GROUP + PART * parts, clusters = 2 * groups - 1;
  const words = new Float32Array(4 + groups * size + clusters * CLUSTER);
  new Int32Array(words.buffer).set([groups, parts, clusters]);
  words[3] = NaN; // no noise level was asked for yet
  for (let g = 0, o = 4; g < groups; g++, o += size) {
    words.set(origins.subarray(2 * g, 2 * g + 2), o);
    words.set(axes.subarray(4 * g, 4 * g + 4), o + 2);
    words.set(variances.subarray(2 * g, 2 * g + 2), o + 6);
    words[o + 14] = -Infinity;
    for (let k = g * parts, q = o + GROUP; k < (g + 1) * parts; k++, q += PART) {
      words[q] = log_weights[k];
      for (const i of [0, 1]) {
        words[q + 1 + i] = centres[2 * k + i];
        words[o + 12 + i] = Math.max(words[o + 12 + i], Math.abs(centres[2 * k + i]));
      }
      words[o + 14] = Math.max(words[o + 14], log_weights[k]);
    }
  }
  writeClusters(words, 4 + groups * size, { groups, parts, size, origins, components: componentsOf(numbers) });
  return words.buffer;
}

// Each component's weight, mean (x, y), covariance (xx, xy, yy), largest and smallest variance in the plane.
function componentsOf({ groups, parts, log_weights, origins, axes, variances, centres }) {
  const found = new Float64Array(8 * groups * parts);
  for (let g = 0; g < groups; g++) {
    const [a11, a12, a21, a22] = axes.subarray(4 * g, 4 * g + 4), [p, q] = variances.subarray(2 * g, 2 * g + 2);
    const xx = a11 * a11 * p + a21 * a21 * q, xy = a11 * a12 * p + a21 * a22 * q, yy = a12 * a12 * p + a22 * a22 * q;
    for (let k = g * parts; k < (g + 1) * parts; k++) {
      const u = centres[2 * k], v = centres[2 * k + 1], x = origins[2 * g] + a11 * u + a21 * v, y = origins[2 * g + 1] + a12 * u + a22 * v;
      found.set([Math.exp(log_weights[k]), x, y, xx, xy, yy, Math.max(p, q), Math.min(p, q)], 8 * k);
    }
  }
  return found;
}

// All clusters from the word `next` on, each before its halves: halved along the longer side of its box.
function writeClusters(words, next, { groups, parts, size, origins, components }) {
  const whole = new Int32Array(words.buffer);

  function write(members) { // groups' indices
    const o = next, cluster = { at: 4 * o, ...boxOf(members, parts, components) };
    next += CLUSTER;
    words.set([...cluster.centre, ...cluster.half, Math.log(cluster.weight), cluster.most, cluster.least, cluster.radius], o + 2);
    if (members.length === 1) {
      whole[o + 1] = 4 * (4 + members[0] * size);
      cluster.moments = momentsOf(members[0], parts, components, cluster);
    } else {
      const axis = cluster.half[0] < cluster.half[1] ? 1 : 0, middle = members.length >> 1;
      members.sort((a, b) => origins[2 * a + axis] - origins[2 * b + axis]);
      const both = [members.slice(0, middle), members.slice(middle)].map(write);
      whole.set([both[0].at, both[1].at], o);
      cluster.moments = joined(both, cluster);
    }
    for (let j = 0, at = o + 16; j < ROW; j++) {
      for (let i = 0; i < ROW - j; i++) words[at++] = cluster.moments[j * ROW + i] / cluster.weight;
    }
    return cluster;
  }

  write(Array.from({ length: groups }, (_, g) => g));
}

// A cluster's box, weight and variances; its radius reaches two standard deviations beyond its parts' means.
function boxOf(members, parts, components) {
  let left = Infinity, low = Infinity, right = -Infinity, high = -Infinity, weight = 0, most = 0, least = Infinity, radius = 0;
  const each = (take) => members.forEach((g) => {
    for (let c = 8 * g * parts; c < 8 * (g + 1) * parts; c += 8) take(c, components[c + 1], components[c + 2]);
  });
  each((c, x, y) => {
    left = Math.min(left, x);
    right = Math.max(right, x);
    low = Math.min(low, y);
    high = Math.max(high, y);
    weight += components[c];
    most = Math.max(most, components[c + 6]);
    least = Math.min(least, components[c + 7]);
  });
  const centre = [Math.fround((left + right) / 2), Math.fround((low + high) / 2)];
  each((c, x, y) => {
    radius = Math.max(radius, Math.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2) + 2 * Math.sqrt(components[c + 6]));
  });
  const wide = 1 + 1e-6; // the box is kept in single precision
  const half = [wide * Math.max(right - centre[0], centre[0] - left), wide * Math.max(high - centre[1], centre[1] - low)];
  return { centre, half, weight, most, least, radius };
}

// Sums of weight times E[x^i y^j] about the centre, in radii: for each component of a group by Stein's recursion,
// E[x f] = E[x] E[f] + cov(x, .) E[grad f].
function momentsOf(group, parts, components, { centre, radius }) {
  const total = new Float64Array(ROW * ROW), one = new Float64Array(ROW * ROW), square = radius * radius;
  for (let c = 8 * group * parts; c < 8 * (group + 1) * parts; c += 8) {
    const x = (components[c + 1] - centre[0]) / radius, y = (components[c + 2] - centre[1]) / radius;
    const xx = components[c + 3] / square, xy = components[c + 4] / square, yy = components[c + 5] / square;
    for (let j = 0; j < ROW; j++) {
      for (let i = 0; i < ROW - j; i++) {
        const at = j * ROW + i;
        if (i) one[at] = x * one[at - 1] + (i > 1 ? (i - 1) * xx * one[at - 2] : 0) + (j ? j * xy * one[at - 1 - ROW] : 0);
        else if (j) one[at] = y * one[at - ROW] + (j > 1 ? (j - 1) * yy * one[at - 2 * ROW] : 0);
        else one[at] = components[c];
        total[at] += one[at];
      }
    }
  }
  return total;
}

// The same sums of a cluster from those of its halves.
function joined(halves, { centre, radius }) {
  const total = new Float64Array(ROW * ROW);
  for (const half of halves) {
    const scale = half.radius / radius, dx = (half.centre[0] - centre[0]) / radius, dy = (half.centre[1] - centre[1]) / radius;
    const moved = shifted(shifted(half.moments, scale, dx, 1, ROW), scale, dy, ROW, 1);
    for (let k = 0; k < total.length; k++) total[k] += moved[k];
  }
  return total;
}

// Moments E[(scale x + by)^i ...] from E[x^i ...] along one coordinate, by the binomial theorem; `along` and `across` are steps.
function shifted(moments, scale, by, along, across) {
  const found = new Float64Array(ROW * ROW);
  for (let line = 0; line < ROW; line++) {
    for (let i = 0; i < ROW - line; i++) {
      let sum = 0, power = 1; // by Horner's scheme in `by`: C(i, p) scale^p by^(i - p)
      for (let p = 0, choose = 1; p <= i; p++, power *= scale) {
        sum = sum * by + choose * power * moments[line * across + p * along];
        choose *= (i - p) / (p + 1);
      }
      found[line * across + i * along] = sum;
    }
  }
  return found;
}
