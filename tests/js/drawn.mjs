// What the site's JavaScript makes of drawings, for a test in Python: {catalogue, drawings, n, targets, looked} in, one answer a drawing
// out. `targets` [[index, classes], ...] are worked out by the engine as well; of `looked` alone all that is known.

import { readFileSync } from "node:fs";

import { Computer } from "../../toy/browser/web/compute.js";
import { Densities } from "../../toy/browser/web/densities.js";
import { moduleOf } from "../../toy/browser/web/module.js";
import { drawnTarget } from "../../toy/viewer/web/regions.js";
import { Catalogue } from "../../toy/site/web/catalogue.js";
import { Drawings } from "../../toy/site/web/drawings.js";

// Asked with "-", it reads what it is given; run among tests it has nothing to say.
if (process.argv[2] !== "-") process.exit(0);

const { catalogue, drawings, n = 256, targets = [] } = JSON.parse(readFileSync(0, "utf-8"));
const kernel = moduleOf({ plain: readFileSync(new URL("../../toy/browser/web/kernel.wasm", import.meta.url)) });
const all = new Catalogue(catalogue, new Drawings(() => null));
const numbers = new Map(drawings.map((strokes) => [strokes, given(strokes)]));

function given(strokes) {
  return strokes.map(({ at, label, width }) => ({ label, width: Number(width), at: at.map(Number) }));
}

const plain = (value) => (ArrayBuffer.isView(value) ? [...value] : value);
const plainly = (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, plain(value)]));

function made(strokes) {
  let on;
  try {
    on = all.drawings.take(numbers.get(strokes));
  } catch (error) {
    return { refused: error.message };
  }
  const { drawn, known } = all.drawings.of(on);
  const { targets: offered } = all.family(on);
  const every = [...all.targets.keys()].filter((name) => name.startsWith(`${on}/`));
  const of = (name) => {
    const { density, mass, mode } = known(all.targets.get(name).shown.classes);
    const densities = new Densities(kernel);
    densities.add("d", density);
    return { told: all.targets.get(name), mass, mode, density: plainly(density), sample: [...densities.sample("d", Uint32Array.of(0, 3), n)] };
  };
  return { on, offered, densities: all.densities[on], carried: all.drawings.carried(on), origin: drawn.origin, unit: drawn.unit, targets: Object.fromEntries(every.map((name) => [name, of(name)])) };
}

async function workedOut([index, classes]) {
  const computer = new Computer(kernel);
  const engine = {
    ask: async (_, op, asked) => computer[op](asked),
    learn: async (lists) => computer.learn(lists),
    shared: (parts, ask) => Promise.all(parts.map((part) => ask(0, part))),
  };
  const on = all.drawings.take(numbers.get(drawings[index]));
  const { scenery, truth } = await drawnTarget(engine, { ...all.drawings.of(on), named: (each) => `exact:${on}/${each}`, said: all.drawing }, classes);
  return { truth, scenery: Object.fromEntries(Object.entries(scenery).map(([name, { data, shape }]) => [name, { data: [...data], shape }])) };
}

const out = { drawings: drawings.map(made), targets: [] };
for (const target of targets) out.targets.push(await workedOut(target));
process.stdout.write(JSON.stringify(out));
