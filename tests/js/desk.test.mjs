// Between the site's view and its settings: what was chosen beside the view counts, whatever the view still says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk } from "../../toy/site/web/desk.js";

const SLOTS = ["left", "right"];

function deskOf() {
  const scene = (w) => ({ schedule: "constant", knobs: new Map([["w", w]]) });
  const start = { left: scene(4), right: scene(3), ui: new Map(), hide: [], story: "" };
  const knobs = new Map([["w", { lo: 0, hi: 8 }]]);
  const states = {
    start,
    slots: SLOTS,
    scenes: { knobsOf: () => knobs },
    parse: () => ({ state: start, notes: [] }),
    link: () => "",
    change: (state, slot, values) => ({ ...state, [slot]: scene(values.get("w")) }),
  };
  const headers = {
    of: (state, uiFrom) => ({
      header: { id: SLOTS.map((slot) => state[slot].knobs.get("w")).join(), ui_from: uiFrom, panels: SLOTS.map((slot) => ({ slot })) },
      shown: { left: state.left, right: state.right },
      words: "",
    }),
    engine: (each) => each,
  };
  const shown = [];
  const source = { stop() {}, answer: async ({ header }) => ({ header: { ...header, quality: "full" }, arrays: {} }) };
  const address = { query: "", listen() {}, write() {} };
  const desk = new Desk({ states, headers, source, address, said: assert.fail });
  return { desk, shown, scene, view: { update: (pack) => shown.push(pack.header) } };
}

test("a choice beside the view is counted, what the view itself says is not", async () => {
  const { desk, shown, scene, view } = deskOf();
  await desk.open(view);
  assert.equal(shown.at(-1).beside, 0);
  desk.send({ phase: "release", knobs: { left: { w: 5 } }, seq: 1 });
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual([shown.at(-1).id, shown.at(-1).beside], ["5,3", 0]);
  desk.put({ ...desk.state, left: scene(2) });
  assert.deepEqual([shown.at(-1).id, shown.at(-1).beside], ["5,3", 1], "the picture before, under what was chosen");
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual([shown.at(-1).id, shown.at(-1).beside], ["2,3", 1]);
});
