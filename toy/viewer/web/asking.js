// What a step asks, and what came of it: choose, place a number, draw. `say(prediction)` is told what was locked in.

import { h, setText } from "./dom.js";
import { phrase } from "./language.js";
import { scoreOf } from "./score.js";

let asked = 0; // radio buttons of one question share a name

export const share = (x) => (x === null ? "–" : `${Math.round(100 * x)}%`);

// Three significant digits, without zeros at the end.
export function brief(x) {
  return String(Number(x.toPrecision(3))).replace("-", "−");
}

function buttons(words, say, ready) {
  const lock = h("button", { type: "button", class: "tl-go", testid: "lock", text: words.lock, onclick: () => say(ready()) });
  const unknown = h("button", { type: "button", class: "tl-quiet", testid: "unknown", text: words.unknown, onclick: () => say({ unknown: true }) });
  return { lock, row: h("div", { class: "tl-row" }, lock, unknown) };
}

export function askChoice(step, words, say) {
  const name = `tl-choice-${(asked += 1)}`;
  let chosen = null;
  const { lock, row } = buttons(words, say, () => ({ choice: chosen }));
  lock.disabled = true;
  const options = step.choices.map(({ text }, i) => {
    const input = h("input", { type: "radio", name, testid: `choice-${i}`, value: String(i) });
    input.addEventListener("change", () => {
      chosen = i;
      lock.disabled = false;
    });
    return h("label", { class: "tl-choice" }, input, h("span", { text }));
  });
  return h("div", { class: "tl-ask", role: "radiogroup", "aria-label": step.heading }, ...options, row);
}

export function askNumber(step, words, say) {
  const { from, to, unit } = step.number;
  const input = h("input", { type: "range", class: "tl-range", testid: "number", min: from, max: to, step: (to - from) / 100, value: (from + to) / 2, "aria-label": words.number });
  const output = h("output", { class: "tl-value", testid: "number-says", text: "?" });
  const { lock, row } = buttons(words, say, () => ({ number: Number(input.value) }));
  lock.disabled = true;
  input.addEventListener("input", () => {
    setText(output, `${brief(Number(input.value))}${unit}`);
    lock.disabled = false;
  });
  const ends = h("div", { class: "tl-ends", "aria-hidden": "true" }, h("span", { text: `${brief(from)}${unit}` }), h("span", { text: `${brief(to)}${unit}` }));
  return h("div", { class: "tl-ask" }, output, input, ends, row);
}

// Drawing goes on on the picture; `marker` has what was drawn.
export function askDrawing(step, words, say, marker) {
  const { lock, row } = buttons(words, say, () => ({ regions: marker.regions }));
  const count = h("span", { class: "tl-quiet-text", testid: "drawn", role: "status" });
  const undo = h("button", { type: "button", class: "tl-quiet", testid: "draw-undo", text: words.undo, onclick: () => marker.undo() });
  const clear = h("button", { type: "button", class: "tl-quiet", testid: "draw-clear", text: words.clear });
  const update = () => {
    const n = marker.regions.length;
    setText(count, phrase(words.drawn, { n }));
    for (const button of [lock, undo, clear]) button.disabled = n === 0;
  };
  clear.addEventListener("click", () => {
    marker.put([]);
    update();
  });
  marker.changed = update;
  update();
  return h("div", { class: "tl-ask" }, h("p", { class: "tl-quiet-text", text: words.draw }), h("div", { class: "tl-row" }, count, undo, clear), row);
}

// --- What came of it --------------------------------------------------------------------------------------------------

export function revealChoice(step, words, said) {
  const rows = step.choices.map(({ text, right, why }, i) => {
    const mine = said?.choice === i;
    const marks = [right ? words.truth : "", mine ? words.chosen : ""].filter(Boolean).join(" · ");
    const row = h("li", { class: `tl-said${right ? " tl-right" : ""}${mine && !right ? " tl-wrong" : ""}`, testid: `said-${i}` }, h("b", { text: right ? "✓ " : mine ? "✗ " : "" }), h("span", { text }));
    if (marks) row.append(h("em", { class: "tl-mark", text: marks }));
    if (right || mine) row.append(h("p", { class: "tl-why", text: why }));
    return row;
  });
  const verdict = Number.isInteger(said?.choice) ? (step.choices[said.choice]?.right ? words.right : words.wrong) : words.none;
  return h("div", { class: "tl-came" }, h("p", { class: "tl-verdict", testid: "verdict", text: verdict }), h("ul", { class: "tl-list" }, ...rows));
}

export function revealNumber(step, words, said) {
  const { from, to, unit, answer } = step.number;
  const at = (x) => `${(100 * Math.min(1, Math.max(0, (x - from) / (to - from)))).toFixed(1)}%`;
  const bar = h("div", { class: "tl-bar", "aria-hidden": "true" });
  const mark = (name, x) => {
    const element = h("i", { class: `tl-at tl-at-${name}`, testid: `at-${name}` });
    element.style.left = at(x);
    bar.append(element);
  };
  const has = Number.isFinite(said?.number);
  if (has) mark("yours", said.number);
  mark("measured", answer);
  const line = (name, text) => h("span", { class: `tl-key tl-key-${name}`, testid: `says-${name}`, text });
  const mine = has ? line("yours", `${words.yours}: ${brief(said.number)}${unit}`) : line("none", words.none);
  return h("div", { class: "tl-came" }, bar, h("div", { class: "tl-row" }, mine, line("measured", `${words.measured}: ${brief(answer)}${unit}`)));
}

// Its score follows the picture: `update(viewer)` is called when another is there.
export function revealDrawing(step, words, said) {
  const text = h("p", { class: "tl-verdict", testid: "verdict", role: "status", text: said?.regions ? "" : words.none });
  const element = h("div", { class: "tl-came" }, text);
  element.update = (viewer) => {
    const score = said?.regions ? scoreOf(viewer, step.draw, said.regions) : null;
    if (score) setText(text, score.caught === null ? words.nothing : phrase(words[step.draw.of], { caught: share(score.caught), right: share(score.right) }));
  };
  return element;
}

