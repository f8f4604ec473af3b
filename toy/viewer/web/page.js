// What is heard of the page around a component: that something beside it was changed, that Streamlit runs its script
// for it, and that the server is gone. In a page of its own there is nothing to hear.

const GONE = ["DISCONNECTED_FOREVER", "PINGING_SERVER", "CONNECTING"];
const BRIEF_MS = 100; // a run that is over by then has changed nothing that takes computing
const DOUBT_MS = 2000; // a change that no run has followed by then was none, unless the server is gone

const BESIDE = '[data-testid="stApp"]'; // a component's own events come from its shadow, and match nothing
const PRESSED = `${BESIDE} :is([data-testid="stButton"], [data-testid="stButtonGroup"]) button, [role="option"]:not([aria-selected="true"])`;
const TYPED = `${BESIDE} :is(input, textarea)`;

export async function serverIsThere() {
  try {
    return (await fetch("_stcore/health", { signal: AbortSignal.timeout(3000) })).ok;
  } catch {
    return false;
  }
}

// Whether an event of the page is the choice of another value by one of Streamlit's widgets.
export function isChange({ type, key, target }) {
  if (typeof target?.closest !== "function") return false;
  if (type === "change") return Boolean(target.closest(TYPED));
  if (type === "click") return Boolean(target.closest(PRESSED));
  return key === "Enter" && Boolean(target.closest('[role="combobox"][aria-expanded="true"]'));
}

export class Page {
  constructor(changed, { app = document.querySelector('[data-testid="stApp"]'), there = serverIsThere, after = setTimeout } = {}) {
    Object.assign(this, { changed, app, there, after });
    this.outside = false;
    this.running = false;
    this.lost = false;
    this.cut = false; // from the server, and since then not answered: it may be another one by now
    this.mine = false;
    this.number = 0; // of runs and changes so far
    if (!app) return;
    this.running = app.dataset.testScriptState === "running";
    this.watch = new MutationObserver(() => this.look());
    this.watch.observe(app, { attributes: true, attributeFilter: ["data-test-script-state", "data-test-connection-state"] });
    this.abort = new AbortController();
    for (const type of ["change", "click", "keydown"]) {
      document.addEventListener(type, (event) => isChange(event) && this.touched(), { capture: true, signal: this.abort.signal });
    }
  }

  // To be told of every message of one's own: the run that follows is no news.
  sent() {
    this.mine = Boolean(this.app);
  }

  // To be told of every answer, whether it is that of a run of the whole page, and whether it is of the browser's own engine, which says
  // nothing of the server.
  answered(whole, own = false) {
    if (!own) this.cut = false;
    if (whole) this.set(false);
  }

  // Whether the server is at work on what it was asked, so that its answer is late and not lost.
  get working() {
    return this.running && !this.cut;
  }

  touched() {
    this.set(true);
    this.later(DOUBT_MS, () => this.doubt());
  }

  async doubt() {
    const { number } = this;
    const there = await this.there();
    if (number !== this.number || this.running) return;
    if (there) this.set(false);
    else this.later(DOUBT_MS, () => this.doubt());
  }

  look() {
    const { testScriptState, testConnectionState } = this.app.dataset;
    const [running, lost] = [testScriptState === "running", GONE.includes(testConnectionState)];
    if (running && !this.running) {
      if (!this.mine && !this.outside) this.later(BRIEF_MS, () => this.running && this.set(true));
      this.mine = false;
    }
    const over = this.running && !running;
    this.running = running;
    if (over) this.set(false);
    this.cut ||= lost;
    if (lost !== this.lost) {
      this.lost = lost;
      this.changed();
    }
  }

  set(outside) {
    this.number += 1;
    if (outside === this.outside) return;
    this.outside = outside;
    this.changed();
  }

  // Unless something has happened by then.
  later(ms, act) {
    const { number } = this;
    this.after.call(null, () => number === this.number && act(), ms);
  }

  stop() {
    this.watch?.disconnect();
    this.abort?.abort();
    this.number += 1;
  }
}
