// First contact: three notes that say what the dots, the tints and the two sides are, and what to press. Who has dismissed them
// does not see them again.

import { h, setText } from "./dom.js";
import { say } from "./language.js";
import { storeHere, storedHere } from "./storing.js";

const MET = "toy-viewer:met";

// Kept by the page itself too: storage may be forbidden, and the viewer may be made anew while the notes stand.
const tour = { step: null };

function met() {
  tour.step = Infinity;
  storeHere(MET, "1");
}

const swatch = (name) => h("i", { class: `tv-swatch ${name}`, "aria-hidden": "true" });

const STEPS = ["dots", "branches", "sides"];
const SWATCHES_IN_TEXT = { outside: "tv-dot-outside", lost: "tv-key-lost", gained: "tv-key-gained" };

// The text of a step, each swatch where its name stands.
function piecesOf(step) {
  return say(`welcome.${step}`).split(/\{(\w+)\}/).map((part, i) => (i % 2 ? swatch(SWATCHES_IN_TEXT[part]) : part));
}

// Whether a page that was opened without a link meets its visitor for the first time.
export function firstContact(plain) {
  tour.step ??= plain && storedHere(MET) === null ? 0 : Infinity;
  return tour.step < STEPS.length;
}

export class Callouts {
  // `places`: for each note [what it is about, the element that it stands in].
  constructor(root, places, done) {
    Object.assign(this, { root, places, done });
    this.text = h("p", {});
    this.count = h("span", { class: "tv-callout-count" });
    this.next = h("button", { type: "button", class: "tv-chip", testid: "callout-next", onclick: () => this.go() }, h("span", {}));
    this.skip = h("button", { type: "button", class: "tv-chip", testid: "callout-skip", onclick: () => this.end() }, h("span", { say: "skip" }));
    this.element = h("div", { class: "tv-callout", testid: "callout", role: "status" }, this.text, h("div", { class: "tv-callout-row" }, this.count, this.skip, this.next));
  }

  get open() {
    return tour.step !== null && tour.step < STEPS.length;
  }

  show() {
    if (!this.open) return;
    const [about, host] = this.places[tour.step];
    const last = tour.step === STEPS.length - 1;
    this.text.replaceChildren(...piecesOf(STEPS[tour.step]));
    setText(this.count, say("nOfM", { n: tour.step + 1, m: STEPS.length }));
    setText(this.next.firstChild, say(last ? "gotIt" : "onward"));
    this.skip.hidden = last;
    this.about?.classList.remove("tv-pointed");
    this.about = about;
    about.classList.add("tv-pointed");
    host.append(this.element);
    this.place();
  }

  // Above what it is about, or over its upper corner where that is a picture.
  place() {
    if (!this.element.isConnected) return;
    const [outer, at, own] = [this.element.parentElement, this.about, this.element].map((part) => part.getBoundingClientRect());
    const left = Math.min(at.left + 12, outer.right - own.width);
    const top = at.height > 2 * own.height ? at.top + 12 : at.top - own.height - 8;
    this.element.style.left = `${Math.max(0, left - outer.left)}px`;
    this.element.style.top = `${top - outer.top}px`;
  }

  go() {
    tour.step += 1;
    if (this.open) this.show();
    else this.end();
  }

  end() {
    if (!this.element.isConnected && !this.open) return;
    met();
    this.about?.classList.remove("tv-pointed");
    this.element.remove();
    this.done();
  }
}
