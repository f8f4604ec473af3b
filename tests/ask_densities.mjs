// node ask_densities.mjs KERNEL PACK OUT: asks densities what a pack says, and writes all answers, float32, one after the other.
import { readFileSync, writeFileSync } from "node:fs";

import { Densities } from "../toy/browser/web/densities.js";
import { unpack } from "../toy/viewer/web/unpack.js";

const [kernel, pack, out] = process.argv.slice(2);
const { header, arrays } = unpack(new Uint8Array(readFileSync(pack)));
const values = (name) => arrays[name].data ?? arrays[name];
const densities = new Densities(new WebAssembly.Module(readFileSync(kernel)));

for (const [id, plain] of Object.entries(header.densities)) {
  const own = Object.keys(arrays).filter((name) => name.startsWith(`${id}|`));
  densities.add(id, { ...plain, ...Object.fromEntries(own.map((name) => [name.slice(id.length + 1), values(name)])) });
}

const answers = header.asks.map(({ ask, id, x, sigma, levels, along, key, n, offset }) => {
  if (ask === "sample") return densities.sample(id, Uint32Array.from(key), n, { offset, sigma });
  const found = densities[ask](id, values(x), levels ? values(levels) : sigma, ...(along ? [values(along)] : []));
  return found.score ? Float32Array.of(...found.score, ...found.logp) : found;
});
writeFileSync(out, Buffer.concat(answers.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength))));
