// A view as a component of Streamlit: what its default export is called with, again and again, for one element.

// `open(root, tell, key)` makes the view at `root`; `tell` are its ways to the server.
export function component(selector, open) {
  const mounted = new WeakMap();
  return ({ data, parentElement, key, setStateValue }) => {
    const root = parentElement.querySelector(selector);
    let entry = mounted.get(parentElement);
    if (entry && entry.root !== root) {
      entry.clean();
      entry = null;
    }
    if (!entry) {
      entry = { root, setStateValue };
      mounted.set(parentElement, entry);
      const tell = { send: (request) => entry.setStateValue("request", request), sendUi: (ui) => entry.setStateValue("ui", ui) };
      entry.view = root.viewer = open(root, tell, key);
      entry.clean = () => {
        entry.view.destroy();
        if (mounted.get(parentElement) === entry) mounted.delete(parentElement);
      };
    }
    entry.setStateValue = setStateValue;
    // The theme may have changed alone.
    if ("data" in entry && entry.data === data) entry.view.readTheme();
    else entry.view.update(data instanceof Uint8Array ? data : new Uint8Array(data ?? []));
    entry.data = data;
    return entry.clean;
  };
}
