// Time, and where every particle is. t is the continuous step index: 0 at sigma_max, steps at sigma 0. Inside a step sigma,
// and with it every particle, moves linearly in t: motion on the screen is the solver's own step, never an invented path.

export function sigmaAt(sigmas, t) {
  const last = sigmas.length - 1;
  const i = Math.min(Math.max(Math.floor(t), 0), last - 1);
  const f = Math.min(Math.max(t - i, 0), 1);
  return sigmas[i] + (sigmas[i + 1] - sigmas[i]) * f;
}

export function timeAt(sigmas, sigma) {
  const last = sigmas.length - 1;
  if (sigma >= sigmas[0]) return 0;
  if (sigma <= sigmas[last]) return last;
  let lo = 0;
  let hi = last;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (sigmas[mid] >= sigma) lo = mid;
    else hi = mid;
  }
  return lo + (sigmas[lo] - sigma) / (sigmas[lo] - sigmas[hi]);
}

// The scrub bar is logarithmic down to sigma_min; the last step, to 0, gets the remaining TAIL of it.
export const TAIL = 0.07;

export function barAt(sigma, sigmaMax, sigmaMin) {
  if (sigma <= sigmaMin) return 1 - TAIL * Math.max(0, sigma / sigmaMin);
  return (1 - TAIL) * (Math.log(sigmaMax / Math.min(sigma, sigmaMax)) / Math.log(sigmaMax / sigmaMin));
}

export function sigmaAtBar(u, sigmaMax, sigmaMin) {
  if (u >= 1 - TAIL) return sigmaMin * Math.max(0, (1 - u) / TAIL);
  return sigmaMax * (sigmaMin / sigmaMax) ** (Math.max(0, u) / (1 - TAIL));
}

// Positions travel divided by sqrt(sigma^2 + sigma_data^2), so that 16 bits are as fine at sigma 0 as they need to be.
// Those that were computed here are positions already.
export function decodeFrames({ data, shape, lo, hi }, sigmas, sigmaData) {
  const [frames, n] = shape;
  if (lo === undefined) return { x: tame(data), n, steps: frames - 1 };
  const x = new Float32Array(data.length);
  for (let i = 0; i < frames; i++) {
    const root = Math.sqrt(sigmas[i] * sigmas[i] + sigmaData * sigmaData);
    const step = ((hi - lo) / 65535) * root;
    const base = lo * root;
    for (let k = i * n * 2, end = k + n * 2; k < end; k++) x[k] = data[k] * step + base;
  }
  return { x, n, steps: frames - 1 };
}

// Runaway particles are held far off every screen.
const FAR = 1e4;
function tame(data) {
  const x = Float32Array.from(data);
  for (let k = 0; k < x.length; k++) if (!(Math.abs(x[k]) <= FAR)) x[k] = x[k] < 0 ? -FAR : FAR;
  return x;
}

export function positionAt({ x, n, steps }, t, particle) {
  const i = Math.min(Math.max(Math.floor(t), 0), steps - 1);
  const f = Math.min(Math.max(t - i, 0), 1);
  const a = (i * n + particle) * 2;
  const b = a + n * 2;
  return [x[a] + f * (x[b] - x[a]), x[a + 1] + f * (x[b + 1] - x[a + 1])];
}

// All particles at t, written into `out` (2n), so that a frame allocates nothing.
export function positionsAt({ x, n, steps }, t, out) {
  const i = Math.min(Math.max(Math.floor(t), 0), steps - 1);
  const f = Math.min(Math.max(t - i, 0), 1);
  const a = i * n * 2;
  const b = a + n * 2;
  for (let k = 0, end = n * 2; k < end; k++) out[k] = x[a + k] + f * (x[b + k] - x[a + k]);
  return out;
}

// Standard normal pairs from a small seeded generator (mulberry32, Box-Muller): the forward process must dissolve the same
// way every time it is played.
export function gaussians(count, seed = 1) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

// Forward process x0 + sigma * eps.
export function forwardAt(x0, eps, sigma, out) {
  for (let k = 0; k < x0.length; k++) out[k] = x0[k] + sigma * eps[k];
  return out;
}

export function nearest(points, n, x, y, reach) {
  let best = -1;
  let bestSquare = reach * reach;
  for (let p = 0; p < n; p++) {
    const dx = points[2 * p] - x;
    const dy = points[2 * p + 1] - y;
    const square = dx * dx + dy * dy;
    if (square < bestSquare) {
      bestSquare = square;
      best = p;
    }
  }
  return best;
}

// The particles of both sides as a pack brings them.
export function readFrames({ sigmas, id, quality, sigma_data }, arrays) {
  const frames = { id, quality, sigmas, n: 0, slots: {}, outside: {}, gain: {} };
  for (const slot of ["left", "right"]) {
    const positions = arrays[`${slot}.positions`];
    if (!positions) continue;
    frames.slots[slot] = decodeFrames(positions, sigmas, sigma_data ?? 0.5);
    frames.outside[slot] = arrays[`${slot}.outside`] ?? null;
    frames.gain[slot] = arrays[`${slot}.branch_gain`]?.data ?? null;
    frames.n = frames.slots[slot].n;
  }
  return frames;
}

// Flags of particles on their way, which come after the picture, if that is still the one that view `v` shows.
export function takeFlags(v, id, arrays) {
  if (v?.frames?.id !== id) return;
  for (const [name, flags] of Object.entries(arrays)) v.frames.outside[name.split(".")[0]] = flags;
  v.redraw("dots");
}

// True samples, and the noise that the forward process adds to them.
export function readTruth({ data }) {
  return { x0: data, n: data.length / 2, points: new Float32Array(data.length), eps: gaussians(data.length, 7), matched: false };
}

// Where the start is said to be these very samples plus noise, that noise joins forward process and ODE without a seam.
export function matchNoise(truth, start, sigma) {
  if (!truth || !start || start.n !== truth.n) return;
  for (let k = 0; k < truth.x0.length; k++) truth.eps[k] = (start.x[k] - truth.x0[k]) / sigma;
  truth.matched = true;
}
