// Way into the page of lessons: a Streamlit component calls the default export.

import { component } from "./component.js";
import { drawHere } from "./drawhere.js";
import { Lessons } from "./lessons.js";
import { locally } from "./locally.js";

export default component("[data-toy-learn]", (root, tell) => new Lessons(root, { ...tell, locally: (view) => locally(view, drawHere) }));
