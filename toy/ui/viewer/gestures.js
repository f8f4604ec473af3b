// Pointer gestures on a picture: drag pans, wheel and pinch zoom about the pointer, a click is a click only if nothing moved.

const STILL = 4;

// `on`: {pan(dx, dy), zoom(x, y, factor), hover(x, y), leave(), click(x, y), reset()}; CSS pixels from the picture's corner.
export function gestures(element, on) {
  const pointers = new Map();
  let start = null;
  let moved = false;

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
    },
    pointermove(event) {
      const [x, y] = place(event);
      const before = pointers.get(event.pointerId);
      if (!before) {
        on.hover(x, y);
        return;
      }
      if (!moved && Math.hypot(x - start[0], y - start[1]) < STILL) return;
      moved = true;
      on.leave();
      if (pointers.size === 2) {
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
      if (known && !moved && pointers.size === 0) on.click(...place(event));
    },
    pointercancel(event) {
      pointers.delete(event.pointerId);
    },
    pointerleave() {
      on.leave();
    },
    wheel(event) {
      event.preventDefault();
      // Lines and pages become pixels; a trackpad's pinch arrives as a wheel with ctrl and small steps.
      const unit = [1, 16, 240][event.deltaMode] ?? 1;
      const delta = Math.max(-240, Math.min(240, event.deltaY * unit));
      on.zoom(...place(event), Math.exp(delta * (event.ctrlKey ? 0.01 : 0.0018)));
    },
    dblclick() {
      on.reset();
    },
  };
  for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener, { passive: name !== "wheel" });
  return () => {
    for (const [name, listener] of Object.entries(listeners)) element.removeEventListener(name, listener);
  };
}
