// Ways in: a Streamlit component calls the default export, a page of its own calls mount.

import { firstContact } from "./callouts.js";
import { skipTo } from "./skip.js";
import { unpack } from "./unpack.js";
import { Viewer } from "./viewer.js";

// Puts a viewer into `root`. Without `send` nothing is asked of a server, and what would need one is disabled.
export function mount(root, bytes, { send = null, sendUi = null, storageKey = "toy-viewer", welcome = false } = {}) {
  let header = {};
  try {
    header = unpack(bytes).header;
  } catch {
    // update() says it where it can be read.
  }
  const viewer = new Viewer(root, header, { send, sendUi, storageKey, welcome });
  root.viewer = viewer;
  viewer.update(bytes);
  return viewer;
}

const mounted = new WeakMap();

export default function ({ data, parentElement, key, setStateValue }) {
  const root = parentElement.querySelector("[data-toy-viewer]");
  let entry = mounted.get(parentElement);
  if (entry && entry.root !== root) {
    entry.clean();
    entry = null;
  }
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data ?? []);
  if (!entry) {
    entry = { root, setStateValue, data };
    mounted.set(parentElement, entry);
    entry.viewer = mount(root, bytes, {
      send: (request) => entry.setStateValue("request", request),
      sendUi: (ui) => entry.setStateValue("ui", ui),
      storageKey: `toy-viewer:${key ?? ""}`,
      welcome: firstContact(location.search === ""),
    });
    const unskip = skipTo("Skip to Play", entry.viewer.transport.play);
    entry.clean = () => {
      unskip();
      entry.viewer.destroy();
      if (mounted.get(parentElement) === entry) mounted.delete(parentElement);
    };
  } else {
    entry.setStateValue = setStateValue;
    // The theme may have changed alone.
    if (entry.data === data) entry.viewer.readTheme();
    else entry.viewer.update(bytes);
    entry.data = data;
  }
  return entry.clean;
}
