// What a lecturer decides for those who look at view `v`: a page that is frozen until one tries it oneself, or one that follows his.

import { h, setText } from "./dom.js";
import { Following } from "./following.js";
import { say } from "./language.js";
import { openLink } from "./opening.js";

const OTHER = { on: "leave", lost: "leave", left: "again" };

// A link in the language of who follows it.
function inLanguage(link, language) {
  const query = new URLSearchParams(link);
  query.set("language", language);
  return query.toString();
}

export class Lecture {
  constructor(v) {
    Object.assign(this, { v, following: null });
    this.words = h("span", { testid: "lecture-words", role: "status" });
    this.button = h("button", { type: "button", class: "tv-chip", testid: "lecture-button", onclick: () => this.press() }, h("span", {}));
    this.element = h("div", { class: "tv-lecture", testid: "lecture", hidden: true }, this.words, this.button);
  }

  // `name` is the lecture that the page follows, or nothing.
  update(name) {
    const { v } = this;
    if (name && this.following?.name !== name) {
      this.stop();
      this.following = new Following(name, { open: (link) => openLink(v, inLanguage(link, v.ui.language)), changed: () => this.draw() });
    }
    this.draw();
  }

  draw() {
    const { following, v } = this;
    const state = v.ui.freeze ? "frozen" : following?.state;
    const act = v.ui.freeze ? "try" : OTHER[state];
    this.element.hidden = !state;
    this.button.hidden = !act;
    setText(this.words, state ? say(`lecture.${state}`) : "");
    setText(this.button.firstChild, act ? say(`lecture.${act}`) : "");
    v.toolbar.lock(v.ui.freeze);
    for (const part of [v.brush.element, ...Object.values(v.panels).map(({ head }) => head)]) part.inert = v.ui.freeze;
    v.root.classList.toggle("tv-frozen", v.ui.freeze);
    v.redraw("size");
  }

  press() {
    const { following, v } = this;
    if (v.ui.freeze) {
      v.setUi({ freeze: false });
      v.updatePanels();
    } else if (following.state === "left") following.again();
    else following.leave();
    v.remember();
    this.draw();
  }

  // A control was turned by hand: who follows explores himself from here on.
  touched() {
    if (this.following?.state === "on") this.press();
  }

  // Whether one explores alone what others follow.
  get alone() {
    return this.following?.state === "left";
  }

  stop() {
    this.following?.stop();
  }
}
