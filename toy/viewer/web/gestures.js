// Pointer gestures on a picture: drag pans, wheel and pinch zoom about the pointer, a click is a click only if nothing moved.
// One finger is the page's: it scrolls; two fingers pan and zoom. Inside another page the wheel is that page's too, until
// the picture is clicked or Ctrl is held.

import { h, setText } from "./dom.js";
import { say } from "./language.js";

const STILL = 4;
const HINT_MS = 1600;

export const embedded = () => window.self !== window.top;

// Gives the keyboard back to the page around this one.
export function leave(root) {
  root.getRootNode().activeElement?.blur();
  document.activeElement?.blur();
  if (embedded()) window.parent.focus();
}

// `on`: {pan(dx, dy), zoom(x, y, factor), hover(x, y), leave(), click(x, y), reset(), pen()}; CSS pixels from the picture's
// corner. While there is a pen, {down(x, y), move(x, y), up(), cancel()}, one pointer draws and two pan and zoom.
// Pictures that lie over each other share their `pointers`: two fingers may come down on different ones.
export function gestures(element, on, pointers = new Map()) {
  let start = null;
  let moved = false;
  let timer = 0;
  const hint = h("div", { class: "tv-hint", testid: "hint", "aria-hidden": "true", hidden: true });
  element.append(hint);
  const tell = (which) => {
    setText(hint, say(which));
    hint.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => (hint.hidden = true), HINT_MS);
  };

  const place = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return [event.clientX - left - element.clientLeft, event.clientY - top - element.clientTop];
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, size: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1 };
  };

  const listeners = {
    pointerdown(event) {
      if (event.button !== 0) return;
      pointers.set(event.pointerId, place(event));
      start = place(event);
      moved = pointers.size > 1;
      element.setPointerCapture(event.pointerId);
      if (moved) on.pen()?.cancel();
      else on.pen()?.down(...start);
    },
    pointermove(event) {
      const [x, y] = place(event);
      const before = pointers.get(event.pointerId);
      if (!before) {
        on.hover(x, y);
        return;
      }
      const pen = pointers.size === 1 && on.pen();
      if (pen) {
        pointers.set(event.pointerId, [x, y]);
        pen.move(x, y);
        return;
      }
      if (!moved && Math.hypot(x - start[0], y - start[1]) < STILL) return;
      moved = true;
      on.leave();
      if (event.pointerType === "touch" && pointers.size < 2) {
        pointers.set(event.pointerId, [x, y]);
        if (Math.abs(x - start[0]) > 5 * STILL) tell("touch");
      } else if (pointers.size === 2) {
        const old = spread();
        pointers.set(event.pointerId, [x, y]);
        const now = spread();
        on.pan(now.x - old.x, now.y - old.y);
        on.zoom(now.x, now.y, old.size / now.size);
      } else {
        pointers.set(event.pointerId, [x, y]);
        on.pan(x - before[0], y - before[1]);
      }
    },
    pointerup(event) {
      const known = pointers.delete(event.pointerId);
      const pen = known && on.pen();
      if (pen) pen.up();
      else if (known && !moved && pointers.size === 0) on.click(...place(event));
    },
    pointercancel(event) {
      pointers.delete(event.pointerId);
      on.pen()?.cancel();
    },
    pointerleave() {
      on.leave();
    },
    wheel(event) {
      if (embedded() && !event.ctrlKey && !event.metaKey && !element.matches(":focus")) {
        tell("wheel");
        return;
      }
      event.preventDefault();
      // Lines and pages become pixels; a trackpad's pinch arrives as a wheel with ctrl and small steps.
      const unit = [1, 16, 240][event.deltaMode] ?? 1;
      const delta = Math.max(-240, Math.min(240, event.deltaY * unit));
      on.zoom(...place(event), Math.exp(delta * (event.ctrlKey ? 0.01 : 0.0018)));
    },
    dblclick() {
      if (!on.pen()) on.reset();
    },
  };
  for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener, { passive: name !== "wheel" });
  return () => {
    clearTimeout(timer);
    for (const [name, listener] of Object.entries(listeners)) element.removeEventListener(name, listener);
  };
}
