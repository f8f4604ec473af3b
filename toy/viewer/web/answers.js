// Answers a view's requests with the browser's own engine, in packs as a server would send them.
//
// A base is what is asked for before any control in the view is moved: `header`, all of a pack's that does not have to be
// computed, and the `scenes` of both sides as the engine takes them.

import { nameOf } from "./hash.js";
import { say } from "./language.js";
import { SLOTS } from "./slots.js";

export const PREVIEW = 512; // particles while a control is dragged
const RESOLUTION = 96; // of layers
const ARROWS_A_SIDE = 17;
const WEIGHTS = 9; // of a curve
const KEPT = 12; // sides, curves and floors
const KEPT_BYTES = 64 * 2 ** 20; // of the sides' paths, besides the two that were asked for last

const sixDigits = (value) => Number(value.toPrecision(6));

// The scene with the knobs as they stand in the view, of at most so many particles.
export function moved(scene, knobs = {}, interval = null, most = Infinity) {
  const known = Object.entries(knobs).filter(([name]) => name in scene.knobs && !Array.isArray(scene.knobs[name]));
  const values = { ...scene.knobs, ...Object.fromEntries(known.map(([name, value]) => [name, sixDigits(value)])) };
  if (interval && scene.schedule === "interval") [values.lo, values.hi] = interval.map(sixDigits);
  return { ...scene, knobs: values, n: Math.min(scene.n, most) };
}

// log2 of sampled over true mass of each mode, within 3 of zero.
export function gainOf(occupancy, mass) {
  return Float32Array.from(occupancy, (share, i) => {
    const gain = Math.log2(Math.max(share, 1e-9) / mass[i]);
    return Number.isFinite(gain) ? Math.min(Math.max(gain, -3), 3) : -3;
  });
}

// Points of a regular grid over (left, right, bottom, top), row 0 at the bottom; and the places of arrows within it.
export function gridOf([left, right, bottom, top], size = RESOLUTION) {
  const x = new Float32Array(2 * size * size);
  for (let j = 0, k = 0; j < size; j++) {
    for (let i = 0; i < size; i++) {
      x[k++] = left + ((right - left) * i) / (size - 1);
      x[k++] = bottom + ((top - bottom) * j) / (size - 1);
    }
  }
  return x;
}

export function arrowsOf([left, right, bottom, top]) {
  const inner = (k, low, high) => low + ((k + 0.5) / ARROWS_A_SIDE) * (high - low);
  return Float32Array.from({ length: 2 * ARROWS_A_SIDE * ARROWS_A_SIDE }, (_, k) => {
    const i = k >> 1;
    return k % 2 ? inner(Math.floor(i / ARROWS_A_SIDE), bottom, top) : inner(i % ARROWS_A_SIDE, left, right);
  });
}

// The tilted density of a side at one noise level, as the product of powers that it is.
export function tiltWords(powers, lacking) {
  const factors = Object.entries(powers).filter(([, power]) => power);
  const said = factors.map(([role, power]) => `p(${role})^${Number(power.toPrecision(3))}`.replace("-", "−"));
  return said.length ? `tilted: ${said.join(" · ")}` : lacking;
}

export const arrayOf = (data, shape) => ({ data, shape });

// What is not finite, or far away, takes part in no picture's scale.
function tamed(values, reach = 200) {
  const top = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), -Number.MAX_VALUE);
  return values.map((value) => (Number.isFinite(value) ? Math.max(value, top - reach) : top - reach));
}

// Whoever asks the engine, until what is asked is given up.
export class Asker {
  constructor(engine) {
    Object.assign(this, { engine, turn: {} });
  }

  stop() {
    this.engine.stop(this.turn);
    this.turn = {};
  }
}

export class Answers extends Asker {
  constructor(engine) {
    super(engine);
    this.sides = new Map(); // by scene, the latest last
    this.coming = new Map(); // by scene, what is being computed
    this.curves = new Map();
    this.floors = new Map(); // by target and number of particles: {truth, found}
  }

  // { header, arrays } for a request; an Error that says so where it is given up.
  async answer({ header, scenes }, request) {
    const { turn } = this;
    const preview = ["drag", "draw"].includes(request.phase);
    const asked = bySlot((slot) => moved(scenes[slot], request.knobs?.[slot], request.interval?.[slot]));
    const shown = preview ? bySlot((slot) => moved(asked[slot], {}, null, PREVIEW)) : asked;
    const [floor, ...found] = await Promise.all([this.floor(shown.left), ...SLOTS.map((slot) => this.side(shown[slot], turn))]);
    const [sides, arrays] = [bySlot((_, i) => found[i]), {}];
    const first = request.phase === "draw"; // of a drawing that is known better soon: another picture follows
    const id = idOf(header, scenes, shown) + (first ? "-first" : "");
    if (request.have !== id) {
      for (const slot of SLOTS) Object.assign(arrays, this.particles(slot, sides[slot]));
      if (!preview) arrays["truth.positions"] = arrayOf(sides.left.data, [shown.left.n, 2]);
    }
    const panels = header.panels.map((panel) => panelOf(panel, asked[panel.slot], sides[panel.slot], floor, header.target.called));
    const made = {
      ...header,
      id,
      seq: request.seq ?? 0,
      quality: first || shown.left.n < asked.left.n ? "preview" : "full",
      sigmas: shown.left.sigmas,
      busy: Boolean(header.busy), // where the server trains what is asked for
      precomputed: false,
      panels,
      field: null,
      probe: null,
      engine: null,
    };
    if (!preview) await this.more(made, arrays, asked, request, turn);
    return { header: made, arrays };
  }

  // Whether particles are outside all along their paths: what a full picture gains after it is there, none for a preview. Of a
  // picture that the view has, whatever is known: it may not have been told.
  async later({ header, scenes }, request) {
    const { turn } = this;
    const arrays = {};
    const asked = bySlot((slot) => moved(scenes[slot], request.knobs?.[slot], request.interval?.[slot]));
    const had = request.have === idOf(header, scenes, asked);
    const sides = SLOTS.map((slot) => [slot, this.sides.get(keyOf(asked[slot]))]);
    for (const [slot, side] of sides.filter(([, found]) => found && this.truthOf(found.scene).regions !== 0 && (had || !found.outside))) {
      side.outside ??= await this.along(side, turn);
      arrays[`${slot}.outside`] = arrayOf(side.outside, [side.scene.sigmas.length, side.scene.n]);
    }
    return arrays;
  }

  // Who asks for the same meanwhile waits for it too.
  along(side, turn) {
    if (side.coming?.turn !== turn) side.coming = { turn, found: this.engine.outside(side.scene, side.path, turn) };
    return side.coming.found;
  }

  // A side that was computed before is there at once, unless its target is known better by now; two that are the same are computed once.
  side(scene, turn) {
    const key = keyOf(scene);
    const known = this.sides.get(key);
    const truth = this.truthOf(scene);
    if (known && known.truth === truth) {
      this.sides.delete(key);
      this.sides.set(key, known);
      return known;
    }
    const same = this.coming.get(key);
    if (same?.turn === turn) return same.found;
    const [whole, begun] = [this.sameNoise(scene, (n) => n >= scene.n), this.sameNoise(scene, (n) => n < scene.n)];
    const found = (whole ? this.part(scene, whole, turn) : this.engine.side(scene, turn, begun)).then((side) => {
      side.truth = truth;
      this.sides.set(key, side);
      this.thin();
      return side;
    });
    this.coming.set(key, { turn, found });
    const over = () => this.coming.get(key)?.found === found && this.coming.delete(key);
    found.then(over, over);
    return found;
  }

  // Those that were not asked for longest go.
  thin() {
    let bytes = [...this.sides.values()].reduce((sum, { path }) => sum + path.byteLength, 0);
    for (const [key, { path }] of this.sides) {
      if (this.sides.size <= SLOTS.length || (this.sides.size <= KEPT && bytes <= KEPT_BYTES)) return;
      this.sides.delete(key);
      bytes -= path.byteLength;
    }
  }

  // What the measures that a target has give for as many true samples.
  floor({ target, n }) {
    const key = `${target} ${n}`;
    const truth = this.truthOf({ target });
    if (this.floors.get(key)?.truth !== truth) {
      const { names, floors } = truth; // some come with what is known of the target
      const asked = floors?.[n] ? Promise.resolve(floors[n]) : this.engine.ask(1, "floor", { target, n });
      const found = asked.then((values) => Object.fromEntries(names.map((name) => [name, values[name]])));
      this.floors.set(key, { truth, found });
      if (this.floors.size > KEPT) this.floors.delete(this.floors.keys().next().value);
      found.catch(() => this.floors.delete(key));
    }
    return this.floors.get(key).found;
  }

  truthOf({ target }) {
    return this.engine.known.truths.get(target);
  }

  // The side of another number of particles, or of as many: the fewer are the beginning of the more, by the same noise.
  sameNoise(scene, fits) {
    return [...this.sides.values()].find((side) => fits(side.scene.n) && keyOf({ ...side.scene, n: scene.n }) === keyOf(scene));
  }

  async part(scene, { path, data, scene: { n } }, turn) {
    const frames = scene.sigmas.length;
    const some = new Float32Array(frames * scene.n * 2);
    for (let i = 0; i < frames; i++) some.set(path.subarray(i * n * 2, i * n * 2 + scene.n * 2), i * scene.n * 2);
    const measured = await this.engine.ask(0, "measure", { target: scene.target, x: some.slice(-2 * scene.n) }, turn);
    return { scene, path: some, data: data.slice(0, 2 * scene.n), ...measured };
  }

  particles(slot, { scene, path, logp, occupancy, outside }) {
    const { n, sigmas, target } = scene;
    const truth = this.truthOf({ target });
    const frames = sigmas.length;
    let flags = outside;
    if (!flags) {
      flags = new Uint8Array(frames * n); // of the last points alone: those on the way are worked out later
      for (let k = 0; k < n; k++) flags[(frames - 1) * n + k] = !(logp[k] >= truth.threshold);
    }
    return {
      [`${slot}.positions`]: arrayOf(path, [frames, n, 2]),
      [`${slot}.outside`]: arrayOf(flags, [frames, n]),
      [`${slot}.branch_gain`]: arrayOf(gainOf(occupancy, truth.mass), [truth.mass.length]),
    };
  }

  // Layers, probe and curves, where they are asked for.
  async more(made, arrays, scenes, request, turn) {
    const { sigma, box, probe } = request;
    if (request.layers?.length && box) {
      const [x, at] = [gridOf(box), arrowsOf(box)];
      const fields = await Promise.all(SLOTS.map((slot, i) => this.engine.ask(i, "field", { scene: scenes[slot], sigma, x, at }, turn)));
      const shape = [RESOLUTION, RESOLUTION];
      const tilt = {};
      SLOTS.forEach((slot, i) => {
        Object.assign(arrays, layersOf(slot, fields[i], at, shape));
        tilt[slot] = tiltWords(fields[i].powers, made.panels[i].lacks?.tilt ?? "");
      });
      made.field = { id: [made.id, sigma, ...box].join("|"), sigma, box, shape, tilt };
    }
    if (probe) {
      const panels = await Promise.all(SLOTS.map((slot, i) => this.engine.ask(i, "probe", { scene: scenes[slot], at: probe, sigma }, turn)));
      made.probe = { at: probe, sigma, panels: panels.map((panel, i) => ({ learned: made.panels[i].learned, ...panel })) };
    }
    if (request.curve) for (const panel of made.panels) panel.curve = await this.curve(panel, scenes[panel.slot], turn);
  }

  // Both numbers over the whole range of a side's weight, with few particles.
  async curve(panel, scene, turn) {
    const knob = panel.knobs.find(({ name }) => name === "w");
    if (!knob) return { lacks: say("noWeight", { title: panel.title }) };
    const few = moved(scene, {}, null, PREVIEW);
    const key = keyOf({ ...few, knobs: { ...few.knobs, w: null } });
    if (!this.curves.has(key)) {
      const curve = { w: [], outliers: [], branch_tv: [] };
      for (let i = 0; i < WEIGHTS; i++) {
        const w = sixDigits(knob.lo + ((knob.hi - knob.lo) * i) / (WEIGHTS - 1));
        const { values } = await this.engine.side(moved(few, { w }), turn);
        curve.w.push(w);
        for (const name of ["outliers", "branch_tv"]) curve[name].push(Number.isFinite(values[name]) ? values[name] : 1);
      }
      this.curves.set(key, curve);
      if (this.curves.size > KEPT) this.curves.delete(this.curves.keys().next().value);
    }
    return this.curves.get(key);
  }
}

const bySlot = (make) => Object.fromEntries(SLOTS.map((slot, i) => [slot, make(slot, i)]));
const keyOf = (scene) => JSON.stringify(scene);

// The header's own where nothing in the view was moved.
function idOf(header, scenes, shown) {
  const same = SLOTS.every((slot) => keyOf(scenes[slot]) === keyOf(shown[slot]));
  return same ? header.id : `${header.id}-${nameOf(SLOTS.map((slot) => shown[slot]))}`;
}

function panelOf(panel, asked, side, floor, called) {
  const interval = (scene) => (scene.schedule === "interval" ? scene.knobs : {});
  const pick = (values) => Object.fromEntries(Object.keys(floor).map((name) => [name, values[name]]));
  const schedule = { name: asked.schedule, lo: interval(asked).lo ?? null, hi: interval(asked).hi ?? null };
  return {
    ...panel,
    knobs: panel.knobs.map((knob) => ({ ...knob, value: asked.knobs[knob.name] })),
    schedule,
    shown: { title: panel.title, caption: askedWords(panel, asked), knobs: asked.knobs, schedule },
    measured: { values: pick(side.values), errors: pick(side.errors), floor, called },
    n: side.scene.n,
    seed: side.scene.seed,
    pending: panel.pending === panel.waiting ? "" : panel.pending, // why what is shown is not what was asked for
    waiting: "",
  };
}

// What the server calls it, or the title and the knobs that were moved since.
function askedWords({ title, caption, knobs }, asked) {
  const since = knobs.filter(({ name, value }) => asked.knobs[name] !== value);
  if (!since.length) return caption ?? title;
  return `${title}, ${since.map(({ name, label }) => `${label} ${asked.knobs[name]}`).join(", ")}`;
}

function layersOf(slot, field, at, shape) {
  const of = { logp1: field.logp1, logp0: field.logp0, logtilt: field.logtilt, error: field.error };
  const out = { "truth.logp": arrayOf(tamed(field.truth), shape), "arrows.at": arrayOf(at, [at.length / 2, 2]) };
  for (const [name, values] of Object.entries(of)) {
    if (values) out[`${slot}.${name}`] = arrayOf(name === "error" ? values : tamed(values), shape);
  }
  for (const name of ["main", "guide", "guided"]) if (field[name]) out[`${slot}.arrows.${name}`] = arrayOf(field[name], [at.length / 2, 2]);
  out["arrows.truth"] = arrayOf(field.true, [at.length / 2, 2]);
  return out;
}
