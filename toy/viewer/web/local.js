// The browser's own engine under a view: what it can compute is computed here, and the server is only told what was chosen.
// It says what the engine needs to know for that; what it does not say that of, it computes itself.

import { GIVEN_UP } from "../../browser/web/engine.js";
import { takeOpened } from "./opening.js";

const LATER_MS = 300;

export class Local {
  // `answers` makes packs of what the engine computes: see answers.js.
  constructor(view, answers) {
    this.view = view;
    this.answers = answers;
    this.engine = answers.engine;
    this.base = null; // what the engine can compute: see answers.js
    this.scenery = {}; // arrays of the target, until they were shown
    this.running = null; // the request that is being answered
    this.refused = ""; // why the engine is not asked any more
    this.askedFor = null; // the picture for which the server was asked what the engine needs
    this.asking = false; // and has not answered yet
  }

  get on() {
    return !this.refused;
  }

  // A drawing is made into a distribution by the server, a link is read there, and the sampler's own density is worked out there.
  can({ drawing = false, layers = [], open = null }) {
    return this.on && Boolean(this.base) && !drawing && !layers.includes("drawn") && open === null;
  }

  // Whether a request is answered here; the server is told what was chosen.
  takes(request) {
    if (!this.can(request)) return false;
    this.answer(request);
    if (request.phase === "release") this.tell(request);
    return true;
  }

  // Whether a pack is no picture, but tells the engine what it needs to make one.
  adopts(header, arrays) {
    if (header.engine) this.adopt(header, arrays);
    else if (header.engine === undefined) this.leave(header);
    return Boolean(header.engine);
  }

  // The server has computed this one; what the engine needs for it may be on its way.
  leave({ later }) {
    this.base = null;
    if (!later) this.asking = false;
    else if (this.asking) setTimeout(() => !this.base && !this.view.abort.signal.aborted && this.tell(), LATER_MS);
  }

  // Tells the server what is chosen, and asks in return what the engine needs.
  tell(more = {}) {
    const { view } = this;
    view.send?.({ ...view.request("tell", "left"), seq: view.queue.seq, ...more, phase: "tell", local: true });
  }

  async adopt(header, arrays) {
    const { engine, ...own } = header;
    this.view.page.answered(false);
    try {
      await this.engine.learn(told(engine, arrays));
    } catch (error) {
      this.giveUp(error);
      return;
    }
    const { scenes } = engine;
    if (Object.values(scenes).some((scene) => lacks(this.engine, scene))) {
      if (!engine.anew) this.tell({ anew: true }); // the server believes that it was told before
      return;
    }
    this.base = { header: own, scenes };
    Object.assign(this.scenery, Object.fromEntries(Object.entries(arrays).filter(([name]) => /^(tree|outline)\./.test(name))));
    this.begin(own);
  }

  // With the page's own run, or where a link was opened: what the controls said before is of another scene.
  begin({ seq }) {
    const { view } = this;
    if (seq === 0 || takeOpened(view, { seq })) this.answer({ ...view.request("release", "left"), seq, knobs: {}, interval: {}, have: null });
    else if (view.queue.answers(seq)) this.answer({ ...view.request("release", "left"), seq });
    else this.refresh();
  }

  // What is shown, under the titles that the server has by now; a picture that is on its way will have them.
  refresh() {
    const { view } = this;
    if (!this.running && !view.adjusting && !view.queue.busy) this.answer({ ...view.request("release", "left"), seq: view.lastAnswer });
  }

  async answer(request) {
    const { base } = this;
    this.stop(); // also what an earlier picture gains later
    this.running = request;
    try {
      const { header, arrays } = await this.answers.answer(base, request);
      if (this.running !== request) return;
      Object.assign(this, { running: null, asking: false });
      const scenery = this.scenery;
      this.scenery = {};
      this.view.update({ header, arrays: { ...scenery, ...arrays } });
      if (this.base !== base) this.refresh();
      if (header.quality === "full") this.show(header.id, await this.answers.later(base, request));
    } catch (error) {
      const mine = this.running === request;
      if (mine) this.running = null;
      if (error.message !== GIVEN_UP) this.giveUp(error);
      else if (mine || request === this.stopped) this.view.queue.lost();
    }
  }

  // Flags of particles on their way, if they are still those that are shown.
  show(id, arrays) {
    const { frames } = this.view;
    if (frames?.id !== id) return;
    for (const [name, flags] of Object.entries(arrays)) frames.outside[name.split(".")[0]] = flags;
    this.view.redraw("dots");
  }

  // Something newer is asked for: a whole picture is given up for it, a preview is soon there.
  hurry() {
    if (this.running && this.running.phase !== "drag") this.stop();
  }

  stop() {
    this.stopped = this.running;
    this.running = null;
    this.answers.stop();
  }

  // The server computes from here on.
  giveUp(error) {
    if (this.view.abort.signal.aborted) return;
    Object.assign(this, { refused: error.message, base: null, running: null, asking: false });
    this.view.queue.lost();
    this.view.ask("release", "left");
  }

  // Once for each picture that the server has computed: could it be computed here?
  offer(header) {
    if (!this.on || header.engine !== undefined || header.busy || header.precomputed || this.askedFor === header.id) return;
    Object.assign(this, { askedFor: header.id, asking: true });
    this.tell();
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
    view.send?.({ seq: view.queue.seq, phase: "release", sigma: view.ui.sigma, box: view.wantedBox, field: false, local: true, ...more });
  }

  begin(header) {
    const arrays = this.scenery;
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
