// Runs programs (toy/browser/programs.py) over all points at once: no method is written here, only what JAX's primitives do.
//
// A value is {shape, data}: a typed array of all its numbers, or of one number that stands for all of them. What a program
// asks of its surroundings is in `env`: n, the number of points; offset, the index of the first among all workers' points;
// sizes, what other symbols of its dimensions are; and ask, with score, scoreJvp, logp, posterior, field, observe.

import { erfInv, threefry } from "./random.js";

const ARRAYS = { f: Float32Array, i: Int32Array, u: Uint32Array, b: Uint8Array, k: Uint32Array };
const KEY_WORDS = 2;
const product = (shape) => shape.reduce((a, b) => a * b, 1);
const first = ({ data }) => data[0];

export const scalar = (value, letter = "f") => ({ shape: [], data: ARRAYS[letter].of(value) });
export const vector = (values, letter = "f") => ({ shape: [values.length], data: ARRAYS[letter].from(values) });
export const points = (data) => ({ shape: [data.length / 2, 2], data });
export const keyOf = (words) => ({ shape: [], data: Uint32Array.from(words) });

// All numbers of a value, one by one.
export function whole({ shape, data }) {
  const size = product(shape);
  return data.length === size ? data : new data.constructor(size).fill(data[0]);
}

const strides = (shape) => shape.map((_, d) => product(shape.slice(d + 1)));

// A strided copy: what a broadcast, a slice and a window of an array are.
function strided(data, shape, steps, offset) {
  const out = new data.constructor(product(shape));
  const rank = shape.length;
  if (!rank) {
    out[0] = data[offset];
    return out;
  }
  const inner = shape[rank - 1];
  const step = steps[rank - 1];
  const at = new Array(rank).fill(0);
  for (let o = 0, from = offset; o < out.length; ) {
    for (let k = 0, f = from; k < inner; k++, f += step) out[o++] = data[f];
    for (let d = rank - 2; d >= 0; d--) {
      from += steps[d];
      if (++at[d] < shape[d]) break;
      from -= steps[d] * shape[d];
      at[d] = 0;
    }
  }
  return out;
}

function windowOf(value, starts, sizes, shape) {
  if (value.data.length === 1) return { shape, data: value.data };
  const own = strides(value.shape);
  const at = starts.map((s, d) => Math.max(0, Math.min(s, value.shape[d] - sizes[d])));
  return { shape, data: strided(value.data, sizes, own, at.reduce((sum, s, d) => sum + s * own[d], 0)) };
}

// --- Element by element: o from a and b, whose strides p and q are 0 (one number for all) or 1 ---------------------------

const ONE = {
  abs: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.abs(a[i]); },
  cos: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.cos(a[i]); },
  sin: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.sin(a[i]); },
  exp: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.exp(a[i]); },
  expm1: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.expm1(a[i]); },
  log: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.log(a[i]); },
  log1p: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.log1p(a[i]); },
  tanh: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.tanh(a[i]); },
  logistic: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = 1 / (1 + Math.exp(-a[i])); },
  neg: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = -a[i]; },
  sqrt: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.sqrt(a[i]); },
  rsqrt: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = 1 / Math.sqrt(a[i]); },
  square: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = a[i] * a[i]; },
  sign: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.sign(a[i]); },
  floor: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.floor(a[i]); },
  ceil: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.ceil(a[i]); },
  is_finite: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Number.isFinite(a[i]); },
  erf_inv: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = erfInv(a[i]); },
  not: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = o instanceof Uint8Array ? !a[i] : ~a[i]; },
}; // prettier-ignore
const TWO = {
  add: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] + b[i * q]; },
  sub: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] - b[i * q]; },
  mul: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] * b[i * q]; },
  div: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] / b[i * q]; },
  rem: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] % b[i * q]; },
  max: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = Math.max(a[i * p], b[i * q]); },
  min: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = Math.min(a[i * p], b[i * q]); },
  pow: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = Math.pow(a[i * p], b[i * q]); },
  atan2: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = Math.atan2(a[i * p], b[i * q]); },
  lt: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] < b[i * q]; },
  le: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] <= b[i * q]; },
  gt: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] > b[i * q]; },
  ge: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] >= b[i * q]; },
  eq: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] === b[i * q]; },
  ne: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] !== b[i * q]; },
  and: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] & b[i * q]; },
  or: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] | b[i * q]; },
  xor: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] ^ b[i * q]; },
  shift_right_logical: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] >>> b[i * q]; },
  shift_left: (o, a, p, b, q) => { for (let i = 0; i < o.length; i++) o[i] = a[i * p] << b[i * q]; },
}; // prettier-ignore
// In the order that these two take, NaN and -0 stand elsewhere: no program gives them one.
Object.assign(TWO, { add_any: TWO.add, lt_to: TWO.lt, le_to: TWO.le });

const elementwise = (loop) => ([a, b], [type]) => {
  const all = a.data.length > 1 || (b !== undefined && b.data.length > 1);
  const out = new type.Array(all ? product(type.shape) : 1);
  if (b === undefined) loop(out, a.data);
  else loop(out, a.data, a.data.length > 1 ? 1 : 0, b.data, b.data.length > 1 ? 1 : 0);
  return [{ shape: type.shape, data: out }];
};

// Over some axes: `start` for each result, then `join(so far, next)`.
const reduced = (start, join) => ([value], [type], { axes }) => {
  const data = whole(value);
  const out = new Float64Array(product(type.shape)).fill(start);
  const kept = value.shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const own = strides(value.shape);
  const to = strides(type.shape);
  if (!kept.length) for (const v of data) out[0] = join(out[0], v);
  else if (kept.length === value.shape.length - 1 && axes[0] === kept.length) {
    const inner = value.shape[axes[0]];
    for (let o = 0, i = 0; o < out.length; o++) for (const end = i + inner; i < end; i++) out[o] = join(out[o], data[i]);
  } else if (axes.every((d, k) => d === k)) {
    for (let i = 0, o = 0; i < data.length; i++, o = o + 1 < out.length ? o + 1 : 0) out[o] = join(out[o], data[i]);
  } else {
    for (let i = 0; i < data.length; i++) {
      let o = 0;
      for (let k = 0; k < kept.length; k++) o += (Math.floor(i / own[kept[k]]) % value.shape[kept[k]]) * to[k];
      out[o] = join(out[o], data[i]);
    }
  }
  return [{ shape: type.shape, data: type.Array.from(out) }];
};

// --- All other primitives: (operands, types of the results, parameters, env) -> results ----------------------------------

function concatenated(given, axis, type) {
  const outer = product(type.shape.slice(0, axis));
  const out = new type.Array(product(type.shape));
  const row = out.length / outer;
  let at = 0;
  for (const value of given) {
    const data = whole(value);
    const inner = data.length / outer;
    for (let k = 0; k < outer; k++) out.set(data.subarray(k * inner, (k + 1) * inner), k * row + at);
    at += inner;
  }
  return [{ shape: type.shape, data: out }];
}

const reshape = ([value], [type]) => [{ shape: type.shape, data: value.data }];
const sized = (sizes, env) => sizes.map((size) => (typeof size === "string" ? sizeOf(size, env) : size));

// Where an update of `scatter` goes: one row of indices at a time, each a window of the update's last axes.
function scattered([value, index, update], [type], { window, inserted, at }, put) {
  const out = whole(value).slice();
  const own = strides(type.shape);
  const places = whole(index);
  const data = whole(update);
  const depth = at.length;
  const rows = places.length / depth;
  const kept = own.filter((_, d) => !inserted.includes(d));
  if (kept.length !== window.length || kept.length > 1) throw new Error("scatter: of numbers or columns alone");
  const each = data.length / rows;
  for (let r = 0; r < rows; r++) {
    const from = at.reduce((sum, axis, k) => sum + places[r * depth + k] * own[axis], 0);
    for (let i = 0; i < each; i++) put(out, from + i * (kept[0] ?? 0), data[r * each + i]);
  }
  return [{ shape: type.shape, data: out }];
}

// What a density says of points: all at one noise level, or each at its own, one by one where it does not take them all at once.
function atLevels([x, sigma, ...others], [type], ask, atOnce = false) {
  const [points_, levels, more] = [whole(x), sigma.data, others.map(whole)];
  if (levels.length === 1 || atOnce) return [{ shape: type.shape, data: ask(points_, levels.length === 1 ? levels[0] : levels, ...more) }];
  const out = new Float32Array(product(type.shape));
  const each = out.length / levels.length;
  const one = (values, i) => values.slice(2 * i, 2 * i + 2);
  for (let i = 0; i < levels.length; i++) out.set(ask(one(points_, i), levels[i], ...more.map((values) => one(values, i))), i * each);
  return [{ shape: type.shape, data: out }];
}

const foldIn = (k0, k1, word) => threefry(k0, k1, 0, word);

const OTHER = {
  squeeze: reshape,
  reshape,
  expand_dims: reshape,
  const: (_, [type], { data }) => [{ shape: type.shape, data: type.Array.from(data, (v) => (typeof v === "string" ? number(v) : v)) }],
  convert_element_type: ([value], [type]) => {
    const data = type.letter === "b" ? Uint8Array.from(value.data, (v) => v !== 0) : type.Array.from(value.data);
    return [{ shape: value.shape, data }];
  },
  bitcast_convert_type: ([value], [type]) => [{ shape: value.shape, data: new type.Array(value.data.slice().buffer) }],
  broadcast_in_dim: ([value], [type], { broadcast_dimensions: axes }) => {
    if (value.data.length === 1 || value.data.length === product(type.shape)) return reshape([value], [type]);
    const own = strides(value.shape);
    const steps = type.shape.map(() => 0);
    axes.forEach((axis, d) => value.shape[d] > 1 && (steps[axis] = own[d]));
    return [{ shape: type.shape, data: strided(value.data, type.shape, steps, 0) }];
  },
  transpose: ([value], [type], { permutation }) => {
    const own = strides(value.shape);
    return [{ shape: type.shape, data: strided(whole(value), type.shape, permutation.map((d) => own[d]), 0) }];
  },
  select_n: ([which, no, yes], [type]) => {
    if (which.data.length === 1) return reshape([first(which) ? yes : no], [type]);
    const out = new type.Array(product(type.shape));
    const [w, a, b] = [which.data, no.data, yes.data];
    const p = a.length > 1 ? 1 : 0;
    const q = b.length > 1 ? 1 : 0;
    for (let i = 0; i < out.length; i++) out[i] = w[i] ? b[i * q] : a[i * p];
    return [{ shape: type.shape, data: out }];
  },
  integer_pow: ([value], [type], { y }) => [{ shape: type.shape, data: type.Array.from(value.data, (v) => v ** y) }],
  reduce_sum: reduced(0, (a, b) => a + b),
  reduce_max: reduced(-Infinity, Math.max),
  reduce_min: reduced(Infinity, Math.min),
  reduce_and: reduced(1, (a, b) => a & b),
  reduce_or: reduced(0, (a, b) => a | b),
  concatenate: (given, [type], { dimension }) => concatenated(given, dimension, type),
  stack: (given, [type], { axis }) => concatenated(given, axis, type),
  iota: (_, [type], { dimension }) => {
    const step = product(type.shape.slice(dimension + 1));
    const size = type.shape[dimension];
    return [{ shape: type.shape, data: type.Array.from({ length: product(type.shape) }, (_none, i) => Math.floor(i / step) % size) }];
  },
  slice: ([value], [type], { start_indices: starts }) => [windowOf(value, starts, type.shape, type.shape)],
  dynamic_slice: ([value, ...starts], [type]) => [windowOf(value, starts.map(first), type.shape, type.shape)],
  gather: ([value, index], [type], { sizes, at, batching }, env) => {
    if (index.shape.length !== 1 || batching.some((axes) => axes.length)) throw new Error("gather: of one window alone");
    const starts = value.shape.map(() => 0);
    const places = whole(index);
    at.forEach((axis, k) => (starts[axis] = places[k]));
    return [windowOf(value, starts, sized(sizes, env), type.shape)];
  },
  scatter: (given, types, parameters) => scattered(given, types, parameters, (out, i, v) => (out[i] = v)),
  "scatter-add": (given, types, parameters) => scattered(given, types, parameters, (out, i, v) => (out[i] += v)),
  cond: ([index, ...given], _, { branches }, env) => run(branches[Math.max(0, Math.min(first(index), branches.length - 1))], given, env),
  while: (given, _, { cond_jaxpr: test, body_jaxpr: body, cond_nconsts: c, body_nconsts: b }, env) => {
    let state = given.slice(c + b);
    while (first(run(test, [...given.slice(0, c), ...state], env)[0])) state = run(body, [...given.slice(c, c + b), ...state], env);
    return state;
  },
  scan: (given, types, { jaxpr, length, num_consts: c, num_carry: m, reverse }, env) => {
    if (reverse || types.length > m) throw new Error("scan: forwards alone, and without rows of results");
    const rows = given.slice(c + m);
    let state = given.slice(c, c + m);
    for (let i = 0; i < length; i++) {
      const row = rows.map(({ shape, data }) => {
        const size = data.length === 1 ? 0 : data.length / length;
        return { shape: shape.slice(1), data: size ? data.subarray(i * size, (i + 1) * size) : data };
      });
      state = run(jaxpr, [...given.slice(0, c), ...state, ...row], env);
    }
    return state;
  },
  dim_as_value: (_, [type], { dim }, env) => [scalar(sizeOf(dim, env), type.letter)],
  random_seed: ([seed]) => [keyOf([0, first(seed)])],
  random_fold_in: ([key, word], [type]) => {
    const count = Math.max(key.data.length / KEY_WORDS, word.data.length);
    const out = new Uint32Array(KEY_WORDS * count);
    const p = key.data.length > KEY_WORDS ? KEY_WORDS : 0;
    const q = word.data.length > 1 ? 1 : 0;
    for (let i = 0; i < count; i++) out.set(foldIn(key.data[i * p], key.data[i * p + 1], word.data[i * q]), KEY_WORDS * i);
    return [{ shape: type.shape, data: out }];
  },
  random_bits: ([key], [type], _, env) => {
    const out = new Uint32Array(product(type.shape));
    const keys = key.data.length / KEY_WORDS;
    const each = out.length / keys;
    // Number i of one key's draw depends on i alone; of the points of all workers these begin at `offset`.
    const begin = keys === 1 && type.dims[0] === "n" ? (env.offset * out.length) / env.n : 0;
    for (let i = 0; i < out.length; i++) {
      const k = KEY_WORDS * Math.floor(i / each);
      const [a, b] = threefry(key.data[k], key.data[k + 1], 0, begin + (i % each));
      out[i] = a ^ b;
    }
    return [{ shape: type.shape, data: out }];
  },
  score: (given, types, { role }, { ask }) => atLevels(given, types, (x, sigma) => ask.score(role, x, sigma), true),
  score_jvp: (given, types, { role }, { ask }) => atLevels(given, types, (x, sigma, along) => ask.scoreJvp(role, x, sigma, along)),
  logp: (given, types, { role }, { ask }) => atLevels(given, types, (x, sigma) => ask.logp(role, x, sigma), true),
  posterior: (given, types, { role }, { ask }) => atLevels(given, types, (x, sigma) => ask.posterior(role, x, sigma)),
  field: (given, _, __, { ask }) => ask.field(...given),
  observe: (given, _, __, { ask }) => [ask.observe(...given)],
};

const APPLY = { ...OTHER };
for (const [name, loop] of [...Object.entries(ONE), ...Object.entries(TWO)]) APPLY[name] = elementwise(loop);
export const PRIMITIVES = Object.keys(APPLY).sort();

// --- Programs ---------------------------------------------------------------------------------------------------------

const number = (text) => Number(text.replace("inf", "Infinity"));
const literal = ([value, letter = "f"]) => scalar(typeof value === "string" ? number(value) : value, letter);

function sizeOf(symbol, env) {
  const size = symbol === "n" ? env.n : env.sizes?.[symbol];
  if (size === undefined) throw new Error(`a program's dimension ${symbol} has no size`);
  return size;
}

// The program and those within it, ready to run; an Error names a primitive that is not known here.
export function prepare(program) {
  const types = program.types.map((text) => {
    const [letter, dims] = text.split(":");
    return { letter, Array: ARRAYS[letter], dims: dims ? dims.split(",").map((d) => (/^\d+$/.test(d) ? Number(d) : d)) : [] };
  });
  const read = (operand) => (typeof operand === "number" ? operand : literal(operand));
  const within = (value) => (Array.isArray(value) ? value : [value]).some((each) => each?.eqns);
  const inner = (value) => (!within(value) ? value : Array.isArray(value) ? value.map(prepare) : prepare(value));
  const settled = new Set();
  const eqns = program.eqns.map(([name, given, out, parameters = {}]) => {
    if (!APPLY[name]) throw new Error(`the browser's interpreter has no primitive '${name}'`);
    const own = Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, inner(value)]));
    const made = out.map((v) => types[program.vars[v]]);
    const ofPoints = own.dim === "n" || made.some(({ dims }) => dims.includes("n"));
    const fixed = !ofPoints && !Object.values(own).some(within) && given.every((v) => typeof v !== "number" || settled.has(v));
    if (fixed) for (const v of out) settled.add(v);
    return { apply: APPLY[name], given: given.map(read), out, types: made, own, fixed };
  });
  const of = (operand) => (typeof operand === "number" ? types[program.vars[operand]] : null);
  return { eqns, out: program.out.map(read), outTypes: program.out.map(of), types, sized: null, fixed: settled.size > 0, kept: null };
}

// What follows from no input and not from the number of points, by its equation: worked out once for the same sizes.
function keptOf(program, { sizes = {} }) {
  const key = Object.values(sizes).join();
  if (program.kept?.key !== key) program.kept = { key, found: new Map() };
  return program.kept.found;
}

// The program's results for these inputs.
export function run(program, inputs, env) {
  if (program.sized !== env) {
    for (const type of program.types) type.shape = sized(type.dims, env);
    program.sized = env;
  }
  const values = inputs.slice();
  const get = (operand) => (typeof operand === "number" ? values[operand] : operand);
  const kept = program.fixed ? keptOf(program, env) : null;
  for (const equation of program.eqns) {
    const { apply, given, out, types, own, fixed } = equation;
    const found = (fixed && kept.get(equation)) || apply(given.map(get), types, own, env);
    if (fixed) kept.set(equation, found);
    for (let i = 0; i < out.length; i++) values[out[i]] = found[i];
  }
  return program.out.map(get);
}
