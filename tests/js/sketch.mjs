// What a drawing becomes in the app before its server has heard of it, for a test in Python: [{ base, strokes }] in, one answer each out.

import { readFileSync } from "node:fs";

import { sketchOf } from "../../toy/viewer/web/sketch.js";

// Asked with "-", it reads what it is given; run among tests it has nothing to say.
if (process.argv[2] !== "-") process.exit(0);

const given = JSON.parse(readFileSync(0, "utf-8"));
const out = given.map(({ base, strokes }) => {
  const { base: made, densities } = sketchOf(base, strokes);
  return { ...made, densities: densities.map(([id, { level }]) => [id, level]) };
});
process.stdout.write(JSON.stringify(out));
