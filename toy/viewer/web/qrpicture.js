// A text as a QR code to look at, black on white in any theme.

import { drawn, h } from "./dom.js";
import { qrCode, qrPath } from "./qr.js";

const QUIET = 4; // modules around it

// `label` says what it is of; a text that is too long is said to be so.
export function qrPicture(text, label) {
  let rows;
  try {
    rows = qrCode(text);
  } catch (error) {
    return h("p", { text: error.message });
  }
  const size = rows.length + 2 * QUIET;
  const picture = { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" };
  return drawn("svg", picture, drawn("rect", { width: size, height: size, fill: "#fff" }), drawn("path", { d: qrPath(rows), fill: "#000" }));
}
