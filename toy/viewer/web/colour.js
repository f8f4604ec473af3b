// Colours of the viewer, as [r, g, b], in light and dark: those of their roles, which figures and charts share.

import palettes from "../../palette.json" with { type: "json" };

// What is drawn under another name than its role's.
const ALSO = { p1: "main", p0: "guide", difference: "ratio", guided: "ink", error: "correction" };

function themed(which) {
  const roles = Object.entries(palettes.roles).map(([role, shades]) => [role, parseColour(shades[which])]);
  const colours = Object.fromEntries(roles);
  for (const [name, role] of Object.entries(ALSO)) colours[name] = colours[role];
  return colours;
}

const LIGHT = themed(0);
const CLASSES = palettes.series.map(parseColour);
const DARK = themed(1);

export function palette(dark) {
  return dark ? DARK : LIGHT;
}

// Of a class by its letter.
export function classColour(letter) {
  return CLASSES[(letter.charCodeAt(0) - 65) % CLASSES.length];
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

const THEMED = new WeakMap(); // by element: the theme, and the background that it is of

// What the page around an element looks like; its stylesheet is given the palette to go with it, where that is another one than before.
export function themeOf(root) {
  const { backgroundColor, fontFamily } = getComputedStyle(root);
  const before = THEMED.get(root);
  if (before?.of === backgroundColor && before.theme.font === fontFamily) return before.theme;
  const background = parseColour(backgroundColor) ?? [255, 255, 255];
  const dark = isDark(background);
  const colours = palette(dark);
  root.classList.toggle("tv-dark", dark);
  for (const [name, colour] of Object.entries(colours)) root.style.setProperty(`--tv-${name}`, css(colour));
  const theme = { background, dark, colours, font: fontFamily };
  THEMED.set(root, { of: backgroundColor, theme });
  return theme;
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
export const LIMB = 0.3; // of the target's colour in a branch that kept its mass: a projector loses less

export function gainColour(gain, colours, background) {
  const size = Math.min(Math.abs(gain), GAIN_LIMIT) / GAIN_LIMIT;
  const amount = size < 0.06 ? 0 : 0.12 + 0.78 * size ** 0.7;
  return mix(mix(background, colours.target, LIMB), gain < 0 ? colours.lost : colours.gained, amount);
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
