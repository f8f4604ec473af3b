// The pictures take the height that the rows around them leave of the screen, however many rows the knobs need.

const STATUS = 18; // px kept for a line of words, so that the pictures stay when one comes or goes
const BELOW = 12; // px of the page below the viewer

// The height in px, given the screen's, where the viewer begins, and what its rows beside the pictures take.
export function heightLeft({ screen, top, rest, below = BELOW, least = 220 }) {
  return Math.max(least, Math.floor(screen - top - rest - below));
}

export class Fit {
  // `plot` is one of the pictures, which all have the same height; `rows` what stands above and below them.
  constructor(root, plot, status, rows) {
    Object.assign(this, { root, plot, status });
    this.watch = new ResizeObserver(() => this.measure());
    for (const row of rows) this.watch.observe(row);
    this.abort = new AbortController();
    addEventListener("resize", () => this.measure(), { signal: this.abort.signal });
  }

  measure() {
    const { root, status } = this;
    const plot = this.plot();
    if (!plot.offsetHeight) return;
    const scrolled = document.querySelector('[data-testid="stMain"]')?.scrollTop ?? scrollY;
    const top = root.getBoundingClientRect().top + scrolled;
    const rest = root.offsetHeight - plot.offsetHeight - status.offsetHeight + STATUS;
    const height = `${heightLeft({ screen: innerHeight, top, rest })}px`;
    if (root.style.getPropertyValue("--tv-fit") !== height) root.style.setProperty("--tv-fit", height);
  }

  stop() {
    this.watch.disconnect();
    this.abort.abort();
  }
}
