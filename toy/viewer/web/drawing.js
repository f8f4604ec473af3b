// Drawing on Explore's view `v`: pen, row of controls, and what the server is asked after each stroke.

import { Brush } from "./brush.js";
import { setText } from "./dom.js";
import { toWorld } from "./view.js";

export function brushOf(v) {
  const { strokes } = v;
  const changed = (change) => () => {
    change();
    strokesChanged(v);
  };
  const shown = (change) => (value) => {
    change(value);
    v.redraw("toolbar", "back");
  };
  return new Brush({
    label: shown((letter) => Object.assign(strokes, { label: letter, erasing: false })),
    size: shown((size) => (strokes.size = size)),
    erase: shown((on) => (strokes.erasing = on)),
    undo: changed(() => strokes.undo()),
    clear: changed(() => strokes.put([])),
    copy: changed(() => strokes.put(strokes.joined(v.scenery))),
    done: () => draw(v, false),
  });
}

// The view stays where it is while one draws, and is the drawing's own again afterwards.
export function draw(v, on) {
  if (on === v.strokes.on) return;
  if (on) {
    v.time.setPlaying(false);
    v.time.seek(v.time.steps);
    v.callouts.end();
    v.unpin();
    v.strokes.start(v.header.target, v.scenery);
    const { cx, cy, half } = v.view;
    v.ui.view = [cx, cy, half];
    if (v.local?.base) v.local.tell(); // and be told how a drawing is shown
  } else {
    v.strokes.on = false;
    v.setView(null);
    v.ask("release", v.shownSlots()[0]);
  }
  v.root.classList.toggle("tv-drawing", on);
  v.redraw("size", "back", "above", "toolbar");
}

// A pack of another target: what was drawn last lies where it was drawn; what was chosen beside the view ends the drawing.
export function followTarget(v, target, before) {
  if (!v.strokes.on || !before || target.name === before.name) return;
  if (!target.drawing) {
    draw(v, false);
    return;
  }
  const { cx, cy, half } = v.strokes.moved(v.view, target);
  v.ui.view = [cx, cy, half];
}

function strokesChanged(v) {
  v.redraw("back", "toolbar");
  if (v.strokes.all.length) v.ask("draw", v.shownSlots()[0]);
}

// What the pointer does to a picture while one draws; null while one does not.
export function penOf(v, panel) {
  const { strokes } = v;
  if (!strokes.on || !v.send) return null;
  const place = (x, y) => toWorld(v.cssCamera(panel), x, y);
  return {
    down: (x, y) => strokes.begin(place(x, y), v.view.half),
    move(x, y) {
      strokes.extend(place(x, y));
      v.redraw("back");
    },
    up() {
      const { changed, why } = strokes.end();
      if (changed) strokesChanged(v);
      else v.redraw("back");
      if (why) setText(v.status, why);
    },
    cancel() {
      strokes.cancel();
      v.redraw("back");
    },
  };
}

// Whether a key was one of drawing's.
export function drawingKey(v, { key, ctrlKey, metaKey }) {
  if (!v.strokes.on) return false;
  if (key === "Escape") draw(v, false);
  else if (key === "z" && (ctrlKey || metaKey)) {
    v.strokes.undo();
    strokesChanged(v);
  } else return false;
  return true;
}
