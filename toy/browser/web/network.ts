import { exp4, ma, nothing, OUT, put, splat, xs, ys } from "./lanes";

// Networks. At net: i32 width, f32 gain, i32 depth, i32 units, f32 share of the gain that a denoiser takes (0: it predicts no
// vector but an energy; negative: the score), 12 bytes to fill up; then f32: the first layer's rows x, y, log sigma,
// bias [4, width]; `depth` layers [in, out] over SiLU's gain; then the same transposed, or the rows of the last
// layer of two outputs [2, width], over SiLU's gain too. Width is a multiple of 4: units that fill it up have no weights.

let ACT: usize, HIDDEN: usize, SLOPE: usize, ACT_T: usize, HIDDEN_T: usize, SLOPE_T: usize, LAYER: i32;

// @ts-ignore: decorator
@inline const WEIGHTS = 32;

// Where activations are kept: 4 + 2 depth arrays of 8 points times width.
function workspace(net: usize, work: usize): void {
  LAYER = load<i32>(net) << 5;
  const slopes = LAYER * load<i32>(net, 8);
  ACT = work; HIDDEN = ACT + LAYER; ACT_T = HIDDEN + LAYER; HIDDEN_T = ACT_T + LAYER;
  SLOPE = HIDDEN_T + LAYER; SLOPE_T = SLOPE + slopes;
}

// out[j][8] = sum_i w[i][j] h[i][8]
function product(w: usize, h: usize, out: usize, n: i32): void {
  for (let j = 0; j < n; j += 4) {
    let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    let wp = w + (j << 2), hp = h;
    for (let i = 0; i < n; i++) {
      const x0 = v128.load(hp), x1 = v128.load(hp, 16);
      let s = v128.load32_splat(wp); a0 = ma(s, x0, a0); a1 = ma(s, x1, a1);
      s = v128.load32_splat(wp, 4); b0 = ma(s, x0, b0); b1 = ma(s, x1, b1);
      s = v128.load32_splat(wp, 8); c0 = ma(s, x0, c0); c1 = ma(s, x1, c1);
      s = v128.load32_splat(wp, 12); d0 = ma(s, x0, d0); d1 = ma(s, x1, d1);
      wp += n << 2; hp += 32;
    }
    const op = out + (j << 5);
    v128.store(op, a0); v128.store(op, a1, 16); v128.store(op, b0, 32); v128.store(op, b1, 48);
    v128.store(op, c0, 64); v128.store(op, c1, 80); v128.store(op, d0, 96); v128.store(op, d1, 112);
  }
}

// into[i][8] = x w_x[i] + y w_y[i] + level w_level[i] + bias[i]; of directions without the last two
function enter(net: usize, x0: v128, x1: v128, y0: v128, y1: v128, level: f32, bias: f32, into: usize): void {
  const n = load<i32>(net), row = n << 2;
  for (let i = 0, p = net + WEIGHTS, a = into; i < n; i++, p += 4, a += 32) {
    const wx = splat(p), wy = splat(p + row), b = f32x4.splat(load<f32>(p + 2 * row) * level + load<f32>(p + 3 * row) * bias);
    v128.store(a, ma(wx, x0, ma(wy, y0, b)));
    v128.store(a, ma(wx, x1, ma(wy, y1, b)), 16);
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
  v128.store(OUT + at, g0);
  v128.store(OUT + at, g1, 16);
}

// SiLU of a layer and its slopes; of the tangents too, and the slopes' own.
function activate(slope: usize): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < LAYER; i += 16) {
    const a = v128.load(ACT + i), s = f32x4.div(one, f32x4.add(one, exp4(f32x4.pmin(f32x4.neg(a), f32x4.splat(80))))), h = f32x4.mul(a, s);
    v128.store(HIDDEN + i, h);
    v128.store(slope + i, ma(f32x4.sub(one, s), h, s));
  }
}

function activateBoth(slope: usize, curve: usize): void {
  const one = f32x4.splat(1), two = f32x4.splat(2);
  for (let i = 0; i < LAYER; i += 16) {
    const a = v128.load(ACT + i), t = v128.load(ACT_T + i);
    const s = f32x4.div(one, f32x4.add(one, exp4(f32x4.pmin(f32x4.neg(a), f32x4.splat(80))))), h = f32x4.mul(a, s), rest = f32x4.sub(one, s);
    const first = ma(rest, h, s), second = f32x4.mul(f32x4.mul(s, rest), ma(a, f32x4.sub(rest, s), two));
    v128.store(HIDDEN + i, h);
    v128.store(HIDDEN_T + i, f32x4.mul(first, t));
    v128.store(slope + i, first);
    v128.store(curve + i, f32x4.mul(second, t));
  }
}

// The factor on what the gradient of the squares, or the last layer of two outputs, gives.
// @ts-ignore: decorator
@inline function strength(net: usize, sigma: f32): f32 {
  const share = load<f32>(net, 16), gain = load<f32>(net, 4) / sigma;
  if (share < 0) return gain;
  const scale: f32 = 1 / Mathf.sqrt(sigma * sigma + 0.25);
  return share == 0 ? -2 * gain * scale / <f32>load<i32>(net, 12) : gain * share * scale;
}

/** Scores [n, 2] and logs of the density [n], up to a constant of each sigma; each where its place is not 0. */
export function network(net: usize, x: usize, n: i32, sigma: f32, scores: usize, logs: usize, work: usize): void {
  workspace(net, work);
  const width = load<i32>(net), depth = load<i32>(net, 8), units = <f32>load<i32>(net, 12), energy = load<f32>(net, 16) == 0;
  const square = (width * width) << 2, W = net + WEIGHTS, hidden = W + (width << 4), last = hidden + depth * square;
  const by = f32x4.splat(1 / Mathf.sqrt(sigma * sigma + 0.25)), level: f32 = Mathf.log(sigma) * 0.25, half = f32x4.splat(-0.5);
  const k = f32x4.splat(strength(net, sigma)), each = f32x4.splat(-load<f32>(net, 4) / sigma / units);
  for (let end = x + (n << 3); x < end; x += 64) {
    const px0 = xs(x), px1 = xs(x + 32), py0 = ys(x), py1 = ys(x + 32);
    const x0 = f32x4.mul(px0, by), x1 = f32x4.mul(px1, by), y0 = f32x4.mul(py0, by), y1 = f32x4.mul(py1, by);
    const none0 = nothing(px0, py0), none1 = nothing(px1, py1);
    enter(net, x0, x1, y0, y1, level, 1, ACT);
    for (let l = 0; l < depth; l++) {
      activate(SLOPE + l * LAYER);
      product(hidden + l * square, HIDDEN, ACT, width);
    }
    if (logs) {
      let e0 = f32x4.splat(0), e1 = e0;
      for (let a = ACT; a < ACT + LAYER; a += 32) {
        const h0 = v128.load(a), h1 = v128.load(a, 16);
        e0 = ma(h0, h0, e0); e1 = ma(h1, h1, e1);
      }
      e0 = f32x4.add(f32x4.mul(e0, each), f32x4.mul(half, ma(x0, x0, f32x4.mul(y0, y0))));
      e1 = f32x4.add(f32x4.mul(e1, each), f32x4.mul(half, ma(x1, x1, f32x4.mul(y1, y1))));
      v128.store(logs, f32x4.add(e0, none0));
      v128.store(logs, f32x4.add(e1, none1), 16);
      logs += 32;
    }
    if (!scores) continue;
    if (energy) {
      for (let l = depth - 1; l >= 0; l--) {
        product(last + l * square, ACT, HIDDEN, width);
        const slope = SLOPE + l * LAYER;
        for (let i = 0; i < LAYER; i += 16) v128.store(ACT + i, f32x4.mul(v128.load(HIDDEN + i), v128.load(slope + i)));
      }
      gather(W, ACT, width, 0);
      gather(W + (width << 2), ACT, width, 32);
    } else {
      activate(SLOPE);
      gather(last, HIDDEN, width, 0);
      gather(last + (width << 2), HIDDEN, width, 32);
    }
    const sx0 = f32x4.sub(f32x4.mul(v128.load(OUT), k), f32x4.mul(x0, by));
    const sx1 = f32x4.sub(f32x4.mul(v128.load(OUT, 16), k), f32x4.mul(x1, by));
    const sy0 = f32x4.sub(f32x4.mul(v128.load(OUT, 32), k), f32x4.mul(y0, by));
    const sy1 = f32x4.sub(f32x4.mul(v128.load(OUT, 48), k), f32x4.mul(y1, by));
    put(scores, f32x4.add(sx0, none0), f32x4.add(sy0, none0));
    put(scores + 32, f32x4.add(sx1, none1), f32x4.add(sy1, none1));
    scores += 64;
  }
}

/** The derivative of the score along each point's direction: tangents go through both passes. */
export function networkJvp(net: usize, x: usize, along: usize, n: i32, sigma: f32, out: usize, work: usize): void {
  workspace(net, work);
  const width = load<i32>(net), depth = load<i32>(net, 8), energy = load<f32>(net, 16) == 0;
  const square = (width * width) << 2, W = net + WEIGHTS, hidden = W + (width << 4), last = hidden + depth * square;
  const by = f32x4.splat(1 / Mathf.sqrt(sigma * sigma + 0.25)), level: f32 = Mathf.log(sigma) * 0.25;
  const k = f32x4.splat(strength(net, sigma));
  for (let end = x + (n << 3); x < end; x += 64, along += 64, out += 64) {
    const px0 = xs(x), px1 = xs(x + 32), py0 = ys(x), py1 = ys(x + 32);
    const tx0 = f32x4.mul(xs(along), by), tx1 = f32x4.mul(xs(along + 32), by);
    const ty0 = f32x4.mul(ys(along), by), ty1 = f32x4.mul(ys(along + 32), by);
    enter(net, f32x4.mul(px0, by), f32x4.mul(px1, by), f32x4.mul(py0, by), f32x4.mul(py1, by), level, 1, ACT);
    enter(net, tx0, tx1, ty0, ty1, 0, 0, ACT_T);
    for (let l = 0; l < depth; l++) {
      activateBoth(SLOPE + l * LAYER, SLOPE_T + l * LAYER);
      product(hidden + l * square, HIDDEN, ACT, width);
      product(hidden + l * square, HIDDEN_T, ACT_T, width);
    }
    if (energy) {
      for (let l = depth - 1; l >= 0; l--) {
        product(last + l * square, ACT, HIDDEN, width);
        product(last + l * square, ACT_T, HIDDEN_T, width);
        const slope = SLOPE + l * LAYER, curve = SLOPE_T + l * LAYER;
        for (let i = 0; i < LAYER; i += 16) {
          const d = v128.load(HIDDEN + i), s = v128.load(slope + i);
          v128.store(ACT + i, f32x4.mul(d, s));
          v128.store(ACT_T + i, ma(v128.load(HIDDEN_T + i), s, f32x4.mul(d, v128.load(curve + i))));
        }
      }
      gather(W, ACT_T, width, 0);
      gather(W + (width << 2), ACT_T, width, 32);
    } else {
      activateBoth(SLOPE, SLOPE_T);
      gather(last, HIDDEN_T, width, 0);
      gather(last + (width << 2), HIDDEN_T, width, 32);
    }
    const none0 = nothing(px0, py0), none1 = nothing(px1, py1);
    const hx0 = f32x4.sub(f32x4.mul(v128.load(OUT), k), f32x4.mul(tx0, by));
    const hx1 = f32x4.sub(f32x4.mul(v128.load(OUT, 16), k), f32x4.mul(tx1, by));
    const hy0 = f32x4.sub(f32x4.mul(v128.load(OUT, 32), k), f32x4.mul(ty0, by));
    const hy1 = f32x4.sub(f32x4.mul(v128.load(OUT, 48), k), f32x4.mul(ty1, by));
    put(out, f32x4.add(hx0, none0), f32x4.add(hy0, none0));
    put(out + 32, f32x4.add(hx1, none1), f32x4.add(hy1, none1));
  }
}
