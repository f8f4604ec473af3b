import { ma, nothing, OUT, put, splat, xs, ys } from "./lanes";

// Networks. At net: i32 width, f32 gain, i32 depth, i32 units, f32 share of the gain that a denoiser takes (0: it predicts no
// vector but an energy; negative: the score), 12 bytes to fill up; then f32: the first layer's rows x, y, log sigma,
// bias [4, width]; `depth` layers [in, out] over SiLU's gain; then, for an energy, the same transposed, the last of them
// times itself instead: the gradient of the square of Wh is 2 W'Wh, which asks for no Wh; or the rows of the last layer of
// two outputs [2, width], over SiLU's gain too. Width is a multiple of 4: units that fill it up have no weights.

let ACT: usize, HIDDEN: usize, SLOPE: usize, ACT_T: usize, HIDDEN_T: usize, SLOPE_T: usize, LAYER: i32;
let by0: v128 = f32x4.splat(0), by1: v128 = f32x4.splat(0); // of 8 points: what they are multiplied with at their noise levels,
let level0: v128 = f32x4.splat(0), level1: v128 = f32x4.splat(0); // log sigma / 4,
let pull0: v128 = f32x4.splat(0), pull1: v128 = f32x4.splat(0); // the factor on what the layers give of a score,
let each0: v128 = f32x4.splat(0), each1: v128 = f32x4.splat(0); // and that on the squares for a log-density

// @ts-ignore: decorator
@inline const WEIGHTS = 32;

// Where activations are kept: 4 + 2 depth arrays of 8 points times width.
function workspace(net: usize, work: usize): void {
  LAYER = load<i32>(net) << 5;
  const slopes = LAYER * load<i32>(net, 8);
  ACT = work; HIDDEN = ACT + LAYER; ACT_T = HIDDEN + LAYER; HIDDEN_T = ACT_T + LAYER;
  SLOPE = HIDDEN_T + LAYER; SLOPE_T = SLOPE + slopes;
}

// What follows from the noise levels of 8 points.
function prepareAt(net: usize, s0: v128, s1: v128): void {
  const one = f32x4.splat(1), quarter = f32x4.splat(0.25), gain = f32x4.splat(load<f32>(net, 4)), share = load<f32>(net, 16);
  const units = f32x4.splat(<f32>load<i32>(net, 12)), g0 = f32x4.div(gain, s0), g1 = f32x4.div(gain, s1);
  by0 = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.mul(s0, s0), quarter)));
  by1 = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.mul(s1, s1), quarter)));
  v128.store(OUT, s0);
  v128.store(OUT, s1, 16);
  for (let i = OUT; i < OUT + 32; i += 4) store<f32>(i, Mathf.log(load<f32>(i)));
  level0 = f32x4.mul(v128.load(OUT), quarter);
  level1 = f32x4.mul(v128.load(OUT, 16), quarter);
  each0 = f32x4.neg(f32x4.div(g0, units));
  each1 = f32x4.neg(f32x4.div(g1, units));
  const energy = share == 0, weight = f32x4.splat(energy ? 2 : share < 0 ? 1 : share);
  pull0 = f32x4.mul(energy ? each0 : g0, weight);
  pull1 = f32x4.mul(energy ? each1 : g1, weight);
  if (share < 0) return;
  pull0 = f32x4.mul(pull0, by0);
  pull1 = f32x4.mul(pull1, by1);
}

// out[j][8] = sum_i w[i][j] h[i][8]. Six outputs at once where multiplying and adding is one operation: twelve sums are then as
// many as an x86 processor has registers for. Else, and where no six are left, four.
function product(w: usize, h: usize, out: usize, n: i32): void {
  const row = n << 2, end = h + (n << 5), rest = n % 6, sixes = rest == 4 ? n - 4 : rest == 2 ? n - 8 : n;
  let j = 0;
  if (ASC_FEATURE_RELAXED_SIMD) for (; j < sixes; j += 6) six(w + (j << 2), h, end, row, out + (j << 5));
  for (; j < n; j += 4) four(w + (j << 2), h, end, row, out + (j << 5));
}

// @ts-ignore: decorator
@inline function six(w: usize, h: usize, end: usize, row: usize, out: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0, e0 = a0, e1 = a0, f0 = a0, f1 = a0;
  for (; h < end; w += row, h += 32) {
    const x0 = v128.load(h), x1 = v128.load(h, 16);
    let s = splat(w); a0 = ma(s, x0, a0); a1 = ma(s, x1, a1);
    s = v128.load32_splat(w, 4); b0 = ma(s, x0, b0); b1 = ma(s, x1, b1);
    s = v128.load32_splat(w, 8); c0 = ma(s, x0, c0); c1 = ma(s, x1, c1);
    s = v128.load32_splat(w, 12); d0 = ma(s, x0, d0); d1 = ma(s, x1, d1);
    s = v128.load32_splat(w, 16); e0 = ma(s, x0, e0); e1 = ma(s, x1, e1);
    s = v128.load32_splat(w, 20); f0 = ma(s, x0, f0); f1 = ma(s, x1, f1);
  }
  pair(out, a0, a1); pair(out + 32, b0, b1); pair(out + 64, c0, c1);
  pair(out + 96, d0, d1); pair(out + 128, e0, e1); pair(out + 160, f0, f1);
}

// @ts-ignore: decorator
@inline function four(w: usize, h: usize, end: usize, row: usize, out: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  for (; h < end; w += row, h += 32) {
    const x0 = v128.load(h), x1 = v128.load(h, 16);
    let s = splat(w); a0 = ma(s, x0, a0); a1 = ma(s, x1, a1);
    s = v128.load32_splat(w, 4); b0 = ma(s, x0, b0); b1 = ma(s, x1, b1);
    s = v128.load32_splat(w, 8); c0 = ma(s, x0, c0); c1 = ma(s, x1, c1);
    s = v128.load32_splat(w, 12); d0 = ma(s, x0, d0); d1 = ma(s, x1, d1);
  }
  pair(out, a0, a1); pair(out + 32, b0, b1); pair(out + 64, c0, c1); pair(out + 96, d0, d1);
}

// @ts-ignore: decorator
@inline function pair(p: usize, first: v128, second: v128): void {
  v128.store(p, first);
  v128.store(p, second, 16);
}

// into[i][8] = x w_x[i] + y w_y[i] + level w_level[i] + bias[i]; of directions without the last two
function enter(net: usize, x0: v128, x1: v128, y0: v128, y1: v128, into: usize, direction: bool): void {
  const n = load<i32>(net), row = n << 2, l0 = level0, l1 = level1;
  for (let i = 0, p = net + WEIGHTS, a = into; i < n; i++, p += 4, a += 32) {
    const wx = splat(p), wy = splat(p + row);
    let b0 = f32x4.mul(wy, y0), b1 = f32x4.mul(wy, y1);
    if (!direction) {
      const wl = splat(p + 2 * row), bias = splat(p + 3 * row);
      b0 = ma(wy, y0, ma(wl, l0, bias));
      b1 = ma(wy, y1, ma(wl, l1, bias));
    }
    pair(a, ma(wx, x0, b0), ma(wx, x1, b1));
  }
}

// sum_i w[i] a[i][8] into OUT's words from `at` on
// @ts-ignore: decorator
@inline function gather(w: usize, a: usize, n: i32, at: usize): void {
  let g0 = f32x4.splat(0), g1 = g0;
  for (let end = w + (n << 2); w < end; w += 4, a += 32) {
    const s = splat(w);
    g0 = ma(s, v128.load(a), g0);
    g1 = ma(s, v128.load(a, 16), g1);
  }
  pair(OUT + at, g0, g1);
}

// Constants of `logistic4`, in memory, as those of `exp4` are: of 2^-g for g from -1/2 to 1/2, to 8e-8.
const LOGISTIC = memory.data<f32>([
  -80, 80, -1.44269504, 12582912, 1.44269504, -1.3276471519634759e-3, 9.675541330750825e-3, -5.55071327496004e-2,
  2.4022119723932517e-1, -6.93146967063867e-1, 1, 1,
]);

// 1/(1 + exp(-x)), to 3e-8: that its slope is at most 1/4, and falls as |x| grows, spares `exp4`'s last digits.
// @ts-ignore: decorator
@inline function logistic4(x: v128): v128 {
  const magic = splat(LOGISTIC + 12);
  x = f32x4.pmin(f32x4.pmax(x, splat(LOGISTIC)), splat(LOGISTIC + 4));
  const bits = ma(x, splat(LOGISTIC + 8), magic), g = ma(x, splat(LOGISTIC + 16), f32x4.sub(bits, magic));
  let p = splat(LOGISTIC + 20);
  p = ma(p, g, splat(LOGISTIC + 24));
  p = ma(p, g, splat(LOGISTIC + 28));
  p = ma(p, g, splat(LOGISTIC + 32));
  p = ma(p, g, splat(LOGISTIC + 36));
  p = ma(p, g, splat(LOGISTIC + 40));
  const one = splat(LOGISTIC + 44);
  return f32x4.div(one, f32x4.add(one, i32x4.add(p, i32x4.shl(bits, 23))));
}

// SiLU of a layer and its slopes, of 8 at once: each constant is then read half as often. Of the tangents too, and the slopes' own.
function activate(slope: usize): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < LAYER; i += 32) {
    const a0 = v128.load(ACT + i), a1 = v128.load(ACT + i, 16), s0 = logistic4(a0), s1 = logistic4(a1);
    const h0 = f32x4.mul(a0, s0), h1 = f32x4.mul(a1, s1);
    pair(HIDDEN + i, h0, h1);
    pair(slope + i, ma(f32x4.sub(one, s0), h0, s0), ma(f32x4.sub(one, s1), h1, s1));
  }
}

function activateBoth(slope: usize, curve: usize): void {
  const one = f32x4.splat(1), two = f32x4.splat(2);
  for (let i = 0; i < LAYER; i += 16) {
    const a = v128.load(ACT + i), t = v128.load(ACT_T + i), s = logistic4(a), h = f32x4.mul(a, s), rest = f32x4.sub(one, s);
    const first = ma(rest, h, s), second = f32x4.mul(f32x4.mul(s, rest), ma(a, f32x4.sub(rest, s), two));
    v128.store(HIDDEN + i, h);
    v128.store(HIDDEN_T + i, f32x4.mul(first, t));
    v128.store(slope + i, first);
    v128.store(curve + i, f32x4.mul(second, t));
  }
}

/**
 * Scores [n, 2] and logs of the density [n], up to a constant of each noise level; each where its place is not 0. Where
 * `levels` is not 0, each point has a noise level of its own there, [n].
 */
export function network(net: usize, x: usize, n: i32, sigma: f32, levels: usize, scores: usize, logs: usize, work: usize): void {
  workspace(net, work);
  const width = load<i32>(net), depth = load<i32>(net, 8), energy = load<f32>(net, 16) == 0, last = depth - 1;
  const square = (width * width) << 2, W = net + WEIGHTS, hidden = W + (width << 4), back = hidden + depth * square;
  const half = f32x4.splat(-0.5);
  if (!levels) prepareAt(net, f32x4.splat(sigma), f32x4.splat(sigma));
  for (let end = x + (n << 3); x < end; x += 64) {
    if (levels) {
      prepareAt(net, v128.load(levels), v128.load(levels, 16));
      levels += 32;
    }
    const px0 = xs(x), px1 = xs(x + 32), py0 = ys(x), py1 = ys(x + 32);
    const x0 = f32x4.mul(px0, by0), x1 = f32x4.mul(px1, by1), y0 = f32x4.mul(py0, by0), y1 = f32x4.mul(py1, by1);
    const none0 = nothing(px0, py0), none1 = nothing(px1, py1);
    enter(net, x0, x1, y0, y1, ACT, false);
    for (let l = 0; l < depth; l++) {
      activate(SLOPE + l * LAYER);
      if (l < last || logs || !energy) product(hidden + l * square, HIDDEN, ACT, width);
    }
    if (logs) {
      let e0 = f32x4.splat(0), e1 = e0;
      for (let a = ACT; a < ACT + LAYER; a += 32) {
        const h0 = v128.load(a), h1 = v128.load(a, 16);
        e0 = ma(h0, h0, e0); e1 = ma(h1, h1, e1);
      }
      e0 = f32x4.add(f32x4.mul(e0, each0), f32x4.mul(half, ma(x0, x0, f32x4.mul(y0, y0))));
      e1 = f32x4.add(f32x4.mul(e1, each1), f32x4.mul(half, ma(x1, x1, f32x4.mul(y1, y1))));
      v128.store(logs, f32x4.add(e0, none0));
      v128.store(logs, f32x4.add(e1, none1), 16);
      logs += 32;
    }
    if (!scores) continue;
    if (energy) {
      let from = HIDDEN, into = ACT;
      for (let l = last; l >= 0; l--) {
        product(back + l * square, from, into, width);
        const slope = SLOPE + l * LAYER;
        for (let i = 0; i < LAYER; i += 16) v128.store(into + i, f32x4.mul(v128.load(into + i), v128.load(slope + i)));
        const before = from;
        from = into;
        into = before;
      }
      gather(W, from, width, 0);
      gather(W + (width << 2), from, width, 32);
    } else {
      activate(SLOPE);
      gather(back, HIDDEN, width, 0);
      gather(back + (width << 2), HIDDEN, width, 32);
    }
    const sx0 = f32x4.sub(f32x4.mul(v128.load(OUT), pull0), f32x4.mul(x0, by0));
    const sx1 = f32x4.sub(f32x4.mul(v128.load(OUT, 16), pull1), f32x4.mul(x1, by1));
    const sy0 = f32x4.sub(f32x4.mul(v128.load(OUT, 32), pull0), f32x4.mul(y0, by0));
    const sy1 = f32x4.sub(f32x4.mul(v128.load(OUT, 48), pull1), f32x4.mul(y1, by1));
    put(scores, f32x4.add(sx0, none0), f32x4.add(sy0, none0));
    put(scores + 32, f32x4.add(sx1, none1), f32x4.add(sy1, none1));
    scores += 64;
  }
}

/** The derivative of the score along each point's direction: tangents go through both passes. */
export function networkJvp(net: usize, x: usize, along: usize, n: i32, sigma: f32, out: usize, work: usize): void {
  workspace(net, work);
  const width = load<i32>(net), depth = load<i32>(net, 8), energy = load<f32>(net, 16) == 0, last = depth - 1;
  const square = (width * width) << 2, W = net + WEIGHTS, hidden = W + (width << 4), back = hidden + depth * square;
  prepareAt(net, f32x4.splat(sigma), f32x4.splat(sigma));
  for (let end = x + (n << 3); x < end; x += 64, along += 64, out += 64) {
    const px0 = xs(x), px1 = xs(x + 32), py0 = ys(x), py1 = ys(x + 32);
    const tx0 = f32x4.mul(xs(along), by0), tx1 = f32x4.mul(xs(along + 32), by1);
    const ty0 = f32x4.mul(ys(along), by0), ty1 = f32x4.mul(ys(along + 32), by1);
    enter(net, f32x4.mul(px0, by0), f32x4.mul(px1, by1), f32x4.mul(py0, by0), f32x4.mul(py1, by1), ACT, false);
    enter(net, tx0, tx1, ty0, ty1, ACT_T, true);
    for (let l = 0; l < depth; l++) {
      activateBoth(SLOPE + l * LAYER, SLOPE_T + l * LAYER);
      if (l == last && energy) break;
      product(hidden + l * square, HIDDEN, ACT, width);
      product(hidden + l * square, HIDDEN_T, ACT_T, width);
    }
    if (energy) {
      let from = HIDDEN, into = ACT, from_t = HIDDEN_T, into_t = ACT_T;
      for (let l = last; l >= 0; l--) {
        product(back + l * square, from, into, width);
        product(back + l * square, from_t, into_t, width);
        const slope = SLOPE + l * LAYER, curve = SLOPE_T + l * LAYER;
        for (let i = 0; i < LAYER; i += 16) {
          const d = v128.load(into + i), s = v128.load(slope + i);
          v128.store(into + i, f32x4.mul(d, s));
          v128.store(into_t + i, ma(v128.load(into_t + i), s, f32x4.mul(d, v128.load(curve + i))));
        }
        const before = from, before_t = from_t;
        from = into; from_t = into_t;
        into = before; into_t = before_t;
      }
      gather(W, from_t, width, 0);
      gather(W + (width << 2), from_t, width, 32);
    } else {
      activateBoth(SLOPE, SLOPE_T);
      gather(back, HIDDEN_T, width, 0);
      gather(back + (width << 2), HIDDEN_T, width, 32);
    }
    const none0 = nothing(px0, py0), none1 = nothing(px1, py1);
    const hx0 = f32x4.sub(f32x4.mul(v128.load(OUT), pull0), f32x4.mul(tx0, by0));
    const hx1 = f32x4.sub(f32x4.mul(v128.load(OUT, 16), pull1), f32x4.mul(tx1, by1));
    const hy0 = f32x4.sub(f32x4.mul(v128.load(OUT, 32), pull0), f32x4.mul(ty0, by0));
    const hy1 = f32x4.sub(f32x4.mul(v128.load(OUT, 48), pull1), f32x4.mul(ty1, by1));
    put(out, f32x4.add(hx0, none0), f32x4.add(hy0, none0));
    put(out + 32, f32x4.add(hx1, none1), f32x4.add(hy1, none1));
  }
}
