// Every colour of the viewer, as [r, g, b], in light and dark. Hues follow Okabe and Ito's colour-blind-safe set: orange is
// the target class, grey the other, magenta what lies outside, blue against brown what a branch lost or gained.

const LIGHT = {
  ink: [28, 36, 48],
  outside: [214, 20, 130],
  target: [230, 132, 0],
  other: [128, 134, 142],
  lost: [16, 92, 200],
  gained: [116, 66, 10],
  p1: [0, 138, 98],
  p0: [200, 44, 40],
  ratio: [20, 100, 190],
  ratioLow: [170, 120, 30],
  tilt: [112, 60, 170],
  drawn: [0, 108, 132],
  truth: [60, 70, 84],
  error: [160, 140, 0],
  main: [0, 138, 98],
  guide: [200, 44, 40],
  difference: [20, 100, 190],
  guided: [20, 24, 30],
  correction: [138, 60, 190],
  pins: [
    [0, 110, 160],
    [150, 60, 160],
  ],
};

const DARK = {
  ink: [228, 233, 240],
  outside: [255, 92, 180],
  target: [255, 170, 64],
  other: [140, 148, 160],
  lost: [70, 150, 255],
  gained: [176, 108, 36],
  p1: [40, 200, 150],
  p0: [255, 104, 92],
  ratio: [90, 170, 255],
  ratioLow: [220, 170, 80],
  tilt: [190, 140, 255],
  drawn: [70, 205, 235],
  truth: [190, 200, 214],
  error: [240, 225, 90],
  main: [40, 200, 150],
  guide: [255, 104, 92],
  difference: [90, 170, 255],
  guided: [245, 247, 250],
  correction: [206, 150, 255],
  pins: [
    [90, 200, 250],
    [230, 150, 240],
  ],
};

export function palette(dark) {
  return dark ? DARK : LIGHT;
}

export function css([r, g, b], alpha = 1) {
  return alpha === 1 ? `rgb(${r},${g},${b})` : `rgba(${r},${g},${b},${alpha})`;
}

export function mix(a, b, amount) {
  return a.map((value, i) => Math.round(value + (b[i] - value) * amount));
}

// "rgb(1, 2, 3)", "rgba(...)", "#abc", "#aabbcc" -> [r, g, b]; null for what a stylesheet may say beyond that.
export function parseColour(text) {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text.trim());
  if (hex) {
    const digits = hex[1].length < 6 ? [...hex[1]].map((c) => c + c).join("") : hex[1];
    return [0, 2, 4].map((i) => parseInt(digits.slice(i, i + 2), 16));
  }
  const rgb = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/i.exec(text.trim());
  return rgb ? rgb.slice(1, 4).map(Number) : null;
}

// What the page around an element looks like; its stylesheet is given the palette to go with it.
export function themeOf(root) {
  const style = getComputedStyle(root);
  const background = parseColour(style.backgroundColor) ?? [255, 255, 255];
  const dark = isDark(background);
  const colours = palette(dark);
  root.classList.toggle("tv-dark", dark);
  for (const [name, colour] of Object.entries(colours)) {
    if (name !== "pins") root.style.setProperty(`--tv-${name}`, css(colour));
  }
  return { background, dark, colours, font: style.fontFamily };
}

export function isDark([r, g, b]) {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

// Little-endian RGBA in one number, as ImageData's memory seen through a Uint32Array wants it; alpha 0, the splat adds it.
export function packed([r, g, b]) {
  return (b << 16) | (g << 8) | r;
}

// A branch by log2(sampled mass / true mass): neutral at 0 with a small dead zone, since twigs hold few samples.
export const GAIN_LIMIT = 3;

export function gainColour(gain, colours, background) {
  const size = Math.min(Math.abs(gain), GAIN_LIMIT) / GAIN_LIMIT;
  const amount = size < 0.06 ? 0 : 0.12 + 0.78 * size ** 0.7;
  return mix(mix(background, colours.target, 0.16), gain < 0 ? colours.lost : colours.gained, amount);
}

// Density relative to its maximum in view, log p - max, to opacity: the square root keeps the thinner parts in sight.
export function densityAlpha(relative) {
  return Math.exp(Math.max(relative, -40) * 0.5);
}

// Log ratio around its mean, -1..1, to [colour key, opacity].
export function ratioShade(unit) {
  const size = Math.min(Math.abs(unit), 1);
  return [unit < 0 ? "ratioLow" : "ratio", size ** 0.8];
}
