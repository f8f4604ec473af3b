// Particles and numbers of both sides, until the whole of it is here.

export class Answers {
  constructor(engine) {
    this.engine = engine;
  }

  async answer({ engine: scenes, header }, request) {
    const drag = request.phase === "drag";
    const arrays = {};
    const panels = [];
    for (const panel of header.panels) {
      const scene = { ...scenes[panel.slot], n: drag ? 512 : scenes[panel.slot].n };
      const side = await this.engine.side(scene);
      arrays[`${panel.slot}.positions`] = { data: side.path, shape: [scene.sigmas.length, scene.n, 2] };
      arrays[`${panel.slot}.outside`] = { data: await this.engine.outside(scene, side.path), shape: [scene.sigmas.length, scene.n] };
      arrays["truth.positions"] = { data: side.data, shape: [scene.n, 2] };
      const truth = this.engine.known.truths.get(scene.target);
      const gain = Float32Array.from(truth.mass, (mass, i) => Math.min(3, Math.max(-3, Math.log2(Math.max(side.occupancy[i], 1e-9) / mass))));
      arrays[`${panel.slot}.branch_gain`] = { data: gain, shape: [gain.length] };
      panels.push({ ...panel, n: scene.n, measured: { values: side.values, errors: side.errors, floor: truth.floors[scene.n], called: "A" } });
    }
    return { header: { ...header, id: header.id + (drag ? "d" : ""), quality: drag ? "preview" : "full", panels }, arrays };
  }
}
