// JAX's random numbers: threefry in its partitionable form (`jax_threefry_partitionable`), so that number i of a draw depends
// on its key and on i alone. A key is two words, Uint32Array(2).

const SQRT2 = Math.fround(Math.SQRT2);
const BELOW_ONE = 1 - 2 ** -24; // the float32 before 1

// What the cipher has made of two words: kept here, since an array for each pair would take longer than all its rounds.
let left = 0, right = 0;

function encipher(k0, k1, x0, x1) {
  let k2 = k0 ^ k1 ^ 0x1bd11bda;
  x0 = (x0 + k0) | 0;
  x1 = (x1 + k1) | 0;
  for (let i = 1; i <= 5; i++) {
    if (i & 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    const last = k0;
    k0 = k1;
    k1 = k2;
    k2 = last;
    x0 = (x0 + k0) | 0;
    x1 = (x1 + k1 + i) | 0;
  }
  left = x0;
  right = x1;
}

/** Threefry-2x32 with 20 rounds of the words x0, x1 under the key k0, k1: Salmon et al. 2011, doi:10.1145/2063384.2063405. */
export function threefry(k0, k1, x0, x1) {
  encipher(k0, k1, x0, x1);
  return [left, right];
}

/** `jax.random.split`: as many new keys. */
export function split(key, count = 2) {
  return Array.from({ length: count }, (_, i) => Uint32Array.from(threefry(key[0], key[1], 0, i)));
}

/** `jax.random.bits`: words `offset` to `offset + count` of a draw under this key. */
export function bits(key, count, offset = 0) {
  const words = new Uint32Array(count), [k0, k1] = Int32Array.from(key);
  for (let i = 0; i < count; i++) {
    encipher(k0, k1, 0, offset + i);
    words[i] = left ^ right;
  }
  return words;
}

/** `jax.random.uniform`: float32 in [0, 1). */
export function uniform(key, count, offset = 0) {
  const words = bits(key, count, offset), found = new Float32Array(count);
  for (let i = 0; i < count; i++) found[i] = (words[i] >>> 9) * 2 ** -23;
  return found;
}

/** `jax.random.normal`: float32 of N(0, 1). */
export function normal(key, count, offset = 0) {
  const found = uniform(key, count, offset);
  for (let i = 0; i < count; i++) {
    const centred = Math.fround(Math.fround(found[i] * Math.fround(1 + BELOW_ONE)) - BELOW_ONE);
    found[i] = SQRT2 * erfInv(Math.max(-BELOW_ONE, centred));
  }
  return found;
}

// Giles 2012, "Approximating the erfinv function": by powers of w - 2.5 for the middle, of sqrt(w) - 3 for the tails.
const MIDDLE = Float64Array.of(
  2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
  1.50140941,
);
const TAILS = Float64Array.of(
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
  2.83297682,
);

/** The inverse of the error function, to single precision; infinite at -1 and 1. */
export function erfInv(x) {
  if (Math.abs(x) === 1) return x * Infinity;
  let w = -Math.log1p(-x * x);
  const coefficients = w < 5 ? MIDDLE : TAILS;
  w = w < 5 ? w - 2.5 : Math.sqrt(w) - 3;
  let sum = coefficients[0];
  for (let k = 1; k < coefficients.length; k++) sum = sum * w + coefficients[k];
  return sum * x;
}
