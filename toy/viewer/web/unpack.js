// A pack is: "TOYV", uint32 header length, JSON header, zeros up to a multiple of 8, arrays each aligned to 8.

const TYPES = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

// Streamlit hands over an unaligned view into a larger buffer, which typed arrays refuse: one copy settles it.
export function unpack(bytes) {
  try {
    const buffer = bytes.slice().buffer;
    const view = new DataView(buffer);
    if (view.getUint32(0) !== 0x544f5956) throw new Error("does not start with TOYV");
    const length = view.getUint32(4, true);
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, length)));
    const start = Math.ceil((8 + length) / 8) * 8;
    const arrays = {};
    for (const [name, entry] of Object.entries(header.arrays)) {
      const size = entry.shape.reduce((product, side) => product * side, 1);
      const data = new TYPES[entry.dtype](buffer, start + entry.offset, size);
      arrays[name] = { data, shape: entry.shape, lo: entry.lo, hi: entry.hi };
    }
    return { header, arrays };
  } catch (error) {
    throw new Error(`not a viewer pack: ${error.message}`);
  }
}

// 16-bit codes with a range become numbers; arrays without a range are numbers already.
export function dequantise({ data, lo, hi }) {
  if (lo === undefined) return Float32Array.from(data);
  const out = new Float32Array(data.length);
  const step = (hi - lo) / 65535;
  for (let i = 0; i < data.length; i++) out[i] = data[i] * step + lo;
  return out;
}
