"""The Explore page: two linked panels, and everything that one may want to do with what they show."""

import math
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

import models
from toy import distributions
from toy.distributions import strokes
from toy.scene import Scene
from toy.state import COUNTS, SHARED, SLOTS, State, from_viewer
from toy.ui import casting, controls, links, live, share, sketch, telling
from toy.ui.engine import FULL, PREVIEW, Busy, Engine, Work, engine
from toy.ui.shell import actions, embedded, load_state, save_state, show_notes
from toy.ui.trainer import trainer
from toy.viewer import computing, cost, packs, presets
from toy.viewer.requests import Request, mapping

PAUSE = 1.5  # seconds after a stroke: nothing is trained for a drawing that goes on


def page() -> None:
    """Draw the page; the engine is ready."""
    state = _with_its_story(load_state())
    alone = "settings" in state.hide or embedded() or _led(state)
    if not alone:
        controls.sidebar(state)
    show_notes()
    st.session_state.settings_of = state.left.target
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


def _led(state: State) -> bool:
    """Whether somebody else decides what is shown: a lecturer, who is followed or has frozen it."""
    return bool(dict(state.ui).get("freeze")) or ("lecture" in st.query_params and not st.session_state.get("alone"))


@st.fragment
def _viewer() -> None:
    memory = st.session_state
    led = _led(memory.state)
    live.serve(live.EXPLORE, _settings, _answer)
    share.publish(memory.state)
    drawn = not memory.drawing and memory.settings_of != memory.state.left.target
    if (drawn and not led) or led != _led(memory.state):
        controls.renew()
        links.rerun()  # with the settings of what was drawn, or with those that nobody else decides any more


def _settings(ui: object) -> None:
    st.session_state.alone = mapping(ui).get("alone") is True
    save_state(from_viewer(st.session_state.state, ui), by_viewer=True)


def _answer(given: object, fresh: bool) -> bytes:
    memory = st.session_state

    def save(state: State, _: Request) -> None:
        save_state(state, asked=True)

    beside = {"lecture": st.query_params.get("lecture", "")[:40]}
    return heard(given, fresh, memory.state, memory, save, lambda: "state" in memory, beside)


def heard(
    given: object,
    fresh: bool,
    state: State,
    memory: live.Session,
    save: Callable[[State, Request], object],
    pause: Callable[[], object],
    beside: Mapping[str, object] | None = None,
) -> bytes:
    """The pack for what a view asked last; its knobs are taken into the state once, which ``save`` is then given.

    ``memory`` is a mapping of what this visitor was shown; ``pause`` and ``beside`` are those of ``answer``.
    """
    request, note = Request.of(given, state), ""
    if (changes := memory.get("beside", 0)) != request.beside:
        request = request.after(memory.get("state_before") if changes == request.beside + 1 else None, state)
    if fresh and request.phase in ("drag", "release", "draw", "tell"):
        try:
            state = request.apply(state)
        except ValueError as error:
            fresh, note = False, str(error)
        if request.phase != "drag":
            save(state, request)
    if fresh and request.strokes and memory.get("stroked") != state.left.target:
        memory["stroke"], memory["stroked"] = time.monotonic(), state.left.target
        casting.drawn_on(trainer(engine()))
    if fresh and request.drawing:
        _rehearse(state, pictures=not request.local)
    memory["drawing"] = request.drawing
    if not fresh:
        request = replace(request, seq=0, phase="release")
    left = memory.get("stroke", -PAUSE) + PAUSE - time.monotonic()
    if left > 0:  # the browser is told when to ask for what is trained then
        beside = {**(beside or {}), "again": math.ceil(1e3 * left)}
    return answer(engine(), state, request, memory, note, pause, train=left <= 0, beside=beside)


def _rehearse(state: State, *, pictures: bool) -> None:
    """Have compiled what a drawing of two classes needs, since all such drawings share their programs.

    That is what trains its networks, and ``pictures`` where the browser does not make them.
    """
    if strokes.is_drawing(distributions.of(state.left.target).on):
        return
    drawn = state.change("left", target=f"{strokes.store(strokes.EXAMPLE)}/A")
    scenes = [drawn.scene(slot) for slot in SLOTS]
    trainer(engine()).rehearse(name for scene in scenes for _, name in scene.cast)
    if pictures:
        stand_ins = [casting.so_far(scene) for scene in scenes]
        with suppress(Busy):
            engine().prepare([work_of(_asked(scene, drag)) for drag in (True, False) for scene in stand_ins])


def answer(
    found: Engine,
    state: State,
    request: Request,
    memory: live.Session,
    note: str = "",
    pause: Callable[[], object] = lambda: None,
    *,
    train: bool = True,
    beside: Mapping[str, object] | None = None,
) -> bytes:
    """The pack for a request: a preview while dragging, the whole scene on release, what there is when that is late.

    What is late stands beside the words for what it waits for, under the title of what was asked; the picture is then
    the one before. While networks are trained, what there is of them stands in; they are not begun unless ``train``.
    ``pause`` is called again and again while this waits; ``beside`` is what a page adds to the pack's header.
    """
    drag = request.phase in ("drag", "draw")
    affordable, fewer = cost.affordable(state)
    standing = {slot: casting.standing(trainer(found), affordable.scene(slot), train=train) for slot in SLOTS}
    left, right = (scene or affordable.scene(slot) for slot, (scene, _) in standing.items())
    affordable = replace(affordable, left=left, right=right)
    training = {slot: words for slot, (_, words) in standing.items() if words}
    said, beside = telling.Told(), {**(beside or {}), "beside": memory.get("beside", 0)}
    if request.local and all(scene for scene, _ in standing.values()):
        said = _told(found, affordable, request, memory)
        if said.engine:
            note = " ".join(filter(None, (note, fewer)))
            return _living(state, affordable, request, memory, said, training, note=note, beside=beside)
    asked = {slot: _asked(affordable.scene(slot), drag) for slot in SLOTS}
    wait = PAUSE if request.phase == "draw" else 0.0  # what is asked next is the whole picture
    collect = live.asking(found, memory, "asked", asked, live=bool(request.seq), pause=pause, least=wait)
    works = {slot: work_of(asked[slot]) for slot, (scene, _) in standing.items() if scene}
    sides, pending = collect(works, PREVIEW if drag else FULL)
    late = dict(pending)
    sides |= {slot: words.words for slot, words in training.items() if slot not in works}
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
    pending |= {slot: words.words for slot, words in training.items() if words.retry}
    refused = [extra.pop(name) for name in list(extra) if isinstance(extra[name], str)]
    here = f"Computed by the server: {said.why}." if said.why else ""
    note = " ".join(filter(None, (note, fewer, here, *refused, *(f"{name}: {words}" for name, words in late.items()))))
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
        beside={**beside, "later": said.later},
        **extra,
    )


def _told(found: Engine, scenes: State, request: Request, memory: live.Session) -> telling.Told:
    """What the browser is told so that it computes the scenes itself, or why it cannot."""
    if request.phase in ("drag", "draw"):
        return telling.Told()
    if "drawn" in request.layers:
        return telling.Told(why="the sampler's own density is worked out there")
    needed = {slot: scenes.scene(slot) for slot in SLOTS}
    if request.made:
        telling.made(needed, memory)
    return telling.tell(found, needed, memory, anew=request.anew)


def _living(
    state: State,
    scenes: State,
    request: Request,
    memory: live.Session,
    said: telling.Told,
    training: Mapping[str, casting.Waiting],
    *,
    note: str,
    beside: Mapping[str, object],
) -> bytes:
    """The pack by which the browser computes the scenes itself, some of which stand in for what is in ``training``.

    While one draws it says besides how a drawing is shown.
    """
    target, sides = scenes.left.target, {slot: scenes.scene(slot) for slot in SLOTS}
    drawn = computing.scenery(target) if f"truths {target}" in said.news else {}
    drawing = {"sketch": sketch.sketch(state)} if request.drawing else {}
    return packs.told_pack(
        state,
        sides,
        request,
        said.engine or {},
        drawn | said.arrays,
        pending={slot: words.words for slot, words in training.items()},
        busy=any(words.retry for words in training.values()),
        note=note,
        ui_from=memory.get("ui_from", 0),
        beside={**beside, **drawing},
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
    return ("side", scene, *(models.written(name) for _, name in scene.cast))


def work_of(scene: Scene) -> Work:
    """One side, for the engine."""
    work, heavy = partial(computing.side, scene), cost.seconds(scene) > cost.LONG
    return Work(side_key(scene), work, computing.program(scene, "side"), scene.entry.title, heavy)


def curve_of(scene: Scene) -> Work:
    """The curve over a scene's weight, for the engine."""
    whole = computing.without_weight(scene)
    return Work(("curve", whole), partial(computing.curve, whole), heavy=True)


def _extras(
    collect: Callable[..., tuple[dict[str, object], dict[str, str]]], state: State, request: Request
) -> tuple[dict[str, object], dict[str, str]]:
    """Layers, probe and curves of both sides, if they were asked for, and words for what is late."""
    scenes = {slot: state.scene(slot) for slot in SLOTS}
    sigma, box, at = request.sigma, request.box, request.probe
    works: dict[str, Work] = {}
    if request.layers and box:
        # Neither the noise nor the number of particles matters to a field.
        plain = [replace(scene, n=COUNTS[0], seed=0) for scene in scenes.values()]
        do: Callable[[], object] = partial(_both, computing.field, scenes, sigma, box)
        works["fields"] = _quick(("field", *plain, sigma, box), do, scenes)
    if at:
        do = partial(_both, computing.probe, scenes, at, sigma)
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


def _quick(key: tuple, do: Callable[[], object], scenes: Mapping[str, Scene]) -> Work:
    """What is fast once it is compiled, for both sides at once."""
    programs = tuple(computing.program(scene, key[0]) for scene in scenes.values())
    return Work(key, do, programs, "the layers" if key[0] == "field" else "the probe")


def _both(make: Callable, scenes: Mapping[str, Scene], *arguments: object) -> dict[str, object]:
    return {slot: make(scene, *arguments) for slot, scene in scenes.items()}
