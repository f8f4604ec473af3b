// Strokes answered by the browser's own engine: what was drawn is shown, soon and then as surely as it can be, and the server is told.

import { GIVEN_UP } from "../../browser/web/engine.js";
import { wrongWith } from "../../browser/web/naming.js";
import { setText } from "./dom.js";
import { LOST_MS, SCENERIES } from "./local.js";
import { sketchOf } from "./sketch.js";

const QUICK = { own: 2 ** 13, drawn: 2 ** 12, fewer: 0, least: 80, most: 120 }; // for a first picture: see regions.js

// `local` is who answers the view, see local.js. It has `untold` strokes, as a request says them, until the server has answered to their
// number; a `turn` in which the last drawing is worked out; and `drawing`, until that is known.
export function drawHere(local, request) {
  const { strokes } = request;
  const why = wrongWith(strokes);
  if (why) {
    local.view.queue.lost(request.seq);
    setText(local.view.status, why);
    return;
  }
  if (local.turn) local.engine.stop(local.turn);
  local.turn = {};
  local.untold = { seq: request.seq, said: { strokes, made: true } };
  local.tell(request);
  local.askAgain(LOST_MS);
  local.drawing = shown(local, request, local.turn);
}

async function shown(local, request, turn) {
  const { base, engine, served } = local;
  const made = sketchOf(base, request.strokes);
  const target = made.base.header.target.name;
  local.stop(request);
  const know = async (how) => {
    const { truth, scenery } = await made.known(engine, turn, how);
    await engine.learn({ densities: made.densities, truths: [[target, truth]] });
    if (turn.over || served !== local.served) throw new Error(GIVEN_UP);
    SCENERIES.get(engine).set(target, scenery);
    Object.assign(local, { base: { ...made.base }, target, scenery, whole: false });
  };
  try {
    await know(QUICK);
    if (local.running === request) await local.answer(request);
    await know();
    local.refresh();
  } catch (error) {
    if (error.message !== GIVEN_UP) local.giveUp(error, base.header);
  }
}

// Whether a pack of the server's is from before it has heard of what was drawn.
drawHere.stale = (local, { seq }) => {
  if (local.untold && seq < local.untold.seq) {
    local.view.page.answered(false);
    return true;
  }
  local.untold = null;
  return false;
};

// The server trains what is asked for: how far is it? Not while something is held, and not before it has answered to what it was told
// last: a run of the page that is cut short by another one forgets what its settings were to be.
drawHere.follow = (local) => {
  const { adjusting, page, retry } = local.view;
  if (local.waited?.for !== local.toldAt) local.waited = { for: local.toldAt, since: Date.now() };
  const lost = Date.now() - local.waited.since > LOST_MS;
  if (adjusting || local.untold || page.working || (local.heard < local.toldAt && !lost)) retry.saw(true);
  else local.tell();
};
