// Names of scenes for people, as toy/captions.py makes them: what differs from the usual, and from the picture beside it.

import { Name } from "./names.js";
import { shortest } from "../../browser/web/numbers.js";
import { spelled } from "./settings.js";

// A number as short as it can be and still be told from every other.
export const plainNumber = (value) => shortest(value + 0).replace(/^(-?)0\./, "$1.");

const OF_DRAWING = /^(exact:)?(strokes-[0-9a-f]{12})\/([A-P]{1,16}?)(?:(\d{1,4})@(\d{1,7})(?:#(\d{1,9}))?)?$/;

// A text that calls a drawing what it is to who has drawn it.
const shortened = (text) => text.replace(/\bstrokes-[0-9a-f]{12}\b/g, "your drawing");

// A density's name for people: of a drawing 'your drawing, A, exact'; most are their own.
export function called(name) {
  const { base, items } = Name.parse(name);
  const [, exactly, on, letters, width, iterations, seed] = OF_DRAWING.exec(base) ?? [];
  if (!on || Boolean(exactly) === Boolean(width)) return shortened(name);
  const kind = exactly ? ["exact"] : [`width ${width}`, `${iterations} iterations`, ...(seed === undefined ? [] : [`seed ${seed}`])];
  return [shortened(on), letters, ...kind, ...items].join(", ").replaceAll("=", " ");
}

export class Captions {
  constructor(scenes) {
    this.scenes = scenes;
    this.all = scenes.all;
  }

  // A caption for each of several scenes beside each other; without `knobs` the rule's own are left out.
  of(scenes, { knobs = true } = {}) {
    const said = scenes.map((scene) => this.facts(scene, scenes.length === 1));
    return scenes.map((scene, i) => {
      const words = [this.all.rules.get(scene.rule).title];
      for (const [key, [text, usual]] of said[i]) {
        const differs = said.some((other) => other.has(key) && (other.get(key)[0] !== text || other.get(key)[1] !== usual));
        if (text && (knobs || !key.startsWith("knob ")) && (differs || !usual)) words.push(text);
      }
      return shortened(words.join(", "));
    });
  }

  // All that makes a scene, by kind and name: its words, and whether it goes without saying.
  facts(scene, alone) {
    const [rule, , stepper] = this.scenes.entries(scene);
    const facts = new Map();
    for (const knob of rule.knobs.values()) {
      const value = scene.knobs.get(knob.name);
      facts.set(`knob ${knob.name}`, [`${labelOf(knob, rule, knob.name)} ${plainNumber(value)}`, knob.neutral === null && value === knob.default]);
    }
    for (const [key, fact] of this.cast(scene)) facts.set(key, fact);
    facts.set("setting schedule", [this.schedule(scene), false]);
    facts.set("setting integrator", [stepper.title + unusual(stepper, scene.knobs), scene.integrator === "heun"]);
    const { settings } = this.all;
    const levels = ["sigma_max", "sigma_min", "rho"].map((name) => [name, `${settings[name].label} ${plainNumber(scene[name])}`]);
    const others = [
      ["target", this.named(scene.target)],
      ["start", scene.start === "exact" ? "from the exact start" : "from N(0, σ max²)"],
      ["steps", `${scene.steps} steps`],
      ...levels,
      ["seed", `seed ${scene.seed}`],
      ["n", `n ${scene.n}`],
    ];
    for (const [name, text] of others) {
      const usual = scene[name] === (settings[name] ?? this.all.choices[name]).default || (name === "n" && !alone);
      facts.set(`setting ${name}`, [text, usual]);
    }
    return facts;
  }

  cast({ cast, rule, target }) {
    const usual = this.all.defaultCast(rule, target);
    const played = [...cast];
    if (played.every(([role, name]) => name === String(Name.parse(usual.get(role)).exact()))) return [["cast ", ["exact scores", false]]];
    return played.map(([role, name]) => [`cast ${role}`, [`${this.all.roles.called[role] ?? role} ${name}`, name === usual.get(role)]]);
  }

  // A target in words: 'class B', or 'moons, class A'.
  named(target) {
    const { called, on } = this.all.targets.get(target);
    return [on, `class ${called}`].filter(Boolean).join(", ");
  }

  schedule({ knobs, schedule }) {
    const entry = this.all.schedules.get(schedule);
    if (schedule === "interval") return `σ ${plainNumber(knobs.get("lo"))}-${plainNumber(knobs.get("hi"))}`;
    return schedule === "constant" ? "" : `${entry.title.toLowerCase()} schedule${unusual(entry, knobs)}`;
  }
}

// The knobs that are not at their defaults, in brackets.
function unusual(entry, values) {
  const words = [...entry.knobs.values()].flatMap((knob) => {
    const usual = new Map(spelled(knob, knob.default));
    return spelled(knob, values.get(knob.name)).filter(([part, value]) => value !== usual.get(part)).map(([part, value]) => `${labelOf(knob, entry, part)} ${plainNumber(value)}`);
  });
  return words.length ? ` (${words.join(", ")})` : "";
}

// The knob's label, or the name of its number where others have the same label.
function labelOf({ label, size }, entry, name) {
  const alike = [...entry.knobs.values()].filter((knob) => knob.label === label).length;
  return alike === 1 && !size ? label : name;
}
