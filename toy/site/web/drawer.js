// Where the settings are: beside the view, or over it where there is no room.

import { h } from "../../viewer/web/dom.js";

const WIDE = 1180; // pixels, from which on they stand beside the view unasked

// Puts the settings into `side`, which `button` opens and closes; returns what shows it or not.
export function drawer(side, button, settings) {
  const show = (on) => {
    side.hidden = !on;
    button.setAttribute("aria-expanded", String(on));
  };
  const close = () => {
    show(false);
    button.focus();
  };
  side.append(settings, h("button", { type: "button", class: "ts-button ts-close", testid: "close-settings", text: "Close", onclick: close }));
  button.setAttribute("aria-controls", side.id);
  button.addEventListener("click", () => {
    show(side.hidden);
    if (!side.hidden) side.focus();
  });
  side.addEventListener("keydown", (event) => event.key === "Escape" && innerWidth < WIDE && close());
  show(innerWidth >= WIDE);
  return show;
}
