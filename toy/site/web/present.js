// Presenting: large letters, the pictures and one line of buttons. Stories follow one another by the keys that clickers send.

import { h, setText } from "../../viewer/web/dom.js";

const MARK = "#present";
const NEXT = ["PageDown", "ArrowRight"];
const BEFORE = ["PageUp", "ArrowLeft"];

export class Presenter {
  constructor(desk, viewer, seen) {
    Object.assign(this, { desk, viewer, seen });
    this.names = Object.keys(desk.states.all.presets);
    this.on = false;
    const button = (testid, text, act) => h("button", { type: "button", class: "ts-button", testid, text, onclick: act });
    this.button = button("present", "Present", () => this.toggle(true));
    this.where = h("span", { class: "ts-where", role: "status" });
    this.panels = button("one-panel", "One panel", () => this.layout());
    this.dark = h("div", { class: "ts-black", testid: "black", hidden: true, role: "status", "aria-label": "Blank screen: press B to go on" });
    this.strip = h(
      "div",
      { class: "ts-strip", role: "toolbar", "aria-label": "Presenting", hidden: true },
      button("story-before", "‹ Back", () => this.go(-1)),
      this.where,
      button("story-next", "Next ›", () => this.go(1)),
      this.panels,
      button("blank", "Blank (B)", () => this.blank()),
      button("leave", "Leave (Esc)", () => this.toggle(false)),
    );
    document.querySelector(".ts-bar").append(this.strip);
    document.body.append(this.dark);
    this.dark.addEventListener("click", () => this.blank());
    document.addEventListener("keydown", (event) => this.on && this.onKey(event), { capture: true });
    desk.changed(() => this.tell());
    if (location.hash === MARK) this.toggle(true);
  }

  toggle(on) {
    this.on = on;
    document.body.classList.toggle("ts-presenting", on);
    this.strip.hidden = !on;
    this.dark.hidden = true;
    this.desk.address.mark(on ? MARK : "");
    this.tell();
    this.seen(on);
    (on ? this.strip.querySelector('[data-testid="story-next"]') : this.button).focus();
  }

  get at() {
    return this.desk.states.told(this.desk.state) ? this.names.indexOf(this.desk.state.story) : -1;
  }

  tell() {
    const { at } = this;
    setText(this.where, at < 0 ? `${this.names.length} stories` : `${at + 1} of ${this.names.length}`);
    setText(this.panels, this.viewer.ui.layout === "two" ? "One panel" : "Two panels");
  }

  go(step) {
    const next = this.at < 0 && step < 0 ? this.names.length - 1 : this.at + step;
    if (next < 0 || next >= this.names.length) return;
    this.desk.showStory(this.names[next]);
  }

  layout() {
    this.viewer.chosenLayout = true;
    this.viewer.setUi({ layout: this.viewer.ui.layout === "two" ? "right" : "two" });
    this.tell();
  }

  blank() {
    this.dark.hidden = !this.dark.hidden;
  }

  onKey(event) {
    const { ctrlKey, key, metaKey, altKey, target } = event;
    if (ctrlKey || metaKey || altKey || target.closest?.("input, select, textarea, dialog[open], [role=slider]")) return;
    if (NEXT.includes(key)) this.go(1);
    else if (BEFORE.includes(key)) this.go(-1);
    else if (key === "b" || key === "B" || key === ".") this.blank();
    else if (key === "Escape") this.toggle(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
