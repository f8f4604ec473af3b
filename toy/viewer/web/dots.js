// Particles, drawn straight into the memory of an ImageData: two panels of 4096 soft dots cost about a millisecond.
// Pixels are written through a Uint32Array (little-endian RGBA), dots at quarter-pixel positions from prepared stamps.

const SUB = 4;
const SHADES = 5;

// For each of the SUB x SUB sub-pixel positions: where, relative to the dot's pixel, and how opaque (0..255).
// A disc, or with a `line` of so many pixels a ring.
function stamps(radius, opacity, stride, line = 0) {
  const reach = Math.ceil(radius + 0.5 + line / 2);
  const table = [];
  for (let sy = 0; sy < SUB; sy++) {
    for (let sx = 0; sx < SUB; sx++) {
      const offsets = [];
      const alphas = [];
      for (let y = -reach; y <= reach; y++) {
        for (let x = -reach; x <= reach; x++) {
          const d = Math.hypot(x + 0.5 - (sx + 0.5) / SUB, y + 0.5 - (sy + 0.5) / SUB);
          const depth = line ? line / 2 - Math.abs(d - radius) : radius - d;
          const alpha = Math.round(255 * opacity * Math.min(1, Math.max(0, depth + 0.5)));
          if (alpha > 0) {
            offsets.push(y * stride + x);
            alphas.push(alpha);
          }
        }
      }
      table.push({ offsets: Int32Array.from(offsets), alphas: Uint8Array.from(alphas) });
    }
  }
  return { table, reach };
}

// One source pixel over another, neither premultiplied, which is how ImageData stores them.
export function over(below, rgb, alpha) {
  const belowAlpha = below >>> 24;
  if (belowAlpha === 0) return ((alpha << 24) | rgb) >>> 0;
  const kept = (belowAlpha * (255 - alpha) + 127) / 255;
  const total = alpha + kept;
  const s = alpha / total;
  const r = (below & 255) + ((rgb & 255) - (below & 255)) * s;
  const g = ((below >>> 8) & 255) + (((rgb >>> 8) & 255) - ((below >>> 8) & 255)) * s;
  const b = ((below >>> 16) & 255) + (((rgb >>> 16) & 255) - ((below >>> 16) & 255)) * s;
  return ((Math.round(total) << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
}

// More room for each dot as they get fewer or the camera comes closer.
export function dotRadius(n, side, half) {
  const crowd = (4096 / Math.max(n, 64)) ** 0.18;
  const closeness = Math.min(2.4, Math.max(0.85, (1.2 / half) ** 0.3));
  return Math.min(3, Math.max(0.55, 0.72 * Math.sqrt(side / 430) * crowd * closeness));
}

// In pixels; `dpr` of them are one of the page's.
export function ringOf(radius, dpr = 1) {
  return { radius: Math.max(1.7 * radius, 2.1 * dpr), line: Math.max(0.6 * radius, 0.95 * dpr) };
}

export class Dots {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.late = new Int32Array(0);
  }

  resize(width, height) {
    if (this.width === width && this.height === height) return;
    this.width = this.canvas.width = width;
    this.height = this.canvas.height = height;
    // A margin on all sides lets dots leave the picture without a test for every pixel.
    this.margin = 12;
    this.stride = width + 2 * this.margin;
    this.image = this.context.createImageData(this.stride, height + 2 * this.margin);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.stampKey = "";
  }

  // `ring`: radius and line of the rings that stand for those outside.
  begin(radius, ring = ringOf(radius), opacity = 0.82) {
    const key = `${radius.toFixed(2)}|${ring.radius.toFixed(2)}|${opacity}`;
    if (key !== this.stampKey) {
      this.small = stamps(radius, opacity, this.stride);
      // Those that left matter most: larger, and hollow, which is seen without their colour.
      this.large = stamps(ring.radius, Math.min(1, opacity + 0.1), this.stride, ring.line);
      this.stampKey = key;
    }
    this.pixels.fill(0);
  }

  end() {
    this.context.putImageData(this.image, -this.margin, -this.margin);
  }

  stampAt(stamp, sx, sy, rgb) {
    const ix = Math.floor(sx);
    const iy = Math.floor(sy);
    const { offsets, alphas } = stamp.table[Math.floor((sy - iy) * SUB) * SUB + Math.floor((sx - ix) * SUB)];
    const base = (iy + this.margin) * this.stride + ix + this.margin;
    const pixels = this.pixels;
    for (let j = 0; j < offsets.length; j++) {
      const at = base + offsets[j];
      const below = pixels[at];
      pixels[at] = below === 0 ? ((alphas[j] << 24) | rgb) >>> 0 : over(below, rgb, alphas[j]);
    }
  }

  // `points` is 2n in data units; `shades`, if given, 0 (inside) .. 1 (outside) per particle; `colours` goes from inside to
  // outside. Those outside are drawn last, so that none hides. Returns how many centres are off the screen.
  draw(points, n, cam, colours, shades = null) {
    const { width, height } = this;
    const reach = this.large.reach;
    if (this.late.length < n) this.late = new Int32Array(n);
    let late = 0;
    let off = 0;
    const { scale, ox, oy } = cam;
    const inside = colours[0];
    for (let p = 0; p < n; p++) {
      const sx = ox + points[2 * p] * scale;
      const sy = oy - points[2 * p + 1] * scale;
      if (!(sx >= 0 && sx < width && sy >= 0 && sy < height)) {
        off += 1;
        if (!(sx >= -reach && sx < width + reach && sy >= -reach && sy < height + reach)) continue;
      }
      if (shades !== null && shades[p] > 0) this.late[late++] = p;
      else this.stampAt(this.small, sx, sy, inside);
    }
    for (let k = 0; k < late; k++) {
      const p = this.late[k];
      const shade = Math.min(SHADES - 1, Math.round(shades[p] * (SHADES - 1)));
      this.stampAt(shade > 1 ? this.large : this.small, ox + points[2 * p] * scale, oy - points[2 * p + 1] * scale, colours[shade]);
    }
    return off;
  }

  // Where a particle was: single pixels, for trails.
  specks(points, n, cam, rgb, alpha) {
    const { width, height, stride, margin, pixels } = this;
    const { scale, ox, oy } = cam;
    for (let p = 0; p < n; p++) {
      const sx = ox + points[2 * p] * scale;
      const sy = oy - points[2 * p + 1] * scale;
      if (!(sx >= 0 && sx < width && sy >= 0 && sy < height)) continue;
      const at = (Math.floor(sy) + margin) * stride + Math.floor(sx) + margin;
      pixels[at] = over(pixels[at], rgb, alpha);
    }
  }
}

// The few colours between inside and outside, so that a particle is seen to leave.
export function shadeRamp(inside, outside) {
  const channel = (shift, s) => Math.round(((inside >>> shift) & 255) * (1 - s) + ((outside >>> shift) & 255) * s) << shift;
  return Array.from({ length: SHADES }, (_, i) => {
    const s = i / (SHADES - 1);
    return channel(16, s) | channel(8, s) | channel(0, s);
  });
}

// The flag belongs to whole steps; between two of them the colour fades.
export function shadesAt({ data, shape }, t, out) {
  const [frames, n] = shape;
  const i = Math.min(Math.max(Math.floor(t), 0), frames - 2);
  const f = Math.min(Math.max(t - i, 0), 1);
  const a = i * n;
  const b = a + n;
  for (let p = 0; p < n; p++) out[p] = data[a + p] + (data[b + p] - data[a + p]) * f;
  return out;
}
