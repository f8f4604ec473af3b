// The line above the pictures: the sentence of a story, else what the page is.

import { h, setText } from "./dom.js";
import { storyOf } from "./language.js";

export class Lead {
  constructor() {
    this.title = h("h2", { class: "tv-lead-title" });
    this.text = h("span", { testid: "lead-text" });
    this.invitation = h("strong", { class: "tv-invitation", testid: "invitation", say: "invitation", hidden: true });
    this.element = h("div", { class: "tv-lead", testid: "lead", role: "note" }, this.title, this.text, this.invitation);
  }

  update(lead) {
    this.lead = lead;
    this.element.hidden = !lead;
    this.element.classList.remove("tv-past");
    const { text = "", title = "" } = lead ? (storyOf(lead.story ?? "") ?? lead) : {};
    setText(this.title, title);
    setText(this.text, text);
  }

  // Another picture is asked for: what a story says is not of it.
  pass() {
    this.element.classList.toggle("tv-past", Boolean(this.lead?.story));
  }
}
