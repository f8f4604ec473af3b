// The page of lessons: the list of them, and a lesson beside Explore's view, whose pictures are computed here.

import { Lessons } from "../../viewer/web/lessons.js";
import { h } from "../../viewer/web/dom.js";
import { begin, openPage } from "./begin.js";
import { Desk } from "./desk.js";
import { queryText } from "./link.js";
import { Shell } from "./shell.js";
import { Source } from "./source.js";

class LearnDesk extends Desk {
  // `shelf` are the lessons by language: {cards, lessons}, and `languages` what these are called.
  constructor(given, { languages, shelf }) {
    super(given);
    Object.assign(this, { languages, shelf });
    this.place = { lesson: "", step: 1, language: "en" };
    this.linked = 0;
    this.from = 0;
    this.have = "";
  }

  open(view) {
    this.viewer = view;
    this.read(this.address.query);
    return this.show();
  }

  // --- The place ------------------------------------------------------------------------------------------------------

  read(query) {
    const said = new URLSearchParams(query);
    const { place, notes } = this.placeOf(Object.fromEntries(said));
    this.place = place;
    this.linked += 1;
    if (notes.length) this.said(`Not taken from the link: ${notes.join("; ")}`);
    this.begin();
  }

  follow(query) {
    this.read(query);
    this.show();
  }

  placeOf({ language = this.usual, lesson: name = "", step = "1" }) {
    const notes = [];
    const spoken = language in this.languages ? language : this.usual;
    if (spoken !== language) notes.push(`unknown language '${language}'; have: ${Object.keys(this.languages).join(", ")}`);
    const lesson = this.shelf[spoken].lessons[name];
    if (name && !lesson) notes.push(`unknown lesson '${name}'; have: ${Object.keys(this.shelf[spoken].lessons).join(", ")}`);
    const most = lesson?.steps.length ?? 1;
    const at = /^\d+$/.test(step) ? Number(step) : 0;
    if (lesson && (at < 1 || at > most)) notes.push(`step = ${step} is not a whole number from 1 to ${most}`);
    return { place: { lesson: lesson ? name : "", step: at >= 1 && at <= most ? at : 1, language: spoken }, notes };
  }

  // The language that the visitor's browser asks for, where there is one.
  get usual() {
    const spoken = (navigator.language ?? "").split("-")[0].toLowerCase();
    return spoken in this.languages ? spoken : "en";
  }

  get lesson() {
    return this.shelf[this.place.language].lessons[this.place.lesson];
  }

  // The picture of the step.
  begin() {
    if (!this.lesson) return;
    this.state = this.states.parse(this.lesson.steps[this.place.step - 1].link).state;
    this.uiFrom += 1;
  }

  // The reader went to another step, lesson or language.
  go(said) {
    const before = this.place;
    this.place = this.placeOf({ lesson: said.lesson, step: String(said.step), language: said.language }).place;
    const pairs = Object.entries(this.place).filter(([name, value]) => (name === "language" ? value !== this.usual : this.place.lesson));
    this.address.write(queryText(pairs.map(([name, value]) => [name, String(value)])), true);
    if (before.lesson === this.place.lesson && before.language === this.place.language) return false;
    if (before.lesson !== this.place.lesson) this.begin();
    return true;
  }

  sendUi(place) {
    if (this.go(place)) this.show();
  }

  // --- Answers --------------------------------------------------------------------------------------------------------

  record() {}

  send(request) {
    if (request.place) this.go(request.place);
    this.have = request.lesson ?? "";
    if (typeof request.open === "string") {
      this.state = this.states.parse(request.open).state;
      this.uiFrom += 1;
    }
    super.send(request);
  }

  show() {
    if (this.lesson) return this.ask(null);
    this.last = null;
    const { cards } = this.shelf[this.place.language];
    return this.viewer.update({ header: { version: 1, seq: 0, learn: { ...this.told, lessons: cards } }, arrays: {} });
  }

  announce() {}

  async packOf(job) {
    const pack = await super.packOf(job);
    if (!pack || !this.lesson) return null;
    const known = this.have === `${this.place.lesson}.${this.place.language}` && job.request;
    pack.header.learn = { ...this.told, ...(known ? {} : { lesson: { ...this.lesson, language: this.place.language } }) };
    return pack;
  }

  get told() {
    return { place: this.place, from: this.linked, languages: this.languages, explore: this.states.link({ ...this.state, hide: [] }) };
  }

  // The one beside the lesson.
  get held() {
    return this.viewer.viewer;
  }
}

export async function learn(files) {
  const { address, all, headers, states } = await begin(files);
  const root = h("div", { class: "toy-viewer toy-learn", "data-toy-learn": true, testid: "learn" });
  const shell = new Shell({ seen: () => view.readTheme() });
  const given = { states, headers, source: new Source(files, all), address, said: (words) => shell.notes.say(words) };
  const desk = new LearnDesk(given, await files.json("lessons.json"));
  document.querySelector("main").replaceChildren(h("div", { class: "ts-view" }, root));
  const view = (root.viewer = new Lessons(root, { send: (request) => desk.send(request), sendUi: (place) => desk.sendUi(place), page: desk.page }));
  await desk.open(view);
  return { desk, view };
}

openPage(learn);
