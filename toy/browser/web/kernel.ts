// Densities at many points in WebAssembly SIMD: AssemblyScript, built by `python -m toy.browser.kernel`.
//
// Points, scores and directions are interleaved [n, 2]; n is a multiple of 8, and each point has a lane of its own. How a
// density lies in memory is written by layouts.js. Built twice: multiplying and adding is one operation where relaxed SIMD
// is enabled.

export { network, networkJvp } from "./network";
export { mixture, mixtureJvp, mixturePosterior } from "./mixture";
export const BASE: usize = __heap_base; // memory from here on is the caller's
