// The page Explore: the view, the settings beside it, and what can be done with what they show.

import { firstContact } from "../../viewer/web/callouts.js";
import { h } from "../../viewer/web/dom.js";
import { skipTo } from "../../viewer/web/skip.js";
import { Viewer } from "../../viewer/web/viewer.js";
import { Meanings } from "../../viewer/web/words.js";
import { Address } from "./address.js";
import { Catalogue } from "./catalogue.js";
import { Controls } from "./controls.js";
import { Desk } from "./desk.js";
import { Headers } from "./header.js";
import { States } from "./link.js";
import { Presenter } from "./present.js";
import { Share } from "./share.js";
import { Shell, action, fullScreen } from "./shell.js";
import { Source } from "./source.js";

const WIDE = 1180; // pixels, from which on the settings stand beside the view unasked

// Where the settings are: beside the view, or over it where there is no room.
function drawer(side, button) {
  const show = (on) => {
    side.hidden = !on;
    button.setAttribute("aria-expanded", String(on));
  };
  button.addEventListener("click", () => {
    show(side.hidden);
    if (!side.hidden) side.focus();
  });
  side.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || innerWidth >= WIDE) return;
    show(false);
    button.focus();
  });
  show(innerWidth >= WIDE);
  return show;
}

export async function explore(files) {
  const address = new Address();
  const all = new Catalogue(await files.json("catalogue.json"));
  const states = new States(all);
  const settings = action("settings", "Settings", () => {});
  const side = h("aside", { class: "ts-side toy-page", id: "settings", tabindex: "-1", "aria-label": "Settings" });
  settings.setAttribute("aria-controls", "settings");
  const root = h("div", { class: "toy-viewer", "data-toy-viewer": true, testid: "viewer" });
  const share = new Share(() => address.full(states.link(desk.state)));
  const actions = [settings, share.button, action("full", "Full screen", () => fullScreen((words) => shell.notes.say(words)))];
  const shell = new Shell({ actions, seen: () => viewer.header && viewer.readTheme() });
  const desk = new Desk({ states, headers: new Headers(states), source: new Source(files, (kind, name) => all[kind].get(name).title), address, said: (words) => shell.notes.say(words) });
  const tell = { send: (request) => desk.send(request), sendUi: (ui) => desk.sendUi(ui) };
  const viewer = (root.viewer = new Viewer(root, { ...tell, storageKey: "toy-site", welcome: firstContact(address.query === ""), page: desk.page }));
  const presenter = new Presenter(desk, viewer, () => viewer.redraw("size", "back", "dots", "above"));
  settings.after(presenter.button);
  const controls = new Controls(desk, { reset: () => desk.put({ ...states.start, hide: desk.state.hide }), undo: () => history.back() });
  side.append(controls.element, h("button", { type: "button", class: "ts-button ts-close", testid: "close-settings", text: "Close", onclick: () => show(false) }));
  new Meanings(controls.element, viewer.abort.signal);
  document.querySelector("main").replaceChildren(side, h("div", { class: "ts-view" }, root));
  const show = drawer(side, settings);
  if (address.embedded) shell.embed();
  desk.changed(({ hide }) => {
    const alone = hide.includes("settings") || address.embedded;
    settings.hidden = alone;
    if (alone) show(false);
  });
  skipTo("Skip to Play", viewer.transport.play);
  await desk.open(viewer);
  return { desk, shell, viewer };
}
