// A menu of the languages that the views speak.

import { h } from "./dom.js";
import { LANGUAGES } from "./language.js";

// `chosen(name)` is told of the language.
export function languageMenu(chosen) {
  const options = Object.entries(LANGUAGES).map(([name, text]) => h("option", { value: name, lang: name, text }));
  const menu = h("select", { class: "tv-select tv-language", testid: "view-language", named: "language" }, ...options);
  menu.addEventListener("change", () => chosen(menu.value));
  return menu;
}
