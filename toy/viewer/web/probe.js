// What a pinned place says: both scores, their difference, the guided one and the true correction, as arrows and numbers.

import { css } from "./colour.js";
import { h, iconButton, numberText, setText } from "./dom.js";
import { ARROW_LOOK, arrow } from "./fields.js";

const ROWS = ["main", "guide", "difference", "guided", "correction"];
const COLUMNS = [{}, { say: "score" }, { text: "x" }, { text: "y" }, { say: "length" }];

// The five vectors of a probe's panel; null where a rule has no guide.
export function decompose({ s1, s0, guided, truth }) {
  const minus = (a, b) => (a && b ? [a[0] - b[0], a[1] - b[1]] : null);
  return { main: s1 ?? null, guide: s0 ?? null, difference: minus(s1, s0), guided: guided ?? null, correction: minus(truth, s1) };
}

const lengthOf = (v) => (v ? Math.hypot(...v) : 0);
const longest = (vectors) => Math.max(1e-12, ...Object.values(vectors).map(lengthOf));

// Where a place is pinned, `size` pixels to each side.
export function crosshair(context, x, y, style, dpr, size = 5) {
  context.strokeStyle = style;
  context.lineWidth = ((size + 1) / 5) * dpr;
  context.beginPath();
  for (const [dx, dy] of [[size * dpr, 0], [0, size * dpr]]) {
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
  }
  context.stroke();
}

// A circle of so many pixels, to be filled or stroked.
export function circle(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
}

// The named ones of a place's vectors as arrows; the longest of all is `reach` pixels. `strokes(name)`: [colour, width]s.
export function drawVectors(context, x, y, vectors, names, reach, strokes, dpr) {
  const k = reach / longest(vectors);
  for (const name of names) {
    const v = vectors[name];
    if (!v) continue;
    // The difference goes from the guide's tip to the main model's, the correction on from there: the sum is seen.
    const from = { difference: vectors.guide, correction: vectors.main }[name] ?? [0, 0];
    for (const [colour, width] of strokes(name)) {
      context.strokeStyle = context.fillStyle = css(colour);
      context.lineWidth = width * dpr;
      arrow(context, x + from[0] * k, y - from[1] * k, v[0] * k, -v[1] * k, 1.5 * dpr, ARROW_LOOK[name]);
    }
  }
}

export class ProbeCard {
  constructor(slot, onclose) {
    this.whose = h("strong", { class: "tv-card-whose", testid: `whose-${slot}` });
    this.what = h("span", { class: "tv-card-what", testid: `what-${slot}` });
    this.rows = ROWS.map((name) => {
      const glyph = h("canvas", { width: "44", height: "44", "aria-hidden": "true" });
      const cells = [0, 1, 2].map(() => h("td", {}));
      const row = h("tr", {}, h("td", {}, glyph), h("th", { scope: "row", say: `row.${name}` }), ...cells);
      return { name, row, glyph, cells };
    });
    this.logs = h("div", { class: "tv-card-logs" });
    // An energy is a log-density without its normalising constant, which depends on the noise level.
    this.upTo = h("div", { class: "tv-card-distance", testid: `up-to-${slot}`, say: "upToConstant" });
    this.distance = h("div", { class: "tv-card-distance", testid: `distance-${slot}` });
    this.element = h(
      "div",
      { class: "tv-card", testid: `card-${slot}`, hidden: true },
      h("div", { class: "tv-card-head" }, this.whose, iconButton(`unpin-${slot}`, "close", "unpin", onclose)),
      this.what,
      h("table", {}, h("thead", {}, h("tr", {}, ...COLUMNS.map((words) => h("th", words)))), h("tbody", {}, ...this.rows.map(({ row }) => row))),
      this.logs,
      this.upTo,
      this.distance,
    );
    // A click into the card is not a click on the picture.
    for (const name of ["pointerdown", "click", "dblclick", "wheel"]) this.element.addEventListener(name, (event) => event.stopPropagation());
  }

  // `whose`: the method whose scores these are; `panel`: one entry of the probe's panels, or null while it is awaited.
  update({ whose, what, panel, stale, distance, side, colours, vertical }) {
    this.element.hidden = false;
    this.element.classList.toggle("tv-card-right", side === "right");
    this.element.classList.toggle("tv-card-low", vertical === "low");
    setText(this.whose, whose);
    setText(this.what, what);
    setText(this.distance, distance ?? "");
    this.element.classList.toggle("tv-card-empty", !panel);
    this.element.classList.toggle("tv-card-stale", stale);
    this.upTo.hidden = !panel?.learned;
    if (!panel) return;
    const vectors = decompose(panel);
    const most = longest(vectors);
    for (const { name, row, glyph, cells } of this.rows) {
      const v = vectors[name];
      row.hidden = !v;
      if (!v) continue;
      [v[0], v[1], Math.hypot(...v)].forEach((value, i) => setText(cells[i], numberText(value)));
      const context = glyph.getContext("2d");
      context.clearRect(0, 0, 44, 44);
      context.strokeStyle = context.fillStyle = css(colours[name]);
      context.lineWidth = 3;
      const length = Math.hypot(...v) || 1;
      const shown = 14 + 26 * Math.min(1, length / most);
      const [dx, dy] = [(v[0] / length) * shown, (-v[1] / length) * shown];
      arrow(context, 22 - dx / 2, 22 - dy / 2, dx, dy, 2, ARROW_LOOK[name]);
    }
    const logs = [["log p₁", panel.logp1], ["log p₀", panel.logp0], ["log p", panel.logp_true]];
    setText(this.logs, logs.filter(([, v]) => Number.isFinite(v)).map(([label, v]) => `${label} ${numberText(v)}`).join("   "));
  }

  hide() {
    this.element.hidden = true;
  }
}
