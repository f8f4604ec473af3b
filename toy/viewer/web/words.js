// What the words mean: one sentence each from the glossary, shown beside a word that is tapped, pointed at or focused.

import { h, setText } from "./dom.js";

const LINGER_MS = 350; // a pointer that only passes asks nothing

// A word of the text that can be asked for its meaning; `words` are attributes.
export function word(name, words, ...before) {
  const button = h("button", { type: "button", class: "tv-word", "data-word": name, means: name, "aria-expanded": "false" });
  button.append(...before, h("span", words));
  return button;
}

// One note for all of `root`: whatever has data-meaning is explained there.
export class Meanings {
  constructor(root, signal) {
    this.root = root;
    this.note = h("div", { class: "tv-meaning", testid: "meaning", role: "tooltip", hidden: true });
    const options = { signal };
    root.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.point(event), options);
    root.addEventListener("pointerleave", () => this.leave(), options);
    root.addEventListener("focusin", (event) => event.target.matches?.(":focus-visible[data-meaning]") && this.show(event.target), options);
    root.addEventListener("focusout", () => this.hide(), options);
    root.addEventListener("click", (event) => this.press(event), options);
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.hide(), options);
  }

  point(event) {
    const element = event.target.closest?.("[data-meaning]");
    if (element === this.pointed) return;
    this.leave();
    this.pointed = element;
    if (element) this.timer = setTimeout(() => this.show(element), LINGER_MS);
  }

  leave() {
    clearTimeout(this.timer);
    this.pointed = null;
    if (!this.pressed) this.hide();
  }

  // A tap on a word or on plain text explains it, another takes that away; a control does what it does.
  press(event) {
    const element = event.target.closest?.("[data-meaning]");
    const asks = element?.matches(".tv-word, :not(button, input, select, [role=slider])");
    if (!asks || (this.pressed && this.shown === element)) return this.hide();
    this.show(element);
    this.pressed = true;
  }

  show(element) {
    const text = element.dataset.meaning;
    if (!text || !element.isConnected) return;
    this.hide();
    this.shown = element;
    if (element.hasAttribute("aria-expanded")) element.setAttribute("aria-expanded", "true");
    if (!this.note.isConnected) this.root.append(this.note);
    setText(this.note, text);
    this.note.hidden = false;
    const [outer, at, own] = [this.root, element, this.note].map((part) => part.getBoundingClientRect());
    const left = Math.min(Math.max(at.left + at.width / 2 - own.width / 2, outer.left), outer.right - own.width);
    const above = at.bottom + own.height + 10 > Math.min(window.innerHeight, outer.bottom) && at.top - own.height - 6 > 0;
    this.note.style.left = `${left - outer.left}px`;
    this.note.style.top = `${(above ? at.top - own.height - 6 : at.bottom + 6) - outer.top}px`;
  }

  hide() {
    clearTimeout(this.timer);
    this.pressed = false;
    if (this.shown?.hasAttribute("aria-expanded")) this.shown.setAttribute("aria-expanded", "false");
    this.shown = null;
    this.note.hidden = true;
  }
}
