"""The Explore page: two linked panels, and everything that one may want to do with what they show."""

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from toy.state import SLOTS, State, from_viewer
from toy.ui import casting, controls, explorer, share
from toy.ui.engine import FULL, PREVIEW, Busy, Engine, engine
from toy.ui.shell import VIEWER, load_state, save_state, show_notes, viewer
from toy.ui.trainer import trainer

FIRST = 1.5  # seconds that the first picture may take before the page says that it is being computed
COMPILING = "compiling and computing …"
BUSY = "busy: many visitors are computing, still working on yours"


def page() -> None:
    """Draw the page; the engine is ready."""
    state = load_state()
    if "settings" not in state.hide:
        controls.sidebar(state)
    show_notes()
    _viewer()
    if "settings" not in state.hide:
        share.bar()


@st.fragment
def _viewer() -> None:
    state: State = st.session_state.state
    given = st.session_state.get(VIEWER) or {}
    ui = given.get("ui")
    if ui and ui != st.session_state.get("ui_seen"):
        st.session_state.ui_seen = ui
        state = from_viewer(state, ui)
        save_state(state, by_viewer=True)
    raw = given.get("request")
    fresh = raw is not None and raw != st.session_state.get("request_seen")
    request = explorer.Request.of(raw, state)
    note = ""
    if fresh and request.phase in ("drag", "release"):
        try:
            state = request.apply(state)
        except ValueError as error:
            fresh, note = False, str(error)
        if request.phase == "release":
            save_state(state)
    if not fresh:
        request = replace(request, seq=0, phase="release")
    data = answer(engine(), state, request, st.session_state, note)
    viewer(data, VIEWER)
    st.session_state.request_seen = raw  # not before: a run that is cut short leaves it to the next


def answer(found: Engine, state: State, request: explorer.Request, memory: Any, note: str = "") -> bytes:
    """The pack for a request: a preview while dragging, the whole scene on release, what there is when busy.

    A side that is not there yet stands under its own title, with what it waits for.
    """
    drag = request.phase == "drag"
    untrained = {slot: casting.waiting(trainer(found), state.scene(slot).cast) for slot in SLOTS}
    first = not memory.get("answered")  # the page is blank: rather words soon than a picture late
    memory["answered"] = True
    counts = (explorer.PREVIEW,) if drag else (state.left.n,) if first else (state.left.n, explorer.PREVIEW)
    busy = False
    for n in counts:
        sides: dict[str, explorer.Side] = {}
        late: list[str] = []
        for slot in SLOTS:
            scene = replace(state.scene(slot), n=min(n, state.left.n))
            try:
                sides[slot] = _side(
                    found, scene, drag or busy, untrained[slot], wait=0.2 if late else FIRST if first else None
                )
            except Busy:
                sides[slot] = explorer.stand_in(scene, COMPILING)
                late.append(slot)
        busy |= bool(late)
        if not late:
            memory["sides"] = sides
            break
    else:  # what was there before, where only knobs differ from it
        before = memory.get("sides") or {}
        if all(slot in before and _alike(before[slot], sides[slot]) for slot in SLOTS):
            sides = before
    extra: dict[str, Any] = {}
    if not busy and not drag and not any(side.waiting for side in sides.values()):
        try:
            extra = _extras(found, state, request)
        except Busy:
            busy = True
    if busy and not any(side.waiting for side in sides.values()):
        note = BUSY
    busy |= any(words and words.retry for words in untrained.values())
    preview = sides["left"].scene.n != state.left.n
    ui_from = memory.get("ui_from", 0)
    return explorer.assemble(state, sides, request, preview=preview, busy=busy, note=note, ui_from=ui_from, **extra)


def _alike(before: explorer.Side, now: explorer.Side) -> bool:
    """Whether nothing but knobs, noise and the number of particles differ."""
    one, other = before.scene, now.scene
    return not before.waiting and replace(one, n=1, seed=0, knobs=()) == replace(other, n=1, seed=0, knobs=())


def _side(
    found: Engine, scene: Any, urgent: bool, untrained: casting.Waiting | None, wait: float | None
) -> explorer.Side:
    if untrained:
        return explorer.stand_in(scene, untrained.words)
    priority, usual = (PREVIEW, 2.0) if urgent else (FULL, 4.0)
    try:
        return found.get(side_key(scene), lambda: explorer.side(scene), priority=priority, wait=wait or usual)
    except ValueError as error:  # of a density that is found out only when it is made
        return explorer.stand_in(scene, str(error))


def _drawn(found: Engine, scene: Any, sigma: float, box: Any) -> Any:
    """The sampler's own density, or the sentence that says why there is none."""
    work = partial(explorer.drawn, scene, sigma, box)
    try:
        return found.get(("drawn", scene, sigma, box), work, priority=FULL, wait=3.0)
    except ValueError as error:
        return str(error)


def side_key(scene: Any) -> tuple:
    """What the engine keeps a computed side under."""
    return ("side", scene)


def _extras(found: Engine, state: State, request: explorer.Request) -> dict[str, Any]:
    """Layers and probe of both sides, if they were asked for."""
    out: dict[str, Any] = {}
    if request.layers and request.box:
        sigma, box = request.sigma, request.box

        def fields() -> dict[str, Any]:
            return {slot: explorer.field(state.scene(slot), sigma, box) for slot in SLOTS}

        key = ("field", *(replace(state.scene(slot), n=1, seed=0) for slot in SLOTS), sigma, box)
        out["fields"] = found.get(key, fields, priority=PREVIEW, wait=3.0)
        if "drawn" in request.layers:
            out["densities"] = {slot: _drawn(found, state.scene(slot), sigma, box) for slot in SLOTS}
    if request.probe:
        at = request.probe

        def probes() -> list[dict[str, Any]]:
            return [explorer.probe(state.scene(slot), at, request.sigma) for slot in SLOTS]

        key = ("probe", state.left, state.right, at, request.sigma)
        out["probes"] = found.get(key, probes, priority=PREVIEW, wait=3.0)
    return out
