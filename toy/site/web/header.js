// What stands around the pictures, as toy/viewer/packs.py says it of a state: all but what has to be computed.

import { nameOf } from "../../viewer/web/hash.js";
import { Captions } from "./captions.js";
import { Name } from "./names.js";
import { standIn } from "./standing.js";

export class Headers {
  constructor(states) {
    this.states = states;
    this.scenes = states.scenes;
    this.all = states.all;
    this.captions = new Captions(states.scenes);
  }

  // The header of a state, what is shown of each side, the very scene that is asked or one that stands in, and words for that.
  of(state, uiFrom = 0) {
    const { all, scenes } = this;
    const { slots } = all;
    const stands = Object.fromEntries(slots.map((slot) => [slot, standIn(state[slot], all)]));
    const scene = state[slots[0]];
    const titles = this.captions.of(slots.map((slot) => state[slot]), { knobs: false });
    const target = all.targets.get(scene.target);
    const header = {
      version: 1,
      id: nameOf(slots.map((slot) => [...scenes.values(stands[slot].scene ?? state[slot])])),
      seq: 0,
      quality: "full",
      precomputed: false,
      busy: false,
      note: "",
      lead: this.lead(state),
      sigmas: scenes.sigmas(scene),
      sigma_data: all.page.sigma_data,
      sigma_max: scene.sigma_max,
      sigma_min: scene.sigma_min,
      layout: { view: target.view },
      target: target.shown,
      paired: scene.start === "exact",
      panels: slots.map((slot, i) => this.panel(slot, state[slot], stands[slot], titles[i])),
      ui: Object.fromEntries(state.ui),
      ui_from: uiFrom,
      hide: state.hide.filter((name) => name !== "settings"),
      field: null,
      probe: null,
    };
    const words = [...new Set(slots.map((slot) => (stands[slot].scene ? stands[slot].words : "")))].filter(Boolean).join("; ");
    return { header, words, shown: Object.fromEntries(slots.map((slot) => [slot, stands[slot].scene])) };
  }

  panel(slot, asked, stands, title) {
    const rule = this.all.rules.get(asked.rule);
    const found = stands.scene;
    const waiting = found ? "" : stands.words;
    const knobs = [...rule.knobs.values()].map(({ help, hi, label, lo, name, step }) => ({ name, label, lo, hi, step, value: asked.knobs.get(name), help, live: true }));
    const shown = found && {
      title: rule.title,
      knobs: Object.fromEntries(found.knobs),
      schedule: scheduleOf(found),
      caption: this.captions.of([{ ...found, n: asked.n }, asked])[0],
    };
    return {
      slot,
      title,
      caption: this.captions.of([found ?? asked, found ?? asked])[0],
      rule: asked.rule,
      formula: rule.formula,
      summary: rule.summary,
      knobs,
      schedule: scheduleOf(asked),
      shown: shown || null,
      pending: waiting || stands.words,
      measured: null,
      n: asked.n,
      seed: asked.seed,
      stochastic: this.all.integrators.get(asked.integrator).stochastic,
      waiting,
      standing: Boolean(found) && stands.words !== "",
      learned: [...asked.cast.values()].some((name) => Name.parse(name).network),
      lacks: rule.tilt ? {} : { tilt: `${rule.title} is the score of no tilted density` },
    };
  }

  // What stands above the pictures: the sentence of the story that they are, else what they are.
  lead(state) {
    const story = this.states.told(state);
    if (!story) return { story: "", title: this.all.page.title, text: this.all.page.text };
    return { story: state.story, title: story.title, text: story.sentence };
  }

  // A side as the engine takes it; a role whose log-density has to have its constant is played by a density of its own.
  engine(scene) {
    const { integrator, n, rule, schedule, seed, start, target } = scene;
    const { whole } = this.all.rules.get(rule);
    const cast = Object.fromEntries([...scene.cast].map(([role, name]) => [role, name + (whole.includes(role) && this.all.whole.networks.includes(name) ? this.all.whole.mark : "")]));
    return { rule, schedule, integrator, target, start, n, seed, cast, knobs: Object.fromEntries(scene.knobs), sigmas: this.scenes.sigmas(scene) };
  }
}

function scheduleOf({ knobs, schedule }) {
  const interval = schedule === "interval";
  return { name: schedule, lo: interval ? knobs.get("lo") : null, hi: interval ? knobs.get("hi") : null };
}
