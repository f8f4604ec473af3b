// Who answers the view: the engine in this browser, which is told of programs, densities and targets as they are needed.

import { Answers } from "../../viewer/web/answers.js";
import { drawnTarget } from "../../viewer/web/regions.js";
import { engineHere } from "../../viewer/web/here.js";
import { dequantise } from "../../viewer/web/unpack.js";
import { isDrawing } from "./drawings.js";
import { slug } from "./files.js";

const MOST_TARGETS = 64; // that are held; those that were asked for first go

// A target's pack: what is known of it, and what is drawn; outlines came as steps from point to point.
function targetOf({ header, arrays }) {
  const scenery = Object.entries(arrays).map(([name, array]) => [name, array.lo === undefined ? array : line(array)]);
  return { truth: header.truth, scenery: Object.fromEntries(scenery) };
}

function line({ data, hi, lo, shape: [, m] }) {
  const codes = new Uint16Array(data.length);
  for (const start of [0, m]) for (let i = start, code = 0; i < start + m; i++) codes[i] = code = (code + data[i]) & 0xffff;
  const values = dequantise({ data: codes, lo, hi });
  const points = Float32Array.from({ length: 2 * m }, (_, i) => values[(i % 2) * m + (i >> 1)]);
  return { data: points, shape: [m, 2] };
}

export class Source {
  // `all` is the catalogue, `make(engine)` makes who answers by the engine.
  constructor(files, all, make = (engine) => new Answers(engine)) {
    Object.assign(this, { files, all, make });
    this.targets = new Map(); // promises of {truth, scenery}
  }

  ready() {
    if (this.engine?.broken) this.engine = this.answers = null; // what comes next is asked of a new one
    this.engine ??= engineHere();
    if (!this.engine) throw new Error("this browser cannot compute here: it has no WebAssembly with SIMD, or no workers");
    this.answers ??= this.make(this.engine);
  }

  stop() {
    this.answers?.stop();
  }

  // A pack for a request. What it gains later, whether particles are outside on their way, is told to `later`. Where the engine
  // stops meanwhile a new one is asked, once.
  async answer(base, request, later = () => {}) {
    this.ready();
    try {
      return await this.answered(base, request, later);
    } catch (error) {
      if (!this.engine.broken || error.message !== this.engine.broken) throw error;
      this.ready();
      return this.answered(base, request, later);
    }
  }

  async answered({ header, scenes }, request, later) {
    await Promise.all(Object.values(scenes).map((scene) => this.teach(scene)));
    const target = await this.target(Object.values(scenes)[0].target);
    const base = { header, scenes };
    const coming = this.answers.answer(base, request);
    const { scenery } = target; // a drawing's is made while the workers compute
    const pack = await coming;
    if (pack.header.quality === "full") this.answers.later(base, request).then((arrays) => later(pack.header.id, arrays), () => {});
    const fresh = "left.positions" in pack.arrays || request.have === false;
    return fresh ? { ...pack, arrays: { ...scenery, ...pack.arrays } } : pack;
  }

  // What the engine does not know of a scene yet; an Error in one sentence where the page does not have it.
  async teach(scene) {
    const { engine } = this;
    const before = this.lacking(engine.lacks(scene)); // all but what a target that is not known yet names
    before.catch(() => {}); // said below
    const { truth } = await this.target(scene.target);
    await engine.learn({ truths: [[scene.target, truth]] });
    await before;
    await engine.learn(await this.lacking(engine.lacks(scene)));
  }

  // What the engine lacks, read; each file once.
  async lacking({ programs, densities }) {
    const read = await Promise.all([
      Promise.all(programs.map(([kind, name]) => this.program(kind, name))),
      Promise.all(densities.map(async (name) => [name, await this.density(name)])),
    ]);
    return { programs: read[0], densities: read[1] };
  }

  // What is known of a target and drawn of it: read, or of a drawing worked out.
  target(name) {
    if (!this.targets.has(name)) {
      const found = this.found(name);
      this.targets.set(name, found);
      found.catch(() => this.targets.delete(name));
      if (this.targets.size > MOST_TARGETS) this.targets.delete(this.targets.keys().next().value);
    }
    return this.targets.get(name);
  }

  async found(name) {
    const { all, engine, files } = this;
    const { on, shown } = all.targets.get(name);
    if (!isDrawing(on)) return targetOf(await files.pack(`targets/${slug(name)}.bin`));
    const named = (classes) => `exact:${on}/${classes}`;
    return drawnTarget(engine, { ...all.drawings.need(on), named, said: all.drawing }, shown.classes);
  }

  async density(name) {
    return this.all.drawnDensity(name) ?? numbersOf(await this.files.pack(`densities/${slug(name)}.bin`));
  }

  async program(kind, name) {
    const why = this.all.lacking[`${kind.replace(/s$/, "")} ${name}`];
    if (why) throw new Error(`${this.all[kind].get(name).title} needs the app: ${why}`);
    return [kind, name, await this.files.json(`programs/${kind}/${name}.json`)];
  }
}

// A density's numbers as the kernel takes them: plain values, and arrays.
function numbersOf({ header, arrays }) {
  const { arrays: _, ...plain } = header;
  return { ...plain, ...Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])) };
}
