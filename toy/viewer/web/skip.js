// The keyboard's first stop on the page: over navigation and settings, straight to a control of the viewer.

import { h } from "./dom.js";

const HIDDEN = "position:fixed;top:4px;left:4px;z-index:1000000;opacity:0;pointer-events:none";
const LOOK = "padding:8px 14px;font:600 14px sans-serif;color:#fff;background:#1f2933;border:2px solid #fff;border-radius:6px";

// Puts it at the head of the page; returns what takes it away again.
export function skipTo(words, target) {
  const button = h("button", { type: "button", say: words, style: LOOK });
  const element = h("nav", { named: "shortcut", style: HIDDEN, testid: "skip" }, button);
  button.addEventListener("focus", () => (element.style.opacity = "1"));
  button.addEventListener("blur", () => (element.style.opacity = "0"));
  button.addEventListener("click", () => target.focus());
  document.body.prepend(element);
  return () => element.remove();
}
