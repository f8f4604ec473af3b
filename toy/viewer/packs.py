"""What Explore's view is sent: two sides, what stands around them, and what was asked of them, as one pack."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

import models
from toy import distributions, views
from toy.browser import told
from toy.captions import captions
from toy.inputs import Json
from toy.metrics import Values
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.state import SLOTS, State
from toy.viewer import computing, presets
from toy.viewer.computing import Layers, Side
from toy.viewer.packing import Packed, pack
from toy.viewer.requests import Request

TITLE = "Guidance explorer"
WHAT = "A diffusion model turns noise into samples; guidance steers it. Both sides start from the same noise."


def identity(left: Scene, right: Scene) -> str:
    """Content hash of two scenes and of the files that play in them: the name of their frames."""
    files = [words for scene in (left, right) for _, name in scene.cast if (words := models.written(name))]
    text = json.dumps([left.flat(), right.flat(), *files], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def panel(slot: str, asked: Scene, found: Side, title: str, pending: str = "") -> dict[str, object]:
    """What stands around a panel: title, knobs, formula of what is asked; numbers of what is shown.

    ``shown`` says whose particles and numbers these are, ``pending`` in words why they are not those of ``asked``.
    """
    values, caption = dict(asked.knobs), captions(replace(found.scene, n=asked.n), asked)[0]
    of_knob = ("name", "label", "lo", "hi", "step")
    knobs = [
        {name: getattr(k, name) for name in of_knob} | {"value": values[k.name], "help": k.help, "live": True}
        for k in asked.entry.knobs.values()
    ]
    shown = {
        "title": found.scene.entry.title,
        "knobs": dict(found.scene.knobs),
        "schedule": _schedule(found.scene),
        "caption": caption,
    }
    return {
        "slot": slot,
        "title": title,
        "caption": caption,
        "rule": asked.rule,
        "formula": asked.entry.formula,
        "summary": asked.entry.summary,
        "knobs": knobs,
        "schedule": _schedule(asked),
        "shown": None if found.waiting else shown,
        "pending": pending or found.waiting,
        "measured": None if found.waiting else measured(found),
        "n": found.scene.n,
        "seed": found.scene.seed,
        "stochastic": INTEGRATORS[found.scene.integrator].stochastic,
        "waiting": found.waiting,
        "standing": found.scene.cast != asked.cast,
        "learned": any(Name.parse(name).is_network for _, name in asked.cast),
        "lacks": {"tilt": computing.no_tilt(asked)} if computing.no_tilt(asked) else {},
    }


def _schedule(scene: Scene) -> dict[str, object]:
    values = dict(scene.knobs) if scene.schedule == "interval" else {}
    return {"name": scene.schedule, "lo": values.get("lo"), "hi": values.get("hi")}


def measured(found: Side) -> dict[str, object]:
    """The numbers of a side by name, each with its standard error and what true samples give; null is no number."""

    def plain(numbers: Values) -> dict[str, object]:
        return {name: value if math.isfinite(value) else None for name, value in numbers.items()}

    return {
        "values": plain(found.metrics),
        "errors": plain(found.errors),
        "floor": plain({name: found.floor[name] for name in found.metrics}),
        "called": distributions.of(found.scene.target).called,
    }


def lead(state: State, sides: Mapping[str, Side]) -> dict[str, str]:
    """What stands above the pictures: the sentence of the story that they are, else what they are."""
    shown: dict[str, Any] = {slot: replace(sides[slot].scene, n=state.left.n) for slot in SLOTS}
    story = presets.told(replace(state, **shown))
    if story is None:
        return {"story": "", "title": TITLE, "text": WHAT}
    return {"story": state.story, "title": story.title, "text": story.sentence}


def assemble(
    state: State,
    sides: Mapping[str, Side],
    request: Request,
    *,
    pending: Mapping[str, str] | None = None,
    preview: bool = False,
    busy: bool = False,
    precomputed: bool = False,
    note: str = "",
    fields: Mapping[str, Layers] | None = None,
    densities: Mapping[str, tuple | str] | None = None,
    probes: Mapping[str, dict[str, object]] | None = None,
    curves: Mapping[str, dict[str, object] | str] | None = None,
    drawn: Mapping[str, Packed] | None = None,
    ui_from: int = 0,
    engine: Mapping[str, object] | None = None,
    beside: Mapping[str, object] | None = None,
    lacks: Mapping[str, str] | None = None,
) -> bytes:
    """One pack: frames unless the viewer has them already, layers and a probe if they were asked for.

    ``state`` is what is asked, ``sides`` what is shown, ``pending`` why a side is not what is asked. With ``engine``,
    what the browser's own is told, it has no frames: they are made there. ``beside`` is what a page adds to the header,
    ``lacks`` says why there is no layer of a name.
    """
    scene = sides["left"].scene
    titles = captions(*(state.scene(slot) for slot in SLOTS), knobs=False)
    absent = [slot for slot in SLOTS if sides[slot].waiting and not engine]
    frames_id = "-".join([identity(*(sides[slot].scene for slot in SLOTS)), *absent])
    header: Json = {
        "version": 1,
        "id": frames_id,
        "seq": request.seq,
        "quality": "preview" if preview else "full",
        "precomputed": precomputed,
        "busy": busy,
        "note": note,
        "lead": lead(state, sides),
        "sigmas": scene.sigmas().tolist(),
        "sigma_data": computing.SIGMA_DATA,
        "sigma_max": scene.sigma_max,
        "sigma_min": scene.sigma_min,
        "layout": {"view": list(astuple(views.window("tree", scene.target)))},
        "target": computing.of_target(scene.target),
        "paired": scene.start == "exact",
        "panels": [
            panel(slot, state.scene(slot), sides[slot], title, (pending or {}).get(slot, ""))
            for slot, title in zip(SLOTS, titles, strict=True)
        ],
        "ui": dict(state.ui),
        "ui_from": ui_from,
        "hide": [name for name in state.hide if name != "settings"],
        "field": None,
        "probe": None,
    } | dict(beside or {})
    arrays: dict[str, Packed] = {}
    if engine:
        header["engine"] = engine
        arrays |= drawn or {}
    elif request.have != frames_id:
        for slot in SLOTS:
            arrays |= {f"{slot}.{name}": value for name, value in sides[slot].arrays.items()}
        if not preview:
            arrays |= drawn or computing.scenery(scene.target)
            if len(absent) < len(SLOTS):
                arrays["truth.positions"] = computing.forward_samples(scene)
    if fields and request.box:
        for slot, found in fields.items():
            arrays |= {f"{slot}.{name}": value for name, value in found["own"].items()} | found["shared"]
        for slot, density in (densities or {}).items():
            if isinstance(density, str):
                header["note"] = header["note"] or density
            else:
                arrays[f"{slot}.logq"] = density
        key = hashlib.blake2b(repr((frames_id, request.sigma, request.box)).encode(), digest_size=6).hexdigest()
        shape = [computing.RESOLUTION, computing.RESOLUTION]
        header["field"] = {"id": key, "sigma": request.sigma, "box": list(request.box), "shape": shape}
        header["field"]["tilt"] = {slot: found["tilt"] for slot, found in fields.items()}
    for found in header["panels"]:
        found["lacks"] |= lacks or {}
        if of_panel := (curves or {}).get(found["slot"]):
            found["curve"] = {"lacks": of_panel} if isinstance(of_panel, str) else of_panel
    if probes and request.probe:
        header["probe"] = {"at": list(request.probe), "sigma": request.sigma, "panels": list(probes.values())}
    return pack(header, arrays)


def living_pack(state: State) -> bytes:
    """A pack by which a browser computes the state without a server; ValueError, one sentence, where it cannot."""
    sides = {slot: state.scene(slot) for slot in SLOTS}
    lists, numbers = told.told(told.needed(sides.values()))
    engine, drawn = told.engine_of(sides, lists, anew=True), computing.scenery(state.left.target) | numbers
    lacks = {"drawn": "the sampler's own density needs a server"}
    return told_pack(state, sides, Request(), engine, drawn, lacks=lacks)


def told_pack(
    state: State,
    scenes: Mapping[str, Scene],
    request: Request,
    engine: Mapping[str, object],
    arrays: Mapping[str, Packed],
    **more: Any,
) -> bytes:
    """A pack without particles: ``engine`` and ``arrays`` are what the browser's own is told of the scenes."""
    waiting = {slot: computing.stand_in(scene, "computing in your browser …") for slot, scene in scenes.items()}
    return assemble(state, waiting, request, engine=engine, drawn=arrays, **more)


def default_pack() -> bytes:
    """The default page, as it is shipped."""
    state = State()
    sides = {slot: computing.side(state.scene(slot)) for slot in SLOTS}
    return assemble(state, sides, Request(), precomputed=True, drawn=computing.drawn_scenery(state.left.target))
