import { exp4, ma, nothing, OUT, put, splat, xs, ys } from "./lanes";

// Gaussian mixtures. At mix: i32 groups, parts, clusters, f32 the last sigma; then of each group f32 origin 2, axes 4,
// variances 2, at this sigma -1/2 the precisions 2, the log norm and whether it is narrow, largest |centre| 2, largest log
// weight, 1 to fill up; and of each of its parts log weight, centre 2, at this sigma log weight + log norm, and that less
// half the square distance from the origin.
//
// Then clusters, the first of all groups: i32 of its two halves, offsets from mix (0, group's offset for a single group);
// f32 centre 2, half-widths 2 of the box of its parts' means, log weight, largest variance, smallest variance, radius; at
// this sigma the log of its largest possible density, -1/2 the smallest precision, the largest square distance of its
// series (-1: it has none), the series' log norm, 2 to fill up; moments about the centre [i + j <= 8] in radii, and, at
// this sigma, the series' coefficients. SIZE bytes in all.
//
// Far from a cluster, measured in sigma, its density is a short series of Hermite polynomials about its centre, whatever
// it is made of: Greengard and Strain 1991, "The fast Gauss transform", doi:10.1137/0912004. Elsewhere its halves are
// asked, and a single group's parts at last. A cluster that adds less than float32 sees is left out.

const FAR: f32 = 20; // nats below the largest so far: left out
const LOWEST: f32 = -3e38;
const LOG_2PI: f32 = 1.8378770664093453;
const DEGREE = 8;
const TERMS = 45; // (DEGREE + 1)(DEGREE + 2)/2
// A cluster has a series where its radius, in sigma, is below NARROW, and its product with the distance below REACH: nine
// terms are then within 5e-7 of any masses in it.
const NARROW: f32 = 0.3, REACH: f32 = 0.8;
const SPREAD: f32 = 2; // nats between parts of a group, up to which they are compared with its origin and not among each other

const HEAD = 16, GROUP = 64, PART = 20, CLUSTER = 64, SERIES = CLUSTER + TERMS * 4, SIZE = 432;

const LOGITS = memory.data(64 * 16, 16); // a group has at most 64 parts
const HERMITE_X = memory.data((DEGREE + 1) * 16, 16), HERMITE_Y = memory.data((DEGREE + 1) * 16, 16);
const STACK = memory.data(64 * 4, 16); // offsets of clusters still to be asked

let u: v128 = f32x4.splat(0), v: v128 = f32x4.splat(0); // 4 points in a group's own axes
let top: v128 = f32x4.splat(0), total: v128 = f32x4.splat(0), gx: v128 = f32x4.splat(0), gy: v128 = f32x4.splat(0);
let tx: v128 = f32x4.splat(0), ty: v128 = f32x4.splat(0); // their directions,
let sx: v128 = f32x4.splat(0), sy: v128 = f32x4.splat(0); // scores,
let hx: v128 = f32x4.splat(0), hy: v128 = f32x4.splat(0); // and the sums of the Hessian times the direction

// What depends on the noise level alone.
function prepare(mix: usize, sigma: f32): void {
  if (load<f32>(mix, 12) == sigma) return;
  store<f32>(mix, sigma, 12);
  const parts = load<i32>(mix, 4), variance = sigma * sigma;
  let p = mix + HEAD;
  for (let g = load<i32>(mix); g > 0; g--) {
    const a = load<f32>(p, 24) + variance, b = load<f32>(p, 28) + variance, norm: f32 = -0.5 * Mathf.log(a * b) - LOG_2PI;
    store<f32>(p, -0.5 / a, 32); store<f32>(p, -0.5 / b, 36); store<f32>(p, norm, 40);
    const reach_u = load<f32>(p, 48), reach_v = load<f32>(p, 52), square = reach_u * reach_u / a + reach_v * reach_v / b;
    store<f32>(p, square < 4 ? 1 : 0, 44);
    p += GROUP;
    for (let end = p + PART * parts; p < end; p += PART) {
      const logit = load<f32>(p) + norm, cu = load<f32>(p, 4), cv = load<f32>(p, 8);
      store<f32>(p, logit, 12);
      store<f32>(p, logit - 0.5 * (cu * cu / a + cv * cv / b), 16);
    }
  }
  for (let c = load<i32>(mix, 8); c > 0; c--, p += SIZE) {
    const weight = load<f32>(p, 24), most = load<f32>(p, 28) + variance, least = load<f32>(p, 32) + variance;
    const radius = load<f32>(p, 36), ratio = radius / sigma;
    store<f32>(p, weight - Mathf.log(least) - LOG_2PI, 40); store<f32>(p, -0.5 / most, 44); store<f32>(p, -1, 48);
    if (!load<i32>(p) || ratio > NARROW) continue;
    store<f32>(p, variance * REACH * REACH / (ratio * ratio), 48);
    store<f32>(p, weight - Mathf.log(variance) - LOG_2PI, 52);
    let power: f32 = 1;
    for (let j = 0, m = p + CLUSTER; j <= DEGREE; j++) {
      let each = power;
      for (let i = 0; i <= DEGREE - j; i++, m += 4) {
        store<f32>(m, load<f32>(m) * each, TERMS * 4);
        each *= ratio;
      }
      power *= ratio;
    }
  }
}

// 4 points in a group's own axes; whether any part may be above `least` at any of them.
// @ts-ignore: decorator
@inline function near(p: usize, x: v128, y: v128, least: v128): bool {
  const x1 = f32x4.sub(x, splat(p)), x2 = f32x4.sub(y, splat(p + 4)), zero = f32x4.splat(0);
  u = ma(splat(p + 8), x1, f32x4.mul(splat(p + 12), x2));
  v = ma(splat(p + 16), x1, f32x4.mul(splat(p + 20), x2));
  const out_u = f32x4.pmax(f32x4.sub(f32x4.abs(u), splat(p + 48)), zero);
  const out_v = f32x4.pmax(f32x4.sub(f32x4.abs(v), splat(p + 52)), zero);
  const most = f32x4.add(splat(p + 40), splat(p + 56));
  const nearest = ma(f32x4.mul(out_u, out_u), splat(p + 32), ma(f32x4.mul(out_v, out_v), splat(p + 36), most));
  return v128.any_true(f32x4.gt(nearest, least));
}

// The parts' logits there into LOGITS, and the largest.
function logits(p: usize, parts: i32): v128 {
  const pu = splat(p + 32), pv = splat(p + 36), at_u = u, at_v = v;
  let high = f32x4.splat(LOWEST);
  for (let q = p + GROUP, l = LOGITS, end = q + PART * parts; q < end; q += PART, l += 16) {
    const du = f32x4.sub(at_u, splat(q + 4)), dv = f32x4.sub(at_v, splat(q + 8));
    const logit = ma(f32x4.mul(du, du), pu, ma(f32x4.mul(dv, dv), pv, splat(q + 12)));
    v128.store(l, logit);
    high = f32x4.pmax(high, logit);
  }
  return high;
}

// One group's part in the running log-sum-exp, and in the sums of the gradient.
function group(p: usize, parts: i32, x: v128, y: v128, least: v128): void {
  if (!near(p, x, y, least)) return;
  const two = f32x4.splat(2), pu = f32x4.mul(two, splat(p + 32)), pv = f32x4.mul(two, splat(p + 36));
  const from = p + GROUP, end = from + PART * parts, at_u = u, at_v = v, tu = f32x4.mul(pu, at_u), tv = f32x4.mul(pv, at_v);
  let mass = f32x4.splat(0), mu = mass, mv = mass, now: v128;
  const spread = ma(f32x4.abs(tu), splat(p + 48), f32x4.mul(f32x4.abs(tv), splat(p + 52)));
  if (load<f32>(p, 44) && !v128.any_true(f32x4.gt(spread, f32x4.splat(SPREAD)))) {
    const origin = ma(f32x4.mul(at_u, at_u), splat(p + 32), f32x4.mul(f32x4.mul(at_v, at_v), splat(p + 36)));
    now = f32x4.pmax(top, f32x4.add(origin, f32x4.add(splat(p + 40), splat(p + 56))));
    const less = f32x4.sub(origin, now);
    for (let q = from; q < end; q += PART) {
      const cu = splat(q + 4), cv = splat(q + 8);
      const r = exp4(f32x4.sub(f32x4.add(splat(q + 16), less), ma(tu, cu, f32x4.mul(tv, cv))));
      mass = f32x4.add(mass, r);
      mu = ma(r, cu, mu);
      mv = ma(r, cv, mv);
    }
    mu = f32x4.sub(f32x4.mul(at_u, mass), mu);
    mv = f32x4.sub(f32x4.mul(at_v, mass), mv);
  } else {
    const high = logits(p, parts);
    if (!v128.any_true(f32x4.gt(high, least))) return;
    now = f32x4.pmax(top, high);
    for (let q = from, l = LOGITS; q < end; q += PART, l += 16) {
      const r = exp4(f32x4.sub(v128.load(l), now));
      mass = f32x4.add(mass, r);
      mu = ma(r, f32x4.sub(at_u, splat(q + 4)), mu);
      mv = ma(r, f32x4.sub(at_v, splat(q + 8)), mv);
    }
  }
  const shrink = exp4(f32x4.sub(top, now)), pull_u = f32x4.mul(pu, mu), pull_v = f32x4.mul(pv, mv);
  top = now;
  total = ma(total, shrink, mass);
  gx = ma(gx, shrink, ma(splat(p + 8), pull_u, f32x4.mul(splat(p + 16), pull_v)));
  gy = ma(gy, shrink, ma(splat(p + 12), pull_u, f32x4.mul(splat(p + 20), pull_v)));
}

// One group's part in the sums of the Hessian times the direction t: r ((g - s)((g - s) t) - P t), g a part's own score.
function groupBend(p: usize, parts: i32, x: v128, y: v128, least: v128): void {
  if (!near(p, x, y, least) || !v128.any_true(f32x4.gt(logits(p, parts), least))) return;
  const a11 = splat(p + 8), a12 = splat(p + 12), a21 = splat(p + 16), a22 = splat(p + 20), minus = f32x4.splat(-2);
  const pu = f32x4.mul(minus, splat(p + 32)), pv = f32x4.mul(minus, splat(p + 36)), at_u = u, at_v = v;
  const tu = ma(a11, tx, f32x4.mul(a12, ty)), tv = ma(a21, tx, f32x4.mul(a22, ty));
  const su = ma(a11, sx, f32x4.mul(a12, sy)), sv = ma(a21, sx, f32x4.mul(a22, sy));
  let mu = f32x4.splat(0), mv = mu;
  for (let q = p + GROUP, l = LOGITS, end = q + PART * parts; q < end; q += PART, l += 16) {
    const r = exp4(f32x4.sub(v128.load(l), top));
    const du = ma(pu, f32x4.sub(at_u, splat(q + 4)), su), dv = ma(pv, f32x4.sub(at_v, splat(q + 8)), sv); // s - g
    const dot = f32x4.mul(r, ma(du, tu, f32x4.mul(dv, tv)));
    mu = ma(dot, du, f32x4.sub(mu, f32x4.mul(r, f32x4.mul(pu, tu))));
    mv = ma(dot, dv, f32x4.sub(mv, f32x4.mul(r, f32x4.mul(pv, tv))));
  }
  hx = f32x4.add(hx, ma(a11, mu, f32x4.mul(a21, mv)));
  hy = f32x4.add(hy, ma(a12, mu, f32x4.mul(a22, mv)));
}

// He_k(z)/k! for k = 0 to DEGREE.
// @ts-ignore: decorator
@inline function hermite(z: v128, out: usize): void {
  let before = f32x4.splat(1), now = z;
  v128.store(out, before);
  v128.store(out, now, 16);
  for (let k = 2; k <= DEGREE; k++) {
    out += 16;
    const next = f32x4.mul(f32x4.sub(f32x4.mul(z, now), before), f32x4.splat(<f32>1 / <f32>k));
    before = now;
    now = next;
    v128.store(out, now, 16);
  }
}

// A narrow cluster's part in the same sums, by its series at (dx, dy) from its centre.
function series(c: usize, dx: v128, dy: v128, inverse: v128): void {
  const zx = f32x4.mul(dx, inverse), zy = f32x4.mul(dy, inverse), zero = f32x4.splat(0);
  hermite(zx, HERMITE_X);
  hermite(zy, HERMITE_Y);
  let sum = zero, along_x = zero, along_y = zero, below = zero;
  for (let j = 0, m = c + SERIES, h = HERMITE_Y; j <= DEGREE; j++, h += 16) {
    let row = splat(m), slope = zero, before = f32x4.splat(1);
    m += 4;
    for (let p = HERMITE_X + 16, end = HERMITE_X + ((DEGREE - j) << 4); p <= end; p += 16, m += 4) {
      const s = splat(m), now = v128.load(p);
      row = ma(s, now, row);
      slope = ma(s, before, slope);
      before = now;
    }
    const now = v128.load(h);
    sum = ma(row, now, sum);
    along_x = ma(slope, now, along_x);
    along_y = ma(row, below, along_y);
    below = now;
  }
  const logit = ma(f32x4.splat(-0.5), ma(zx, zx, f32x4.mul(zy, zy)), splat(c + 52));
  const now = f32x4.pmax(top, logit), shrink = exp4(f32x4.sub(top, now)), r = exp4(f32x4.sub(logit, now));
  top = now;
  total = ma(total, shrink, f32x4.mul(r, sum));
  gx = ma(gx, shrink, f32x4.mul(f32x4.mul(r, inverse), f32x4.sub(along_x, f32x4.mul(zx, sum))));
  gy = ma(gy, shrink, f32x4.mul(f32x4.mul(r, inverse), f32x4.sub(along_y, f32x4.mul(zy, sum))));
}

// A narrow cluster's part in them: r ((g - s)((g - s) t) + H t), with the gradient g and the Hessian H of its log-density.
function seriesBend(c: usize, dx: v128, dy: v128, inverse: v128): void {
  const zx = f32x4.mul(dx, inverse), zy = f32x4.mul(dy, inverse), zero = f32x4.splat(0), one = f32x4.splat(1);
  hermite(zx, HERMITE_X);
  hermite(zy, HERMITE_Y);
  let sum = zero, along_x = zero, along_y = zero, xx = zero, xy = zero, yy = zero, below = zero, lower = zero;
  for (let j = 0, m = c + SERIES, h = HERMITE_Y; j <= DEGREE; j++, h += 16) {
    let row = splat(m), slope = zero, curve = zero, before = one, earlier = zero;
    m += 4;
    for (let p = HERMITE_X + 16, end = HERMITE_X + ((DEGREE - j) << 4); p <= end; p += 16, m += 4) {
      const s = splat(m), now = v128.load(p);
      row = ma(s, now, row);
      slope = ma(s, before, slope);
      curve = ma(s, earlier, curve);
      earlier = before;
      before = now;
    }
    const now = v128.load(h);
    sum = ma(row, now, sum);
    along_x = ma(slope, now, along_x);
    along_y = ma(row, below, along_y);
    xx = ma(curve, now, xx);
    xy = ma(slope, below, xy);
    yy = ma(row, lower, yy);
    lower = below;
    below = now;
  }
  const logit = ma(f32x4.splat(-0.5), ma(zx, zx, f32x4.mul(zy, zy)), splat(c + 52)), per = f32x4.div(one, sum);
  const r = f32x4.mul(exp4(f32x4.sub(logit, top)), sum), ax = f32x4.mul(along_x, per), ay = f32x4.mul(along_y, per);
  const ux = ma(f32x4.sub(zx, ax), inverse, sx), uy = ma(f32x4.sub(zy, ay), inverse, sy); // s - g
  const dot = ma(ux, tx, f32x4.mul(uy, ty)), scale = f32x4.mul(inverse, inverse);
  const bxx = f32x4.sub(f32x4.sub(f32x4.mul(xx, per), f32x4.mul(ax, ax)), one);
  const byy = f32x4.sub(f32x4.sub(f32x4.mul(yy, per), f32x4.mul(ay, ay)), one);
  const bxy = f32x4.sub(f32x4.mul(xy, per), f32x4.mul(ax, ay));
  hx = ma(r, ma(dot, ux, f32x4.mul(scale, ma(bxx, tx, f32x4.mul(bxy, ty)))), hx);
  hy = ma(r, ma(dot, uy, f32x4.mul(scale, ma(bxy, tx, f32x4.mul(byy, ty)))), hy);
}

// @ts-ignore: decorator
@inline function distance(c: usize, x: v128, y: v128): v128 {
  const dx = f32x4.sub(x, splat(c + 8)), dy = f32x4.sub(y, splat(c + 12));
  return ma(dx, dx, f32x4.mul(dy, dy));
}

// All that 4 points see into the running log-sum-exp and the sums of the gradient, or, once these are known, into those of
// the Hessian. Clusters that most points are nearer to come first.
function everything(mix: usize, x: v128, y: v128, inverse: v128, bend: bool): void {
  const parts = load<i32>(mix, 4), zero = f32x4.splat(0), far = f32x4.splat(FAR);
  if (!bend) {
    top = f32x4.splat(LOWEST);
    total = gx = gy = zero;
  }
  store<i32>(STACK, HEAD + load<i32>(mix) * (GROUP + PART * parts));
  for (let next = STACK + 4; next > STACK; ) {
    next -= 4;
    const c = mix + load<i32>(next), half = load<i32>(c), least = f32x4.sub(top, far);
    const dx = f32x4.sub(x, splat(c + 8)), dy = f32x4.sub(y, splat(c + 12));
    const out_x = f32x4.pmax(f32x4.sub(f32x4.abs(dx), splat(c + 16)), zero);
    const out_y = f32x4.pmax(f32x4.sub(f32x4.abs(dy), splat(c + 20)), zero);
    const bound = ma(ma(out_x, out_x, f32x4.mul(out_y, out_y)), splat(c + 44), splat(c + 40));
    if (!v128.any_true(f32x4.gt(bound, least))) continue;
    if (!half) {
      if (bend) groupBend(mix + load<i32>(c, 4), parts, x, y, least);
      else group(mix + load<i32>(c, 4), parts, x, y, least);
      continue;
    }
    if (load<f32>(c, 48) > 0 && !v128.any_true(f32x4.gt(ma(dx, dx, f32x4.mul(dy, dy)), splat(c + 48)))) {
      if (bend) seriesBend(c, dx, dy, inverse);
      else series(c, dx, dy, inverse);
      continue;
    }
    const other = load<i32>(c, 4);
    const first = popcnt(i32x4.bitmask(f32x4.lt(distance(mix + half, x, y), distance(mix + other, x, y)))) > 1;
    store<i32>(next, first ? other : half);
    store<i32>(next, first ? half : other, 4);
    next += 8;
  }
}

// What 4 points see, each at a noise level of its own, into the same sums: part by part, since no cluster has a series then.
// A group's norm goes into its masses, and nothing that is within what norms may differ by is left out.
function oneByOne(mix: usize, x: v128, y: v128, sigma: v128): void {
  const parts = load<i32>(mix, 4), half = f32x4.splat(-0.5), one = f32x4.splat(1), two = f32x4.splat(2), variance = f32x4.mul(sigma, sigma);
  top = f32x4.splat(LOWEST);
  total = gx = gy = f32x4.splat(0);
  let p = mix + HEAD;
  for (let g = load<i32>(mix); g > 0; g--) {
    const a = f32x4.add(splat(p + 24), variance), b = f32x4.add(splat(p + 28), variance), pa = f32x4.div(half, a), pb = f32x4.div(half, b);
    const x1 = f32x4.sub(x, splat(p)), x2 = f32x4.sub(y, splat(p + 4)), from = p + GROUP, end = from + PART * parts;
    const at_u = ma(splat(p + 8), x1, f32x4.mul(splat(p + 12), x2)), at_v = ma(splat(p + 16), x1, f32x4.mul(splat(p + 20), x2));
    let high = f32x4.splat(LOWEST), mass = f32x4.splat(0), mu = mass, mv = mass;
    for (let q = from, l = LOGITS; q < end; q += PART, l += 16) {
      const du = f32x4.sub(at_u, splat(q + 4)), dv = f32x4.sub(at_v, splat(q + 8));
      const logit = ma(f32x4.mul(du, du), pa, ma(f32x4.mul(dv, dv), pb, splat(q)));
      v128.store(l, logit);
      high = f32x4.pmax(high, logit);
    }
    const now = f32x4.pmax(top, high), norm = f32x4.div(one, f32x4.sqrt(f32x4.mul(a, b)));
    if (v128.any_true(f32x4.gt(high, f32x4.sub(top, f32x4.splat(2 * FAR))))) {
      for (let q = from, l = LOGITS; q < end; q += PART, l += 16) {
        const r = exp4(f32x4.sub(v128.load(l), now));
        mass = f32x4.add(mass, r);
        mu = ma(r, f32x4.sub(at_u, splat(q + 4)), mu);
        mv = ma(r, f32x4.sub(at_v, splat(q + 8)), mv);
      }
      const shrink = exp4(f32x4.sub(top, now)), scale = f32x4.mul(two, norm);
      const pull_u = f32x4.mul(f32x4.mul(pa, scale), mu), pull_v = f32x4.mul(f32x4.mul(pb, scale), mv);
      top = now;
      total = ma(total, shrink, f32x4.mul(norm, mass));
      gx = ma(gx, shrink, ma(splat(p + 8), pull_u, f32x4.mul(splat(p + 16), pull_v)));
      gy = ma(gy, shrink, ma(splat(p + 12), pull_u, f32x4.mul(splat(p + 20), pull_v)));
    }
    p = end;
  }
  top = f32x4.sub(top, f32x4.splat(LOG_2PI));
}

/**
 * Scores [n, 2] and logs of the density [n]; each where its place is not 0. Where `levels` is not 0, each point has a noise
 * level of its own there, [n].
 */
export function mixture(mix: usize, x: usize, n: i32, sigma: f32, levels: usize, scores: usize, logs: usize): void {
  if (!levels) prepare(mix, sigma);
  const inverse = f32x4.splat(1 / sigma);
  for (let end = x + (n << 3); x < end; x += 32) {
    const px = xs(x), py = ys(x), none = nothing(px, py);
    if (levels) {
      oneByOne(mix, px, py, v128.load(levels));
      levels += 16;
    } else everything(mix, px, py, inverse, false);
    if (scores) {
      put(scores, f32x4.add(f32x4.div(gx, total), none), f32x4.add(f32x4.div(gy, total), none));
      scores += 32;
    }
    if (logs) {
      v128.store(OUT, total);
      for (let i = OUT; i < OUT + 16; i += 4) store<f32>(i, Mathf.log(load<f32>(i)));
      v128.store(logs, f32x4.add(f32x4.add(top, v128.load(OUT)), none));
      logs += 16;
    }
  }
}

/** The Hessian of log p times each point's direction, [n, 2]: that of each part, and the spread of the parts' scores. */
export function mixtureJvp(mix: usize, x: usize, along: usize, n: i32, sigma: f32, out: usize): void {
  prepare(mix, sigma);
  const inverse = f32x4.splat(1 / sigma);
  for (let end = x + (n << 3); x < end; x += 32, along += 32, out += 32) {
    const px = xs(x), py = ys(x), none = nothing(px, py);
    everything(mix, px, py, inverse, false);
    tx = xs(along);
    ty = ys(along);
    sx = f32x4.div(gx, total);
    sy = f32x4.div(gy, total);
    hx = hy = f32x4.splat(0);
    everything(mix, px, py, inverse, true);
    put(out, f32x4.add(f32x4.div(hx, total), none), f32x4.add(f32x4.div(hy, total), none));
  }
}

/** Posterior probability of each group, [n, groups]; 0 below the smallest that float32 has. */
export function mixturePosterior(mix: usize, x: usize, n: i32, sigma: f32, out: usize): void {
  prepare(mix, sigma);
  const groups = load<i32>(mix), parts = load<i32>(mix, 4), size = GROUP + PART * parts, row = groups << 2;
  const inverse = f32x4.splat(1 / sigma), smallest = f32x4.splat(87);
  for (let end = x + (n << 3); x < end; x += 32, out += 3 * row) {
    const px = xs(x), py = ys(x), none = nothing(px, py);
    everything(mix, px, py, inverse, false);
    const least = f32x4.sub(top, smallest), share = f32x4.div(f32x4.splat(1), total);
    for (let g = 0, p = mix + HEAD; g < groups; g++, p += size, out += 4) {
      let mass = none;
      if (near(p, px, py, least)) {
        logits(p, parts);
        for (let l = LOGITS; l < LOGITS + (parts << 4); l += 16) mass = ma(exp4(f32x4.sub(v128.load(l), top)), share, mass);
      }
      store<f32>(out, f32x4.extract_lane(mass, 0));
      store<f32>(out + row, f32x4.extract_lane(mass, 1));
      store<f32>(out + 2 * row, f32x4.extract_lane(mass, 2));
      store<f32>(out + 3 * row, f32x4.extract_lane(mass, 3));
    }
  }
}
