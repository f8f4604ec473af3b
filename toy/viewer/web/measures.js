// Measures of a panel's samples as rows of words and bars, each with its standard error beside what true samples give.

import { say } from "./language.js";

// `top` is the bar's end, `better` which direction is; a share is said in percent.
const MEASURE_ROWS = [
  { key: "outliers", top: 0.25, better: "less", percent: true },
  { key: "branch_tv", top: 1, better: "less", percent: false },
  { key: "root_share", top: 0.5, better: "likeTruth", percent: true },
  { key: "alignment", top: 1, better: "morePlease", percent: true },
];

const within = (share) => Math.min(Math.max(share, 0), 1);

// A number with its standard error, in as many digits as it: "9.0 ± 0.6% outside", "TV 0.25 ± 0.01".
function withError(key, value, error, percent) {
  const numbers = [value, error].filter((number) => Number.isFinite(number));
  return say(`measured.${key}`, { value: numbers.map((number) => (percent ? (100 * number).toFixed(1) : number.toFixed(2))).join(" ± ") });
}

// `measured` has values, errors and floor by name, and what the target's classes are `called`; what is no number is as bad as can be.
export function measureRows(measured) {
  if (!measured) return [];
  const { values, errors, floor, called } = measured;
  const rows = MEASURE_ROWS.filter(({ key }) => key in values).map(({ key, top, better, percent }) => {
    const value = Number.isFinite(values[key]) ? values[key] : 1;
    const end = percent ? `${100 * top}%` : String(top);
    return {
      key,
      label: key === "alignment" ? `P(${called}|x)` : say(`measure.${key}`),
      value,
      text: withError(key, value, errors[key], percent),
      floor_text: say("floor", { value: percent ? `${(100 * floor[key]).toFixed(1)}%` : floor[key].toFixed(2) }),
      fill: within(value / top),
      floor: within(floor[key] / top),
      ends: ["0", value <= top ? end : say("orMore", { end })],
      better: say(better),
    };
  });
  const last = rows[rows.length - 1];
  // Which class a sample belongs to says little where most belong to neither.
  if (rows[0]?.value > 0.5) Object.assign(last, { muted: true, text: say("mostOutside", { text: last.text }) });
  return rows;
}

// The weight as other communities write it.
export function conventionsOf(w) {
  if (!Number.isFinite(w)) return [];
  return [
    { label: say("scale"), value: w.toFixed(2) },
    { label: "w − 1 =", value: (w - 1).toFixed(2) },
  ];
}
