// A challenge: what the measures of a side should be, as a link says it, held against what was measured. Met means the measured
// value itself; its standard error stands beside it.

import { copied } from "./copying.js";
import { h, setText } from "./dom.js";
import { language, say } from "./language.js";

const CONDITION = /^(outside|mode_tv|trunk|alignment)([<>])(\d{1,4}(?:\.\d{1,4})?)$/;
const MEASURE_OF = { outside: ["outliers", 100], mode_tv: ["branch_tv", 1], trunk: ["root_share", 100], alignment: ["alignment", 100] };

// The condition that a text says; null where it is none.
export function conditionOf(text) {
  const [, name, than, bound] = CONDITION.exec(text) ?? [];
  return name ? { name, than, bound: Number(bound), said: bound } : null;
}

const digitsIn = (name) => (MEASURE_OF[name][1] === 1 ? 3 : 1);
const amountText = (name, x) => `${x.toFixed(digitsIn(name)).replace("-", "−")}${digitsIn(name) === 1 ? "%" : ""}`;

// What a side measured against a condition: {value, error, met, margin} in the condition's units, `margin` above zero by how
// much it is met, below by how much it is not; null where the side has no such number.
export function judged({ name, than, bound }, measured) {
  const [key, unit] = MEASURE_OF[name];
  const [value, error] = [measured?.values?.[key], measured?.errors?.[key]].map((number) => (Number.isFinite(number) ? unit * number : NaN));
  if (!Number.isFinite(value)) return null;
  return { value, error, met: than === "<" ? value < bound : value > bound, margin: than === "<" ? bound - value : value - bound };
}

// A number so fine that what is left is never said to be nothing.
function marginText(name, margin) {
  const size = Math.abs(margin);
  const shown = amountText(name, size);
  return Number.parseFloat(shown) > 0 || size === 0 ? shown : `< ${amountText(name, 10 ** -digitsIn(name))}`;
}

function valueText(name, { value, error }) {
  const numbers = [value, error].filter((number) => Number.isFinite(number)).map((number) => number.toFixed(digitsIn(name)));
  return `${numbers.join(" ± ")}${digitsIn(name) === 1 ? "%" : ""}`;
}

export const conditionText = ({ name, said, than }) => say(`condition.${name}`, { than, bound: said });

export class Challenge {
  // `link()` is the address of what is shown.
  constructor(link) {
    this.link = link;
    this.conditions = [];
    this.title = h("h2", { class: "tv-challenge-title" });
    this.head = h("tr", {});
    this.rows = h("tbody", {});
    this.state = h("p", { class: "tv-challenge-state", testid: "challenge-state", role: "status" });
    this.button = h("button", { type: "button", class: "tv-chip", testid: "copy-score", onclick: () => this.copy() }, h("span", { say: "copyScore" }));
    this.said = h("span", { class: "tv-challenge-said", role: "status", testid: "score-copied" });
    this.table = h("table", {}, h("thead", {}, this.head), this.rows);
    this.element = h("section", { class: "tv-challenge", testid: "challenge", named: "challenge", hidden: true }, this.title, this.table, h("div", { class: "tv-challenge-foot" }, this.state, this.button, this.said));
  }

  // `texts` are the link's conditions, `sides` what is shown: [{slot, caption, measured, n, seed, whole}], `whole` where nothing of it is awaited.
  update(texts, sides) {
    const key = texts ? JSON.stringify([texts, sides, language()]) : "";
    if (key === this.key) return;
    this.key = key;
    this.conditions = (texts ?? []).map(conditionOf).filter(Boolean);
    this.sides = sides;
    this.element.hidden = !this.conditions.length;
    if (this.element.hidden) return;
    setText(this.title, say("challenge.title", { conditions: this.conditions.map(conditionText).join(" · ") }));
    this.head.replaceChildren(h("td", {}), ...this.conditions.map((condition) => h("th", { scope: "col", text: conditionText(condition) })));
    this.rows.replaceChildren(...sides.map((side) => this.row(side)));
    const met = sides.filter((side) => this.isMet(side));
    const waits = sides.some(({ whole }) => !whole);
    this.element.classList.toggle("tv-met", met.length > 0);
    setText(this.state, waits ? say("challenge.waits") : met.length ? say("challenge.met", { side: met.map(({ slot }) => say(slot)).join(", ") }) : say("challenge.not"));
    this.button.disabled = waits;
    setText(this.said, "");
  }

  // While a picture is on its way nothing is met by it.
  isMet({ measured, whole }) {
    return whole && this.conditions.every((condition) => judged(condition, measured)?.met);
  }

  row({ measured, slot, whole }) {
    const cells = this.conditions.map((condition) => {
      const found = judged(condition, measured);
      if (!found) return h("td", { text: "–" });
      const margin = marginText(condition.name, found.margin);
      const verdict = h("em", { class: found.met ? "tv-condition-met" : "tv-condition-not", text: say(found.met ? "condition.met" : "condition.not", { margin }) });
      return h("td", { testid: `condition-${condition.name}-${slot}` }, h("b", { text: valueText(condition.name, found) }), " ", verdict);
    });
    return h("tr", { class: whole ? "" : "tv-challenge-waits" }, h("th", { scope: "row", text: say(slot) }), ...cells);
  }

  // All that another needs to see the same.
  get score() {
    const lines = this.sides.map((side) => {
      const numbers = this.conditions.map((condition) => {
        const found = judged(condition, side.measured);
        return `${conditionText(condition)}: ${found ? valueText(condition.name, found) : "–"}`;
      });
      return `${this.isMet(side) ? "✓" : "✗"} ${say(side.slot)}, ${side.caption}: ${numbers.join("; ")}; ${say("sampled", side)}`;
    });
    return [...lines, this.link()].join("\n");
  }

  async copy() {
    setText(this.said, say((await copied(this.score)) ? "copied" : "copyFailed"));
  }
}
