// Where a method is from, with its identifiers as links.

import { h } from "../../viewer/web/dom.js";

const PLACES = { arXiv: "https://arxiv.org/abs/", doi: "https://doi.org/" };

export function sourced(text) {
  const parts = text.split(/((?:arXiv:\d{4}\.\d{4,5})|(?:doi:\S+[^\s.,;)]))/);
  return parts.filter(Boolean).map((part) => {
    const [kind, name] = [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(":") + 1)];
    return kind in PLACES ? h("a", { href: PLACES[kind] + name, rel: "noreferrer", target: "_blank", text: part }) : part;
  });
}
