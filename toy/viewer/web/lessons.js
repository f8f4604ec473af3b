// The page of lessons as a component: the list of them, and one of them beside Explore's view.

import PHRASES from "./phrases.json" with { type: "json" };
import { h, retell } from "./dom.js";
import { language, phrase, speak } from "./language.js";
import { LessonCard } from "./lesson.js";
import { openLink } from "./opening.js";
import { Reading } from "./progress.js";
import { skipTo } from "./skip.js";
import { unpack } from "./unpack.js";
import { Viewer } from "./viewer.js";

const NOWHERE = { lesson: "", step: 1, language: "en" };

// Explore's view, which says when it has something else to show.
class LessonView extends Viewer {
  // The lesson's, not the picture's.
  get tongue() {
    return this.root.closest("[data-toy-learn]")?.lang || language();
  }

  next(header, before) {
    super.next(header, before);
    this.seen?.(header);
  }

  draw(now) {
    const drew = super.draw(now);
    if (drew) this.drawn?.(); // controls too may be others
    return drew;
  }
}

export class Lessons {
  // `tell`: {send(request), sendUi(place)}, and {locally, page} as the view takes them; a pack's
  // header says under `learn` where the reader is, and what lesson that is.
  constructor(root, tell) {
    Object.assign(this, { root, tell });
    this.reading = new Reading();
    this.place = NOWHERE;
    this.number = Date.now(); // of what is told of places: the server keeps the latest
    this.list = h("div", { class: "tl-shelf", testid: "lessons" });
    this.languages = h("select", { class: "tv-select tl-language", testid: "language" });
    this.languages.addEventListener("change", () => this.go({ language: this.languages.value }));
    this.top = h("div", { class: "tl-head" });
    root.replaceChildren(this.top, this.list);
    this.unskip = skipTo("toLessons", { focus: () => root.querySelector(".tl-body, .tl-book button")?.focus() });
  }

  get words() {
    return PHRASES[this.place.language] ?? PHRASES.en;
  }

  update(bytes) {
    const { header } = bytes instanceof Uint8Array ? unpack(bytes) : bytes;
    const { learn } = header;
    const linked = learn.from !== this.from;
    if (linked) {
      this.from = learn.from;
      this.place = learn.place;
      if (this.viewer) this.viewer.opening = null; // the server has opened it
    }
    if (learn.place.lesson !== this.place.lesson || learn.place.language !== this.place.language) return; // overtaken
    this.shelf = learn.lessons ?? this.shelf;
    this.names = learn.languages;
    this.drawTop();
    if (learn.place.lesson) this.showLesson(bytes, header, linked);
    else this.showList();
  }

  // --- The list -----------------------------------------------------------------------------------------------------

  showList() {
    this.close();
    this.list.hidden = this.top.hidden = false;
    this.list.replaceChildren(...this.shelf.map((card) => this.book(card)));
  }

  book({ name, title, summary, minutes, steps }) {
    const { words } = this;
    const { at, most, done } = this.reading.of(name);
    const how = done ? words.again : at > 1 ? phrase(words.on, { n: at, m: steps }) : words.start;
    const open = h("button", { type: "button", class: "tl-go", testid: `open-${name}`, "aria-label": `${title}: ${how}`, onclick: () => this.go({ lesson: name, step: done ? 1 : Math.max(at, 1) }) }, h("span", { text: how }));
    const bar = h("span", { class: "tl-far", "aria-hidden": "true" }, h("i", {}));
    bar.firstChild.style.width = `${(100 * most) / steps}%`;
    const facts = [phrase(words.minutes, { n: minutes }), done ? `✓ ${words.done}` : ""].filter(Boolean).join(" · ");
    return h("article", { class: "tl-book", testid: `book-${name}` }, h("h2", { text: title }), h("p", { text: summary }), h("div", { class: "tl-row" }, open, h("span", { class: "tl-quiet-text", text: facts })), bar);
  }

  drawTop() {
    const { words } = this;
    this.root.lang = this.place.language;
    if (this.viewer) this.viewer.speak(this.place.language);
    else speak(this.place.language, () => retell(document.body));
    this.languages.setAttribute("aria-label", words.language);
    this.languages.replaceChildren(...Object.entries(this.names).map(([name, text]) => h("option", { value: name, text, lang: name, selected: name === this.place.language })));
    if (this.place.lesson) return;
    this.top.replaceChildren(h("div", { class: "tl-lead" }, h("h1", { text: words.lessons }), h("p", { text: words.lead })), this.languages);
  }

  // --- A lesson -----------------------------------------------------------------------------------------------------

  showLesson(bytes, header, linked) {
    const { lesson } = header.learn;
    this.list.hidden = this.top.hidden = true;
    if (!this.viewer) this.stage();
    if (lesson) this.lesson = lesson;
    if (this.lesson?.name !== this.place.lesson || this.lesson.language !== this.place.language) return;
    if (header.panels) this.viewer.update(bytes);
    const other = this.shown !== this.lesson;
    if (other || linked) {
      this.shown = this.lesson;
      this.card.show(this.lesson, this.place.step, this.words);
    } else this.card.seen();
    this.card.shownAt(`./?${header.learn.explore}`); // the first of the app's pages
  }

  stage() {
    const root = h("div", { class: "toy-viewer", "data-toy-viewer": "", testid: "viewer" });
    this.box = h("div", { class: "tl-stage" });
    this.root.append(this.box);
    const send = (request) => this.tell.send({ ...request, lesson: this.have, place: this.told });
    const { page = null, locally = null } = this.tell;
    this.viewer = root.viewer = new LessonView(root, { send, page, locally, storageKey: null });
    this.viewer.seen = (header) => this.seen(header);
    this.viewer.drawn = () => this.card?.lesson && this.card.point();
    this.card = new LessonCard({
      viewer: this.viewer,
      reading: this.reading,
      languages: this.languages,
      on: {
        open: (link, play) => this.open(link, play),
        at: (step, opened) => this.went(step, opened),
        leave: () => this.go({ lesson: "", step: 1 }),
        lesson: (lesson) => this.go({ lesson, step: 1 }),
      },
    });
    this.box.append(this.card.element, root);
  }

  // The view has a picture, or other words.
  seen(header) {
    if (this.card?.lesson) this.card.seen();
    if (this.plays && this.viewer.opening === null && !header.busy && this.viewer.frames) this.play();
  }

  get have() {
    return this.lesson ? `${this.lesson.name}.${this.lesson.language}` : "";
  }

  open(link, plays = false) {
    this.plays = plays && !this.viewer.calm;
    openLink(this.viewer, link);
  }

  play() {
    this.plays = false;
    this.viewer.time.seek(0);
    this.viewer.time.setPlaying(true);
  }

  // The reader went to a step; a picture that is opened for it tells the server too.
  went(step, opened) {
    this.place = { ...this.place, step };
    this.told = { ...this.place, number: (this.number += 1) };
    if (opened) return;
    this.viewer.page.sent();
    this.tell.sendUi(this.told);
  }

  // To another lesson, the list, or another language: the server has them.
  go(change) {
    const step = this.card?.at ?? 1;
    this.place = { ...this.place, step, ...change };
    this.told = { ...this.place, number: (this.number += 1) };
    this.viewer?.page.sent();
    this.tell.sendUi(this.told);
  }

  close() {
    this.card?.destroy();
    this.viewer?.destroy();
    this.box?.remove();
    this.viewer = this.card = this.box = this.lesson = this.shown = null;
  }

  readTheme() {
    this.viewer?.readTheme();
  }

  destroy() {
    this.close();
    this.unskip();
    this.root.replaceChildren();
  }
}
