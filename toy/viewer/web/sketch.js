// A drawing as a base that the engine can answer (see answers.js) before the server has heard of it: the same name and target, and
// exact densities in the place of networks.
//
// A sketch is what the server says of any drawing, as if its classes were A, B and C, or A alone: see toy/ui/sketch.py.

import { drawnOf } from "../../browser/web/drawn.js";
import { knownOf, targetOfDrawing } from "../../browser/web/known.js";
import { drawingName } from "../../browser/web/naming.js";
import { nameOf } from "./hash.js";
import { drawnTarget } from "./regions.js";
import { SLOTS } from "./slots.js";

const NAMED = /(\bclass |\/)([ABC]+)(?![A-Za-z])/g; // classes in captions
const PLAYED = /^exact:[^/]*\/([A-P]+)(?:~blur=([\d.e-]+))?(.*)$/; // classes, how far it is blurred, and what the engine's id has more

// `base` is what was shown before.
export function sketchOf({ header, scenes }, strokes) {
  const { sketch } = header;
  const [on, drawn, found] = [drawingName(strokes), drawnOf(strokes), new Map()];
  const known = (classes) => {
    if (!found.has(classes)) found.set(classes, knownOf(drawn, classes));
    return found.get(classes);
  };
  const before = header.target.classes;
  const classes = [...before].every((letter) => drawn.classes.includes(letter)) ? before : drawn.classes[0];
  const { shown, view } = targetOfDrawing(on, drawn, known(classes));
  const densities = new Map();
  const played = (classes, blur, more) => {
    const id = `exact:${on}/${classes}${blur && `~blur=${blur}`}${more}`;
    const { density } = known(classes);
    densities.set(id, blur ? { ...density, level: [1, Number(blur)] } : density);
    return id;
  };
  const sides = sketch[drawn.classes.length === 1 ? "alone" : shown.rest ? "some" : "all"];
  const cast = (slot) => {
    const parts = Object.entries(sides[slot].cast).map(([role, id]) => [role, ...PLAYED.exec(id).slice(1)]);
    return Object.fromEntries(parts.map(([role, letters, blur = "", more]) => [role, played(classesFor(letters, shown), blur, more)]));
  };
  const mine = Object.fromEntries(SLOTS.map((slot) => [slot, { ...scenes[slot], target: shown.name, cast: cast(slot) }]));
  const said = (text) => text.replace(NAMED, (_, before, letters) => before + classesFor(letters, shown));
  const panels = header.panels.map((panel) => {
    const { caption, pending, title } = sides[panel.slot];
    return { ...panel, title: said(title), caption: said(caption), pending, standing: pending !== "" };
  });
  const busy = panels.some(({ pending }) => pending);
  return {
    base: { header: { ...header, id: nameOf(mine), lead: sketch.lead, layout: { view }, target: shown, panels, busy, note: "" }, scenes: mine },
    densities: [...densities],
    // What is known of the target, as drawnTarget says it.
    known: (engine, by, how) => drawnTarget(engine, { drawn, known, named: (letters) => `exact:${on}/${letters}`, said: sketch }, classes, by, how),
  };
}

// Classes of that drawing, of this one: what is shown, all, and the rest or the last, or else the same ones.
function classesFor(letters, { all, classes, rest }) {
  const like = rest ? { A: classes, ABC: all, BC: rest } : { ABC: all, C: all.at(-1), ...(all.length === 1 && { A: all }) };
  if (letters in like) return like[letters];
  return [...letters].every((letter) => all.includes(letter)) ? letters : all[0];
}
