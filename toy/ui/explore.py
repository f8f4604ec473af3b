"""The Explore page: two linked panels, and everything that one may want to do with what they show."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from toy.scene import Scene
from toy.state import COUNTS, SHARED, SLOTS, State, from_viewer
from toy.ui import casting, computing, controls, cost, live, packs, presets, share
from toy.ui.engine import FULL, PREVIEW, Engine, Work, engine
from toy.ui.requests import Request
from toy.ui.shell import actions, embedded, load_state, save_state, show_notes
from toy.ui.trainer import trainer


def page() -> None:
    """Draw the page; the engine is ready."""
    state = _with_its_story(load_state())
    alone = "settings" in state.hide or embedded()
    if not alone:
        controls.sidebar(state)
    show_notes()
    _viewer()
    if not alone:
        with actions():
            share.bar()


def _with_its_story(state: State) -> State:
    """The state, without the story that a link names beside other scenes than its own."""
    if not state.story or presets.told(state):
        return state
    have = ", ".join(presets.PRESETS)
    why = "the settings beside it are not its own" if state.story in presets.PRESETS else f"unknown; have: {have}"
    st.session_state.notes = [*st.session_state.get("notes", []), f"story = {state.story}: {why}"]
    save_state(replace(state, story=""))
    return st.session_state.state


@st.fragment
def _viewer() -> None:
    live.serve(live.EXPLORE, _settings, _answer)


def _settings(ui: Any) -> None:
    save_state(from_viewer(st.session_state.state, ui), by_viewer=True)


def _answer(given: Any, fresh: bool) -> bytes:
    """The pack for what the view asked last; its knobs are taken into the state once."""
    state: State = st.session_state.state
    request, note = Request.of(given, state), ""
    if fresh and request.phase in ("drag", "release"):
        try:
            state = request.apply(state)
        except ValueError as error:
            fresh, note = False, str(error)
        if request.phase == "release":
            save_state(state)
    if not fresh:
        request = replace(request, seq=0, phase="release")
    return answer(engine(), state, request, st.session_state, note, pause=lambda: "state" in st.session_state)


def answer(
    found: Engine,
    state: State,
    request: Request,
    memory: Any,
    note: str = "",
    pause: Callable[[], object] = lambda: None,
) -> bytes:
    """The pack for a request: a preview while dragging, the whole scene on release, what there is when that is late.

    What is late stands beside the words for what it waits for, under the title of what was asked; the picture is then
    the one before. ``pause`` is called again and again while this waits.
    """
    drag = request.phase == "drag"
    affordable, fewer = cost.affordable(state)
    asked = {slot: _asked(affordable.scene(slot), drag) for slot in SLOTS}
    collect = live.asking(found, memory, "asked", asked, live=bool(request.seq), pause=pause)
    untrained = {slot: casting.waiting(trainer(found), scene.cast) for slot, scene in asked.items()}
    works = {slot: work_of(scene) for slot, scene in asked.items() if not untrained[slot]}
    sides, pending = collect(works, PREVIEW if drag else FULL)
    late = dict(pending)
    for slot, words in untrained.items():
        if words:
            sides[slot] = words.words  # for minutes, or for good: no picture of something else
            pending |= {slot: words.words} if words.retry else {}
    # Words stand in the place of particles.
    sides = {
        slot: computing.stand_in(asked[slot], side) if isinstance(side, str) else side
        for slot, side in (sides | late).items()
    }
    before = memory.get("shown", {})
    shown = _together(found, sides, before, late)
    for slot in SLOTS:
        if shown[slot] is not sides[slot]:
            pending.setdefault(slot, "waiting for the other panel")
    memory["shown"] = {
        slot: asked[slot] if shown[slot] is sides[slot] else before[slot] for slot in SLOTS if not shown[slot].waiting
    }
    extra: dict[str, Any] = {}
    late = {}
    if not drag and not pending and not any(side.waiting for side in shown.values()):
        extra, late = _extras(collect, affordable, request)
    elif request.curve:  # while the weight moves, what is there of it stays
        extra["curves"] = {slot: found.peek(curve_of(affordable.scene(slot)).key) for slot in SLOTS}
    refused = [extra.pop(name) for name in list(extra) if isinstance(extra[name], str)]
    note = " ".join(filter(None, (note, fewer, *refused, *(f"{name}: {words}" for name, words in late.items()))))
    preview = shown["left"].scene.n != affordable.left.n
    return packs.assemble(
        state,
        shown,
        request,
        pending=pending,
        preview=preview,
        busy=bool(pending or late),
        note=note,
        ui_from=memory.get("ui_from", 0),
        **extra,
    )


def _asked(scene: Scene, drag: bool) -> Scene:
    return replace(scene, n=min(scene.n, computing.PREVIEW)) if drag else scene


def _together(
    found: Engine, sides: Mapping[str, computing.Side], before: Mapping[str, Scene], late: Collection[str]
) -> dict[str, computing.Side]:
    """What is shown: the picture before in place of what is late, and sides only beside such of the same noise."""
    old = {slot: side for slot, scene in before.items() if (side := found.peek(side_key(scene)))}
    shown = {slot: old.get(slot, sides[slot]) if slot in late else sides[slot] for slot in SLOTS}
    if _alike(shown):
        return shown
    if late and len(old) == len(SLOTS) and _alike(old):
        return old
    return dict(sides)


def _alike(shown: Mapping[str, computing.Side]) -> bool:
    """Whether sides have the same noise, noise levels and number of particles, as far as they have particles."""
    scenes = [side.scene for side in shown.values() if not side.waiting]
    return len({tuple(getattr(scene, name) for name in SHARED) for scene in scenes}) <= 1


def side_key(scene: Scene) -> tuple:
    """What the engine keeps a computed side under."""
    return ("side", scene)


def work_of(scene: Scene) -> Work:
    """One side, for the engine."""
    work, heavy = partial(computing.side, scene), cost.seconds(scene) > cost.LONG
    return Work(side_key(scene), work, computing.program(scene, "side"), scene.entry.title, heavy)


def curve_of(scene: Scene) -> Work:
    """The curve over a scene's weight, for the engine."""
    whole = computing.without_weight(scene)
    return Work(("curve", whole), partial(computing.curve, whole), heavy=True)


def _extras(
    collect: Callable[..., tuple[dict[str, Any], dict[str, str]]], state: State, request: Request
) -> tuple[dict[str, Any], dict[str, str]]:
    """Layers, probe and curves of both sides, if they were asked for, and words for what is late."""
    scenes = {slot: state.scene(slot) for slot in SLOTS}
    sigma, box, at = request.sigma, request.box, request.probe
    works: dict[str, Work] = {}
    if request.layers and box:
        # Neither the noise nor the number of particles matters to a field.
        plain = [replace(scene, n=COUNTS[0], seed=0) for scene in scenes.values()]
        do: Callable[[], Any] = partial(_both, computing.field, scenes, sigma, box)
        works["fields"] = _quick(("field", *plain, sigma, box), do, scenes)
    if at:
        do = partial(_probes, scenes, at, sigma)
        works["probes"] = _quick(("probe", state.left, state.right, at, sigma), do, scenes)
    results, late = collect(works, PREVIEW, "extras")
    if request.curve:
        curves = {slot: curve_of(scene) for slot, scene in scenes.items()}
        results["curves"], waiting = collect(curves, FULL, "curves")
        late |= {f"curve of the {slot} side": words for slot, words in waiting.items()}
    if box and isinstance(results.get("fields"), dict) and "drawn" in request.layers:
        drawn = {
            slot: Work(("drawn", scene, sigma, box), partial(computing.drawn, scene, sigma, box), heavy=True)
            for slot, scene in scenes.items()
        }
        results["densities"], waiting = collect(drawn, FULL, "drawn")
        late |= {f"density on the {slot}": words for slot, words in waiting.items()}
    return results, late


def _quick(key: tuple, do: Callable[[], Any], scenes: Mapping[str, Scene]) -> Work:
    """What is fast once it is compiled, for both sides at once."""
    programs = tuple(computing.program(scene, key[0]) for scene in scenes.values())
    return Work(key, do, programs, "the layers" if key[0] == "field" else "the probe")


def _both(make: Callable, scenes: Mapping[str, Scene], *arguments: Any) -> dict[str, Any]:
    return {slot: make(scene, *arguments) for slot, scene in scenes.items()}


def _probes(scenes: Mapping[str, Scene], at: tuple[float, float], sigma: float) -> list[dict[str, Any]]:
    return [computing.probe(scene, at, sigma) for scene in scenes.values()]
