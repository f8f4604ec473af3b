// What a panel's two numbers are over the whole range of its weight: a small chart in the corner of the picture.

import { css } from "./colour.js";
import { SVG, h, setText } from "./dom.js";

const [CURVE_WIDTH, CURVE_HEIGHT] = [150, 54];
const MEASURES = [
  ["outliers", "outside", (v) => `${(100 * v).toFixed(0)}%`],
  ["branch_tv", "TV", (v) => v.toFixed(2)],
];

// The top of a scale: the largest value that is drawn, but never so little that chance fills the chart.
export function topOf(values) {
  return Math.max(0.1, ...values);
}

// Points of a line over the chart, as SVG takes them.
export function pathOf(ws, values, top) {
  const [from, to] = [ws[0], ws[ws.length - 1]];
  return values.map((v, i) => `${((CURVE_WIDTH * (ws[i] - from)) / (to - from || 1)).toFixed(1)},${(CURVE_HEIGHT * (1 - Math.min(v / top, 1))).toFixed(1)}`).join(" ");
}

// The same on a canvas, for a picture that is saved.
export function drawCurve(context, curve, w, x, y, { colours, background }) {
  context.save();
  context.translate(x, y);
  context.fillStyle = css(background);
  context.fillRect(-4, -2, CURVE_WIDTH + 12, CURVE_HEIGHT + 28);
  context.fillStyle = context.strokeStyle = css(colours.ink);
  if (curve.lacks) context.fillText(curve.lacks, 0, 8);
  else {
    const [from, to] = [curve.w[0], curve.w.at(-1)];
    const tops = MEASURES.map(([name, label, said], k) => {
      const top = topOf(curve[name]);
      context.setLineDash(k ? [5, 3] : []);
      context.beginPath();
      pathOf(curve.w, curve[name], top).split(" ").forEach((point) => {
        const [px, py] = point.split(",").map(Number);
        context.lineTo(px, py + 14);
      });
      context.stroke();
      return `${label} 0–${said(top)}`;
    });
    context.setLineDash([]);
    const at = (CURVE_WIDTH * (Math.min(Math.max(w ?? from, from), to) - from)) / (to - from || 1);
    context.fillRect(at - 0.6, 14, 1.2, CURVE_HEIGHT);
    context.fillText(tops.join(" · "), 0, 6);
    context.fillText(`w ${from}`, 0, CURVE_HEIGHT + 21);
    context.fillText(String(to), CURVE_WIDTH - context.measureText(String(to)).width, CURVE_HEIGHT + 21);
  }
  context.restore();
}

export class Curve {
  constructor(slot) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}`);
    svg.setAttribute("aria-hidden", "true");
    const part = (name, className) => {
      const made = document.createElementNS(SVG, name);
      made.setAttribute("class", className);
      svg.append(made);
      return made;
    };
    this.lines = new Map(MEASURES.map(([name]) => [name, part("polyline", `tv-curve-${name}`)]));
    this.now = part("line", "tv-curve-now");
    this.words = h("div", { class: "tv-curve-words" });
    this.ends = h("div", { class: "tv-curve-ends" }, h("span", {}), h("span", {}));
    this.element = h("div", { class: "tv-curve", testid: `curve-${slot}`, role: "img" }, this.words, svg, this.ends);
    this.element.hidden = true;
  }

  // `curve` is the server's, or null; `w` what the person has set.
  update(curve, w) {
    this.element.hidden = !curve;
    if (!curve) return;
    this.element.classList.toggle("tv-curve-lacks", Boolean(curve.lacks));
    if (curve.lacks) {
      setText(this.words, curve.lacks);
      return;
    }
    const { w: ws } = curve;
    const tops = MEASURES.map(([name, label, said]) => {
      const top = topOf(curve[name]);
      this.lines.get(name).setAttribute("points", pathOf(ws, curve[name], top));
      return `${label} 0–${said(top)}`;
    });
    const [from, to] = [ws[0], ws[ws.length - 1]];
    const x = (CURVE_WIDTH * (Math.min(Math.max(w ?? from, from), to) - from)) / (to - from || 1);
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 0, y2: CURVE_HEIGHT })) this.now.setAttribute(name, value.toFixed(1));
    setText(this.words, tops.join(" · "));
    setText(this.ends.firstChild, `w ${from}`);
    setText(this.ends.lastChild, String(to));
    const told = ws.map((value, i) => `${value}: ${MEASURES.map(([name, label, said]) => `${label} ${said(curve[name][i])}`).join(", ")}`);
    this.element.setAttribute("aria-label", `Over the weight w. ${told.join("; ")}`);
  }
}
