// What the browser has learned: programs by kind and name, ready to run, and the densities in its kernel.

import { prepare, scalar, vector } from "./interpret.js";

// The density that a target's samples are measured against.
export const exactOf = (target) => `exact:${target}`;

const asked = (program, primitive) => new Set(program.eqns.filter(([name]) => name === primitive).map(([, , , { role }]) => role));

export class Library {
  constructor(densities) {
    this.densities = densities;
    this.rules = new Map();
    this.schedules = new Map();
    this.integrators = new Map();
    this.others = new Map();
  }

  // `kind` is rules, schedules, integrators or others; an Error names what the interpreter does not have.
  add(kind, name, made) {
    const ready = { ...made };
    for (const part of ["start", "observe", "tilt", "body"]) if (made[part]) ready[part] = prepare(made[part]);
    if (kind === "rules") {
      const logs = asked(made.body, "logp");
      ready.both = new Set([...asked(made.body, "score")].filter((role) => logs.has(role)));
    }
    this[kind].set(name, ready);
  }

  has(kind, name) {
    return this[kind].has(name);
  }

  // The density of each role, to be asked by the programs of a run.
  players({ rule, cast }) {
    const { both } = this.rules.get(rule);
    return Object.fromEntries(Object.entries(cast).map(([role, id]) => [role, this.player(id, both.has(role))]));
  }

  // `both`: score and log-density are asked at the same places, and come from one pass.
  player(id, both = false) {
    const { densities } = this;
    let last = null;
    const at = (x, sigma) => {
      if (last?.x !== x || last.sigma !== sigma) last = { x, sigma, ...densities.scoreAndLogp(id, x, sigma) };
      return last;
    };
    return {
      score: (x, sigma) => (both ? at(x, sigma).score : densities.score(id, x, sigma)),
      logp: (x, sigma) => (both ? at(x, sigma).logp : densities.logp(id, x, sigma)),
      scoreJvp: (x, sigma, along) => densities.scoreJvp(id, x, sigma, along),
      posterior: (x, sigma) => densities.posterior(id, x, sigma),
    };
  }

  // Whether a density has a log-density: a network that predicts the score has none.
  hasLogp(id) {
    return ["energy", "mixture"].includes(this.densities.kind(id));
  }
}

// Knobs of an entry as its program takes them, in the order of their names.
export function knobsOf({ knobs }, values) {
  return knobs.map((name) => (Array.isArray(values[name]) ? vector(values[name]) : scalar(values[name])));
}
