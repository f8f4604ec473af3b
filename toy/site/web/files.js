// What the page reads: files beside it, or, where the page is a single file, what is written into that.

import { unpack } from "../../viewer/web/unpack.js";

// A density's or a target's name as a file's.
export const slug = (name) => name.replace(/[^\w.-]/g, "-");

const decoded = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

export class Files {
  constructor(page = document) {
    this.page = page;
    this.kept = new Map();
  }

  get single() {
    return this.page.body.dataset.single !== undefined;
  }

  // The bytes of a file, read once; an Error in one sentence where it cannot be had.
  bytes(path) {
    if (!this.kept.has(path)) this.kept.set(path, this.read(path));
    return this.kept.get(path);
  }

  async read(path) {
    const inlined = this.page.querySelector(`script[data-file="${CSS.escape(path)}"]`);
    if (inlined) return decoded(inlined.textContent);
    if (this.single) throw new Error(`${path} is not in this file: the folder or the app has it`);
    try {
      const answer = await fetch(new URL(`${path}?v=${this.page.body.dataset.version}`, this.page.baseURI));
      if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
    } catch {
      // As where it is not there.
    }
    this.kept.delete(path); // the network may be back
    throw new Error(`${path} could not be loaded`);
  }

  async text(path) {
    return new TextDecoder().decode(await this.bytes(path));
  }

  async json(path) {
    return JSON.parse(await this.text(path));
  }

  // A pack of numbers: {header, arrays}.
  async pack(path) {
    return unpack(await this.bytes(path));
  }
}
