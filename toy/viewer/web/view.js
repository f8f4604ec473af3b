// World to screen and back. A view is {cx, cy, half}: centre and half the shorter side, in data units, y up.

export const HALF_MIN = 0.003;
export const HALF_MAX = 40;

const clamp = (x, lo, hi) => Math.min(hi, Math.max(lo, x));

// Pixels per data unit, and what a point needs: screen = (ox + x * scale, oy - y * scale).
export function camera(view, width, height, zoomOut = 1) {
  const scale = Math.min(width, height) / (2 * view.half * zoomOut);
  return { scale, ox: width / 2 - view.cx * scale, oy: height / 2 + view.cy * scale, width, height };
}

export function toScreen(cam, x, y) {
  return [cam.ox + x * cam.scale, cam.oy - y * cam.scale];
}

export function toWorld(cam, sx, sy) {
  return [(sx - cam.ox) / cam.scale, (cam.oy - sy) / cam.scale];
}

export function pan(view, cam, dx, dy) {
  return { ...view, cx: view.cx - dx / cam.scale, cy: view.cy + dy / cam.scale };
}

// The world point under the pointer stays under it.
export function zoomAbout(view, cam, sx, sy, factor) {
  const half = clamp(view.half * factor, HALF_MIN, HALF_MAX);
  const k = half / view.half;
  const [x, y] = toWorld(cam, sx, sy);
  return { cx: x + (view.cx - x) * k, cy: y + (view.cy - y) * k, half };
}

// What the panel shows, as [x0, x1, y0, y1], rounded so that equal pictures ask equal questions.
export function visibleBox(cam) {
  const [x0, y1] = toWorld(cam, 0, 0);
  const [x1, y0] = toWorld(cam, cam.width, cam.height);
  const digits = Math.max(0, Math.ceil(3 - Math.log10(x1 - x0)));
  return [x0, x1, y0, y1].map((v) => Number(v.toFixed(Math.min(digits, 8))));
}

// Noise spreads the points by sqrt(sigma^2 + sigma_data^2): a camera that steps back by as much keeps them all in sight.
// In steps too small to see, so that at low noise the camera stands still and what stands still need not be redrawn.
export function noiseZoom(sigma, sigmaData) {
  const zoom = Math.sqrt(sigma * sigma + sigmaData * sigmaData) / sigmaData;
  return Math.exp(Math.round(Math.log(zoom) * 2000) / 2000);
}

// A round length (1, 2 or 5 times a power of ten) of at most `most` data units, for the scale bar.
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const lead = most / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}
