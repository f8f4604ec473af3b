// What a panel's two numbers are over the whole range of its weight: a small chart in the corner of the picture.

import { css } from "./colour.js";
import { drawn, h, setText } from "./dom.js";
import { language, say } from "./language.js";

const [CURVE_WIDTH, CURVE_HEIGHT] = [150, 54];
const MEASURES = [
  ["outliers", () => say("curve.outliers"), (v) => `${(100 * v).toFixed(0)}%`],
  ["branch_tv", () => "TV", (v) => v.toFixed(2)],
];

// The top of a scale: the largest value that is drawn, but never so little that chance fills the chart.
export function topOf(values) {
  return Math.max(0.1, ...values);
}

// Points [x, y] of a line over the chart, of which a value at the top is at 0.
export function pointsOf(ws, values, top) {
  return values.map((v, i) => [CURVE_WIDTH * shareOf(ws, ws[i]), CURVE_HEIGHT * (1 - Math.min(v / top, 1))]);
}

// Where a weight stands between both ends, from 0 to 1.
function shareOf(ws, w) {
  const [from, to] = [ws[0], ws.at(-1)];
  return (Math.min(Math.max(w ?? from, from), to) - from) / (to - from || 1);
}

// What the chart holds, wherever it is drawn: lines with their scales in words, the ends, where the weight is that is set.
function chartOf(curve, w) {
  const lines = MEASURES.map(([name, label, said]) => {
    const top = topOf(curve[name]);
    return { name, points: pointsOf(curve.w, curve[name], top), words: `${label()} 0–${said(top)}` };
  });
  return { lines, words: lines.map(({ words }) => words).join(" · "), ends: [`w ${curve.w[0]}`, String(curve.w.at(-1))], now: CURVE_WIDTH * shareOf(curve.w, w) };
}

// On a canvas, for a picture that is saved.
export function drawCurve(context, curve, w, x, y, { colours, background }) {
  context.save();
  context.translate(x, y);
  context.fillStyle = css(background);
  context.fillRect(-4, -2, CURVE_WIDTH + 12, CURVE_HEIGHT + 28);
  context.fillStyle = context.strokeStyle = css(colours.ink);
  if (curve.lacks) context.fillText(curve.lacks, 0, 8);
  else {
    const { lines, words, ends, now } = chartOf(curve, w);
    lines.forEach(({ points }, k) => {
      context.setLineDash(k ? [5, 3] : []);
      context.beginPath();
      for (const [px, py] of points) context.lineTo(px, py + 14);
      context.stroke();
    });
    context.fillRect(now - 0.6, 14, 1.2, CURVE_HEIGHT);
    context.fillText(words, 0, 6);
    context.fillText(ends[0], 0, CURVE_HEIGHT + 21);
    context.fillText(ends[1], CURVE_WIDTH - context.measureText(ends[1]).width, CURVE_HEIGHT + 21);
  }
  context.restore();
}

export class Curve {
  constructor(slot) {
    this.lines = new Map(MEASURES.map(([name]) => [name, drawn("polyline", { class: `tv-curve-${name}` })]));
    this.now = drawn("line", { class: "tv-curve-now" });
    const svg = drawn("svg", { viewBox: `0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}`, "aria-hidden": "true" }, ...this.lines.values(), this.now);
    this.words = h("div", { class: "tv-curve-words" });
    this.ends = h("div", { class: "tv-curve-ends" }, h("span", {}), h("span", {}));
    this.element = h("div", { class: "tv-curve", testid: `curve-${slot}`, role: "img" }, this.words, svg, this.ends);
    this.element.hidden = true;
  }

  // `curve` is the server's, or null; `w` what the person has set.
  update(curve, w) {
    this.element.hidden = !curve;
    if (!curve || (curve === this.curve && w === this.w && this.spoken === language())) return;
    Object.assign(this, { curve, w, spoken: language() });
    this.element.classList.toggle("tv-curve-lacks", Boolean(curve.lacks));
    if (curve.lacks) {
      setText(this.words, curve.lacks);
      this.element.setAttribute("aria-label", curve.lacks);
      return;
    }
    const { lines, words, ends, now } = chartOf(curve, w);
    for (const { name, points } of lines) this.lines.get(name).setAttribute("points", points.map((point) => point.map((v) => v.toFixed(1)).join(",")).join(" "));
    for (const [name, value] of Object.entries({ x1: now, x2: now, y1: 0, y2: CURVE_HEIGHT })) this.now.setAttribute(name, value.toFixed(1));
    setText(this.words, words);
    ends.forEach((text, k) => setText(this.ends.children[k], text));
    const told = curve.w.map((value, i) => `${value}: ${MEASURES.map(([name, label, said]) => `${label()} ${said(curve[name][i])}`).join(", ")}`);
    this.element.setAttribute("aria-label", say("overW", { points: told.join("; ") }));
  }
}
