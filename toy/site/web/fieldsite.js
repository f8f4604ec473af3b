// The page Fields: what two densities say at one noise level, worked out here.

import { FieldAnswers } from "../../viewer/web/fieldanswers.js";
import { FieldView } from "../../viewer/web/fieldview.js";
import { h } from "../../viewer/web/dom.js";
import { nameOf } from "../../viewer/web/hash.js";
import { meaning } from "../../viewer/web/language.js";
import { Meanings } from "../../viewer/web/words.js";
import { begin, openPage } from "./begin.js";
import { called } from "./captions.js";
import { densitiesOf, rulesByKind } from "./controls.js";
import { drawer } from "./drawer.js";
import { FieldStates } from "./fieldlink.js";
import { Name } from "./names.js";
import { general } from "../../browser/web/numbers.js";
import { Refused } from "./settings.js";
import { Share } from "./share.js";
import { Shell, action } from "./shell.js";
import { Source } from "./source.js";
import { sourced } from "./sourced.js";
import { standIn } from "./standing.js";
import { Chooser, Options, Rows } from "./widgets.js";

class FieldDesk {
  constructor({ fields, headers, source, address, said }) {
    Object.assign(this, { fields, headers, source, address, said });
    this.linked = 0;
    this.page = { outside: false, lost: false, cut: false, working: true, sent() {}, answered() {}, stop() {} };
    address.listen(() => this.read());
  }

  read() {
    const { state, notes } = this.fields.parse(this.address.query);
    this.state = state;
    this.linked += 1;
    if (notes.length) this.said(`Not taken from the link: ${notes.join("; ")}`);
    this.show();
  }

  change(values) {
    try {
      const { rule, target } = { ...this.state.scene, ...values };
      const same = rule === this.state.scene.rule && target === this.state.scene.target;
      const cast = new Map([...(same ? this.state.scene.cast : []), ...Object.entries(values.cast ?? {})]);
      this.state = { ...this.state, scene: this.fields.scene({ rule, target, cast }) };
      this.address.write(this.fields.link(this.state), true);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.said(error.message);
    }
    this.show();
  }

  show() {
    this.heard?.(this.state.scene);
    this.page.outside = true;
    this.view.redraw();
    this.answer({ seq: 0, phase: "release", field: false, probe: null, have: false, sigma: this.state.look.sigma });
  }

  sendUi(ui) {
    this.state = { ...this.state, look: this.fields.looked(ui, this.state.look) };
    this.address.write(this.fields.link(this.state), false);
  }

  async answer(request) {
    const asked = this.state.scene;
    const { scene, words } = standIn(asked, this.headers.all);
    const header = { ...this.header(scene ?? asked), seq: request.seq, note: words };
    try {
      if (!scene) throw new Error(words);
      const pack = await this.source.answer({ header, scenes: { fields: this.headers.engine(scene) } }, request);
      if (this.state.scene !== asked) return;
      this.page.outside = false;
      this.view.update(pack);
    } catch (error) {
      if (this.state.scene === asked) this.view.update({ header: { ...header, note: error.message }, arrays: {} });
    }
  }

  // As toy/ui/fieldpacks.py makes it.
  header(scene) {
    const { all } = this.headers;
    const rule = all.rules.get(scene.rule);
    const guide = Object.keys(rule.cast).find((role) => role !== "main");
    const { shown, view } = all.targets.get(scene.target);
    const who = Object.entries({ main: "main", guide }).filter(([, role]) => role);
    return {
      version: 1,
      kind: "fields",
      id: nameOf([scene.rule, [...scene.cast], scene.target]),
      link: this.linked,
      busy: false,
      pending: "",
      title: rule.title,
      formula: rule.formula,
      knobs: [...rule.knobs.values()].filter(({ size }) => !size).map(({ name }) => `${name} = ${general(scene.knobs.get(name))}`).join(", "),
      target: shown,
      names: { main: called(scene.cast.get("main")), guide: guide ? called(scene.cast.get(guide)) : null },
      constant: Object.fromEntries(who.map(([name, role]) => [name, Name.parse(scene.cast.get(role)).network])),
      ...all.fields,
      layout: { view },
      ui: this.state.look,
      field: null,
      probe: null,
    };
  }
}

class FieldControls {
  constructor(desk, all) {
    Object.assign(this, { desk, all });
    this.rule = new Chooser("Method", rulesByKind(all), (rule) => desk.change({ rule }), "rule");
    this.about = h("p", { class: "ts-about" });
    this.cast = new Rows(h("div", {}));
    this.family = new Options("distribution", meaning("distribution"), (name) => desk.change({ target: all.targetsOn(name === all.usual ? "" : name)[0] }), "distribution");
    this.target = new Options("target class", meaning("target"), (target) => desk.change({ target }), "target");
    const words = "p₁ is the density of main, p₀ that of the guide: guidance climbs the ratio p₁/p₀.";
    this.element = h("div", { class: "ts-settings" }, h("section", { "aria-label": "Densities" }, this.rule.element, this.about, this.cast.element, this.family.element, this.target.element, h("p", { class: "ts-about", text: words })));
    desk.heard = (scene) => this.update(scene);
  }

  update(scene) {
    const { all } = this;
    const rule = all.rules.get(scene.rule);
    const { on } = all.targets.get(scene.target);
    this.rule.update(scene.rule);
    this.about.replaceChildren(rule.summary, " ", ...sourced(rule.source));
    const roles = Object.keys(rule.cast);
    const cast = this.cast.update(roles.map((role) => [role, () => new Options(role, meaning(role === "main" ? "main" : "guide"), (name) => this.desk.change({ cast: { [role]: name } }), `cast-${role}`)]));
    for (const role of roles) cast.get(role).update(densitiesOf(all, scene.target), scene.cast.get(role));
    this.family.update(all.families(on).map(({ name, title }) => [name, title]), on || all.usual);
    this.target.update(all.targetsOn(on).map((name) => [name, all.targets.get(name).said]), scene.target);
  }
}

export async function fields(files) {
  const { address, all, headers, states } = await begin(files);
  const settings = action("settings", "Settings", () => {});
  const side = h("aside", { class: "ts-side", id: "settings", tabindex: "-1", "aria-label": "Settings" });
  const root = h("div", { class: "toy-viewer toy-fields", "data-toy-fields": true, testid: "fields" });
  const source = new Source(files, all, (engine) => new FieldAnswers(engine));
  const desk = new FieldDesk({ fields: new FieldStates(states), headers, source, address, said: (words) => shell.notes.say(words) });
  const share = new Share(() => {
    const { drawing, words } = all.carried(desk.state.scene.target);
    return { link: address.full(desk.fields.link(desk.state), drawing), words };
  });
  const shell = new Shell({ actions: [settings, share.button], seen: () => view.header && view.readTheme() });
  const view = (root.viewer = desk.view = new FieldView(root, { send: (request) => desk.answer(request), sendUi: (ui) => desk.sendUi(ui), page: desk.page }));
  const controls = new FieldControls(desk, all);
  const show = drawer(side, settings, controls.element);
  new Meanings(controls.element, view.abort.signal);
  document.querySelector("main").replaceChildren(side, h("div", { class: "ts-view" }, h("h2", { class: "ts-unseen", text: "Densities and scores" }), root));
  if (address.embedded) {
    shell.embed();
    show(false);
  }
  all.drawings.takeFrom(address, desk.said);
  desk.read();
  return { desk, view };
}

openPage(fields);
