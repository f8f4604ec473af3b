// Share: the link of what is on the screen, to copy, and as a QR code for those who sit in front of it.

import { copied } from "../../viewer/web/copying.js";
import { h, setText } from "../../viewer/web/dom.js";
import { qrPicture } from "../../viewer/web/qrpicture.js";

export class Share {
  // `link(frozen)` is the whole address of what is shown, and `words` for what it opens; `freezes` where that may be frozen until
  // somebody tries it himself.
  constructor(link, { freezes = false } = {}) {
    this.link = link;
    this.frozen = h("input", { type: "checkbox", testid: "frozen", onchange: () => this.show() });
    const freeze = h("label", { class: "ts-about" }, this.frozen, " Frozen until “Try it yourself” is pressed");
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
      freezes ? freeze : null,
      this.said,
      this.code,
      close,
    );
    document.body.append(this.element);
    this.button = button("share", "Share", () => this.open());
  }

  open() {
    this.frozen.checked = false;
    this.show();
    this.element.showModal();
  }

  show() {
    const { link, words } = this.link(this.frozen.checked);
    setText(this.words, words);
    this.field.value = link;
    setText(this.said, "");
    this.code.replaceChildren(qrPicture(link, "QR code of the link"));
  }

  async copy() {
    const done = await copied(this.field.value);
    if (!done) this.field.select();
    setText(this.said, done ? "Copied." : "The browser does not let a page copy: press Ctrl+C.");
  }
}
