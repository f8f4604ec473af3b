// The page Explore: the view, the settings beside it, and what can be done with what they show.

import { firstContact } from "../../viewer/web/callouts.js";
import { h } from "../../viewer/web/dom.js";
import { engineHere } from "../../viewer/web/here.js";
import { skipTo } from "../../viewer/web/skip.js";
import { Viewer } from "../../viewer/web/viewer.js";
import { Meanings } from "../../viewer/web/words.js";
import { begin } from "./begin.js";
import { Controls } from "./controls.js";
import { Desk } from "./desk.js";
import { drawer } from "./drawer.js";
import { Presenter } from "./present.js";
import { Share } from "./share.js";
import { Shell, action, fullScreen } from "./shell.js";
import { Source } from "./source.js";

export async function explore(files) {
  engineHere(); // its workers begin while what they compute with is loaded
  const { address, all, headers, states } = await begin(files);
  const settings = action("settings", "Settings", () => {});
  const side = h("aside", { class: "ts-side", id: "settings", tabindex: "-1", "aria-label": "Settings" });
  const root = h("div", { class: "toy-viewer", "data-toy-viewer": true, testid: "viewer" });
  const share = new Share(
    (frozen) => {
      const { drawing, words } = all.carried(desk.state.left.target);
      return { link: address.full(states.link(frozen ? states.frozen(desk.state) : desk.state), drawing), words };
    },
    { freezes: true },
  );
  const actions = [settings, share.button, action("full", "Full screen", () => fullScreen((words) => shell.notes.say(words)))];
  const shell = new Shell({ actions, seen: () => viewer.header && viewer.readTheme() });
  const desk = new Desk({ states, headers, source: new Source(files, all), address, said: (words) => shell.notes.say(words) });
  const tell = { send: (request) => desk.send(request), sendUi: (ui) => desk.sendUi(ui) };
  const viewer = (root.viewer = new Viewer(root, { ...tell, storageKey: "toy-site", welcome: firstContact(address.query === ""), page: desk.page }));
  const presenter = new Presenter(desk, viewer, () => viewer.redraw("size", "back", "dots", "above"));
  settings.after(presenter.button);
  const controls = new Controls(desk, { reset: () => desk.put(states.beside(states.start, desk.state)), undo: () => history.back() });
  new Meanings(controls.element, viewer.abort.signal);
  document.querySelector("main").replaceChildren(side, h("div", { class: "ts-view" }, root));
  const show = drawer(side, settings, controls.element);
  if (address.embedded) shell.embed();
  desk.changed(({ hide, ui }) => {
    const alone = hide.includes("settings") || address.embedded || Boolean(ui.get("freeze"));
    settings.hidden = alone;
    if (alone) show(false);
  });
  skipTo("toPlay", viewer.transport.play);
  all.drawings.takeFrom(address, desk.said);
  await desk.open(viewer);
  return { desk, shell, viewer };
}
