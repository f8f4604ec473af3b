// A field for a number: takes what people type, says in words what it did not take, and never stays blank.

import { h, setText } from "./dom.js";
import { say } from "./language.js";

export function digitsOf(step) {
  return Math.max(2, Math.min(4, Math.ceil(-Math.log10(step || 0.05))));
}

const short = (value) => String(Number(value.toPrecision(6)));

// What was typed as {value, said}: value null where it is no number, said "" where it is taken as it stands.
export function readNumber(text, { lo, hi, name = say("theNumber") }) {
  const allowed = say("isFrom", { name, lo: short(lo), hi: short(hi) });
  const typed = text.trim();
  if (!typed) return { value: null, said: "" };
  const plain = typed.replace("−", "-").replace(/^([^.,]*),([^.,]*)$/, "$1.$2");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return { value: null, said: say("noNumber", { typed: typed.slice(0, 20), allowed }) };
  const given = Number(plain);
  const value = Math.min(hi, Math.max(lo, given));
  return { value, said: value === given ? "" : say("notThat", { allowed, given: short(given) }) };
}

export class NumberField {
  // `taken(value)` is called with what was typed; `attributes` go to the input.
  constructor(attributes, taken) {
    this.input = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", class: "tv-number", ...attributes });
    this.said = h("span", { class: "tv-said", role: "alert", testid: `said-${attributes.testid}` });
    this.element = h("span", { class: "tv-number-field" }, this.input, this.said);
    this.range = { lo: 0, hi: 1, step: 0.01, name: "" };
    this.text = "";
    const take = (value) => {
      taken(value);
      this.restore();
    };
    const read = () => {
      const { value, said } = readNumber(this.input.value, this.range);
      if (value === null || this.input.value === this.text) this.restore();
      else take(value);
      setText(this.said, said);
    };
    this.input.addEventListener("change", read);
    this.input.addEventListener("input", () => setText(this.said, ""));
    this.input.addEventListener("blur", () => this.restore());
    this.input.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (step) {
        const { value } = readNumber(this.input.value, this.range);
        event.preventDefault();
        if (value !== null) take(Math.min(this.range.hi, Math.max(this.range.lo, value + step * this.range.step)));
      }
    });
  }

  // The value as it is, in words; what is being typed is left alone.
  show(text) {
    if (text !== this.text) setText(this.said, "");
    this.text = text;
    if (this.input.getRootNode().activeElement !== this.input) this.input.value = text;
  }

  restore() {
    this.input.value = this.text;
  }
}
