// Text of a lesson, as its file was read: blocks of plain parts. Nothing of it is ever parsed as HTML.

import { h } from "./dom.js";

const TAGS = { strong: "strong", em: "em", code: "code" };

// `on`: {open(query), lesson(name)}; `methods`: what is said of each method that is linked to.
export function proseOf(blocks, methods, on) {
  return blocks.map(([kind, ...rest]) =>
    kind === "ul" ? h("ul", {}, ...rest.map((item) => h("li", {}, ...item.map((part) => partOf(part, methods, on))))) : h("p", {}, ...rest.map((part) => partOf(part, methods, on))),
  );
}

function partOf(part, methods, on) {
  if (typeof part === "string") return part;
  const [kind, text, target] = part;
  if (kind in TAGS) return h(TAGS[kind], { text });
  if (target.startsWith("?")) return h("button", { type: "button", class: "tl-try", testid: "try", text, onclick: () => on.open(target.slice(1)) });
  if (target.startsWith("lesson:")) return h("button", { type: "button", class: "tl-try", text, onclick: () => on.lesson(target.slice(7)) });
  const method = methods[target];
  if (method) {
    const says = [method.title, method.summary, method.formula, method.source].filter(Boolean).join(" · ");
    return h("button", { type: "button", class: "tv-word tl-method", "data-meaning": says, "aria-expanded": "false" }, h("span", { text }));
  }
  return h("a", { href: target, target: "_blank", rel: "noopener noreferrer", text });
}
