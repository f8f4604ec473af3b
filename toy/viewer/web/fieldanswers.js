// Answers Fields' requests with the browser's own engine, in packs as a server would send them. A base is as in answers.js, of
// one scene, `fields`.

import { sharesOf, thresholdsAt } from "../../browser/web/engine.js";
import { Asker, arrayOf, arrowsOf, gridOf } from "./answers.js";

const FINE_SIDE = 128;
const COARSE_SIDE = 64; // while the slider moves
const NAMES = { logp1: "left.logp1", logp0: "left.logp0", truth: "truth.logp", error: "left.error" };

const bounded = (values) => values.map((value) => (Number.isNaN(value) ? -1e6 : Math.min(Math.max(value, -1e6), 1e6)));

export class FieldAnswers extends Asker {
  async answer({ header, scenes }, { seq = 0, phase, sigma, box, field, probe }) {
    const { turn } = this;
    const scene = scenes.fields;
    const made = { ...header, seq, engine: null, field: null, probe: null };
    const arrays = field ? await this.grids(scene, sigma, box, phase === "drag" ? COARSE_SIDE : FINE_SIDE, turn) : {};
    if (field) {
      const { shape } = arrays["truth.logp"];
      const [threshold] = thresholdsAt(this.engine.known.truths.get(scene.target), [sigma]);
      made.field = { id: header.id, sigma, box, shape, threshold };
    }
    if (probe) made.probe = { at: probe, sigma, panels: [await this.engine.ask(0, "probe", { scene, at: probe, sigma }, turn)] };
    return { header: made, arrays };
  }

  // Densities and errors on the grid, a part of its points for each worker, and the arrows from the first.
  async grids(scene, sigma, box, side, turn) {
    const x = gridOf(box, side);
    const at = arrowsOf(box);
    const parts = await Promise.all(
      sharesOf(side * side, this.engine.workers.length).map(({ begin, count }, i) =>
        this.engine.ask(i, "field", { scene, sigma, x: x.slice(2 * begin, 2 * (begin + count)), at: i ? new Float32Array(0) : at }, turn),
      ),
    );
    const arrays = { "arrows.at": arrayOf(at, [at.length / 2, 2]) };
    for (const [name, sent] of Object.entries(NAMES)) {
      if (parts[0][name]) arrays[sent] = arrayOf(Float32Array.from(parts.flatMap((part) => [...bounded(part[name])])), [side, side]);
    }
    const arrows = { "left.arrows.main": "main", "left.arrows.guide": "guide", "arrows.truth": "true" };
    for (const [sent, name] of Object.entries(arrows)) if (parts[0][name]) arrays[sent] = arrayOf(parts[0][name], [at.length / 2, 2]);
    return arrays;
  }

  async later() {
    return {};
  }
}
