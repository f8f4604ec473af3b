// What draws: at most once a frame, however much has changed since the last.

export class Screen {
  constructor(root) {
    this.root = root;
    this.abort = new AbortController();
    this.dirty = new Set();
    this.stats = [];
  }

  // Names the parts that changed; `draw(now)` of the class that extends this one takes them, and says whether it drew.
  redraw(...parts) {
    for (const part of parts) this.dirty.add(part);
    if (this.frame || this.abort.signal.aborted) return;
    this.frame = requestAnimationFrame((now) => this.drawFrame(now));
  }

  // What has changed is drawn at once: the browser's next frame has it, and need not wait for it.
  drawNow() {
    if (!this.frame || this.moving) return;
    cancelAnimationFrame(this.frame);
    this.drawFrame(performance.now());
  }

  drawFrame(now) {
    this.frame = 0;
    const began = performance.now();
    if (!this.draw(now)) return;
    if (this.stats.length > 2000) this.stats.shift();
    this.stats.push({ at: now, ms: performance.now() - began, playing: this.moving });
    if (this.moving) this.redraw();
  }

  takeDirty() {
    const { dirty } = this;
    this.dirty = new Set();
    return dirty;
  }

  destroy() {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
    this.root.replaceChildren();
  }
}
