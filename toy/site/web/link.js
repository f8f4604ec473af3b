// What a visitor sees, as one value, and the link that says it, both ways: the same as toy/state.py's.

import { listed, quoted, written } from "../../browser/web/numbers.js";
import { Scenes } from "./scene.js";
import { Refused, checkSetting, fromQuery } from "./settings.js";

const EMBED = ["embed", "embed_options"];

export class States {
  constructor(all) {
    this.all = all;
    this.scenes = new Scenes(all);
    this.slots = all.slots;
    const usual = Object.entries(all.start).map(([slot, values]) => [slot, this.scenes.of(new Map(Object.entries(values)))]);
    this.start = Object.freeze({ ...Object.fromEntries(usual), ui: new Map(), hide: [], story: "" });
  }

  // Changes one side; what both sides share changes on both. Refused where a value is not allowed.
  change(state, slot, given) {
    const shared = [...given].filter(([name]) => this.all.shared.includes(name));
    const own = [...given].filter(([name]) => !this.all.shared.includes(name));
    const sides = Object.fromEntries(this.slots.map((side) => [side, this.scenes.change(state[side], [...shared, ...(side === slot ? own : [])])]));
    const same = this.slots.every((side) => this.scenes.same(sides[side], state[side]));
    return { ...state, ...sides, story: same ? state.story : "" };
  }

  // Refused unless the page can show this density.
  checkCast(scene, given) {
    for (const role of Object.keys(this.all.rules.get(scene.rule).cast)) if (given.has(role)) this.all.checkDensity(given.get(role), role);
  }

  // --- The link -------------------------------------------------------------------------------------------------------

  // The parameters, as pairs: what differs from the default, nothing else.
  query(state) {
    const { all, scenes, start } = this;
    const out = [];
    const defaults = Object.entries(all.defaults);
    for (const slot of this.slots) {
      const scene = state[slot];
      let usual = scenes.values(scenes.change(start[slot], [["target", scene.target]]));
      if (scene.rule !== usual.get("rule")) {
        out.push([`${slot}.rule`, scene.rule]);
        usual = scenes.values(scenes.of([["rule", scene.rule], ["target", scene.target], ...defaults]));
      }
      const choices = ["schedule", "integrator", "target"];
      const fresh = scenes.values(scenes.of([["rule", scene.rule], ...choices.map((name) => [name, scene[name]]), ...defaults]));
      for (const [name, value] of scenes.values(scene)) {
        const base = choices.includes(name) ? all.choices[name].default : usual.has(name) ? usual.get(name) : fresh.get(name);
        if (name === "rule" || written(value) === written(base)) continue;
        if (!all.shared.includes(name)) out.push([`${slot}.${name}`, written(value)]);
        else if (slot === this.slots[0]) out.push([name, written(value)]);
      }
    }
    for (const [name, value] of state.ui) out.push([name, written(value)]);
    if (state.hide.length) out.push(["hide", state.hide.join(",")]);
    if (state.story) out.push(["story", state.story]);
    return out;
  }

  link(state) {
    return queryText(this.query(state));
  }

  // The state that a link says, and one sentence for every value that was not taken.
  parse(link) {
    const given = { "": new Map(), left: new Map(), right: new Map() };
    const ui = new Map();
    const state = { ...this.start };
    const notes = [];
    const said = [...new Map(new URLSearchParams(link))].sort(([a], [b]) => byPoints(a, b));
    for (const [key, whole] of said) {
      const value = [...whole].slice(0, 2000).join("");
      const cut = key.lastIndexOf(".");
      const [slot, name] = [key.slice(0, Math.max(cut, 0)), key.slice(cut + 1)];
      if (this.all.shared.includes(key) || (this.slots.includes(slot) && !this.all.shared.includes(name))) given[slot].set(name, value);
      else if (key === "story") {
        if (/^[a-z-]{1,40}$/.test(value)) state.story = value;
        else notes.push(`story = ${[...value].slice(0, 80).join("")} is not the name of a story`);
      } else if (key === "hide") {
        const names = listed(value);
        state.hide = names.filter((part) => this.all.hideable.includes(part));
        for (const part of names) if (!this.all.hideable.includes(part)) notes.push(`hide: unknown ${quoted(part)}; have: ${this.all.hideable.join(", ")}`);
      } else if (!EMBED.includes(key)) ui.set(key, value);
    }
    const { values, notes: unread } = fromQuery(this.all.viewer, ui);
    const { sides, refused } = this.sides(given);
    return { state: { ...state, ...sides, ui: sortedMap(Object.entries(values)) }, notes: [...refused, ...notes, ...unread] };
  }

  sides(given) {
    const refused = [];
    for (;;) {
      const sides = {};
      let slot;
      try {
        for (slot of this.slots) sides[slot] = this.side(slot, new Map([...given[""], ...given[slot]]));
        return { sides, refused };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const [part, name] = error.names.flatMap((name) => [slot, ""].map((part) => [part, name])).find(([part, name]) => given[part].has(name)) ?? [];
        if (name === undefined) throw error;
        refused.push(part ? `${part}.${name}: ${error.message}` : error.message);
        given[part].delete(name);
      }
    }
  }

  // One side's scene, of legal counts and densities: that of the default page, changed, or another rule's own.
  side(slot, given) {
    const { all, scenes, start } = this;
    if (given.has("n")) checkSetting({ kind: "Choice", name: "n", options: all.counts, legal: all.counts.join(", ") }, given.get("n"));
    const scene = given.has("rule") ? scenes.of(new Map([...Object.entries(all.defaults), ...given])) : scenes.change(start[slot], given);
    this.checkCast(scene, given);
    return scene;
  }

  // --- Beside the scenes ----------------------------------------------------------------------------------------------

  // The state with the viewer's own settings as the viewer reports them; what is not legal is left out.
  fromViewer(state, ui) {
    const said = Object.entries(ui ?? {}).filter(([, value]) => value !== null && value !== undefined);
    const { values } = fromQuery(this.all.viewer, said);
    const kept = Object.entries(values).filter(([name, value]) => value !== this.all.viewer[name].default);
    return { ...state, ui: sortedMap(kept) };
  }

  // The state, where another was: what the teacher hides stays hidden, and what is the visitor's stays his.
  beside(state, before) {
    const own = [...before.ui].filter(([name]) => this.all.personal.includes(name));
    return { ...state, hide: before.hide, ui: sortedMap([...state.ui, ...own]) };
  }

  // The state as it is shown until somebody tries it himself.
  frozen(state) {
    return { ...state, ui: sortedMap([...state.ui, ["freeze", true]]) };
  }

  // The story that a state names, if its scenes are still those of the story; else null.
  told(state) {
    const preset = Object.hasOwn(this.all.presets, state.story) ? this.all.presets[state.story] : null;
    if (!preset) return null;
    const own = this.parse(queryText(Object.entries(preset.query))).state;
    return this.slots.every((slot) => this.scenes.same(own[slot], state[slot])) ? preset : null;
  }
}

// The order of texts by their characters' numbers, as Python has it.
function byPoints(a, b) {
  const [ours, theirs] = [a, b].map((text) => [...text].map((char) => char.codePointAt(0)));
  const at = ours.findIndex((point, i) => point !== theirs[i]);
  return at < 0 ? ours.length - theirs.length : ours[at] - (theirs[at] ?? -1);
}

const sortedMap = (pairs) => new Map([...pairs].sort(([a], [b]) => (a < b ? -1 : 1)));

// Parameters as a link's text, without '?'.
export function queryText(pairs) {
  return pairs.map((pair) => pair.map(escaped).join("=")).join("&");
}

function escaped(text) {
  const plain = { "%2C": ",", "%3A": ":", "%40": "@", "%2F": "/", "%20": "+" };
  const more = { "!": "%21", "*": "%2A", "'": "%27", "(": "%28", ")": "%29" };
  return encodeURIComponent(text.toWellFormed?.() ?? text).replace(/%(2C|3A|40|2F|20)|[!*'()]/g, (found) => plain[found] ?? more[found]);
}
