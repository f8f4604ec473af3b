// JAX's random numbers: threefry in its partitionable form (`jax_threefry_partitionable`), so that number i of a draw depends
// on its key and on i alone. A key is two words, Uint32Array(2).

const SQRT2 = Math.fround(Math.SQRT2);
const BELOW_ONE = 1 - 2 ** -24; // the float32 before 1

/** Threefry-2x32 with 20 rounds of the words x0, x1 under the key k0, k1: Salmon et al. 2011, doi:10.1145/2063384.2063405. */
export function threefry(k0, k1, x0, x1) {
  const keys = [k0, k1, k0 ^ k1 ^ 0x1bd11bda], turns = [[13, 15, 26, 6], [17, 29, 16, 24]];
  x0 = (x0 + k0) | 0;
  x1 = (x1 + k1) | 0;
  for (let i = 0; i < 5; i++) {
    for (const turn of turns[i & 1]) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << turn) | (x1 >>> (32 - turn))) ^ x0;
    }
    x0 = (x0 + keys[(i + 1) % 3]) | 0;
    x1 = (x1 + keys[(i + 2) % 3] + i + 1) | 0;
  }
  return [x0, x1];
}

/** `jax.random.split`: as many new keys. */
export function split(key, count = 2) {
  return Array.from({ length: count }, (_, i) => Uint32Array.from(threefry(key[0], key[1], 0, i)));
}

/** `jax.random.bits`: words `offset` to `offset + count` of a draw under this key. */
export function bits(key, count, offset = 0) {
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const [a, b] = threefry(key[0], key[1], 0, offset + i);
    words[i] = a ^ b;
  }
  return words;
}

/** `jax.random.uniform`: float32 in [0, 1). */
export function uniform(key, count, offset = 0) {
  return Float32Array.from(bits(key, count, offset), (word) => (word >>> 9) * 2 ** -23);
}

/** `jax.random.normal`: float32 of N(0, 1). */
export function normal(key, count, offset = 0) {
  return uniform(key, count, offset).map((u) => {
    const centred = Math.fround(Math.fround(u * Math.fround(1 + BELOW_ONE)) - BELOW_ONE);
    return SQRT2 * erfInv(Math.max(-BELOW_ONE, centred));
  });
}

// Giles 2012, "Approximating the erfinv function": by powers of w - 2.5 for the middle, of sqrt(w) - 3 for the tails.
const MIDDLE = [
  2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
  1.50140941,
];
const TAILS = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
  2.83297682,
];

/** The inverse of the error function, to single precision; infinite at -1 and 1. */
export function erfInv(x) {
  if (Math.abs(x) === 1) return x * Infinity;
  let w = -Math.log1p(-x * x);
  const coefficients = w < 5 ? MIDDLE : TAILS;
  w = w < 5 ? w - 2.5 : Math.sqrt(w) - 3;
  return coefficients.reduce((sum, coefficient) => sum * w + coefficient) * x;
}
