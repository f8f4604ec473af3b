// Ways into Explore's view: a Streamlit component calls the default export, a page of its own calls mount.

import { firstContact } from "./callouts.js";
import { component } from "./component.js";
import { drawHere } from "./drawhere.js";
import { engineHere } from "./here.js";
import { locally } from "./locally.js";
import { skipTo } from "./skip.js";
import { Viewer } from "./viewer.js";

// Puts a viewer into `root`. Without `send` nothing is asked of a server, and what would need one is disabled.
export function mount(root, bytes, options = {}) {
  const viewer = (root.viewer = new Viewer(root, options));
  viewer.update(bytes);
  return viewer;
}

// Puts a viewer into a page without a server: it plays `bytes`, and where the browser has an engine and `living` says what that
// needs, it computes too.
export function mountAlone(root, bytes, living) {
  const engine = living.length ? engineHere() : null;
  const viewer = mount(root, bytes, engine ? { locally, send() {}, pencil: false, alone: true } : {});
  if (engine) viewer.update(living);
  return viewer;
}

export default component("[data-toy-viewer]", (root, tell, key) => {
  const viewer = new Viewer(root, { ...tell, locally: (view) => locally(view, drawHere), storageKey: `toy-viewer:${key ?? ""}`, welcome: firstContact(location.search === "") });
  viewer.abort.signal.addEventListener("abort", skipTo("toPlay", viewer.transport.play));
  return viewer;
});
