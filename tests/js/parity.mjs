// Runs what a file asks for on the browser's engine, without workers: node parity.mjs GIVEN.pack FOUND.json
//
// The pack's header has programs, densities, truths and runs; each run's start, ends, measures and the guided score at some
// places go into the file, or the words of its error.

import { readFileSync, writeFileSync } from "node:fs";
import { Computer } from "../../toy/browser/web/compute.js";
import { moduleOf } from "../../toy/browser/web/module.js";
import { guidedAt, shareOf } from "../../toy/browser/web/sampler.js";
import { unpack } from "../../toy/viewer/web/unpack.js";

const [given, found] = process.argv.slice(2);
const { header, arrays } = unpack(new Uint8Array(readFileSync(given)));
const wasm = (name) => readFileSync(new URL(`../../toy/browser/web/${name}.wasm`, import.meta.url));

const computer = new Computer(moduleOf({ plain: wasm("kernel") }));
const densities = header.densities.map(([id, plain], i) => {
  const own = Object.entries(arrays).filter(([name]) => name.startsWith(`density.${i}.`));
  return [id, { ...plain, ...Object.fromEntries(own.map(([name, { data }]) => [name.split(".")[2], data])) }];
});
computer.learn({ programs: header.programs, densities, truths: header.truths });

const out = [];
for (const run of header.runs) {
  try {
    const { path } = await computer.run({ scene: run.scene, begin: 0, count: run.scene.n });
    const end = path.slice(-2 * run.scene.n);
    const { values, errors } = computer.measure({ target: run.scene.target, x: end });
    const guided = guidedAt(computer.library, run.scene, Float32Array.from(run.at), run.sigma);
    const shares = run.scene.sigmas.slice(0, -1).map((sigma, i, levels) => shareOf(computer.library, run.scene, sigma, i / levels.length));
    out.push({ end: [...end], start: [...path.slice(0, 2 * run.scene.n)], values, errors, guided: [...guided], shares, floor: computer.floor(run.scene) });
  } catch (error) {
    out.push({ error: error.stack });
  }
}
writeFileSync(found, JSON.stringify(out, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v)));
