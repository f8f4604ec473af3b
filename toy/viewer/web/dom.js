// Elements without a framework. Text goes in as textContent only: nothing from a pack is ever parsed as HTML.

import { meaning, say } from "./language.js";

// What an element says in whatever language is spoken: `say` its text, `named` its name, `note` the note beside it, `tip` one that
// says no more than the name, by a key of the labels or [key, values]; `means` the note by a word of the glossary.
const SPEECH = {
  say: (element, given) => setText(element, say(...[given].flat())),
  named: (element, given) => element.setAttribute("aria-label", say(...[given].flat())),
  tip: (element, given) => (element.dataset.meaning = say(...[given].flat())),
  note: (element, given) => explain(element, say(...[given].flat())),
  means: (element, given) => explain(element, meaning(given)),
};
const TOLD = new WeakMap();

export function tell(element, what) {
  TOLD.set(element, { ...TOLD.get(element), ...what });
  for (const [name, given] of Object.entries(what)) SPEECH[name](element, given);
}

// Says it all again, in another language.
export function retell(root) {
  for (const element of [root, ...root.querySelectorAll("*")]) if (TOLD.has(element)) tell(element, TOLD.get(element));
}

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in SPEECH) tell(element, { [name]: value });
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (name === "testid") element.dataset.testid = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Of parts that were made, by name, those that are wanted no more go.
export function keepOnly(parts, names) {
  for (const [name, { element }] of parts) {
    if (names.includes(name)) continue;
    element.remove();
    parts.delete(name);
  }
}

// Writing only what changed keeps 60 fps from becoming 60 layouts a second.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What an element means in a sentence, for the note beside it (words.js) and for who listens to the page. No `title`: a finger
// and a projector never show one.
export function explain(element, text) {
  if ((element.dataset.meaning ?? "") === text) return element;
  element.dataset.meaning = text;
  element.setAttribute("aria-description", text);
  return element;
}

// `words` and `about` are attributes: of its text, and of what it means.
export function toggle(testid, words, about, onchange, swatch = null) {
  const button = h("button", { type: "button", class: "tv-chip", testid, "aria-pressed": "false", ...about });
  if (swatch) button.append(h("i", { class: `tv-swatch ${swatch}`, "aria-hidden": "true" }));
  button.append(h("span", words));
  button.addEventListener("click", () => onchange(button.getAttribute("aria-pressed") !== "true"));
  return button;
}

export function press(button, on) {
  const value = String(Boolean(on));
  if (button.getAttribute("aria-pressed") !== value) button.setAttribute("aria-pressed", value);
}

// An element of a drawing.
export function drawn(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Icons as paths on a 16 x 16 grid.
const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z",
  back: "M3 3h2v10H3zM13 3v10L6 8z",
  next: "M11 3h2v10h-2zM3 3v10l7-5z",
  loop: "M4 5h7V3l3.2 3L11 9V7H5v3H3V6a1 1 0 0 1 1-1zM12 11H5v2l-3.2-3L3 9",
  save: "M7 1.5h2V8h2.8L8 12 4.2 8H7zM2.5 13h11v1.6h-11z",
  full: "M2 2h5v1.6H3.6V7H2zM9 2h5v5h-1.6V3.6H9zM2 9h1.6v3.4H7V14H2zM12.4 9H14v5H9v-1.6h3.4z",
  home: "M8 2.2 14.4 8H12.600v5.500H9.500V10h-3v3.500H3.400V8H1.600z",
  pen: "M11.200 1.600 14.400 4.800 5.600 13.600 1.600 14.400 2.400 10.400zM10.200 4.200 4 10.400 3.700 12.300 5.600 12 11.800 5.800z",
  close: "M3.2 4.3 4.300 3.200 8 6.900 11.700 3.200 12.800 4.300 9.100 8 12.800 11.700 11.700 12.800 8 9.100 4.300 12.800 3.200 11.700 6.900 8z",
};

export function icon(name) {
  return drawn("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, drawn("path", { d: ICONS[name], fill: "currentColor" }));
}

export function iconButton(testid, name, label, onclick) {
  return h("button", { type: "button", class: "tv-icon", testid, tip: label, named: label, onclick }, icon(name));
}

export function swapIcon(button, name, label) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(icon(name));
  tell(button, { tip: label, named: label });
}

// Three significant digits without exponents, the same width for the same kind of number.
export function sigmaText(sigma) {
  if (sigma === 0) return "0";
  if (sigma >= 1) return sigma.toFixed(2);
  return sigma >= 0.1 ? sigma.toFixed(3) : sigma.toFixed(4);
}

export function numberText(x) {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return x.toExponential(1).replace("-", "−");
  return x.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3).replace("-", "−");
}

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
