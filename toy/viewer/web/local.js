// The browser's own engine under a view: what it can compute is computed here, and the server is only told what was chosen.
// It says what the engine needs to know for that; what it does not say that of, it computes itself.

import { GIVEN_UP } from "../../browser/web/engine.js";
import { takeFlags } from "./frames.js";
import { say } from "./language.js";
import { takeOpened } from "./opening.js";

const LATER_MS = 300;
export const LOST_MS = 3000;
const UNHEARD_MS = 10000;

export const SCENERIES = new WeakMap(); // by engine: arrays of each target that it was told of, and that is not told again with it

export class Local {
  // `answers` makes packs of what the engine computes, see answers.js; `draw` answers strokes, see drawhere.js.
  constructor(view, answers, draw = null) {
    this.view = view;
    this.draw = draw;
    this.answers = answers;
    this.engine = answers.engine;
    this.base = null; // what the engine can compute: see answers.js
    this.whole = false; // and nothing of it was shown yet: what the controls say is of another scene
    this.scenery = {}; // arrays of the target, until they were shown
    this.target = null; // whose they were last
    this.running = null; // the request that is being answered
    this.refused = ""; // why the engine is not asked any more
    this.refusedFor = null; // of this distribution
    this.askedFor = null; // the picture for which the server was asked what the engine needs
    this.asking = false; // and has not answered yet
    this.toldAt = 0; // the number of what it was told last
    this.toldWhen = 0;
    this.heard = 0; // the number of what the server has answered to
    this.declined = null; // the picture that the server has kept for itself
    this.drawn = null; // the picture whose particles were made here
    this.served = 0; // pictures by the server so far
    if (!SCENERIES.has(this.engine)) SCENERIES.set(this.engine, new Map());
  }

  get on() {
    return !this.refused;
  }

  // A link is read by the server, and the sampler's own density is worked out there. Of a drawing it has to have said how it is shown.
  can({ strokes = null, layers = [], open = null }) {
    return this.on && Boolean(this.base) && (!strokes || Boolean(this.base.header.sketch)) && open === null && !layers.includes("drawn");
  }

  // Whether a request is answered here; the server is told what was chosen.
  takes(request) {
    if (!this.can(request)) return false;
    const news = request.phase === "release" && !this.whole;
    if (request.strokes) this.draw(this, request);
    else this.answer(request);
    if (news && !request.strokes) this.tell(request);
    return true;
  }

  // Whether a pack is no picture, but tells the engine what it needs to make one. A picture that was overtaken changes nothing.
  // One from before the server has heard of what was drawn is none at all. Those that are made here have no engine to tell.
  adopts(header, arrays) {
    if (header.engine === null) return false;
    const overtaken = header.seq > 0 && header.seq < this.view.lastAnswer;
    if (this.draw?.stale(this, header)) return true;
    this.heard = Math.max(this.heard, header.seq || this.toldAt); // a run of the whole page answers to all
    if (header.engine && this.on) this.adopt(header, arrays);
    else if (!header.engine && !overtaken) this.leave(header);
    return Boolean(header.engine);
  }

  // The server has computed this one: what runs here is of one before. What the engine needs for it may be on its way.
  leave(header) {
    const { later, target } = header;
    if (this.base) this.askedFor = null;
    Object.assign(this, { base: null, whole: false, target: null, drawn: null, served: this.served + 1 });
    this.stop();
    if (this.refused && target?.name !== this.refusedFor) this.refused = "";
    if (this.refused) header.note = [header.note, say("byServer", { why: this.refused })].filter(Boolean).join(" ");
    if (!this.asking || header.seq < this.toldAt) return; // of a run before it was asked
    if (later) this.askAgain(LATER_MS);
    else {
      this.cease();
      this.declined = header.id;
    }
  }

  // Whether it is still open who draws what a header is of.
  undecided({ engine, id }) {
    return this.on && engine === undefined && this.declined !== id && !this.view.strokes?.on;
  }

  // Asks once more what the engine needs, unless that has come by then.
  askAgain(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!(this.untold || (this.asking && !this.base)) || this.view.abort.signal.aborted) return;
      this.tell();
      this.askAgain(2 * Math.max(ms, LOST_MS));
    }, ms);
    this.timer.unref?.(); // in node, where nothing waits for it
  }

  cease() {
    clearTimeout(this.timer);
    this.asking = false;
  }

  // Tells the server what is chosen, and asks in return what the engine needs.
  tell(more = {}) {
    const { view } = this;
    const request = { ...this.request("tell"), seq: this.number(), ...this.untold?.said, ...more, phase: "tell", local: true };
    this.telling(request);
  }

  telling(request) {
    Object.assign(this, { toldAt: request.seq, toldWhen: Date.now() });
    this.view.send?.(request);
  }

  // Whether the server has not answered to what it was told, which may be what was chosen: see Session. Strokes are told again by
  // themselves.
  lost() {
    return this.heard < this.toldAt && !this.untold && !this.view.alone && Date.now() - this.toldWhen >= UNHEARD_MS;
  }

  // What the view asks for; a view that has shown nothing yet has nothing to say.
  request(phase) {
    return this.view.header ? this.view.request(phase, "left") : { phase, knobs: {}, interval: {}, layers: [], have: null };
  }

  // A number that nothing was asked under: Streamlit does not tell the same again.
  number() {
    return (this.view.queue.seq += 1);
  }

  async adopt(header, arrays) {
    const { engine, ...own } = header;
    const { served } = this;
    this.view.page.answered(false);
    try {
      await this.engine.learn(told(engine, arrays));
    } catch (error) {
      if (served === this.served) this.giveUp(error, own, own.seq === 0);
      return;
    }
    await this.drawing; // whose target may be that of these scenes
    if (served !== this.served || this.view.abort.signal.aborted || this.draw?.stale(this, own)) return;
    const { scenes } = engine;
    const { target } = Object.values(scenes)[0];
    const sceneries = this.sceneries(engine, arrays);
    if (!sceneries.has(target) || Object.values(scenes).some((scene) => lacks(this.engine, scene))) {
      if (engine.anew) this.giveUp(new Error("it did not say all that the picture needs"), own, own.seq === 0);
      else this.tell({ anew: true }); // the server believes that it was told before
      return;
    }
    this.base = { header: own, scenes };
    if (target !== this.target) Object.assign(this, { target, scenery: sceneries.get(target) });
    this.begin(own);
  }

  // With those that have just come; the engine's targets alone have one.
  sceneries({ truths }, arrays) {
    const sceneries = SCENERIES.get(this.engine);
    const own = Object.entries(arrays).filter(([name]) => /^(tree|outline)\./.test(name));
    for (const [target] of truths) sceneries.set(target, Object.fromEntries(own));
    for (const target of sceneries.keys()) if (!this.engine.known.truths.has(target)) sceneries.delete(target);
    return sceneries;
  }

  // With the page's own run, where a link was opened, or something was changed beside the view: what the controls said before is
  // of another scene. A request to the server may be answered by this.
  begin({ seq, beside = 0 }) {
    const { view } = this;
    const opened = takeOpened(view, { seq });
    this.whole ||= seq === 0 || opened || !view.header || beside !== (view.header.beside ?? 0);
    if (this.whole) this.answer({ ...this.request("release"), seq });
    else if (!this.running && view.queue.answers(seq)) this.answer({ ...this.request(view.adjusting ? "drag" : "release"), seq });
    else this.refresh();
  }

  // What is shown, under the titles that the server has by now; a picture that is on its way will have them.
  refresh() {
    const { view } = this;
    if (this.running || view.adjusting || view.queue.busy) return;
    const request = { ...view.request("release", "left"), seq: view.lastAnswer };
    if (this.can(request)) this.answer(request);
  }

  async answer(request) {
    const { base, whole } = this;
    this.stop(request); // also what an earlier picture gains later
    if (this.running !== request) return; // what waited for that is asked in its place
    const have = request.have === this.drawn ? request.have : null; // the server's are in sixteen bits
    const asked = whole ? { ...request, knobs: {}, interval: {}, have: null } : { ...request, have };
    let shown = false;
    try {
      const { header, arrays } = await this.answers.answer(base, asked);
      if (this.running !== request) return;
      const { scenery } = this;
      Object.assign(this, { running: null, asking: false, whole: false, scenery: {}, drawn: header.id });
      shown = true;
      this.view.update({ header, arrays: { ...scenery, ...arrays } });
      if (this.base !== base) this.refresh();
      if (header.quality === "full") takeFlags(this.view, header.id, await this.answers.later(base, asked));
    } catch (error) {
      if (error.message === GIVEN_UP || !(shown || this.running === request)) return;
      this.giveUp(error, base.header);
    }
  }

  // Something newer is asked for: a whole picture is given up for it, a preview is soon there.
  hurry() {
    if (this.running && !["drag", "draw"].includes(this.running.phase)) this.stop();
  }

  // What runs is given up for what is `next`; the view need not wait for it.
  stop(next = null) {
    const { running } = this;
    this.running = next;
    this.answers.stop();
    if (running) this.view.queue.lost(running.seq);
  }

  // The server computes from here on, until another distribution is chosen; what the controls say may be of another scene. A
  // view without a server shows what it has.
  giveUp(error, { target }, whole = this.whole) {
    const { view } = this;
    if (view.abort.signal.aborted) return;
    const phase = this.whole || whole ? "field" : "release";
    Object.assign(this, { refused: error.message, refusedFor: target?.name, base: null, running: null, whole: false, asking: false });
    if (view.alone) {
      view.end(say("computesNoMore", { why: error.message }));
      return;
    }
    view.queue.lost();
    view.ask(phase, "left");
  }

  // Once for each picture that the server has computed: could it be computed here?
  offer(header) {
    if (!this.on || header.engine !== undefined || header.busy || header.precomputed || this.askedFor === header.id) return;
    Object.assign(this, { askedFor: header.id, asking: true });
    this.tell();
    this.askAgain(LOST_MS);
  }
}

// Under Fields' view: a picture does not wait for what the server says of it, and there is nothing to tell but what is needed.
export class FieldLocal extends Local {
  takes(request) {
    if (!this.can(request)) return false;
    this.answer(request);
    return true;
  }

  tell(more = {}) {
    const { view } = this;
    this.telling({ seq: this.number(), phase: "release", sigma: view.ui.sigma, box: view.wantedBox, field: false, local: true, ...more });
  }

  begin(header) {
    const arrays = this.scenery;
    this.stop(); // what runs is of densities before
    Object.assign(this, { scenery: {}, asking: false });
    this.view.update({ header: { ...header, engine: null }, arrays });
  }

  refresh() {}
}

const lacks = (engine, scene) => Object.values(engine.lacks(scene)).some((list) => list.length > 0);

// The lists of what the server tells, the arrays of the densities among their numbers.
export function told({ programs, densities, truths }, arrays) {
  const whole = densities.map(([id, plain], i) => {
    const begin = `density.${i}.`;
    const own = Object.entries(arrays).filter(([name]) => name.startsWith(begin));
    return [id, { ...plain, ...Object.fromEntries(own.map(([name, { data }]) => [name.slice(begin.length), data])) }];
  });
  return { programs, densities: whole, truths };
}
