// What there is to choose, as Python's registries say it (catalogue.json), and the questions that scenes ask of it.

import { classesOf, targetOfDrawing } from "../../browser/web/known.js";
import { Drawings, isDrawing } from "./drawings.js";
import { Name } from "./names.js";
import { Refused, checkKnob } from "./settings.js";
import { quoted, written } from "../../browser/web/numbers.js";

const byName = (entries) => new Map(entries.map((entry) => [entry.name, { ...entry, knobs: new Map(entry.knobs.map((knob) => [knob.name, knob])) }]));

export class Catalogue {
  constructor(said, drawings = new Drawings()) {
    Object.assign(this, said, { drawings });
    this.rules = byName(said.rules);
    this.schedules = byName(said.schedules);
    this.integrators = byName(said.integrators);
    this.distributions = byName(said.distributions);
    this.targets = new Map(Object.entries(said.targets));
    this.known = new Set(Object.values(said.densities).flat());
    this.drawn = new Map(); // distributions that are drawings, once they are asked for
  }

  // --- Drawings -------------------------------------------------------------------------------------------------------

  // A distribution by its name, '' is the usual one; a drawing becomes one of them where this browser has it.
  family(on) {
    return this.distributions.get(on || this.usual) ?? (isDrawing(on) ? this.drawingOf(on) : undefined);
  }

  // Those that a menu offers: all, and the drawing that is shown, or the latest.
  families(on) {
    const drawing = this.drawn.get(on) ?? this.family(this.drawings.latest || this.usual);
    return [...new Set([...this.distributions.values(), drawing])].filter(Boolean);
  }

  drawingOf(on) {
    const found = this.drawings.of(on);
    if (!found) return undefined;
    if (this.drawn.has(on)) return this.drawn.get(on);
    const { drawn, known } = found;
    const { every, offered } = classesOf(drawn.classes);
    const [names, own] = [every, offered].map((list) => list.map((classes) => `${on}/${classes}`));
    this.drawn.set(on, { ...this.drawing, name: on, title: "Your drawing", knobs: new Map(), targets: own });
    every.forEach((classes, i) => this.targets.set(names[i], targetOfDrawing(on, drawn, known(classes))));
    const exact = names.map((name) => `exact:${name}`);
    this.densities[on] = [...exact, ...exact.map((name) => name + this.blurred)];
    for (const name of this.densities[on]) this.known.add(name);
    return this.drawn.get(on);
  }

  // What a link to a target has to carry: the drawing that it is of, or nothing; and words for that.
  carried(target) {
    const { on } = this.targets.get(target);
    if (!isDrawing(on)) return { drawing: "", words: "It says all that is set here, and opens on this site and in the app." };
    const drawing = this.drawings.carried(on);
    return { drawing, words: drawing ? "It says all that is set here, carries the drawing, and opens on this site and in the app." : "The drawing is too long for a link: this one opens in this browser alone." };
  }

  // The numbers of a density of a drawing; null for any other.
  drawnDensity(name) {
    const { classes, items } = Name.parse(name);
    const { on = "", shown } = this.targets.get(classes) ?? {};
    if (!isDrawing(on)) return null;
    const { density } = this.drawings.need(on).known(shown.classes);
    return items.length ? { ...density, level: [1, Number(items[0].split("=")[1])] } : density;
  }

  // --- Targets --------------------------------------------------------------------------------------------------------

  // A target's name as it is written: without what is usual. Refused, in one sentence, where there is none of that name.
  target(given, name = "target") {
    if (typeof given !== "string") throw new Refused(`${name} = ${given} is not a word`, name);
    const cut = given.lastIndexOf("/");
    const on = cut < 0 ? "" : this.canonical(given.slice(0, cut), name);
    const classes = given.slice(cut + 1);
    const found = on ? `${on}/${classes}` : classes;
    if (this.targets.has(found)) return found;
    const letters = this.classesOn(on);
    const own = [...classes].every((letter) => letters.includes(letter)) && [...new Set(classes)].sort().join("") === classes && classes;
    if (own) throw new Refused(`${name} = ${found} is not on this page: it has single classes, all, and all but one`, name);
    throw new Refused(`unknown class ${quoted(classes)}${on ? ` of ${on}` : ""}; have: ${[...letters, ...(letters.length > 1 ? [letters] : [])].join(", ")}`, name);
  }

  canonical(on, name) {
    const [family, ...items] = on.split(":");
    const entry = family ? this.family(family) : null;
    if (!entry && family.startsWith("strokes-")) throw new Refused(`${name} = ${family} is a drawing that this browser does not have: open it where it was drawn, or draw it again`, name);
    if (!entry && family.startsWith("points-")) throw new Refused(`${name} = ${family} is not on this page: it is data of the app's`, name);
    if (!entry) throw new Refused(`unknown distribution ${quoted(family)}; have: ${[...this.distributions.keys()].join(", ")}`, name);
    const values = new Map();
    for (const item of items) {
      const [knob, ...rest] = item.split("=");
      if (!entry.knobs.has(knob) || values.has(knob)) {
        throw new Refused(`${quoted(item)} does not go with distribution ${quoted(family)}; it takes: ${[...entry.knobs.keys()].join(", ") || "no knobs"}`, name);
      }
      values.set(knob, this.knobOf(entry.knobs.get(knob), rest.join("="), name));
    }
    const changed = [...values].filter(([knob, value]) => value !== entry.knobs.get(knob).default);
    if (changed.length && family !== this.usual) {
      throw new Refused(`${name} = ${[family, ...changed.map(([knob, value]) => `${knob}=${written(value)}`)].join(":")} is not on this page: its distributions are as they usually are`, name);
    }
    return family === this.usual ? "" : family;
  }

  knobOf(knob, value, name) {
    try {
      return checkKnob(knob, value);
    } catch (error) {
      throw error instanceof Refused ? new Refused(error.message, name) : error;
    }
  }

  // The letters of all classes of a distribution.
  classesOn(on) {
    const { targets } = this.family(on);
    return targets.at(-1).slice(on ? on.length + 1 : 0);
  }

  // The targets of a distribution that menus offer.
  targetsOn(on) {
    return this.family(on).targets;
  }

  // What classes of the tree are for another target than A: 'A' is the target, 'AB' all, 'B' the rest, or the last class.
  counterpart(classes, target) {
    const { on, shown } = this.targets.get(target);
    const named = (letters) => (on ? `${on}/${letters}` : letters);
    if (classes === "B") return named(shown.rest || shown.all.at(-1));
    return { A: target, AB: named(shown.all) }[classes] ?? classes;
  }

  // --- Densities ------------------------------------------------------------------------------------------------------

  ofTarget(name, target) {
    return String(Name.parse(name).moved((classes) => this.counterpart(classes, target)));
  }

  defaultCast(rule, target) {
    const { cast } = this.rules.get(rule);
    return new Map(Object.entries(cast).map(([role, name]) => [role, this.ofTarget(name, target)]));
  }

  // The distribution that a density's name tells; the target's where it tells none.
  onOf(name, target) {
    const { classes } = Name.parse(name);
    return (this.targets.get(classes) ?? this.targets.get(target)).on;
  }

  // A name on another distribution: the same classes where it has them, else all that it has, or the first.
  onDistribution(name, on, classes) {
    const every = this.targetsOn(on);
    return String(
      Name.parse(name).moved((before) => {
        if (classes) return classes;
        const known = this.targets.get(before);
        if (!known) return before;
        const letters = known.shown.classes;
        const same = on ? `${on}/${letters}` : letters;
        return letters === known.shown.all ? every.at(-1) : this.targets.has(same) ? same : every[0];
      }),
    );
  }

  // Refused, one sentence, unless the page has this density, or can say what it lacks: a network of a target that it has, or
  // something done to a density that it has.
  checkDensity(name, role) {
    if ([...name].length > this.longest) {
      const cut = [...name].slice(0, 40).join("");
      throw new Refused(`density '${cut}…' has ${[...name].length} characters, of at most ${this.longest}`, role);
    }
    if (name.includes(".safetensors")) throw new Refused(`unknown density ${quoted(name)}: a file has to be kept in the app first`, role);
    if (this.known.has(name)) return;
    const parsed = Name.parse(name);
    const stood = (part) => part.network && this.targets.has(part.classes);
    const [kind] = parsed.items[0]?.split("=") ?? [];
    if (this.degradations.includes(kind) && (this.known.has(parsed.base) || stood(new Name(parsed.base)))) return;
    if (!parsed.items.length && (stood(parsed) || (parsed.parts.length && parsed.parts.every((part) => stood(part) || this.known.has(String(part)))))) return;
    throw new Refused(`density ${quoted(name)} is not on this page; it has ${this.nearest(name)}`, role);
  }

  // Some names that begin like this one.
  nearest(name) {
    const alike = (other) => [...other].findIndex((char, i) => char !== name[i]);
    const near = [...this.known].sort((a, b) => (alike(b) + 1 || 1e9) - (alike(a) + 1 || 1e9)).slice(0, 3);
    return `${near.join(", ")} and ${this.known.size - near.length} more`;
  }
}
