// What the site's JavaScript makes of many links, for a test in Python: {catalogue, links} in, one answer a link out.

import { readFileSync } from "node:fs";

import { Catalogue } from "../../toy/site/web/catalogue.js";
import { Headers } from "../../toy/site/web/header.js";
import { States } from "../../toy/site/web/link.js";

// Asked with "-", it reads what it is given; run among tests it has nothing to say.
if (process.argv[2] !== "-") process.exit(0);

const { catalogue, changes = [], links, numbers = [] } = JSON.parse(readFileSync(0, "utf-8"));
const states = new States(new Catalogue(catalogue));
const headers = new Headers(states);
const flat = (scene) => Object.fromEntries(states.scenes.values(scene));

function said(link) {
  const { state, notes } = states.parse(link);
  const { header, shown } = headers.of(state);
  return { link: states.link(state), left: flat(state.left), right: flat(state.right), ui: Object.fromEntries(state.ui), hide: state.hide, story: state.story, notes, header, stands: Object.values(shown).map(Boolean) };
}

function changed([link, slot, values]) {
  const { state } = states.parse(link);
  try {
    return { link: states.link(states.change(state, slot, new Map(Object.entries(values)))) };
  } catch (error) {
    return { refused: error.message };
  }
}

const { general, readFloat, shortest } = await import("../../toy/browser/web/numbers.js");
const number = ([x, text]) => [shortest(x), general(x), String(readFloat(text))];
process.stdout.write(JSON.stringify({ links: links.map(said), changes: changes.map(changed), numbers: numbers.map(number) }));
