// A scene is everything that is sampled, in one frozen value, with the same rules as toy/scene.py's.

import { Name } from "./names.js";
import { bound, general } from "../../browser/web/numbers.js";
import { Refused, checkSetting, taken, takeKnob } from "./settings.js";

const sorted = (map) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

// What is known of scenes: `all` is the catalogue.
export class Scenes {
  constructor(all) {
    this.all = all;
  }

  // A checked scene from flat values by name; texts are parsed. Refused names the first bad value and what is allowed.
  of(given) {
    const { all } = this;
    const values = new Map(given);
    const choices = {};
    for (const [name, choice] of Object.entries(all.choices)) {
      const value = taken(values, name, choice.default);
      choices[name] = name === "target" ? all.target(value) : checkSetting(choice, value);
    }
    const { integrator, rule, schedule, target } = choices;
    const knobs = this.knobsOf({ rule, schedule, integrator });
    const cast = new Map([...all.defaultCast(rule, target)].map(([role, name]) => [role, String(taken(values, role, name))]));
    const turned = new Map([...sorted(knobs)].map(([name, knob]) => [name, takeKnob(knob, values, this.usualValue(knob, target))]));
    const numbers = {};
    for (const [name, knob] of Object.entries(all.settings)) numbers[name] = checkSetting(knob, taken(values, name, knob.default));
    if (values.size) {
      const [other] = values.keys();
      const have = [...cast.keys(), ...knobs.keys(), ...Object.keys(all.settings), ...Object.keys(all.choices).slice(1)].join(", ");
      throw new Refused(`'${other}' does not go with rule '${rule}'; it takes: ${have}`, other);
    }
    const scene = Object.freeze({ ...choices, ...numbers, cast: sorted(cast), knobs: turned });
    this.check(scene);
    return scene;
  }

  // All values by name, as `of` takes them.
  values(scene) {
    const settings = [...Object.keys(this.all.choices), ...Object.keys(this.all.settings)].map((name) => [name, scene[name]]);
    return new Map([["rule", scene.rule], ...scene.cast, ...scene.knobs, ...settings]);
  }

  // The scene with some values changed, checked; values that the new rule does not take are dropped. Under a new rule or
  // target a role that played the old one's usual density plays the new one's; under a new target so do its exact
  // counterpart, and a knob whose usual value is the target's.
  change(scene, given) {
    const { all } = this;
    const changed = new Map(given);
    const merged = new Map([...this.values(scene), ...changed]);
    const rule = taken(merged, "rule");
    const target = merged.get("target");
    if (rule !== scene.rule || target !== scene.target) {
      all.rules.has(rule) || checkSetting(all.choices.rule, rule);
      const usual = new Map([...all.defaultCast(scene.rule, scene.target), ["prior", this.prior(scene.target)]]);
      for (const [name, value] of [...merged].filter(([name]) => usual.has(name) && !changed.has(name))) {
        if (value === usual.get(name)) merged.delete(name);
        else if (name !== "prior") merged.set(name, this.followed(value, usual.get(name), scene.target, name, rule, all.target(target)));
      }
    }
    const entries = { rule, schedule: merged.get("schedule"), integrator: merged.get("integrator") };
    for (const name of Object.keys(entries)) if (!all[`${name}s`].has(entries[name])) checkSetting(all.choices[name], entries[name]);
    const own = [...all.rules.get(rule).knobs.keys(), ...Object.keys(all.rules.get(rule).cast), ...this.knobsOf(entries).keys()];
    const takes = new Set([...own, ...Object.keys(all.choices), ...Object.keys(all.settings), ...changed.keys()]);
    takes.delete("rule");
    return this.of(new Map([["rule", rule], ...[...merged].filter(([name]) => takes.has(name))]));
  }

  // What plays a role under another rule or target, where it was not the usual density: `before` is that, of target `old`.
  followed(value, before, old, role, rule, target) {
    const { all } = this;
    const fresh = all.defaultCast(rule, target).get(role);
    const { on } = all.targets.get(target);
    if (target !== old && value === String(Name.parse(before).exact())) return String(Name.parse(fresh ?? value).exact());
    if (on === all.targets.get(old).on) return value;
    const alone = all.targets.get(old).shown.all.length === 1;
    return all.onDistribution(value, on, alone ? Name.parse(fresh ?? "").classes : null);
  }

  // The entries of rule, schedule and integrator.
  entries({ rule, schedule, integrator }) {
    const { integrators, rules, schedules } = this.all;
    return [rules.get(rule), schedules.get(schedule), integrators.get(integrator)];
  }

  knobsOf(chosen) {
    return new Map(this.entries(chosen).flatMap(({ knobs }) => [...knobs]));
  }

  // Prior probability, among both classes, of what plays the negative by default.
  prior(target) {
    return this.all.targets.get(this.all.counterpart("B", target)).prior;
  }

  usualValue(knob, target) {
    return knob.name === "prior" ? this.prior(target) : knob.default;
  }

  same(a, b) {
    const [ours, theirs] = [a, b].map((scene) => JSON.stringify([...this.values(scene)]));
    return ours === theirs;
  }

  // A sentence where the rule was derived for another integrator; else nothing.
  advice(scene) {
    const [{ integrator, title }] = this.entries(scene);
    if (!integrator || integrator === scene.integrator) return "";
    return `${title} is derived for the integrator ${this.all.integrators.get(integrator).title}: choose it for both sides.`;
  }

  // Noise levels [steps + 1], the last one 0.
  sigmas({ rho, sigma_max: most, sigma_min: least, steps }) {
    const [a, b] = [most ** (1 / rho), least ** (1 / rho)];
    return [...Array.from({ length: steps }, (_, i) => Math.fround((a + (i / (steps - 1)) * (b - a)) ** rho)), 0];
  }

  // Refused where rule, schedule, integrator and numbers do not go together.
  check(scene) {
    const { all } = this;
    const [, , stepper] = this.entries(scene);
    const main = scene.cast.get("main");
    if (all.onOf(main, scene.target) !== all.targets.get(scene.target).on) {
      throw new Refused(`main = ${main} is of another distribution than target = ${scene.target}`, "main", "target");
    }
    if (scene.sigma_min >= scene.sigma_max) {
      throw new Refused(`sigma_min = ${general(scene.sigma_min)} is not below sigma_max = ${general(scene.sigma_max)}`, "sigma_min", "sigma_max");
    }
    for (const { ordered } of this.entries(scene)) {
      if (!ordered) continue;
      const [low, high] = ordered.map((name) => scene.knobs.get(name));
      if (low > high) throw new Refused(`${ordered[0]} = ${general(low)} is above ${ordered[1]} = ${general(high)}`, ...ordered);
    }
    if (stepper.tilts) {
      if (!all.rules.get(scene.rule).tilt) {
        const have = [...all.rules.values()].filter(({ tilt }) => tilt).map(({ name }) => name);
        throw new Refused(`integrator '${scene.integrator}' needs a rule that stands for a tilted density, and '${scene.rule}' does not; these do: ${have.join(", ")}`, "integrator");
      }
      if (scene.schedule !== "constant") throw new Refused(`integrator '${scene.integrator}' needs schedule 'constant', not '${scene.schedule}'`, "schedule", "integrator");
    }
    if (scene.n < stepper.least) {
      throw new Refused(`n = ${bound(scene.n)} is too few for integrator '${scene.integrator}', which needs at least ${stepper.least}`, "n", "integrator");
    }
  }
}
