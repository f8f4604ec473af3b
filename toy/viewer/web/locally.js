// Who answers a view in the visitor's browser, null where that has no engine; `draw` answers strokes, see drawhere.js.

import { Answers } from "./answers.js";
import { engineHere } from "./here.js";
import { Local } from "./local.js";

export function locally(view, draw = null) {
  const engine = engineHere();
  return engine && new Local(view, new Answers(engine), draw);
}
