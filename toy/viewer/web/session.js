// A live view under a page: takes packs, asks the server, hears the person. Explore and Fields extend it and say what is taken
// from a pack (`take`, then `show` when the queue has heard of it), what is fetched then (`next`, `fetchMissing`), what is
// asked again (`askAgain`) or done when another server may stand where the first was (`found`), which key does what
// (`press`), and what pointing means (`hoverAt`, `clickAt`).

import { themeOf } from "./colour.js";
import { h, retell, setText } from "./dom.js";
import { embedded, gestures, leave } from "./gestures.js";
import { language, say, speak } from "./language.js";
import { Page, serverIsThere } from "./page.js";
import { Queue, Retry } from "./queue.js";
import { readScenery } from "./scenery.js";
import { Screen } from "./screen.js";
import { parsedJson, storeHere, storedHere } from "./storing.js";
import { unpack } from "./unpack.js";
import { camera, pan, zoomAbout } from "./view.js";
import { Meanings } from "./words.js";

const SETTLE_MS = 120; // quiet time before what is missing is asked for
const REMEMBER_MS = 400;

export class Session extends Screen {
  // Without `send` nothing is asked of a server; `storageKey` names what the tab remembers. `page` is what is known of the
  // page around the view, where that is not one of Streamlit's.
  constructor(root, { send = null, sendUi = null, storageKey = null, page = null } = {}) {
    super(root);
    // What runs because the view asked for it is no news of the page around it.
    const telling = (tell) => tell && ((message) => (this.page.sent(), tell(message)));
    this.send = telling(send);
    this.sendUi = telling(sendUi);
    this.storageKey = storageKey;
    this.page = page ?? new Page(() => this.redraw());
    this.gone = false; // the server, which has not answered
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.header = null;
    this.scenery = { outlines: {}, segments: null };
    this.hover = null;
    this.pin = null;
    this.pinsBefore = [null, null];
    this.probe = null;
    this.lastAnswer = 0;
    this.queue = new Queue((request) => this.transmit(request), { seq: Date.now() }); // never a number of an earlier page's
    this.retry = new Retry(() => this.askAgain());
    this.local = null; // the browser's own engine, where a view has one
    this.status = h("div", { class: "tv-status", testid: "status", role: "status", "aria-live": "polite" });
  }

  listen() {
    const { signal } = this.abort;
    this.meanings = new Meanings(this.root, signal);
    this.observer = new ResizeObserver(() => {
      this.measure();
      this.redraw("size");
    });
    this.measure();
    for (const element of [this.root, ...Object.values(this.panels).map(({ plot }) => plot)]) this.observer.observe(element);
    this.root.addEventListener("keydown", (event) => this.onKey(event), { signal });
    // Space plays as soon as the pointer is over the view, unless some control has the keyboard.
    const over = ({ key, target }) => key === " " && !embedded() && target === document.body && this.root.matches(":hover");
    document.addEventListener("keydown", (event) => over(event) && this.onKey(event), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readTheme(), { signal });
    this.timer = setInterval(() => (this.lost() || this.gone) && this.onLost(), 1000);
  }

  measure() {}

  // Says everything in a language from now on, or as soon as it has been read.
  speak(name) {
    speak(name, () => !this.abort.signal.aborted && this.root.lang !== language() && this.spoken());
  }

  spoken() {
    this.root.lang = language();
    retell(this.root);
    retell(document.body); // the shortcut to the view
  }

  pen() {
    return null;
  }

  readTheme() {
    Object.assign(this, themeOf(this.root));
    this.redraw("back", "dots", "above");
  }

  // --- Packs from the server ----------------------------------------------------------------------------------------

  // A pack: its bytes, or `{ header, arrays }` as they are unpacked.
  update(given) {
    let pack;
    try {
      pack = given instanceof Uint8Array ? unpack(given) : given;
    } catch (error) {
      setText(this.status, error.message);
      this.redraw();
      return;
    }
    const { header, arrays } = pack;
    if (this.local?.adopts(header, arrays)) return;
    const seq = header.seq ?? 0;
    this.gone = false;
    this.page.answered(seq === 0, header.engine === null); // the page's own run, after what was changed beside the view
    // An answer that was overtaken would make the picture jump back.
    if (seq > 0 && seq < this.lastAnswer) return;
    this.lastAnswer = Math.max(this.lastAnswer, seq);
    this.queue.seq = Math.max(this.queue.seq, seq);
    const before = this.header;
    this.header = header;
    if (Object.keys(arrays).some((name) => name.startsWith("tree.") || name.startsWith("outline."))) this.scenery = readScenery(arrays);
    this.readTheme(); // while nothing has changed: styles need not be worked out for it
    this.take(header, arrays, before);
    if (seq === 0) this.queue.lost(); // a run that knew of no request: a restarted server, say
    this.show(header, this.queue.answers(seq) && !this.queue.pending);
    this.queue.answered(seq);
    if (this.send) this.retry.saw(Boolean(header.busy), header.again);
    this.redraw("size");
    if (header.engine === null && header.id !== before?.id) this.drawNow(); // that was waited for
    this.next(header, before);
  }

  // Whether the browser's own engine is at work on an answer: it is late, and not lost.
  get computing() {
    return Boolean(this.local?.running);
  }

  transmit(request) {
    if (!this.local?.takes(request)) this.send({ ...request, local: Boolean(this.local?.on) });
    this.redraw();
  }

  // When nothing has moved for a moment, ask for what the picture lacks.
  settle(ms = SETTLE_MS) {
    clearTimeout(this.settleTimer);
    if (!this.send) return;
    this.settleTimer = setTimeout(() => !this.abort.signal.aborted && this.fetchMissing(), ms);
  }

  // Whether the server has not answered for long, and is not at work on it.
  lost() {
    return !this.page.working && ((!this.computing && this.queue.tick()) || Boolean(this.local?.lost()));
  }

  async onLost() {
    // While the engine starts nothing is lost: the server keeps what was asked, and answers when it is ready.
    if (this.looking || this.header?.precomputed) return;
    this.looking = true;
    this.redraw();
    this.gone = !(await serverIsThere());
    this.looking = false;
    if (this.gone) setText(this.status, say("silent"));
    else if (this.abort.signal.aborted) return;
    else if (this.page.cut) this.found();
    else this.again();
    this.redraw();
  }

  // What was lost is asked and told once more.
  again() {
    this.queue.again();
    if (this.local?.lost()) this.local.tell();
  }

  // --- What the person chooses --------------------------------------------------------------------------------------

  // What the tab remembers of an earlier visit; null where there is nothing.
  remembered() {
    return parsedJson(storedHere(this.storageKey, () => sessionStorage));
  }

  // As it goes into the URL.
  chosen() {
    return { ...this.ui, view: this.ui.view?.map((v) => Number(v.toPrecision(5))) ?? null };
  }

  remember() {
    clearTimeout(this.rememberTimer);
    this.rememberTimer = setTimeout(() => {
      if (this.page.running) {
        this.remember(); // a run of the page that is cut short forgets what its settings were to be
        return;
      }
      const chosen = this.chosen();
      if (this.storageKey) storeHere(this.storageKey, JSON.stringify(chosen), () => sessionStorage);
      this.sendUi?.(chosen);
    }, REMEMBER_MS);
  }

  // The window that shows the target; another target's stands elsewhere.
  get home() {
    return this.header.layout.view;
  }

  get view() {
    const [cx, cy, half] = this.ui.view ?? this.home;
    return { cx, cy, half };
  }

  // Null is home, and who comes back to it by hand is there too.
  setView(view) {
    const numbers = view && [view.cx, view.cy, view.half];
    this.ui.view = numbers?.some((v, i) => Math.abs(v - this.home[i]) > 1e-9) ? numbers : null;
    this.remember();
    this.redraw("back", "dots", "above");
    this.settle();
  }

  onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.composedPath()[0];
    const is = (selector) => on instanceof HTMLElement && on.matches(selector);
    const panel = Object.values(this.panels).find(({ plot }) => plot === on);
    if (event.key === "Escape") {
      if (this.pin) this.unpin();
      else leave(this.root);
    } else if (event.key === "Enter" && panel) this.clickAt(panel, panel.plot.clientWidth / 2, panel.plot.clientHeight / 2);
    else if (!this.press(event, is)) return;
    event.preventDefault();
    // Streamlit has shortcuts of its own.
    event.stopPropagation();
  }

  // --- Pointing -----------------------------------------------------------------------------------------------------

  point(panel, pointers) {
    const on = {
      pan: (dx, dy) => this.setView(pan(this.view, this.cssCamera(panel), dx, dy)),
      zoom: (x, y, factor) => this.setView(zoomAbout(this.view, this.cssCamera(panel), x, y, factor)),
      hover: (x, y) => this.hoverAt(panel, x, y),
      leave: () => this.hoverAt(panel, null),
      click: (x, y) => this.clickAt(panel, x, y),
      reset: () => this.onDoubleClick(),
      pen: () => this.pen(panel),
    };
    gestures(panel.plot, on, pointers);
  }

  setPin(pin) {
    this.pinsBefore = [this.pinsBefore[1], this.pin];
    this.pin = pin;
    this.redraw("above");
  }

  // Its two clicks were not meant as clicks: what was pinned before them is pinned again.
  onDoubleClick() {
    [this.pin] = this.pinsBefore;
    this.setView(null);
  }

  unpin() {
    this.pin = null;
    this.redraw("above");
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------

  zoomOut() {
    return 1;
  }

  // Cameras in canvas pixels and in CSS pixels; all panels share the view.
  camera(panel) {
    return camera(this.view, panel.width, panel.height, this.zoomOut());
  }

  cssCamera(panel) {
    return camera(this.view, panel.width / panel.dpr, panel.height / panel.dpr, this.zoomOut());
  }

  // What the page around it, and who tests it, may read off it.
  setData(data) {
    const { dataset } = this.root;
    for (const [name, value] of Object.entries(data)) if (dataset[name] !== value) dataset[name] = value;
  }

  destroy() {
    super.destroy();
    clearInterval(this.timer);
    clearTimeout(this.settleTimer);
    clearTimeout(this.rememberTimer);
    this.page.stop();
    this.retry.stop();
    this.observer.disconnect();
    this.queue.clear();
    this.local?.stop();
  }
}
