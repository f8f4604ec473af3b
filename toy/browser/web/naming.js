// A drawing's name, by its content, and what is wrong with strokes that are none: as toy/distributions/strokes.py says both. Strokes
// are {label, width, at: [x, y, x, y, ...]}.

import { general, quoted, repr } from "./numbers.js";
import { sha256 } from "./sha256.js";

const CLASS = /^[A-P]$/;
const MOST_STROKES = 512;
const MOST_POINTS = 4096; // of all strokes
const LARGEST = 1e30; // of a coordinate
const FINEST = 1e-3; // of a brush's width over the size of the drawing
const AWAY = 1e-9; // of its way from the origin is the least that its size is taken for

// By what the app writes of it.
export function drawingName(strokes) {
  const rows = strokes.flatMap(({ at, label, width }, i) => pairsOf(at).map(([x, y]) => [i, label, repr(width), repr(x + 0), repr(y + 0)].join()));
  return `strokes-${sha256(["stroke,class,width,x,y", ...rows, ""].join("\n")).slice(0, 12)}`;
}

const pairsOf = (at) => Array.from({ length: at.length / 2 }, (_, i) => [at[2 * i], at[2 * i + 1]]);

// One sentence where strokes are no distribution, else nothing.
export function wrongWith(strokes) {
  if (strokes.length < 1 || strokes.length > MOST_STROKES) return `a drawing has ${strokes.length} strokes, not from 1 to ${MOST_STROKES}`;
  if (strokes.some(({ at }) => at.length < 2 || at.length % 2)) return "a stroke of the drawing is no line of points in the plane";
  const count = strokes.reduce((total, { at }) => total + at.length / 2, 0);
  if (count > MOST_POINTS) return `a drawing has ${count} points, more than ${MOST_POINTS}`;
  if (!strokes.every(({ at }) => at.every((value) => Math.abs(value) <= LARGEST))) {
    return `a point of the drawing is not two finite numbers of at most ${general(LARGEST)}`;
  }
  const sides = [0, 1].map((i) => strokes.flatMap(({ at }) => at.filter((_, k) => k % 2 === i)));
  const size = Math.max(...sides.map(extentOf), ...sides.map((values) => AWAY * largest(values.map(Math.abs))));
  for (const { label, width } of strokes) {
    if (!CLASS.test(label)) return `class ${quoted(label)} of a stroke is not a letter from A to P`;
    if (!(width >= 1 / LARGEST && width <= LARGEST)) return `width ${general(width)} of a stroke is not from ${general(1 / LARGEST)} to ${general(LARGEST)}`;
    if (width < FINEST * size) return `width ${general(width)} of a stroke is not at least ${general(FINEST)} of the drawing's size`;
  }
  return "";
}

const largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);
const extentOf = (values) => largest(values) + largest(values.map((value) => -value));
