// Drawings of this browser's visitors: checked as the app checks them, named by their content as it names them, and kept here.

import { drawnOf } from "../../browser/web/drawn.js";
import { knownOf } from "../../browser/web/known.js";
import { drawingName, wrongWith } from "../../browser/web/naming.js";
import { readFloat, shortest } from "../../browser/web/numbers.js";
import { Refused } from "./settings.js";

const DRAWINGS_KEY = "toy-site:drawings";
const NAME = /^strokes-[0-9a-f]{12}$/;
const MOST_KEPT = 32; // each stroke that is added to a drawing makes another
const LONGEST_KEPT = 2 ** 20; // characters of all together
const LONGEST_CARRIED = 8000; // characters of one within a link

export const isDrawing = (on) => typeof on === "string" && NAME.test(on);

// What was kept may be anything.
function isStrokes(given) {
  const isStroke = (stroke) => typeof stroke?.label === "string" && typeof stroke.width === "number" && Array.isArray(stroke.at) && stroke.at.every((value) => typeof value === "number");
  return Array.isArray(given) && given.every(isStroke);
}

// A link may come with its signs written as numbers.
function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Whether it is a drawing, and the one that its name says.
function isSound([name, strokes]) {
  return !wrongWith(strokes) && drawingName(strokes) === name;
}

const storageHere = () => globalThis.localStorage;

export class Drawings {
  // `storage()` is where they are kept; it may throw, or be none.
  constructor(storage = storageHere) {
    this.storage = storage;
    this.open = new Map(); // by name, the latest asked for last
  }

  // Keeps a drawing and returns its name; Refused says what is wrong with it.
  take(strokes) {
    const why = wrongWith(strokes);
    if (why) throw new Refused(why, "target");
    const name = drawingName(strokes);
    this.hold(name, strokes);
    this.keep([...this.kept().filter(([other]) => other !== name), [name, strokes]]);
    this.newest = name;
    return name;
  }

  // What is known of one: `drawn` as a distribution, and `known` of its classes; null where this browser does not have it.
  of(name) {
    const held = this.open.get(name);
    if (held) {
      this.open.delete(name);
      this.open.set(name, held);
      return held;
    }
    const pair = this.kept().find(([other]) => other === name);
    return pair && isSound(pair) ? this.hold(...pair) : null;
  }

  // A drawing as a link carries it; empty where that would be too long.
  carried(name) {
    const text = this.of(name)?.strokes.map(({ at, label, width }) => [label, ...[width, ...at].map(shortest)].join()).join(";") ?? "";
    return text.length <= LONGEST_CARRIED ? text : "";
  }

  // A drawing that the page's address carries is one of this browser's from now on.
  takeFrom(address, said) {
    const text = address.takeDrawing();
    try {
      if (text) this.takeCarried(text);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      said(`Not taken from the link: ${error.message}`);
    }
  }

  takeCarried(text) {
    const strokes = plain(text).split(";").map((part) => part.split(","));
    return this.take(strokes.map(([label, width, ...at]) => ({ label, width: readFloat(width), at: at.map(readFloat) })));
  }

  // What is known of one that is shown; an Error in one sentence where it had to go since.
  need(name) {
    const found = this.of(name);
    if (!found) throw new Error(`${name} is a drawing that this browser does not have any more: draw it again`);
    return found;
  }

  // The one that was drawn last; empty where there is none.
  get latest() {
    this.newest ??= this.kept().at(-1)?.[0] ?? "";
    return this.newest;
  }

  hold(name, strokes) {
    const [drawn, found] = [drawnOf(strokes), new Map()];
    const known = (classes) => {
      if (!found.has(classes)) found.set(classes, knownOf(drawn, classes));
      return found.get(classes);
    };
    this.open.set(name, { drawn, known, strokes });
    if (this.open.size > MOST_KEPT) this.open.delete(this.open.keys().next().value);
    return this.open.get(name);
  }

  // --- This browser's storage -----------------------------------------------------------------------------------------

  // Pairs of a name and its strokes, the latest last.
  kept() {
    try {
      const found = JSON.parse(this.storage()?.getItem(DRAWINGS_KEY) ?? "[]");
      return found.filter((pair) => Array.isArray(pair) && isDrawing(pair[0]) && isStrokes(pair[1]));
    } catch {
      return []; // storage may be forbidden, or hold something else
    }
  }

  // Those that were drawn first go, of more than fit.
  keep(pairs) {
    let list = pairs.slice(-MOST_KEPT);
    for (; list.length; list = list.slice(Math.ceil(list.length / 4))) {
      const text = JSON.stringify(list);
      if (text.length > LONGEST_KEPT) continue;
      try {
        this.storage()?.setItem(DRAWINGS_KEY, text);
        return;
      } catch {
        // Full: then fewer of them, or for this page alone.
      }
    }
  }
}
