// Between Explore's view, the settings and the address: one state, and the pack that answers what is asked of it.

import { GIVEN_UP } from "../../browser/web/engine.js";
import { takeFlags } from "../../viewer/web/frames.js";
import { Refused } from "./settings.js";

const STAYS = ["id", "sigmas", "sigma_max", "sigma_min", "layout", "target", "paired", "quality"]; // of the picture that is shown
const OF_SHOWN = ["shown", "measured", "n", "seed", "stochastic", "standing", "waiting", "curve"]; // and of its panels

export class Desk {
  // `source.answer({header, scenes}, request, later)` gives a pack; `said(sentence)` is told what could not be done.
  constructor({ states, headers, source, address, said }) {
    Object.assign(this, { states, headers, source, address, said });
    this.state = states.start;
    this.uiFrom = 0;
    this.beside = 0; // changes that the view did not make
    this.listeners = [];
    this.waiting = null; // what is asked next
    this.working = false;
    this.last = null; // the pack that is shown
    this.page = { outside: false, lost: false, cut: false, working: true, sent() {}, answered() {}, stop() {} };
    address.listen((query) => this.follow(query));
  }

  // Shows what the address says in a view, and from then on whatever is chosen.
  open(viewer) {
    this.viewer = viewer;
    this.read(this.address.query);
    this.tell();
    return this.ask(null);
  }

  // --- The state ------------------------------------------------------------------------------------------------------

  changed(heard) {
    this.listeners.push(heard);
  }

  tell() {
    for (const heard of this.listeners) heard(this.state);
  }

  read(query) {
    const { state, notes } = this.states.parse(query);
    const strange = state.story && !this.states.told(state);
    if (strange) notes.push(`story = ${state.story}: ${state.story in this.states.all.presets ? "the settings beside it are not its own" : "unknown"}`);
    this.state = strange ? { ...state, story: "" } : state;
    if (notes.length) this.said(`Not taken from the link: ${notes.join("; ")}`);
  }

  // The browser went back or on.
  follow(query) {
    if (query === this.states.link(this.state)) return;
    this.read(query);
    this.uiFrom += 1;
    this.beside += 1;
    this.tell();
    this.ask(null);
  }

  // Takes another state, from a setting, a story or a lesson.
  put(state) {
    const view = JSON.stringify([...state.ui]) !== JSON.stringify([...this.state.ui]);
    if (view) this.uiFrom += 1;
    this.beside += 1;
    this.state = state;
    this.record(true);
    this.tell();
    this.ask(null);
  }

  // Changes one side; a sentence where that is not allowed.
  change(slot, values) {
    try {
      const given = new Map(Object.entries(values));
      this.states.checkCast(this.state[slot], given);
      this.put(this.states.change(this.state, slot, given));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.said(error.message);
      this.tell();
    }
  }

  showStory(name) {
    const query = new URLSearchParams(Object.entries(this.states.all.presets[name].query)).toString();
    this.put(this.states.beside(this.states.parse(query).state, this.state));
  }

  // --- What the view says ---------------------------------------------------------------------------------------------

  send(request) {
    const state = this.drawn(this.applied(request), request);
    if (request.phase === "release" || request.phase === "draw") {
      if (state !== this.state) {
        this.state = state;
        this.record(true);
        this.tell();
      }
    }
    this.ask(request, state);
  }

  sendUi(ui) {
    const before = this.state.ui.get("freeze");
    this.state = this.states.fromViewer(this.state, ui);
    this.record(false);
    if (before !== this.state.ui.get("freeze")) this.tell();
  }

  // Has the address say the state; `push`: as a step of the browser's history.
  record(push) {
    this.address.write(this.states.link(this.state), push);
  }

  // The state with the knobs as they are on the view, to six digits; the same one where they are as it says.
  applied({ interval = {}, knobs = {}, phase }) {
    if (!["drag", "release", "draw"].includes(phase)) return this.state;
    let { state } = this;
    for (const slot of this.states.slots) {
      const scene = state[slot];
      const wanted = { ...knobs[slot], ...(interval[slot] && scene.schedule === "interval" ? { lo: interval[slot][0], hi: interval[slot][1] } : {}) };
      const known = this.states.scenes.knobsOf(scene);
      const values = Object.entries(wanted)
        .filter(([name, value]) => known.has(name) && !known.get(name).size && Number.isFinite(value))
        .map(([name, value]) => [name, Number(Math.min(known.get(name).hi, Math.max(known.get(name).lo, value)).toPrecision(6))])
        .filter(([name, value]) => value !== scene.knobs.get(name));
      if (values.length) state = this.states.change(state, slot, new Map(values));
    }
    return state;
  }

  // The state with what was drawn in the distribution's place: the same classes of it, or the first there is.
  drawn(state, { phase, strokes }) {
    if (!strokes || !["drag", "release", "draw"].includes(phase)) return state;
    const { all } = this.states;
    try {
      const on = all.drawings.take(strokes);
      const before = `${on}/${all.targets.get(state.left.target).shown.classes}`;
      const [first] = all.targetsOn(on);
      const target = all.targets.has(before) ? before : first;
      return this.states.change(state, this.states.slots[0], [["target", target]]);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.said(error.message);
      return state;
    }
  }

  // --- Answers --------------------------------------------------------------------------------------------------------

  // One thing at a time, and of what waits the latest. `request` is the view's, or null where the page asks by itself.
  ask(request, state = this.state) {
    this.waiting = { request, state };
    if (!request) this.announce();
    if (this.working) this.source.stop?.();
    else return this.work();
  }

  async work() {
    this.working = true;
    while (this.waiting) {
      const job = this.waiting;
      this.waiting = null;
      const pack = await this.packOf(job);
      const overtaken = this.waiting && (job.whole || !this.waiting.request); // by a choice beside the view: this is not of it
      if (!pack || overtaken) continue;
      this.page.outside = false;
      this.last = pack;
      this.viewer.update(pack);
      // After the preview of a stroke, all of it.
      if (job.request?.phase === "draw" && !this.waiting) this.waiting = { request: null, state: job.state, whole: true };
    }
    this.working = false;
  }

  async packOf({ request, state }) {
    const { header, shown, words } = this.headerOf(state);
    header.note = words;
    header.seq = request?.seq ?? 0;
    const slots = this.states.slots.filter((slot) => shown[slot]);
    if (!slots.length) return { header, arrays: {} };
    const scenes = Object.fromEntries(this.states.slots.map((slot) => [slot, this.headers.engine(shown[slot] ?? shown[slots[0]])]));
    const ui = Object.fromEntries(state.ui);
    const asked = request ?? { phase: "release", knobs: {}, interval: {}, seq: 0, have: null, layers: [], sigma: 0.03, box: null, probe: null, curve: Boolean(ui.curve) };
    try {
      const pack = await this.source.answer({ header, scenes }, asked, (id, arrays) => takeFlags(this.held, id, arrays));
      return slots.length === this.states.slots.length ? pack : without(pack, header, this.states.slots, slots);
    } catch (error) {
      if (error.message === GIVEN_UP) return request && !this.waiting ? this.refused(header, "") : null;
      return this.refused(header, error.message);
    }
  }

  headerOf(state) {
    const found = this.headers.of(state, this.uiFrom);
    found.header.beside = this.beside;
    return found;
  }

  // The view that has the particles.
  get held() {
    return this.viewer;
  }

  // What cannot be computed here is said beside the picture that there is.
  refused(header, words) {
    const pack = this.provisional(header);
    pack.header.note = words;
    if (!this.last) for (const panel of pack.header.panels) Object.assign(panel, { waiting: words, pending: words, shown: null });
    return pack;
  }

  // The titles of what was chosen, above the picture of before, until there is another.
  announce() {
    if (!this.last) return;
    this.page.outside = true;
    this.viewer.update(this.provisional(this.headerOf(this.state).header));
  }

  provisional(header) {
    const shown = this.last?.header;
    if (!shown) return { header, arrays: {} };
    const kept = Object.fromEntries(STAYS.map((name) => [name, shown[name]]));
    const panels = header.panels.map((panel, i) => ({ ...panel, ...Object.fromEntries(OF_SHOWN.filter((name) => name in shown.panels[i]).map((name) => [name, shown.panels[i][name]])) }));
    return { header: { ...header, ...kept, panels, field: null, probe: null }, arrays: {} };
  }
}

// A pack without the sides that could not be computed, whose panels say why.
function without({ header, arrays }, asked, all, slots) {
  const gone = all.filter((slot) => !slots.includes(slot));
  const kept = Object.entries(arrays).filter(([name]) => !gone.some((slot) => name.startsWith(`${slot}.`)));
  const panels = header.panels.map((panel, i) => (gone.includes(panel.slot) ? asked.panels[i] : panel));
  return { header: { ...header, id: [header.id, ...gone].join("-"), panels }, arrays: Object.fromEntries(kept) };
}
