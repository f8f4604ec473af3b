// Parts of the settings: a labelled row, a choice, a number, a list to search in.

import { explain, h, keepOnly, setText } from "../../viewer/web/dom.js";
import { NumberField } from "../../viewer/web/number.js";
import { written } from "../../browser/web/numbers.js";

let made = 0;
const fresh = () => `ts-${(made += 1)}`;

// A control under its label, whose meaning is shown when it is asked for.
export function row(label, meaning, control, id = fresh()) {
  control.id = id;
  const words = h("label", { class: "ts-label", for: id, text: label });
  const asked = meaning ? helped(label, meaning) : null;
  return h("div", { class: "ts-row" }, h("span", { class: "ts-said" }, words, asked), control);
}

export function helped(label, meaning) {
  return explain(h("button", { type: "button", class: "ts-help tv-word", "aria-expanded": "false", "aria-label": `What ${label} means`, text: "?" }), meaning);
}

// One of some options, [value, title, group]; groups have their own heading.
export class Options {
  constructor(label, meaning, change, testid) {
    this.select = h("select", { class: "ts-select", testid });
    this.select.addEventListener("change", () => change(this.select.value));
    this.element = row(label, meaning, this.select);
    this.key = "";
  }

  update(options, value) {
    const all = options.some(([own]) => String(own) === String(value)) ? options : [[value, String(value), ""], ...options];
    const key = JSON.stringify(all);
    if (key !== this.key) {
      this.key = key;
      const groups = new Map();
      for (const [own, title, group = ""] of all) groups.set(group, [...(groups.get(group) ?? []), h("option", { value: own, text: title })]);
      this.select.replaceChildren(...[...groups].flatMap(([group, list]) => (group ? [h("optgroup", { label: group }, ...list)] : list)));
    }
    this.select.value = String(value);
  }
}

// A number within a knob's range, or several separated by commas.
export class Quantity {
  constructor(knob, change, testid) {
    const { help, label, legal, size } = knob;
    const meaning = [help, `From ${legal}.`].filter(Boolean).join(". ").replace("..", ".");
    if (size) {
      this.input = h("input", { type: "text", class: "ts-text", autocomplete: "off", testid });
      this.input.addEventListener("change", () => change(this.input.value));
      this.element = row(`${label}, ${size} numbers`, meaning, this.input);
      return;
    }
    this.field = new NumberField({ testid }, (value) => change(knob.whole ? Math.round(value) : value));
    this.field.range = { lo: knob.lo, hi: knob.hi, step: knob.step, name: label };
    this.field.input.inputMode = knob.lo < 0 ? "text" : "decimal";
    this.input = this.field.input;
    this.element = row(label, meaning, this.input);
    this.element.append(this.field.element);
    this.field.element.prepend(this.input);
  }

  update(value) {
    if (this.field) this.field.show(written(value));
    else this.input.value = value.map(written).join(", ");
  }
}

// A button that opens a list in which one searches: `groups` are [title, [{value, title, note}]].
export class Chooser {
  constructor(label, groups, change, testid) {
    Object.assign(this, { groups, change });
    const [id, list] = [fresh(), fresh()];
    this.label = label;
    this.button = h("button", { type: "button", class: "ts-chosen", testid, "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => (this.popup.hidden ? this.open() : this.close()) }, h("span", {}));
    this.search = h("input", { type: "search", id, class: "ts-text", placeholder: "Search", autocomplete: "off", role: "combobox", "aria-expanded": "true", "aria-controls": list, "aria-autocomplete": "list", "aria-label": `Search: ${label}`, testid: `${testid}-search` });
    this.list = h("div", { class: "ts-list", role: "listbox", id: list, "aria-label": label, tabindex: "-1" });
    this.none = h("p", { class: "ts-none", role: "status" });
    this.popup = h("div", { class: "ts-popup", hidden: true, testid: `${testid}-popup` }, this.search, this.list, this.none);
    this.element = h("div", { class: "ts-chooser" }, this.button, this.popup);
    this.search.addEventListener("input", () => this.fill());
    this.popup.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !this.element.contains(relatedTarget) && this.close());
    document.addEventListener("pointerdown", ({ target }) => !this.element.contains(target) && this.close());
  }

  update(value) {
    this.value = value;
    const found = this.groups.flatMap(([, list]) => list).find((option) => option.value === value);
    setText(this.button.firstChild, found?.title ?? value);
    this.button.setAttribute("aria-label", `${this.label}: ${found?.title ?? value}`);
  }

  open() {
    this.popup.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.search.value = "";
    this.fill();
    this.search.focus();
  }

  close(back = false) {
    if (this.popup.hidden) return;
    this.popup.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (back) this.button.focus();
  }

  fill() {
    const wanted = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ title, note }) => wanted.every((word) => `${title} ${note}`.toLowerCase().includes(word));
    this.shown = [];
    const groups = this.groups.map(([title, list]) => [title, list.filter(fits)]).filter(([, list]) => list.length);
    this.list.replaceChildren(
      ...groups.map(([title, list]) => {
        const id = fresh();
        return h("div", { role: "group", "aria-labelledby": id }, h("span", { class: "ts-group", id, text: title }), ...list.map((option) => this.option(option)));
      }),
    );
    setText(this.none, this.shown.length ? "" : "Nothing has these words.");
    this.mark(Math.max(0, this.shown.findIndex(({ value }) => value === this.value)));
  }

  option({ note, title, value }) {
    const element = h("div", { class: "ts-option", role: "option", id: fresh(), "aria-selected": String(value === this.value), "data-value": value }, h("b", { text: title }), h("span", { text: note }));
    element.addEventListener("click", () => this.choose(value));
    this.shown.push({ value, element });
    return element;
  }

  mark(index) {
    this.at = Math.min(Math.max(index, 0), this.shown.length - 1);
    for (const [i, { element }] of this.shown.entries()) element.classList.toggle("ts-marked", i === this.at);
    const marked = this.shown[this.at]?.element;
    if (marked) this.search.setAttribute("aria-activedescendant", marked.id);
    else this.search.removeAttribute("aria-activedescendant");
    marked?.scrollIntoView({ block: "nearest" });
  }

  choose(value) {
    this.close(true);
    if (value !== this.value) this.change(value);
  }

  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) this.mark(this.at + step);
    else if (event.key === "Enter" && this.shown[this.at]) this.choose(this.shown[this.at].value);
    else if (event.key === "Escape") this.close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

// Children by name, in order; those that stay are kept, with what has the keyboard.
export class Rows {
  constructor(element) {
    this.element = element;
    this.made = new Map();
  }

  // `items` are [name, make]; returns what was made of each.
  update(items) {
    keepOnly(this.made, items.map(([name]) => name));
    for (const [i, [name, make]] of items.entries()) {
      if (!this.made.has(name)) this.made.set(name, make());
      const { element } = this.made.get(name);
      if (this.element.children[i] !== element) this.element.insertBefore(element, this.element.children[i] ?? null);
    }
    return this.made;
  }
}
