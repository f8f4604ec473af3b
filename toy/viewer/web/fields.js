// The layers on a grid: densities, ratio, tilt and error as images with a few contour lines, scores as arrows.

import { css, densityAlpha, ratioShade } from "./colour.js";
import { worldTransform } from "./scenery.js";
import { dequantise } from "./unpack.js";

// Their meanings stand in the glossary under their names; s1 and s0 are those of main and guide.
export const DENSITIES = ["p1", "p0", "ratio", "tilt", "drawn", "truth", "error"];
export const ARROWS = ["main", "guide", "difference", "guided", "correction"];

// Beside their colours: the guide's arrows are dashed, the true correction's have an open head.
export const ARROW_LOOK = { guide: { dashed: true }, correction: { open: true } };

const max = (values) => {
  let most = -Infinity;
  for (const v of values) if (v > most) most = v;
  return most;
};

const median = (values) => (values.length ? values.sort()[values.length >> 1] : 0);

const NEEDS = { p1: ["logp1"], p0: ["logp0"], ratio: ["logp1", "logp0"], tilt: ["logtilt"], error: ["error"], drawn: ["logq"] };

export function hasLayer(arrays, slot, name) {
  if (name === "truth") return "truth.logp" in arrays;
  return NEEDS[name].every((part) => `${slot}.${part}` in arrays);
}

// Values of a layer, ready for shading: densities as log p minus its maximum in view, the ratio as -1..1 around its mean,
// the error as 0..1. Levels are where contour lines go: for a Gaussian density, at 1, 2, 3 and 4 standard deviations.
export function layerValues(name, { logp1, logp0, logq, logtilt, truth, error, within = null }) {
  if (name === "error") {
    const top = max(error) || 1;
    return { kind: "error", values: error.map((v) => Math.max(0, v) / top), levels: [] };
  }
  if (name === "ratio" && within) {
    // Half where it is typical of the places `within`: far from the data a learned ratio may be anything.
    const typical = median(logp1.map((v, i) => v - logp0[i]).filter((_, i) => within[i]));
    return { kind: "ratio", values: logp1.map((v, i) => Math.tanh(0.5 * (v - logp0[i] - typical))), levels: [-0.76, -0.46, 0, 0.46, 0.76] };
  }
  if (name === "ratio") {
    const values = logp1.map((v, i) => v - logp0[i]);
    let mean = 0;
    for (const v of values) mean += v / values.length;
    let spread = 0;
    for (const v of values) spread += (v - mean) ** 2 / values.length;
    const unit = 1 / (2.5 * Math.sqrt(spread) || 1);
    return { kind: "ratio", values: values.map((v) => (v - mean) * unit), levels: [-0.6, -0.3, 0, 0.3, 0.6] };
  }
  if (name === "drawn") {
    // On the true density's scale, so that both sides and the truth compare; a grid may miss a needle's own top anyway.
    const top = max(truth);
    return { kind: "density", values: logq.map((v) => Math.min(v - top, 0)), levels: [-0.5, -2, -4.5] };
  }
  const logp = { p1: () => logp1, p0: () => logp0, truth: () => truth, tilt: () => logtilt }[name]();
  const top = max(logp);
  return { kind: "density", values: logp.map((v) => v - top), levels: [-0.5, -2, -4.5, -8] };
}

// Marching squares, each cell on its own: the segments where `values` crosses `level`, in cell units.
export function contourSegments(values, ny, nx, level) {
  const out = [];
  const cross = (a, b) => (level - a) / (b - a);
  for (let j = 0; j + 1 < ny; j++) {
    for (let i = 0; i + 1 < nx; i++) {
      const a = values[j * nx + i];
      const b = values[j * nx + i + 1];
      const c = values[(j + 1) * nx + i + 1];
      const d = values[(j + 1) * nx + i];
      const index = (a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3);
      if (index === 0 || index === 15) continue;
      const ends = [];
      if (a > level !== b > level) ends.push(i + cross(a, b), j);
      if (b > level !== c > level) ends.push(i + 1, j + cross(b, c));
      if (d > level !== c > level) ends.push(i + cross(d, c), j + 1);
      if (a > level !== d > level) ends.push(i, j + cross(a, d));
      // A saddle has four ends; which pair meets which does not show at this size.
      for (let k = 0; k + 3 < ends.length; k += 4) out.push(ends[k], ends[k + 1], ends[k + 2], ends[k + 3]);
    }
  }
  return out;
}

// The same in data units, for a grid over `box`.
export function contourPath(values, [ny, nx], [x0, x1, y0, y1], level) {
  const path = new Path2D();
  const [dx, dy] = [(x1 - x0) / (nx - 1), (y1 - y0) / (ny - 1)];
  const s = contourSegments(values, ny, nx, level);
  for (let k = 0; k < s.length; k += 4) {
    path.moveTo(x0 + s[k] * dx, y0 + s[k + 1] * dy);
    path.lineTo(x0 + s[k + 2] * dx, y0 + s[k + 3] * dy);
  }
  return path;
}

export class FieldLayers {
  // `strength`: opacity of the layers' strongest places; `within`: see layerValues; `fade`: 0..1, shows of the ratio there.
  constructor(header, arrays, slots, { strength = null, within = null, fade = null } = {}) {
    this.fade = fade;
    this.strength = strength;
    this.within = within;
    this.id = header.id;
    this.field = header.field;
    this.arrays = arrays;
    this.decoded = {};
    this.images = new Map();
    this.scale = this.arrowScale(slots);
  }

  values(name) {
    return (this.decoded[name] ??= dequantise(this.arrays[name]));
  }

  layer(slot, name, colours) {
    const key = `${slot}|${name}|${css(colours.ink)}`;
    let made = this.images.get(key);
    if (!made) {
      made = this.makeLayer(slot, name, colours);
      if (this.images.size > 24) this.images.clear();
      this.images.set(key, made);
    }
    return made;
  }

  makeLayer(slot, name, colours) {
    const [ny, nx] = this.field.shape;
    const parts = { within: this.within };
    const { strength } = this;
    for (const part of NEEDS[name] ?? []) parts[part] = this.values(`${slot}.${part}`);
    if (name === "truth" || name === "drawn") parts.truth = this.values("truth.logp");
    const { kind, values, levels } = layerValues(name, parts);
    const canvas = document.createElement("canvas");
    canvas.width = nx;
    canvas.height = ny;
    const context = canvas.getContext("2d");
    const image = context.createImageData(nx, ny);
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++) {
        const v = values[j * nx + i];
        let colour = colours[name];
        let alpha;
        if (kind === "density") alpha = (strength ?? 0.62) * densityAlpha(v);
        else if (kind === "error") alpha = (strength ?? 0.75) * Math.sqrt(v);
        else {
          const [key, size] = ratioShade(v);
          colour = colours[key];
          alpha = (strength ?? 0.7) * size * (this.fade ? this.fade[j * nx + i] : 1);
        }
        // Row 0 is the lowest in data, the last in an image.
        const at = 4 * ((ny - 1 - j) * nx + i);
        image.data[at] = colour[0];
        image.data[at + 1] = colour[1];
        image.data[at + 2] = colour[2];
        image.data[at + 3] = 255 * alpha;
      }
    }
    context.putImageData(image, 0, 0);
    const lines = levels.map((level) => ({
      path: contourPath(values, [ny, nx], this.field.box, level),
      colour: kind === "ratio" && level < 0 ? colours.ratioLow : colours[name],
    }));
    return { canvas, lines };
  }

  drawLayer(context, cam, slot, name, colours, dpr) {
    if (!hasLayer(this.arrays, slot, name)) return;
    const { canvas, lines } = this.layer(slot, name, colours);
    const [x0, x1, y0, y1] = this.field.box;
    // Values sit at pixel centres, so the image reaches half a cell beyond the outermost of them.
    const px = (x1 - x0) / (canvas.width - 1) / 2;
    const py = (y1 - y0) / (canvas.height - 1) / 2;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      canvas,
      cam.ox + (x0 - px) * cam.scale,
      cam.oy - (y1 + py) * cam.scale,
      (x1 - x0 + 2 * px) * cam.scale,
      (y1 - y0 + 2 * py) * cam.scale,
    );
    worldTransform(context, cam);
    context.lineWidth = (0.9 * dpr) / cam.scale;
    for (const { path, colour } of lines) {
      context.strokeStyle = css(colour, 0.55);
      context.stroke(path);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  // The vector at each place: difference and correction follow from what was sent.
  vectors(slot, name) {
    const get = (key) => this.arrays[key]?.data;
    const main = get(`${slot}.arrows.main`);
    const minus = (a, b) => (a && b ? a.map((v, i) => v - b[i]) : null);
    if (name === "difference") return minus(main, get(`${slot}.arrows.guide`));
    if (name === "truth") return get("arrows.truth") ?? null;
    if (name === "correction") return minus(get("arrows.truth"), main);
    return get(`${slot}.arrows.${name}`) ?? null;
  }

  // One scale for every kind and both panels, or lengths could not be compared: long arrows just reach their neighbour.
  arrowScale(slots) {
    const at = this.arrays["arrows.at"]?.data;
    if (!at || at.length < 4) return 1;
    const lengths = [];
    for (const slot of slots) {
      for (const name of ["main", "guided"]) {
        const v = this.vectors(slot, name);
        for (let k = 0; v && k < v.length; k += 2) lengths.push(Math.hypot(v[k], v[k + 1]));
      }
    }
    if (!lengths.length) return 1;
    lengths.sort((a, b) => a - b);
    const [x0, x1, y0, y1] = this.field.box;
    const spacing = Math.sqrt(((x1 - x0) * (y1 - y0)) / (at.length / 2));
    return Math.min(1, (1.1 * spacing) / (lengths[Math.floor(lengths.length * 0.9)] || 1));
  }

  drawArrows(context, cam, slot, name, colours, dpr, { times = 1, every = 1 } = {}) {
    const at = this.arrays["arrows.at"]?.data;
    const v = this.vectors(slot, name);
    if (!at || !v) return;
    context.strokeStyle = context.fillStyle = css(colours[name], 0.9);
    context.lineWidth = (name === "guided" ? 1.8 : 1.2) * dpr;
    const scale = this.scale * times * cam.scale;
    const side = Math.round(Math.sqrt(at.length / 2));
    for (let k = 0; k < at.length; k += 2) {
      if (every > 1 && ((k / 2) % side % every !== every - 1 || Math.floor(k / 2 / side) % every !== every - 1)) continue;
      const x = cam.ox + at[k] * cam.scale;
      const y = cam.oy - at[k + 1] * cam.scale;
      arrow(context, x, y, v[k] * scale, -v[k + 1] * scale, dpr, ARROW_LOOK[name]);
    }
  }
}

// In pixels. A head on an arrow shorter than itself would be all that one sees.
export function arrow(context, x, y, dx, dy, dpr, { dashed = false, open = false } = {}) {
  const length = Math.hypot(dx, dy);
  if (!(length > 0.8 * dpr)) return;
  const head = Math.min(5.5 * dpr, length * 0.45);
  const ux = dx / length;
  const uy = dy / length;
  const tx = x + dx;
  const ty = y + dy;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(tx - ux * head * (open ? 1 : 0.7), ty - uy * head * (open ? 1 : 0.7));
  if (dashed) context.setLineDash([2.6 * dpr, 2.2 * dpr]);
  context.stroke();
  if (dashed) context.setLineDash([]);
  context.beginPath();
  context.moveTo(tx, ty);
  context.lineTo(tx - ux * head - uy * head * 0.5, ty - uy * head + ux * head * 0.5);
  context.lineTo(tx - ux * head + uy * head * 0.5, ty - uy * head - ux * head * 0.5);
  if (!open) {
    context.fill();
    return;
  }
  context.closePath();
  context.stroke();
}
