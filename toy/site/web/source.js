// Who answers the view: the engine in this browser, which is told of programs, densities and targets as they are needed.

import { Engine } from "../../browser/web/engine.js";
import { moduleOf } from "../../browser/web/densities.js";
import { dequantise } from "../../viewer/web/unpack.js";
import { Answers } from "../../viewer/web/answers.js";
import { slug } from "./files.js";

const MOST_WORKERS = 4;

// A target's pack: what is known of it, and what is drawn; outlines came as steps from point to point.
function targetOf({ header, arrays }) {
  const scenery = Object.entries(arrays).map(([name, array]) => [name, array.lo === undefined ? array : line(array)]);
  return { truth: header.truth, floors: header.floors, scenery: Object.fromEntries(scenery) };
}

function line({ data, hi, lo, shape: [, m] }) {
  const codes = new Uint16Array(data.length);
  for (const start of [0, m]) for (let i = start, code = 0; i < start + m; i++) codes[i] = code = (code + data[i]) & 0xffff;
  const values = dequantise({ data: codes, lo, hi });
  const points = Float32Array.from({ length: 2 * m }, (_, i) => values[(i % 2) * m + (i >> 1)]);
  return { data: points, shape: [m, 2] };
}

async function workersOf(files) {
  const [script, plain, relaxed] = await Promise.all([files.text("worker.js"), files.bytes("kernel.wasm"), files.bytes("kernel_relaxed.wasm")]);
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const workers = Math.min(MOST_WORKERS, Math.max(1, (navigator.hardwareConcurrency || 2) - 1));
  return new Engine({ open: () => new Worker(url), module: moduleOf({ plain, relaxed }), workers });
}

export class Source {
  // `titles(kind, name)` says what a rule, schedule or integrator is called.
  constructor(files, titles) {
    this.files = files;
    this.titles = titles;
    this.targets = new Map();
  }

  async ready() {
    this.engine ??= await workersOf(this.files);
    this.programs ??= await this.files.json("programs.json");
    this.answers ??= new Answers(this.engine);
  }

  stop() {
    this.engine?.stop();
  }

  // A pack for a request. What it gains later, whether particles are outside on their way, is told to `later`.
  async answer({ header, scenes }, request, later) {
    await this.ready();
    for (const scene of Object.values(scenes)) await this.teach(scene);
    const { floors, scenery } = this.targets.get(scenes.left.target);
    const base = { header, scenes, floors };
    const pack = await this.answers.answer(base, request);
    if (pack.header.quality === "full") this.answers.later(base, request).then((arrays) => later(pack.header.id, arrays), () => {});
    const fresh = "left.positions" in pack.arrays;
    return fresh ? { ...pack, arrays: { ...scenery, ...pack.arrays } } : pack;
  }

  // What the engine does not know of a scene yet; an Error in one sentence where the page does not have it.
  async teach(scene) {
    const { engine, files, programs } = this;
    if (!this.targets.has(scene.target)) this.targets.set(scene.target, targetOf(await files.pack(`targets/${slug(scene.target)}.bin`)));
    await engine.learn({ truths: [[scene.target, this.targets.get(scene.target).truth]] });
    const lacks = engine.lacks(scene);
    const needed = lacks.programs.map(([kind, name]) => {
      const program = programs[kind]?.[name];
      if (!program) throw new Error(`${this.titles(kind, name)} needs the app: ${programs.lacking[`${kind.replace(/s$/, "")} ${name}`] ?? "it is not on this page"}`);
      return [kind, name, program];
    });
    const densities = await Promise.all(lacks.densities.map(async (name) => [name, numbersOf(await files.pack(`densities/${slug(name)}.bin`))]));
    await engine.learn({ programs: needed, densities });
  }
}

// A density's numbers as the kernel takes them: plain values, and arrays.
function numbersOf({ header, arrays }) {
  const { arrays: _, ...plain } = header;
  return { ...plain, ...Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])) };
}
