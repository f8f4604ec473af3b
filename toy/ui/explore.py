"""The Explore page: two linked panels, and everything that one may want to do with what they show."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import wait as wait_for
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from toy.scenes import Scene
from toy.state import SHARED, SLOTS, State, from_viewer
from toy.ui import casting, controls, explorer, share
from toy.ui.engine import FULL, PREVIEW, Busy, Engine, Work, engine
from toy.ui.shell import VIEWER, load_state, save_state, show_notes, viewer
from toy.ui.trainer import trainer

SOON = 0.1  # seconds that a run waits for what was not asked for before: the viewer asks again by itself
LIVE = 0.5  # the same where the viewer asked, which knows itself that it waits
PATIENT = 1.0  # seconds that a run waits for what was asked for before
SLICE = 0.05  # seconds between two looks at whether the visitor has chosen something else
LINE = 0.05  # seconds more for each computation that waits, so that many who wait do not ask all the time


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
    data = answer(engine(), state, request, st.session_state, note, pause=lambda: "state" in st.session_state)
    viewer(data, VIEWER)
    st.session_state.request_seen = raw  # not before: a run that is cut short leaves it to the next


def answer(
    found: Engine,
    state: State,
    request: explorer.Request,
    memory: Any,
    note: str = "",
    pause: Callable[[], object] = lambda: None,
) -> bytes:
    """The pack for a request: a preview while dragging, the whole scene on release, what there is when that is late.

    What is late stands beside the words for what it waits for, under the title of what was asked; the picture is then
    the one before. ``pause`` is called again and again while this waits.
    """
    drag = request.phase == "drag"
    asked = {slot: _asked(state.scene(slot), drag) for slot in SLOTS}
    again, memory["asked"] = memory.get("asked") == asked, asked
    wait = PATIENT + LINE * found.waiting if again else LIVE if request.seq else SOON
    untrained = {slot: casting.waiting(trainer(found), scene.cast) for slot, scene in asked.items()}
    able = {slot: scene for slot, scene in asked.items() if not untrained[slot]}
    visitor = memory.setdefault("visitor", object())
    sides, pending = _collect(found, visitor, able, PREVIEW if drag else FULL, wait, pause)
    for slot, words in untrained.items():
        if words and words.retry:
            pending[slot] = words.words
        elif words:
            sides[slot] = explorer.stand_in(asked[slot], words.words)
    sides |= {slot: explorer.stand_in(asked[slot], words) for slot, words in pending.items()}
    shown = _together(found, sides, memory.get("shown", {}), pending)
    for slot in SLOTS:
        if shown[slot].scene != asked[slot]:
            pending.setdefault(slot, "waiting for the other panel")
    memory["shown"] = {slot: side.scene for slot, side in shown.items() if not side.waiting}
    busy = bool(pending)
    extra: dict[str, Any] = {}
    if not drag and not any(side.waiting for side in shown.values()) and not busy:
        try:
            extra = _extras(found, state, request)
        except Busy:
            busy = True
    preview = shown["left"].scene.n != state.left.n
    ui_from = memory.get("ui_from", 0)
    return explorer.assemble(
        state, shown, request, pending=pending, preview=preview, busy=busy, note=note, ui_from=ui_from, **extra
    )


def _asked(scene: Scene, drag: bool) -> Scene:
    return replace(scene, n=min(scene.n, explorer.PREVIEW)) if drag else scene


def _collect(
    found: Engine, visitor: Any, scenes: Mapping[str, Scene], priority: int, wait: float, pause: Callable[[], object]
) -> tuple[dict[str, explorer.Side], dict[str, str]]:
    """What is computed within ``wait`` seconds, and words for the rest."""
    works = {slot: work_of(scene) for slot, scene in scenes.items()}
    try:
        futures = dict(zip(works, found.ask(visitor, list(works.values()), priority=priority), strict=True))
    except Busy as error:
        return {}, dict.fromkeys(works, str(error))
    end = time.monotonic() + wait
    while (left := end - time.monotonic()) > 0 and wait_for(futures.values(), min(left, SLICE)).not_done:
        pause()
    sides, pending = {}, {}
    for slot, future in futures.items():
        if not future.done() or future.cancelled():
            pending[slot] = found.words(works[slot], besides=works.values())
            continue
        try:
            sides[slot] = future.result()
        except ValueError as error:  # of a density that is found out only when it is made
            sides[slot] = explorer.stand_in(scenes[slot], str(error))
    return sides, pending


def _together(
    found: Engine, sides: Mapping[str, explorer.Side], before: Mapping[str, Scene], late: Collection[str]
) -> dict[str, explorer.Side]:
    """What is shown: the picture before in place of what is late, and sides only beside such of the same noise."""
    old = {slot: side for slot, scene in before.items() if (side := found.peek(side_key(scene)))}
    shown = {slot: old.get(slot, sides[slot]) if slot in late else sides[slot] for slot in SLOTS}
    if _alike(shown):
        return shown
    if late and len(old) == len(SLOTS) and _alike(old):
        return old
    return dict(sides)


def _alike(shown: Mapping[str, explorer.Side]) -> bool:
    """Whether sides have the same noise, noise levels and number of particles, as far as they have particles."""
    scenes = [side.scene for side in shown.values() if not side.waiting]
    return len({tuple(getattr(scene, name) for name in SHARED) for scene in scenes}) <= 1


def _drawn(found: Engine, scene: Any, sigma: float, box: Any) -> Any:
    """The sampler's own density, or the sentence that says why there is none."""
    work = partial(explorer.drawn, scene, sigma, box)
    try:
        return found.get(("drawn", scene, sigma, box), work, priority=FULL, wait=3.0)
    except ValueError as error:
        return str(error)


def side_key(scene: Scene) -> tuple:
    """What the engine keeps a computed side under."""
    return ("side", scene)


def work_of(scene: Scene) -> Work:
    """One side, for the engine."""
    return Work(side_key(scene), partial(explorer.side, scene), explorer.program(scene), scene.entry.title)


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
