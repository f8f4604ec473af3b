// What stands around every page: its name and the other pages, what can be done with it, words that come and go.

import { h, setText } from "../../viewer/web/dom.js";
import { storeHere, storedHere } from "../../viewer/web/storing.js";

const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "toy-site:theme";
const NOTE_MS = 12000;

// Light, dark, or as the system is; `seen()` is told of each change.
export class Theme {
  constructor(seen = () => {}) {
    this.seen = seen;
    this.button = h("button", { type: "button", class: "ts-button", testid: "theme", onclick: () => this.set(THEMES[(THEMES.indexOf(this.now) + 1) % THEMES.length]) });
    const before = storedHere(THEME_KEY);
    this.show(THEMES.includes(before) ? before : "auto");
  }

  set(name) {
    this.show(name);
    storeHere(THEME_KEY, name);
    this.seen();
  }

  show(name) {
    this.now = name;
    document.documentElement.style.colorScheme = name === "auto" ? "light dark" : name;
    setText(this.button, `Theme: ${name}`);
  }
}

// Sentences that stay long enough to be read, or until they are closed.
export class Notes {
  constructor() {
    this.text = h("span", {});
    this.close = h("button", { type: "button", class: "ts-button", "aria-label": "Close", text: "×", onclick: () => this.hide() });
    this.element = h("div", { class: "ts-note", role: "status", testid: "note", hidden: true }, this.text, this.close);
  }

  say(text) {
    setText(this.text, text);
    this.element.hidden = !text;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hide(), NOTE_MS);
  }

  hide() {
    this.element.hidden = true;
  }
}

// The row above a page: `actions` are its buttons, beside the theme.
export class Shell {
  constructor({ actions = [], seen } = {}) {
    this.theme = new Theme(seen);
    this.notes = new Notes();
    this.bar = document.querySelector(".ts-bar");
    // The language of the link goes along to the other pages.
    this.bar.addEventListener("click", ({ target }) => {
      const [link, said] = [target.closest("a"), new URLSearchParams(location.search).get("language")];
      if (link && said) link.search = `language=${encodeURIComponent(said)}`;
    });
    this.bar.append(h("div", { class: "ts-actions" }, ...actions, this.theme.button));
    document.body.append(this.notes.element);
  }

  // In another page there is no such row: all the room is the picture's.
  embed() {
    document.body.classList.add("ts-embedded");
  }
}

export function action(testid, text, act) {
  return h("button", { type: "button", class: "ts-button", testid, text, onclick: act });
}

export function fullScreen(said) {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => said("The browser refused full screen."));
}
