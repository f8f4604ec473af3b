// Densities in the WebAssembly kernel: scores, log-densities, posteriors and samples of what numbers.py writes. The same in node,
// page and worker.

import { mergedOf, mixtureBytes, networkBytes, workspaceOf } from "./layouts.js";
import { normal, split, uniform } from "./random.js";
import { Room } from "./room.js";

const CHUNK = 2048; // points that go through the kernel at once
const FLOATS = 65536; // results that come out of it at once
const STARTS = 1024; // places from which a part is looked for

/**
 * Densities by id. Points x are Float32Array [2n], interleaved; sigma is one number, and may be [n] for scores and
 * log-densities: a noise level for each point. What is not finite gives NaN.
 */
export class Densities {
  #kernel;
  #room;
  #held = new Map();
  #x;
  #along;
  #levels;
  #out;
  #logs;
  #work = { at: 0, size: 0 };

  constructor(module) {
    this.#kernel = new WebAssembly.Instance(module).exports;
    this.#room = new Room(this.#kernel.memory, this.#kernel.BASE.value);
    this.#x = this.#room.take(CHUNK * 8);
    this.#along = this.#room.take(CHUNK * 8);
    this.#levels = this.#room.take(CHUNK * 4);
    this.#logs = this.#room.take(CHUNK * 4);
    this.#out = this.#room.take(FLOATS * 4);
  }

  /** Take a density's numbers in, in place of those that the id had. Error with one sentence where that cannot be. */
  add(id, numbers) {
    const network = numbers.kind === "network";
    if (!network && numbers.kind !== "mixture") throw new Error(`the kernel knows no density of the kind ${numbers.kind}`);
    const merged = network ? numbers : mergedOf(numbers);
    const bytes = new Uint8Array((network ? networkBytes : mixtureBytes)(merged));
    this.drop(id);
    const size = network ? workspaceOf(numbers) : 0;
    if (size > this.#work.size) {
      if (this.#work.size) this.#room.give(this.#work.at);
      this.#work = { at: 0, size: 0 };
      this.#work = { at: this.#room.take(size), size };
    }
    const at = this.#room.take(bytes.length);
    new Uint8Array(this.#kernel.memory.buffer).set(bytes, at);
    this.#held.set(id, { ...numbers, at, network, copies: merged.copies });
  }

  has(id) {
    return this.#held.has(id);
  }

  /** Give a density's memory back. */
  drop(id) {
    if (!this.has(id)) return;
    this.#room.give(this.#held.get(id).at);
    this.#held.delete(id);
  }

  /** `energy`, `score` or `denoiser` for a network, by what it predicts; `mixture`. */
  kind(id) {
    const { network, predicts, kind } = this.#of(id);
    return network ? predicts : kind;
  }

  /** Gradient of the log-density, [2n], in 1/length. */
  score(id, x, sigma) {
    return this.#both(id, x, sigma, true, false).score;
  }

  /** Log-density in nats, [n]; a network's without a table of masses up to a constant of each sigma. */
  logp(id, x, sigma) {
    return this.#both(id, x, sigma, false, true).logp;
  }

  /** Both from one pass. */
  scoreAndLogp(id, x, sigma) {
    return this.#both(id, x, sigma, true, true);
  }

  /** The score's derivative along each point's vector in `along` [2n], [2n]. */
  scoreJvp(id, x, sigma, along) {
    const density = this.#of(id), level = levelOf(density, sigma), found = new Float32Array(x.length);
    const { networkJvp, mixtureJvp } = this.#kernel;
    this.#chunks(x, CHUNK, (begin, some, padded) => {
      this.#set(this.#along, along, begin, some);
      const given = [density.at, this.#x, this.#along, padded, level, this.#out];
      if (density.network) networkJvp(...given, this.#work.at);
      else mixtureJvp(...given);
      found.set(this.#floats(this.#out, 2 * some), 2 * begin);
    });
    return found;
  }

  /** Posterior probability of each group of a mixture, [n * groups]; equal ones that follow each other have equal shares. */
  posterior(id, x, sigma) {
    const density = this.#of(id, "mixture"), { at, copies, groups } = density, level = levelOf(density, sigma);
    const found = new Float32Array((x.length / 2) * groups), most = Math.min(CHUNK, Math.trunc(FLOATS / groups) & ~7);
    this.#chunks(x, most, (begin, some, padded) => {
      this.#kernel.mixturePosterior(at, this.#x, padded, level, this.#out);
      const shares = this.#floats(this.#out, some * copies.length);
      if (copies.length === groups) found.set(shares, begin * groups);
      else for (let i = 0, to = begin * groups; i < shares.length; i++) to = filled(found, to, copies[i % copies.length], shares[i]);
    });
    return found;
  }

  /**
   * What `GaussianMixture.sample(key, n, sigma)` draws in JAX, to rounding: [2n]. Point i depends on the key and on offset + i
   * alone, so that several workers draw their shares of one sample. `byPart`: in the order of their parts, those of one
   * beside each other, whose log-densities the kernel finds in a fifth of the time.
   */
  sample(id, key, n, { offset = 0, sigma = 0, byPart = false } = {}) {
    const { parts, edges, origins, axes, variances, centres, level } = this.#of(id, "mixture");
    if (level[0] !== 1 || level[1] !== 0) throw new Error(`${id} is asked at another noise level and has no samples of its own`);
    const [forPart, forNoise] = split(key), points = new Float32Array(2 * n);
    const of = picked(edges, uniform(forPart, n, offset)), noise = normal(forNoise, 2 * n, 2 * offset);
    const place = byPart ? placesOf(of, edges.length) : null;
    const spread = Float64Array.from(variances, (variance) => Math.sqrt(variance + sigma * sigma));
    for (let i = 0; i < n; i++) {
      const part = of[i], g = Math.trunc(part / parts), at = 2 * (place ? place[i] : i);
      const u = centres[2 * part] + spread[2 * g] * noise[2 * i];
      const v = centres[2 * part + 1] + spread[2 * g + 1] * noise[2 * i + 1];
      points[at] = origins[2 * g] + u * axes[4 * g] + v * axes[4 * g + 2];
      points[at + 1] = origins[2 * g + 1] + u * axes[4 * g + 1] + v * axes[4 * g + 3];
    }
    return points;
  }

  /** Log of a density's integral at this sigma by its table of masses, which `logp` has taken off already; 0 without one. */
  constant(id, sigma) {
    const { knots, coefficients } = this.#of(id);
    if (!knots) return 0;
    const count = knots.length - 1, level = Math.min(Math.max(Math.log(sigma), knots[0]), knots[count]);
    const i = Math.max(0, knots.findIndex((knot, k) => k === count || knots[k + 1] >= level)), t = level - knots[i];
    const smooth = [0, 1, 2, 3].reduce((sum, row) => sum * t + coefficients[row * count + i], 0);
    const at = Math.exp(level);
    return smooth * Math.sqrt(at * at + 0.25) / at;
  }

  #of(id, kind) {
    const density = this.#held.get(id);
    if (!density) throw new Error(`the kernel holds no density ${id}`);
    if (kind && density.kind !== kind) throw new Error(`${id} is a ${density.kind} and no ${kind}`);
    return density;
  }

  #both(id, x, sigma, wantScore, wantLog) {
    const density = this.#of(id), { at, network, predicts } = density;
    if (wantLog && network && predicts !== "energy") throw new Error(`a network that predicts the ${predicts} has no log-density`);
    const each = ArrayBuffer.isView(sigma), levels = each && sigma.map((one) => levelOf(density, one));
    const level = each ? 1 : levelOf(density, sigma), from = each ? this.#levels : 0;
    const score = wantScore && new Float32Array(x.length), logp = wantLog && new Float32Array(x.length / 2);
    this.#chunks(x, CHUNK, (begin, some, padded) => {
      if (each) this.#floats(from, padded).fill(1, some).set(levels.subarray(begin, begin + some));
      const given = [at, this.#x, padded, level, from, wantScore ? this.#out : 0, wantLog ? this.#logs : 0];
      if (network) this.#kernel.network(...given, this.#work.at);
      else this.#kernel.mixture(...given);
      if (wantScore) score.set(this.#floats(this.#out, 2 * some), 2 * begin);
      if (wantLog) logp.set(this.#floats(this.#logs, some), begin);
    });
    if (wantLog && density.knots) {
      const constants = each ? sigma.map((one) => this.constant(id, one)) : [this.constant(id, sigma)];
      for (let i = 0; i < logp.length; i++) logp[i] -= constants[i % constants.length];
    }
    return { score, logp };
  }

  #chunks(x, most, ask) {
    const count = x.length / 2;
    for (let begin = 0; begin < count; begin += most) {
      const some = Math.min(most, count - begin);
      this.#set(this.#x, x, begin, some);
      ask(begin, some, (some + 7) & ~7);
    }
  }

  // Points into the kernel, zeros up to a multiple of 8.
  #set(at, points, begin, some) {
    const there = this.#floats(at, 2 * ((some + 7) & ~7));
    there.fill(0, 2 * some);
    there.set(points.subarray(2 * begin, 2 * (begin + some)));
  }

  #floats(at, count) {
    return new Float32Array(this.#kernel.memory.buffer, at, count);
  }
}

/** Where what comes next stands, after equal shares of a number. */
function filled(found, from, count, whole) {
  found.fill(whole / count, from, from + count);
  return from + count;
}

/** The noise level that a density is asked at in place of sigma. */
const levelOf = ({ level: [scale, width] }, sigma) => (width ? Math.hypot(scale * sigma, width) : scale * sigma);

/** Where each stands among all of them in the order of these numbers, which are below `count`; equal ones stay in theirs. */
function placesOf(numbers, count) {
  const next = new Uint32Array(count + 1), found = new Uint32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) next[numbers[i] + 1] += 1;
  for (let k = 0; k < count; k++) next[k + 1] += next[k];
  for (let i = 0; i < numbers.length; i++) found[i] = next[numbers[i]]++;
  return found;
}

/** For each share of the last of ascending edges, how many of them are not above it; at most all but one. */
function picked(edges, shares) {
  const last = edges.length - 1, whole = edges[last], begin = new Uint32Array(STARTS), found = new Uint32Array(shares.length);
  for (let k = 0, i = 0; k < STARTS; begin[k++] = i) {
    while (i < last && edges[i] < (whole * (k - 1)) / STARTS) i++; // a step early, since what is looked for is rounded
  }
  for (let k = 0; k < found.length; k++) {
    const at = Math.fround(shares[k] * whole);
    let i = begin[Math.trunc(shares[k] * STARTS)];
    while (i < last && edges[i] <= at) i++;
    found[k] = i;
  }
  return found;
}
