// Four or eight points at once: what networks and mixtures share.

// The caller's memory for results of 8 points: x 0-3, x 4-7, y 0-3, y 4-7.
export const OUT = memory.data(64, 16);

// @ts-ignore: decorator
@inline export function ma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<f32>(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
// @ts-ignore: decorator
@inline export function splat(p: usize): v128 { return v128.load32_splat(p); }

// Constants of `exp4`, in memory: an engine would build each anew where it is written as a literal.
const EXP = memory.data<f32>([
  1.44269504, 12582912, -0.693359375, 2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
  1.6666665459e-1, 5.0000001201e-1, 1, -80,
]);

// exp by Cephes' polynomial: a relative error of about 1e-7 from -80, where the argument is clamped, to 80.
// Adding 1.5 2^23 rounds to a whole number and leaves that in the lowest bits, from where it goes into the exponent.
// @ts-ignore: decorator
@inline export function exp4(x: v128): v128 {
  const magic = splat(EXP + 4);
  x = f32x4.pmax(x, splat(EXP + 44));
  const bits = ma(x, splat(EXP), magic), n = f32x4.sub(bits, magic);
  const r = ma(n, splat(EXP + 12), ma(n, splat(EXP + 8), x));
  let p = splat(EXP + 16);
  p = ma(p, r, splat(EXP + 20));
  p = ma(p, r, splat(EXP + 24));
  p = ma(p, r, splat(EXP + 28));
  p = ma(p, r, splat(EXP + 32));
  p = ma(p, r, splat(EXP + 36));
  p = f32x4.add(ma(p, f32x4.mul(r, r), r), splat(EXP + 40));
  return i32x4.add(p, i32x4.shl(bits, 23));
}

// Coordinates of 4 points, and back; what is not finite is NaN, whatever was made of it.
// @ts-ignore: decorator
@inline export function xs(p: usize): v128 { return v128.shuffle<f32>(v128.load(p), v128.load(p, 16), 0, 2, 4, 6); }
// @ts-ignore: decorator
@inline export function ys(p: usize): v128 { return v128.shuffle<f32>(v128.load(p), v128.load(p, 16), 1, 3, 5, 7); }
// @ts-ignore: decorator
@inline export function nothing(x: v128, y: v128): v128 {
  const zero = f32x4.splat(0);
  return f32x4.add(f32x4.mul(x, zero), f32x4.mul(y, zero));
}
// @ts-ignore: decorator
@inline export function put(p: usize, x: v128, y: v128): void {
  v128.store(p, v128.shuffle<f32>(x, y, 0, 4, 1, 5));
  v128.store(p, v128.shuffle<f32>(x, y, 2, 6, 3, 7), 16);
}
