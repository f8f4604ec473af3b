// The parts of Explore's view `v` and how they stand: the row of chips, two panels, the transport, the legend.

import { Callouts } from "./callouts.js";
import { Divider } from "./divider.js";
import { brushOf, draw } from "./drawing.js";
import { Challenge } from "./challenge.js";
import { h } from "./dom.js";
import { Fit } from "./fit.js";
import { languageMenu } from "./languagemenu.js";
import { Lead } from "./lead.js";
import { Lecture } from "./lecture.js";
import { Legend } from "./legend.js";
import { Panel } from "./panel.js";
import { ProbeCard } from "./probe.js";
import { savePng } from "./saved.js";
import { SLOTS } from "./slots.js";
import { Toolbar } from "./toolbar.js";
import { Transport } from "./transport.js";
import { withLayer } from "./ui.js";


function toolbarOf(v) {
  return new Toolbar({
    layer: (name, on) => v.setUi({ layers: withLayer(v.ui.layers, name, on) }),
    more: (open) => v.openDrawer(open),
    draw: (on) => draw(v, on),
    show: (name, on) => v.setUi({ [name]: on, ...((name === "quality" || name === "variation") && on ? { paper_look: false } : {}) }),
    plain: (on) => v.setUi({ paper_look: on, ...(on ? {} : { quality: true, variation: true }) }),
    layout: (layout) => {
      v.chosenLayout = true;
      v.setUi({ layout });
    },
    save: () => savePng(v),
    full: () => v.fullscreen(),
    home: () => v.setView(null),
  });
}

function transportOf(v) {
  return new Transport({
    play: () => v.time.setPlaying(!v.time.playing),
    step: (d) => v.time.step(d),
    jump: (t) => v.time.seek(t),
    speed: (speed) => v.setUi({ speed }),
    loop: (loop) => v.setUi({ loop }),
    forward: (on) => v.onForward(on),
    scrub: (u) => v.onScrub(u),
    interval: (slot, interval, phase) => v.onInterval(slot, interval, phase),
  });
}

export function build(v) {
  v.languages = languageMenu((language) => v.setUi({ language }));
  v.lead = new Lead();
  v.challenge = new Challenge(() => location.href);
  v.toolbar = toolbarOf(v);
  v.brush = brushOf(v);
  v.panels = {};
  v.cards = {};
  const pointers = new Map();
  for (const slot of SLOTS) {
    v.panels[slot] = new Panel(slot, { knob: (...args) => v.onKnob(...args) });
    v.cards[slot] = new ProbeCard(slot, () => v.unpin());
    v.panels[slot].plot.append(v.cards[slot].element);
    v.point(v.panels[slot], pointers);
  }
  v.transport = transportOf(v);
  v.legend = new Legend();
  v.items = [];
  const { left, right } = v.panels;
  v.sheet = h("div", { class: "tv-sheet", testid: "sheet" }); // below the pictures, for what would cover a small one
  v.lecture = new Lecture(v);
  v.divider = new Divider(left.plot, () => arrange(v));
  v.grid = h(
    "div",
    { class: "tv-grid" },
    // In the order of use, which is that of the keyboard; the stylesheet says where each one stands.
    v.transport.element,
    left.head,
    right.head,
    v.toolbar.element,
    ...left.elements.filter((element) => element !== left.head),
    ...right.elements.filter((element) => element !== right.head),
    v.divider.element,
    v.legend.element,
    v.sheet,
  );
  v.root.replaceChildren(v.lecture.element, v.languages, v.lead.element, v.challenge.element, v.brush.element, v.grid, v.status);
  const rows = [...v.root.children, ...v.grid.children].filter((row) => ![v.grid, v.status, left.plot, right.plot].includes(row));
  v.fit = new Fit(v.root, () => v.panels[v.shownSlots()[0]].plot, v.status, rows);
  v.callouts = new Callouts(v.root, [[left.plot, v.root], [v.legend.element, v.root], [v.transport.play, v.transport.element]], () => v.greet(false));
}

export function arrange(v) {
  const shown = v.shownSlots();
  for (const slot of SLOTS) v.panels[slot].show(shown.includes(slot));
  v.grid.className = `tv-grid ${v.swiping ? "tv-swipe" : shown.length === 2 ? "tv-two" : `tv-one tv-one-${shown[0]}`}`;
  v.divider.update(v.panels.right.plot, v.swiping);
  for (const slot of SLOTS) (v.narrow ? v.sheet : v.panels[slot].plot).append(v.cards[slot].element);
}
