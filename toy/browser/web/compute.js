// What one worker computes: runs, measures, layers and probes of scenes, with what it has learned. The same in node and a page.

import { Densities } from "./densities.js";
import { points, run, scalar, vector } from "./interpret.js";
import { Library, exactOf } from "./library.js";
import { dataAndNoise, exponentsAt, guidedAt, startOf, trajectory } from "./sampler.js";

const FLOOR_SEEDS = [0, 1, 2, 3];
const EDGE_SEED = 0;

export class Computer {
  constructor(module) {
    this.densities = new Densities(module);
    this.library = new Library(this.densities);
    this.truths = new Map();
  }

  // Programs [kind, name, program], densities [id, numbers] and truths [target, numbers] that scenes may name from now on, and ids
  // and targets that they name no more.
  learn({ programs = [], densities = [], truths = [], forget = {} }) {
    for (const id of forget.densities ?? []) this.densities.drop(id);
    for (const target of forget.truths ?? []) this.truths.delete(target);
    for (const [kind, name, made] of programs) this.library.add(kind, name, made);
    for (const [id, numbers] of densities) this.densities.add(id, numbers);
    for (const [target, truth] of truths) this.truths.set(target, truth);
  }

  // The path [steps + 1, count, 2] of `count` points from number `begin` on, and the true samples [count, 2] they began with.
  // After each step `pause` is awaited; where it says false the run is given up, and there is no result.
  async run({ scene, begin, count }, pause = () => true) {
    const parts = dataAndNoise(this.densities, scene, begin, count);
    const start = startOf(scene, parts);
    const path = new Float32Array(scene.sigmas.length * start.length);
    path.set(start);
    let at = start.length;
    for (const x of trajectory(this.library, scene, start, begin)) {
      path.set(x, at);
      at += x.length;
      if (!(await pause())) return null;
    }
    return { path, data: parts.data };
  }

  // Log-density [n] of samples, occupancy [modes], the measures by name and their standard errors.
  measure({ target, x }) {
    const truth = this.truths.get(target);
    const { names, erring, body } = this.library.others.get("measures");
    const players = { density: this.library.player(exactOf(target)), both: this.library.player(truth.both) };
    const ask = {
      logp: (role, at, sigma) => players[role].logp(at, sigma),
      posterior: (role, at, sigma) => players[role].posterior(at, sigma),
    };
    const env = { n: x.length / 2, offset: 0, sizes: { g: truth.mode.length, m: truth.mass.length }, ask };
    const numbers = [truth.prior, truth.threshold, truth.tail, truth.far].map((value) => scalar(value));
    const found = run(body, [points(x), ...numbers, vector(truth.mode, "i"), vector(truth.mass), vector(truth.level, "i")], env);
    const named = (list, from) => Object.fromEntries(list.map((name, i) => [name, found[from + i].data[0]]));
    return { logp: found[0].data, occupancy: found[1].data, values: named(names, 2), errors: named(erring, 2 + names.length) };
  }

  // What the measures give for `n` true samples: the mean of four draws, those of `floor` in toy/metrics.py.
  floor({ target, n }) {
    const draws = FLOOR_SEEDS.map((seed) => this.densities.sample(exactOf(target), Uint32Array.of(0, seed), n));
    const found = draws.map((x) => this.measure({ target, x }).values);
    const mean = (name) => found.reduce((sum, values) => sum + values[name], 0) / found.length;
    return Object.fromEntries(Object.keys(found[0]).map((name) => [name, mean(name)]));
  }

  // Log-density of some of a density's own true samples at a noise level, those that its regions' edges are read from: the `lowest`
  // so many, in ascending order.
  sampled({ id, sigma, begin, count, lowest }) {
    const x = this.densities.sample(id, Uint32Array.of(0, EDGE_SEED), count, { offset: begin, sigma, byPart: true });
    return this.logp({ id, x, sigma }).sort().slice(0, lowest);
  }

  logp({ id, x, sigma }) {
    return this.densities.logp(id, x, sigma);
  }

  // Whether each point of a path is outside the true 99% region of its noise level, [steps, n].
  async outside({ target, path, sigmas, thresholds }, pause = () => true) {
    const each = path.length / sigmas.length;
    const out = new Uint8Array(path.length / 2);
    for (let i = 0; i < sigmas.length; i++) {
      const logp = this.densities.logp(exactOf(target), path.subarray(i * each, (i + 1) * each), sigmas[i]);
      for (let k = 0; k < logp.length; k++) out[(i * each) / 2 + k] = !(logp[k] >= thresholds[i]);
      if (!(await pause())) return null;
    }
    return out;
  }

  // Densities at points and scores at others, both at one noise level: what layers and arrows are made of.
  field({ scene, sigma, x, at }) {
    const { library } = this;
    const players = library.players(scene);
    const truth = library.player(exactOf(scene.target));
    const [guide] = library.rules.get(scene.rule).roles.filter((role) => role !== "main");
    const times = (score, by) => score.map((value) => value * by);
    const has = (role) => players[role] && this.library.hasLogp(scene.cast[role]);
    const powers = exponentsAt(library, scene, sigma);
    const roles = [...new Set(["main", ...(guide ? [guide] : []), ...Object.keys(powers).filter((role) => powers[role])])];
    const logs = Object.fromEntries(roles.filter(has).map((role) => [role, players[role].logp(x, sigma)]));
    const [learned, true_] = [players.main.score(x, sigma), truth.score(x, sigma)];
    const out = {
      logp1: logs.main,
      truth: truth.logp(x, sigma),
      error: Float32Array.from({ length: x.length / 2 }, (_, i) => sigma * Math.hypot(learned[2 * i] - true_[2 * i], learned[2 * i + 1] - true_[2 * i + 1])),
      main: times(players.main.score(at, sigma), sigma * sigma),
      guided: at.length ? times(guidedAt(library, scene, at, sigma), sigma * sigma) : at,
      true: times(truth.score(at, sigma), sigma * sigma),
      powers,
    };
    if (guide) Object.assign(out, { logp0: logs[guide], guide: times(players[guide].score(at, sigma), sigma * sigma) });
    const tilted = Object.keys(powers).filter((role) => powers[role]);
    if (tilted.length && tilted.every((role) => logs[role])) {
      out.logtilt = Float64Array.from({ length: x.length / 2 }, (_, i) => tilted.reduce((sum, role) => sum + powers[role] * logs[role][i], 0));
    }
    return out;
  }

  // Scores and log-densities of one side at a point.
  probe({ scene, at, sigma }) {
    const x = Float32Array.from(at);
    const players = this.library.players(scene);
    const truth = this.library.player(exactOf(scene.target));
    const [guide] = this.library.rules.get(scene.rule).roles.filter((role) => role !== "main");
    const finite = (values) => (values.every(Number.isFinite) ? [...values] : null);
    const logp = (role, player) => (this.library.hasLogp(role === "truth" ? exactOf(scene.target) : scene.cast[role]) ? finite(player.logp(x, sigma))?.[0] ?? null : null);
    return {
      s1: finite(players.main.score(x, sigma)),
      s0: guide ? finite(players[guide].score(x, sigma)) : null,
      guided: finite(guidedAt(this.library, scene, x, sigma)),
      truth: finite(truth.score(x, sigma)),
      logp1: logp("main", players.main),
      logp0: guide ? logp(guide, players[guide]) : null,
      logp_true: logp("truth", truth),
    };
  }
}
