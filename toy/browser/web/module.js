// The kernel's module from its bytes, compiled twice: with relaxed SIMD where this engine takes it. It is all that a page knows of
// the kernel, which its workers ask.

export const moduleOf = ({ plain, relaxed }) => new WebAssembly.Module(relaxed && WebAssembly.validate(relaxed) ? relaxed : plain);
