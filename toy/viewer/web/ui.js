// The choices of a person at the screen, none of which changes what is computed: they live in the URL and the session.

import { ARROWS, DENSITIES } from "./fields.js";
import { conditionOf } from "./challenge.js";
import { LANGUAGES } from "./language.js";

const LAYER_NAMES = [...DENSITIES, ...ARROWS];

export const UI = {
  layers: [],
  quality: true,
  variation: true,
  paper_look: false,
  trails: false,
  paths: false,
  samples: false,
  curve: false,
  follow: true,
  layout: "two",
  speed: 1,
  loop: false,
  view: null,
  t: null,
  freeze: false,
  language: "en",
  challenge: null,
};

// What a URL or an old session says is taken key by key, and only if it has the right kind.
export function mergeUi(base, given) {
  const ui = { ...base };
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name === "layers" && Array.isArray(value)) ui.layers = value.filter((layer) => LAYER_NAMES.includes(layer));
    else if (name === "layout" && ["two", "one", "left", "right", "swipe"].includes(value)) ui.layout = value === "one" ? "left" : value;
    else if (name === "view" && Array.isArray(value) && value.length === 3 && value.every(Number.isFinite) && value[2] > 0) ui.view = value;
    else if (name === "t" && (value === null || (Number.isFinite(value) && value >= 0))) ui.t = value;
    else if (name === "language" && Object.hasOwn(LANGUAGES, value)) ui.language = value;
    else if (name === "challenge" && Array.isArray(value)) ui.challenge = value.filter(conditionOf);
    else if (name === "speed" && Number.isFinite(value) && value > 0 && value <= 10) ui.speed = value;
    else if (typeof base[name] === "boolean" && typeof value === "boolean") ui[name] = value;
  }
  return ui;
}

// One density at a time: two on the same spot could not be read.
export function withLayer(layers, name, on) {
  const density = DENSITIES.includes(name);
  const kept = layers.filter((other) => other !== name && !(on && density && DENSITIES.includes(other)));
  return on ? [...kept, name] : kept;
}
