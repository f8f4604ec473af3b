// The address bar: what it says of the page, and steps of the browser's history. A page that was opened from a file may not
// be allowed to change its query; then the same text stands behind '#?'.

import { CARRIED, carriedIn } from "../../viewer/web/carried.js";

const EMBEDDING = ["embed", "embed_options"]; // how the page stands in another one, which is no part of its state

export class Address {
  constructor({ place = location, past = history } = {}) {
    Object.assign(this, { place, past });
    this.depth = past.state?.depth ?? 0;
  }

  // The query as text, without '?'.
  get query() {
    const { hash, search } = this.place;
    return hash.startsWith("#?") ? hash.slice(2) : search.slice(1);
  }

  get embedded() {
    return new URLSearchParams(this.place.search).get("embed") === "true";
  }

  // The drawing that the address carries, once; empty where it has none.
  takeDrawing() {
    const drawing = carriedIn(this.place.hash);
    if (drawing) this.mark("");
    return drawing;
  }

  // Puts a mark behind the address, which is no part of what is shown; '' takes it away.
  mark(text) {
    if (text === this.place.hash || this.place.hash.startsWith("#?")) return;
    this.past.replaceState(this.past.state, "", `${this.place.pathname}${this.place.search}${text}`);
  }

  // Has the address say this; `push` makes a step that the browser's Back undoes.
  write(query, push) {
    const kept = [...new URLSearchParams(this.place.search)].filter(([name]) => EMBEDDING.includes(name)).map((pair) => pair.join("="));
    const whole = [query, ...kept].filter(Boolean).join("&");
    if (whole === this.query) return;
    this.depth += push ? 1 : 0;
    const path = this.place.pathname;
    const mark = this.place.hash.startsWith("#?") ? "" : this.place.hash;
    for (const url of [`${path}${whole ? `?${whole}` : ""}${mark}`, `#?${whole}`]) {
      try {
        this.past[push ? "pushState" : "replaceState"]({ depth: this.depth }, "", url);
        return;
      } catch {
        // A file's query stays as it is in some browsers.
      }
    }
  }

  // The whole address of another query of this page, with a drawing that goes along.
  full(query, drawing = "") {
    const bare = this.place.href.replace(/[?#].*$/s, "");
    return (query ? `${bare}?${query}` : bare) + (drawing && CARRIED + drawing);
  }

  listen(heard) {
    addEventListener("popstate", ({ state }) => {
      this.depth = state?.depth ?? 0;
      heard(this.query);
    });
  }
}
