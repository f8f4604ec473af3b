// A density's name as a value: what it starts from, and what is done to that. The grammar is toy/names.py's.

const SOME_CLASSES = "[A-P]{1,16}";
const TARGET = `(?:[a-z][\\w.:=+-]*/)?${SOME_CLASSES}`;
const NETWORK = new RegExp(`^(${TARGET})(\\d{1,4})@(\\d{1,7})(?:#(\\d{1,9}))?$`);
const PARTS = /^(?!exact:|kept:)([a-z_]{2,}):(.*,.*)$/;

export class Name {
  constructor(base, items = []) {
    this.base = base;
    this.items = items;
  }

  static parse(text) {
    const [base, ...items] = text.split(/~(?=[a-z_0-9]+=)/);
    return new Name(base, items);
  }

  toString() {
    return [this.base, ...this.items].join("~");
  }

  // The kind of density that is fitted to samples of the parts; empty for any other base.
  get fitted() {
    return PARTS.exec(this.base)?.[1] ?? "";
  }

  get parts() {
    return this.fitted ? PARTS.exec(this.base)[2].split(",").map((part) => new Name(part)) : [];
  }

  get network() {
    return NETWORK.test(this.base);
  }

  // Whether it is an exact density as it is, or fitted to such.
  get exactly() {
    const { parts } = this;
    return !this.items.length && (this.base.startsWith("exact:") || (parts.length > 0 && parts.every((part) => part.exactly)));
  }

  // The target that it is of, a fitted one its last part's; null where the name does not say it.
  get classes() {
    const { parts } = this;
    if (parts.length) return parts.at(-1).classes;
    return NETWORK.exec(this.base)?.[1] ?? (this.base.startsWith("exact:") ? this.base.slice(6) : null);
  }

  // The exact density of the same classes, with nothing done to it; null where the name does not tell them.
  exact() {
    const { classes, parts } = this;
    if (parts.length) return new Name(`${this.fitted}:${parts.map((part) => part.exact()).join(",")}`);
    return classes && new Name(`exact:${classes}`);
  }

  // With other classes in the place of its own, or of those of each part of a fitted one.
  moved(other) {
    const of = (part) => (part.classes === null ? part.base : part.base.replace(part.classes, () => other(part.classes)));
    const { parts } = this;
    return new Name(parts.length ? `${this.fitted}:${parts.map(of).join(",")}` : of(this), this.items);
  }
}
