// Strokes answered by the browser's own engine: what was drawn is shown, soon and then as surely as it can be, and the server is told.

import { GIVEN_UP } from "../../browser/web/engine.js";
import { wrongWith } from "../../browser/web/naming.js";
import { setText } from "./dom.js";
import { LOST_MS, SCENERIES } from "./local.js";
import { sketchOf } from "./sketch.js";

// `local` is who answers the view, see local.js.
export function drawHere(local, request) {
  const { strokes } = request;
  const why = wrongWith(strokes);
  if (why) {
    local.view.queue.lost(request.seq);
    setText(local.view.status, why);
    return;
  }
  local.engine.stop(local.turn);
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
    const { truth, scenery } = await made.known(engine, { by: turn, ...how });
    await engine.learn({ densities: made.densities, truths: [[target, truth]] });
    if (turn.over || served !== local.served) throw new Error(GIVEN_UP);
    SCENERIES.get(engine).set(target, scenery);
    Object.assign(local, { base: { ...made.base }, target, scenery, whole: false });
  };
  try {
    await know({ quick: true });
    if (local.running === request) await local.answer(request);
    await know({});
    local.refresh();
  } catch (error) {
    if (error.message !== GIVEN_UP) local.giveUp(error, base.header);
  }
}
