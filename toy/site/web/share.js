// Share: the link of what is on the screen, to copy, and as a QR code for those who sit in front of it.

import { SVG, h, setText } from "../../viewer/web/dom.js";
import { qrCode, qrPath } from "./qr.js";

export class Share {
  // `link()` is the whole address of what is shown, and `words` for what it opens.
  constructor(link) {
    this.link = link;
    this.field = h("input", { type: "text", class: "ts-text", readonly: true, testid: "link", "aria-label": "Link to what is shown" });
    this.field.addEventListener("focus", () => this.field.select());
    this.words = h("p", { class: "ts-about", testid: "link-words" });
    this.said = h("p", { class: "ts-about", role: "status", testid: "copied" });
    this.code = h("div", { class: "ts-code", testid: "qr" });
    const button = (testid, text, act) => h("button", { type: "button", class: "ts-button", testid, text, onclick: act });
    const close = button("close-share", "Close", () => this.element.close());
    this.element = h(
      "dialog",
      { class: "ts-dialog toy-page", testid: "share-dialog", "aria-label": "Share" },
      h("h2", { text: "Link to this picture" }),
      this.words,
      h("div", { class: "ts-line" }, this.field, button("copy", "Copy", () => this.copy())),
      this.said,
      this.code,
      close,
    );
    document.body.append(this.element);
    this.button = button("share", "Share", () => this.open());
  }

  open() {
    const { link, words } = this.link();
    setText(this.words, words);
    this.field.value = link;
    setText(this.said, "");
    this.code.replaceChildren(this.picture(link));
    this.element.showModal();
  }

  picture(link) {
    let rows;
    try {
      rows = qrCode(link);
    } catch (error) {
      return h("p", { text: error.message });
    }
    const size = rows.length + 8;
    const svg = document.createElementNS(SVG, "svg");
    const of = (tag, attributes) => {
      const made = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      return made;
    };
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "QR code of the link", "shape-rendering": "crispEdges" })) svg.setAttribute(name, value);
    svg.append(of("rect", { width: size, height: size, fill: "#fff" }), of("path", { d: qrPath(rows), fill: "#000" }));
    return svg;
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.field.value);
      setText(this.said, "Copied.");
    } catch {
      this.field.select();
      setText(this.said, "The browser does not let a page copy: press Ctrl+C.");
    }
  }
}
