// What is pointed at in Explore's view `v`: a particle under the pointer, or a place that is pinned.

import { nearest } from "./frames.js";
import { probeKey } from "./request.js";
import { toWorld } from "./view.js";

const HOVER_PX = 12;

function particleAt(v, slot, x, y) {
  const frames = v.frames?.slots[slot];
  if (!frames) return -1;
  const cam = v.cssCamera(v.panels[slot]);
  return nearest(v.points[slot], frames.n, ...toWorld(cam, x, y), HOVER_PX / cam.scale);
}

export function hoverAt(v, { slot }, x, y) {
  let hover = null;
  if (x !== null && !v.time.playing && v.time.phase === "reverse") {
    const index = particleAt(v, slot, x, y);
    if (index >= 0) hover = { slot, index };
  }
  if (hover?.index === v.hover?.index && hover?.slot === v.hover?.slot) return;
  v.hover = hover;
  v.redraw("above");
}

export function clickAt(v, panel, x, y) {
  if (v.time.phase === "forward" || !v.frames) return;
  const { slot } = panel;
  const index = particleAt(v, slot, x, y);
  const again = index >= 0 && v.pin?.index === index;
  v.probe = null;
  if (again) v.probeAsked = null;
  v.setPin(again ? null : index >= 0 ? { kind: "particle", slot, index } : { kind: "point", slot, at: toWorld(v.cssCamera(panel), x, y) });
  if (v.send && v.pin && probeKey(v) !== v.probeAsked) v.ask("probe", slot, true);
}
