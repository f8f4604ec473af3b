// The settings beside the view, made from the catalogue: a rule or schedule that is new to it appears here by itself.

import { explain, h, press, setText, toggle } from "../../viewer/web/dom.js";
import { meaning } from "../../viewer/web/language.js";
import { called } from "./captions.js";
import { Name } from "./names.js";
import { sourced } from "./sourced.js";
import { Chooser, Options, Quantity, Rows } from "./widgets.js";

const TITLES = { left: "Left", right: "Right" };
const guidesOf = (rule) => Object.keys(rule.cast).filter((role) => role !== "main");
const words = (...parts) => parts.filter(Boolean).join(" ");
const folded = (title, ...children) => h("details", { class: "ts-fold" }, h("summary", { text: title }), ...children);

// The rules by the kind that they are of, as the catalogue has them in order.
export function rulesByKind(all) {
  const groups = new Map();
  for (const rule of all.rules.values()) {
    const title = words(rule.title, guidesOf(rule).length ? `· ${guidesOf(rule).join(", ")}` : "");
    groups.set(rule.family, [...(groups.get(rule.family) ?? []), { value: rule.name, title, note: rule.summary }]);
  }
  return [...groups].map(([family, list]) => [family[0].toUpperCase() + family.slice(1), list]);
}

// What the page has of a target's distribution, exact ones first, networks by their classes.
export function densitiesOf(all, target) {
  const names = all.densities[all.targets.get(target).on] ?? [];
  return names.map((name) => {
    const parsed = Name.parse(name);
    const group = parsed.items.length ? "Blurred" : parsed.exactly ? "Exact" : parsed.fitted ? "Fitted" : `Networks of ${parsed.classes}`;
    return [name, called(name), group];
  });
}

class Side {
  constructor(slot, desk) {
    Object.assign(this, { slot, desk });
    this.all = desk.states.all;
    this.rule = new Chooser(`${TITLES[slot]} method`, rulesByKind(this.all), (rule) => this.choose(rule), `rule-${slot}`);
    this.about = h("p", { class: "ts-about" });
    this.advice = h("p", { class: "ts-advice", role: "status" });
    this.exact = h("div", { class: "ts-exact", role: "group", "aria-label": `Exact scores, ${slot}` });
    this.cast = new Rows(h("div", {}));
    this.knobs = new Rows(h("div", {}));
    this.schedule = new Options("schedule", meaning("schedule"), (schedule) => desk.change(slot, { schedule }), `schedule-${slot}`);
    this.element = h(
      "section",
      { class: "ts-side-of", "aria-label": `${TITLES[slot]} side` },
      h("h2", { text: TITLES[slot] }),
      this.rule.element,
      this.about,
      this.advice,
      this.exact,
      folded(`Cast and schedule, ${slot}`, this.cast.element, this.schedule.element, this.knobs.element),
    );
  }

  // The new rule starts from its own defaults: a CFG weight means nothing to another rule.
  choose(rule) {
    const knobs = [...this.all.rules.get(rule).knobs.values()].map((knob) => [knob.name, knob.default]);
    this.desk.change(this.slot, { rule, ...Object.fromEntries(knobs) });
  }

  update(scene) {
    const [rule, schedule, integrator] = this.desk.states.scenes.entries(scene);
    this.rule.update(scene.rule);
    this.about.replaceChildren(rule.summary, " ", h("span", { class: "ts-formula", text: rule.formula }), " ", ...sourced(rule.source));
    const advice = this.desk.states.scenes.advice(scene);
    setText(this.advice, advice);
    this.advice.hidden = !advice;
    this.updateExact(scene, rule);
    const roles = Object.keys(rule.cast);
    const cast = this.cast.update(roles.map((role) => [role, () => new Options(role, meaning(role === "main" ? "main" : "guide"), (name) => this.desk.change(this.slot, { [role]: name }), `cast-${role}-${this.slot}`)]));
    const options = densitiesOf(this.all, scene.target);
    for (const role of roles) cast.get(role).update(options, scene.cast.get(role));
    this.schedule.update([...this.all.schedules.values()].map(({ name, title }) => [name, title]), scene.schedule);
    const knobs = [...schedule.knobs.values(), ...integrator.knobs.values()];
    const rows = this.knobs.update(knobs.map((knob) => [knob.name, () => new Quantity(knob, (value) => this.desk.change(this.slot, { [knob.name]: value }), `set-${knob.name}-${this.slot}`)]));
    for (const knob of knobs) rows.get(knob.name).update(scene.knobs.get(knob.name));
  }

  // Exact or learned in one click, for each role that is usually learned.
  updateExact(scene, rule) {
    const roles = Object.keys(rule.cast).filter((role) => !Name.parse(rule.cast[role]).exactly);
    const key = roles.join();
    if (key !== this.exactKey) {
      this.exactKey = key;
      const make = (role) => explain(toggle(`exact-${role}-${this.slot}`, { text: role }, {}, (on) => this.switch(role, on)), words("Pressed: exact.", meaning("exact"), meaning("learned")));
      this.exact.replaceChildren(h("span", { class: "ts-label", text: "exact scores" }), ...roles.map(make));
    }
    const buttons = this.exact.querySelectorAll("button");
    roles.forEach((role, i) => press(buttons[i], Name.parse(scene.cast.get(role)).exactly));
  }

  switch(role, on) {
    const scene = this.desk.state[this.slot];
    const name = scene.cast.get(role);
    const usual = this.all.defaultCast(scene.rule, scene.target).get(role);
    if (on) this.learned = { ...this.learned, [`${scene.target} ${role}`]: name };
    const other = on ? String(Name.parse(name).exact()) : (this.learned?.[`${scene.target} ${role}`] ?? usual);
    this.desk.change(this.slot, { [role]: other });
  }
}

export class Controls {
  constructor(desk, { reset, undo }) {
    this.desk = desk;
    this.all = desk.states.all;
    const both = (name) => (value) => desk.change("left", { [name]: value });
    this.story = new Options("story", "", (name) => name && desk.showStory(name), "story");
    this.sides = Object.fromEntries(this.all.slots.map((slot) => [slot, new Side(slot, desk)]));
    this.n = new Options("particles", meaning("n"), (n) => desk.change("left", { n: Number(n) }), "n");
    this.integrator = new Options("integrator", meaning("integrator"), both("integrator"), "integrator");
    this.integratorAbout = h("p", { class: "ts-about" });
    this.start = new Options("start", meaning("start"), both("start"), "start");
    this.family = new Options("distribution", meaning("distribution"), (name) => this.distribution(name), "distribution");
    this.target = new Options("target class", meaning("target"), both("target"), "target");
    this.familyAbout = h("p", { class: "ts-about" });
    this.numbers = Object.fromEntries(Object.entries(this.all.settings).filter(([name]) => name !== "n").map(([name, knob]) => [name, new Quantity(knob, both(name), `set-${name}`)]));
    const { seed, ...sampler } = this.numbers;
    this.undo = h("button", { type: "button", class: "ts-button", testid: "undo", onclick: undo, text: "Undo" });
    this.element = h(
      "div",
      { class: "ts-settings" },
      this.story.element,
      ...Object.values(this.sides).map(({ element }) => element),
      h(
        "section",
        { "aria-label": "Both sides" },
        h("h2", { text: "Both" }),
        this.n.element,
        seed.element,
        folded("Distribution", this.family.element, this.familyAbout, this.target.element),
        folded("Sampler", this.integrator.element, this.integratorAbout, ...Object.values(sampler).map(({ element }) => element), this.start.element),
      ),
      h("div", { class: "ts-buttons" }, this.undo, h("button", { type: "button", class: "ts-button", testid: "reset", onclick: reset, text: "Reset" })),
    );
    desk.changed((state) => this.update(state));
  }

  // Its first class, where it does not have the one that is shown.
  distribution(name) {
    const on = name === this.all.usual ? "" : name;
    this.desk.change("left", { target: this.all.targetsOn(on)[0] });
  }

  update(state) {
    const { all } = this;
    const scene = state.left;
    const integrator = all.integrators.get(scene.integrator);
    const { on } = all.targets.get(scene.target);
    const family = all.family(on);
    const told = this.desk.states.told(state) ? state.story : "";
    this.story.update([["", "Choose a story"], ...Object.entries(all.presets).map(([name, { title }]) => [name, title])], told);
    for (const slot of all.slots) this.sides[slot].update(state[slot]);
    this.n.update(all.counts.map((n) => [n, String(n)]), scene.n);
    this.family.update(all.families(on).map(({ name, title }) => [name, title]), family.name);
    this.familyAbout.replaceChildren(family.summary, " ", ...sourced(family.source));
    this.target.update(all.targetsOn(on).map((name) => [name, all.targets.get(name).said]), scene.target);
    this.integrator.update([...all.integrators.values()].map(({ name, stochastic, title }) => [name, stochastic ? `${title} · stochastic` : title]), scene.integrator);
    this.integratorAbout.replaceChildren(integrator.summary, " ", ...sourced(integrator.source));
    this.start.update(all.choices.start.options.map((name) => [name, name]), scene.start);
    for (const [name, field] of Object.entries(this.numbers)) field.update(scene[name]);
    this.undo.disabled = this.desk.address.depth === 0;
  }
}
