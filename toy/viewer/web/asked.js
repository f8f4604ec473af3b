// What is asked for against what is shown: a number and a picture are tied to the knobs that made them.

import { sigmaText } from "./dom.js";
import { say } from "./language.js";
import { digitsOf } from "./number.js";

// The server keeps six digits of what the controls say.
const same = (a, b) => Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b), 1e-12);

// Whose particles and numbers a panel's are, or null where there are none.
export function shownOf(panel) {
  if (panel.shown !== undefined) return panel.shown;
  if (panel.waiting) return null;
  const knobs = Object.fromEntries((panel.knobs ?? []).map(({ name, value }) => [name, value]));
  return { title: panel.title, caption: panel.title, knobs, schedule: panel.schedule };
}

// The knobs that stand elsewhere than where they stood for what is shown, as words for the latter.
export function movedSince(panel, shown, values, interval) {
  const moved = (panel.knobs ?? []).filter(({ name }) => name in shown.knobs && name in values && !same(shown.knobs[name], values[name]));
  const words = moved.map(({ name, label, step }) => `${label} ${shown.knobs[name].toFixed(digitsOf(step))}`);
  const { lo, hi } = shown.schedule ?? {};
  if (interval && Number.isFinite(lo) && Number.isFinite(hi) && !(same(lo, interval[0]) && same(hi, interval[1]))) {
    words.push(say("levels", { lo: sigmaText(lo), hi: sigmaText(hi) }));
  }
  return words;
}

// Words for a panel whose picture is not what the controls ask for; "" where it is. `late`: the server says that this is
// not yet what it was asked; `outside`: something beside the viewer was changed; `lost`: the server does not answer.
export function pendingWords(panel, values, interval, { late = false, outside = false, lost = false }) {
  const shown = shownOf(panel);
  const moved = shown ? movedSince(panel, shown, values, interval) : [];
  const waits = late && Boolean(panel.pending);
  if (!moved.length && !waits && !outside) return "";
  const what = !shown ? "" : say("showing", { what: waits || !moved.length ? shown.caption ?? shown.title : moved.join(", ") });
  const why = lost ? say("noAnswer") : waits ? panel.pending : "";
  return [what, why].filter(Boolean).join(" ") || say("computing");
}
