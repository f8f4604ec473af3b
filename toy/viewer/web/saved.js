// The picture as a file: what is seen, at twice its size, with captions and a legend of all that is in it.

import { Dots } from "./dots.js";
import { drawCurve } from "./curve.js";
import { css, gainColour } from "./colour.js";
import { h, save, sigmaText } from "./dom.js";
import { ARROWS, ARROW_LOOK, arrow } from "./fields.js";
import { measureRows } from "./measures.js";
import { MovingScenery } from "./scenery.js";
import { drawAbove, drawBack, drawDots } from "./stage.js";

const LEAST_DPR = 2;
const MOST_PIXELS = 9e6;
const GAP = 12; // between the panels; all sizes in the page's pixels
const PAD = 10;

// How the legend's marks are drawn, as [kind of swatch, colour's role]; those of layers have the layer's own.
const SWATCHES = {
  sample: ["dot", "ink"],
  outside: ["ring", "outside"],
  samples: ["dot", "target"],
  outline: ["line", "target"],
  other: ["line", "other"],
  lost: ["lost", "lost"],
  gained: ["gained", "gained"],
  trails: ["dot", "ink"],
  paths: ["line", "ink"],
};

export function swatchOf(name) {
  return SWATCHES[name] ?? [ARROWS.includes(name) ? "arrow" : "area", name];
}

// A panel without a page around it, drawn anew at so many pixels for each of the page's.
function enlarged(v, panel, dpr) {
  const width = Math.round((panel.width / panel.dpr) * dpr);
  const height = Math.round((panel.height / panel.dpr) * dpr);
  const [back, front, above] = [0, 1, 2].map(() => h("canvas", { width, height }));
  const dots = new Dots(front);
  dots.resize(width, height);
  const copy = { ...panel, width, height, dpr, back, front, above, dots, backContext: back.getContext("2d"), aboveContext: above.getContext("2d"), aboveEmpty: false, moving: new MovingScenery() };
  const cam = v.camera(copy);
  drawBack(v, copy, cam);
  drawDots(v, copy, cam);
  drawAbove(v, copy, cam);
  return copy;
}

function drawSwatch(context, [kind, role], x, y, v) {
  const { colours, background } = v;
  context.fillStyle = context.strokeStyle = css(colours[role]);
  context.lineWidth = kind === "ring" ? 1.3 : 2;
  context.beginPath();
  if (kind === "dot" || kind === "ring") {
    context.arc(x + 8, y, kind === "dot" ? 2.4 : 3.4, 0, 7);
    kind === "dot" ? context.fill() : context.stroke();
  } else if (kind === "line") {
    context.moveTo(x, y);
    context.lineTo(x + 16, y);
    context.stroke();
  } else if (kind === "arrow") arrow(context, x, y, 16, 0, 1, ARROW_LOOK[role]);
  else {
    if (kind !== "area") context.fillStyle = css(gainColour(kind === "lost" ? -3 : 3, colours, background));
    context.fillRect(x, y - 4, 16, 8);
    context.fillStyle = css(kind === "lost" ? background : colours.ink);
    if (kind === "lost") for (const at of [3, 9]) context.fillRect(x + at, y - 4, 4, 8);
    if (kind === "gained") context.fillRect(x, y - 1, 16, 2);
  }
}

// `words` broken into lines of at most `width`.
function lines(context, words, width) {
  const out = [""];
  for (const word of words.split(" ")) {
    const longer = out.at(-1) ? `${out.at(-1)} ${word}` : word;
    if (out.at(-1) && context.measureText(longer).width > width) out.push(word);
    else out[out.length - 1] = longer;
  }
  return out;
}

function captionOf(v, { info, slot }) {
  const knobs = (info.knobs ?? []).map(({ name, label }) => `${label} ${Number((v.values[slot][name] ?? 0).toPrecision(6))}`);
  return {
    title: info.shown?.caption ?? [info.title, ...knobs].join(", "),
    numbers: measureRows(info.measured).map(({ label, text }) => `${label} ${text}`).join("   "),
    below: `${info.formula ?? ""}   σ = ${sigmaText(v.time.sigma)}   n = ${v.frames?.n ?? 0}`,
  };
}

export function composed(v) {
  const shown = v.shownSlots().map((slot) => v.panels[slot]);
  const [w, tall] = [shown[0].width / shown[0].dpr, shown[0].height / shown[0].dpr];
  const dpr = Math.max(1, Math.min(Math.max(LEAST_DPR, window.devicePixelRatio || 1), Math.sqrt(MOST_PIXELS / (w * tall))));
  const columns = v.swiping ? 1 : shown.length;
  const wide = w * columns + GAP * (columns - 1) + 2 * PAD;
  const room = shown.length > 1 && v.swiping ? w / 2 - 6 : w;
  const captions = shown.map((panel) => captionOf(v, panel));
  const canvas = h("canvas");
  const context = canvas.getContext("2d");
  const font = (size, weight = "") => (context.font = `${weight} ${size}px ${v.font}`);
  font(14, "600");
  const titles = captions.map(({ title }) => lines(context, title, room));
  const top = 8 + 18 * Math.max(...titles.map((rows) => rows.length));
  font(12);
  const notes = captions.map(({ below, numbers }) => [...lines(context, below, room), ...(numbers ? lines(context, numbers, room) : [])]);
  const items = v.items;
  const places = [];
  let [x, row] = [PAD, 0];
  for (const item of items) {
    const width = 22 + context.measureText(item.text).width + 16;
    if (x > PAD && x + width > wide - PAD) [x, row] = [PAD, row + 1];
    places.push([x, row]);
    x += width;
  }
  const under = top + tall + 8 + 16 * Math.max(...notes.map((rows) => rows.length));
  const high = under + 6 + 18 * (row + 1) + 4;
  canvas.width = Math.round(wide * dpr);
  canvas.height = Math.round(high * dpr);
  context.fillStyle = css(v.background);
  context.fillRect(0, 0, canvas.width, canvas.height);
  shown.forEach((panel, i) => {
    const big = enlarged(v, panel, dpr);
    const left = Math.round((PAD + (v.swiping ? 0 : i * (w + GAP))) * dpr);
    const y = Math.round(top * dpr);
    const covers = v.swiping && i === 1; // the right side covers the left one up to the divider
    const cut = covers ? Math.round(v.divider.share * big.width) : 0;
    if (cut >= big.width) return;
    context.fillStyle = css(v.background);
    if (covers) context.fillRect(left + cut, y, big.width - cut, big.height);
    for (const layer of [big.back, big.front, big.above]) {
      context.drawImage(layer, cut, 0, big.width - cut, big.height, left + cut, y, big.width - cut, big.height);
    }
  });
  context.scale(dpr, dpr);
  context.textBaseline = "middle";
  shown.forEach((panel, i) => {
    const left = PAD + (v.swiping ? (i * w) / 2 : i * (w + GAP));
    context.fillStyle = css(v.colours.ink);
    font(11);
    if (v.ui.curve && panel.info?.curve) drawCurve(context, panel.info.curve, v.values[panel.slot].w, v.swiping && i ? PAD + w - 170 : left + 6, top + tall - 84, v);
    font(14, "600");
    titles[i].forEach((text, k) => context.fillText(text, left, 13 + 18 * k));
    font(12);
    notes[i].forEach((text, k) => context.fillText(text, left, top + tall + 14 + 16 * k));
  });
  items.forEach((item, i) => {
    const y = under + 14 + 18 * places[i][1];
    drawSwatch(context, swatchOf(item.name), places[i][0], y, v);
    context.fillStyle = css(v.colours.ink);
    font(12);
    context.fillText(item.text, places[i][0] + 22, y);
  });
  return canvas;
}

export async function savePng(v) {
  const blob = await new Promise((done) => composed(v).toBlob(done, "image/png"));
  v.redraw("above"); // the cards stand where the large picture put them
  if (blob) save(blob, `toy-${v.frames?.id?.slice(0, 8) || "scene"}.png`);
}
