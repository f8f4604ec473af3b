// What a visitor of Fields sees, and the link that says it: the same parameters as the app's page has.

import { queryText } from "./link.js";
import { written } from "../../browser/web/numbers.js";
import { Refused, checkSetting, fromQuery } from "./settings.js";

const OTHERS = ["rule", "target", "embed", "embed_options"];
const DIGITS = { sigma: (value) => Number(value.toPrecision(4)), view: (value) => value.map((v) => Number(v.toPrecision(5))), panels: (value) => value, arrows: (value) => value, language: (value) => value };

export class FieldStates {
  constructor(states) {
    this.states = states;
    this.all = states.all;
    this.usual = "autoguidance";
  }

  get look() {
    return Object.fromEntries(Object.entries(this.all.look).map(([name, { default: usual }]) => [name, usual]));
  }

  // A scene of these choices, the others as they usually are; Refused where that is none.
  scene({ cast = new Map(), rule = this.usual, target = "A" }) {
    const { all, states } = this;
    checkSetting(all.choices.rule, rule);
    const roles = Object.keys(all.rules.get(rule).cast);
    const own = new Map([...cast].filter(([role]) => roles.includes(role)));
    for (const [role, name] of own) all.checkDensity(name, role);
    return states.scenes.of(new Map([["rule", rule], ["target", target], ...own]));
  }

  // {scene, look} of a link, and one sentence for every value that was not taken.
  parse(link) {
    const query = new Map(new URLSearchParams(link));
    const notes = [];
    const given = new Map([...query].filter(([name]) => !OTHERS.includes(name) && !(name in this.all.look)));
    const taken = (make, name) => {
      try {
        return make();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        notes.push(`${name}: ${error.message}`);
        return undefined;
      }
    };
    const rule = query.has("rule") ? taken(() => checkSetting(this.all.choices.rule, query.get("rule")), "rule") : undefined;
    const target = query.has("target") ? taken(() => this.all.target(query.get("target")), "target") : undefined;
    const cast = new Map();
    for (const [role, name] of given) {
      if (!(role in this.all.rules.get(rule ?? this.usual).cast)) continue; // another rule's, or nobody's
      if (taken(() => this.all.checkDensity(name, role) ?? true, role)) cast.set(role, name);
    }
    const scene = taken(() => this.scene({ rule, target, cast }), "link") ?? this.scene({});
    const own = [...query].filter(([name]) => name in this.all.look);
    const { values, notes: unread } = fromQuery(this.all.look, own);
    return { state: { scene, look: { ...this.look, ...digits(values) } }, notes: [...notes, ...unread] };
  }

  // The parameters: what differs from the default, nothing else.
  link({ scene, look }) {
    const usual = this.all.defaultCast(scene.rule, scene.target);
    const pairs = [
      ...(scene.rule === this.usual ? [] : [["rule", scene.rule]]),
      ...(scene.target === "A" ? [] : [["target", scene.target]]),
      ...[...scene.cast].filter(([role, name]) => name !== usual.get(role)),
      ...Object.entries(look).filter(([name, value]) => value !== null && written(value) !== written(this.look[name])).map(([name, value]) => [name, written(value)]),
    ];
    return queryText(pairs);
  }

  // The look after what the view says of itself.
  looked(ui, before) {
    const said = Object.entries(ui ?? {}).filter(([name, value]) => name in this.all.look && value !== null && value !== undefined);
    const { values } = fromQuery(this.all.look, said);
    return { ...before, ...(ui && "view" in ui && ui.view === null ? { view: null } : {}), ...digits(values) };
  }
}

const digits = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, DIGITS[name](value)]));
