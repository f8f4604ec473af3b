"""The Fields page: what two densities say at one noise level, answered while the slider is still moving."""

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

import models
from toy import figures, fractal
from toy.names import Name
from toy.scene import Scene, default_cast
from toy.ui import casting, controls, explorer, linked, links
from toy.ui.engine import FULL, PREVIEW, Busy, Engine, Work, collected, engine, patience
from toy.ui.gallery import TYPES
from toy.ui.packing import pack, quantise, viewer_sources
from toy.ui.words import plain
from toy.views import VIEWS, View, guide_role, view_of, window
from toy.views import fields as compute

KEY = "fieldview"
OWN = ("sigma", "view", "panels", "arrows")
PANELS = ("p1", "p0", "ratio", "truth", "error")
SHOWN = ("p1", "p0", "ratio")
SIGMA_MIN, SIGMA_MAX = 0.005, 5.0
HALF_MIN, HALF_MAX = 0.003, 40.0  # as far as the viewer zooms
FINE, COARSE, ARROWS = 128, 64, 17
MARGIN = 1.1  # of the grid around what is seen, so that a small pan uncovers no blank


# --- What the person looks at -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """Noise level, window, panels and arrows; ``view`` None is the rule's own window."""

    sigma: float = 0.03
    view: tuple[float, float, float] | None = None
    panels: tuple[str, ...] = SHOWN
    arrows: bool = True

    def query(self) -> dict[str, str]:
        """What differs from the default, as URL parameters."""
        out = {}
        if self.sigma != Look.sigma:
            out["sigma"] = f"{self.sigma:g}"
        if self.view:
            out["view"] = ",".join(f"{v:g}" for v in self.view)
        if self.panels != SHOWN:
            out["panels"] = ",".join(self.panels)
        if not self.arrows:
            out["arrows"] = "false"
        return out

    def flat(self) -> dict[str, Any]:
        """As the component takes it."""
        view = list(self.view) if self.view else None
        return {"sigma": self.sigma, "view": view, "panels": list(self.panels), "arrows": self.arrows}

    def window(self, home: View) -> View:
        """The view, or ``home``."""
        return View(*self.view) if self.view else home


def _sigma(text: str) -> float:
    value = float(text)
    if not SIGMA_MIN <= value <= SIGMA_MAX:
        raise ValueError
    return float(f"{value:.4g}")


def _view(text: str) -> tuple[float, float, float]:
    view = view_of(text)
    if not (HALF_MIN <= view.half <= HALF_MAX):
        raise ValueError
    return tuple(float(f"{v:.5g}") for v in (view.x, view.y, view.half))  # type: ignore[return-value]


def _panels(text: str) -> tuple[str, ...]:
    names = set(text.split(","))
    if not names <= set(PANELS):
        raise ValueError
    return tuple(name for name in PANELS if name in names)


def _flag(text: str) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[text.lower()]


PARAMETERS: dict[str, tuple[Any, str]] = {
    "sigma": (_sigma, f"a number from {SIGMA_MIN:g} to {SIGMA_MAX:g}"),
    "view": (_view, f"{', '.join(VIEWS)}, or X,Y,HALF within 100 and half-width {HALF_MIN:g} to {HALF_MAX:g}"),
    "panels": (_panels, f"some of {', '.join(PANELS)}"),
    "arrows": (_flag, "true or false"),
}


def parse(query: Mapping[str, str]) -> tuple[Look, list[str]]:
    """The Look that a link asks for, and a note on each value that is not legal."""
    values, notes = {}, []
    for key, (read, legal) in PARAMETERS.items():
        if key in query:
            try:
                values[key] = read(query[key])
            except (ValueError, KeyError):
                notes.append(f"{key} = {query[key][:80]} is not {legal}")
    return Look(**values), notes


def looked(given: Any, before: Look) -> Look:
    """The Look after what the component says; what is not legal stays as it was."""
    if not isinstance(given, Mapping):
        return before
    look = before
    sigma = _numbers([given.get("sigma")], 1)
    if sigma:
        look = replace(look, sigma=float(f"{min(max(sigma[0], SIGMA_MIN), SIGMA_MAX):.4g}"))
    view = given.get("view", False)
    numbers = _numbers(view, 3)
    if view is None:
        look = replace(look, view=None)
    elif numbers and max(map(abs, numbers[:2])) <= 100 and HALF_MIN <= numbers[2] <= HALF_MAX:
        look = replace(look, view=tuple(float(f"{v:.5g}") for v in numbers))  # type: ignore[arg-type]
    panels = given.get("panels")
    if isinstance(panels, list) and panels and all(name in PANELS for name in panels):
        look = replace(look, panels=tuple(name for name in PANELS if name in panels))
    if isinstance(given.get("arrows"), bool):
        look = replace(look, arrows=given["arrows"])
    return look


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= 1e300 for v in value):
        return None
    return tuple(float(v) for v in value)


# --- Requests ---------------------------------------------------------------------------------------------------------

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Request:
    """What the component asks for; made by ``Request.of``, which takes nothing on trust."""

    sigma: float
    box: Box
    seq: int = 0
    phase: str = "release"
    scenery: bool = True
    field: bool = True
    probe: tuple[float, float] | None = None

    @classmethod
    def plain(cls, look: Look, home: View) -> "Request":
        """What a fresh page asks for."""
        window = look.window(home)
        return cls(look.sigma, _rounded(replace(window, half=window.half * MARGIN).box))

    @classmethod
    def of(cls, given: Any, look: Look, home: View) -> "Request":
        """A request from the component's value; what is missing or not legal falls back to a fresh page's."""
        base = cls.plain(look, home)
        if not isinstance(given, Mapping):
            return base
        sigma, box = _numbers([given.get("sigma")], 1), _numbers(given.get("box"), 4)
        if not box or not (box[1] - box[0] >= HALF_MIN and box[3] - box[2] >= HALF_MIN and max(map(abs, box)) <= 1000):
            box = base.box
        probe, seq, phase = _numbers(given.get("probe"), 2), given.get("seq"), given.get("phase")
        return cls(
            sigma=float(f"{min(max(sigma[0], SIGMA_MIN), SIGMA_MAX):.4g}") if sigma else base.sigma,
            box=_rounded(box),
            seq=seq if isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq < 2**53 else 0,
            phase=phase if phase in ("drag", "release", "probe") else "release",
            scenery=given.get("have") is not True,
            field=given.get("field") is not False,
            probe=probe if probe and max(map(abs, probe)) <= 1000 else None,  # type: ignore[arg-type]
        )


def _rounded(box: tuple[float, ...]) -> Box:
    """Equal pictures ask equal questions: to about a thousandth of the width."""
    digits = min(8, max(0, math.ceil(3 - math.log10(box[1] - box[0]))))
    return tuple(round(v, digits) + 0.0 for v in box)  # type: ignore[return-value]


# --- Answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grids:
    """Fields over a box as the component takes them."""

    arrays: dict[str, Any]
    side: int
    threshold: float

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum((a[0] if isinstance(a, tuple) else a).nbytes for a in self.arrays.values())


def grids(scene: Scene, sigma: float, box: Box, side: int) -> Grids:
    """Densities in full precision (differences of logs are read off them), score error in 16 bits, scores as arrows."""
    found = compute(scene, models.cast(scene.cast), sigma=sigma, box=box, resolution=side, arrows=ARROWS)
    names = {"logp1": "left.logp1", "logp0": "left.logp0", "truth": "truth.logp", "at": "arrows.at"}
    names |= {"main": "left.arrows.main", "guide": "left.arrows.guide", "true": "arrows.truth"}
    arrays: dict[str, Any] = {}
    for name, sent in names.items():
        if name in found:
            arrays[sent] = np.nan_to_num(found[name], nan=-1e6, posinf=1e6, neginf=-1e6).astype(np.float32)
    arrays["left.error"] = quantise(found["error"])
    return Grids(arrays, side, float(fractal.region_thresholds(scene.target, sigma)))


def identity(scene: Scene) -> str:
    """Name of the densities that are compared."""
    return hashlib.blake2b(repr((scene.rule, scene.cast, scene.target)).encode(), digest_size=6).hexdigest()


def home_of(scene: Scene) -> View:
    """The window that shows the target's tree."""
    return window("tree", scene.target)


def answer(
    found: Engine,
    scene: Scene,
    look: Look,
    request: Request,
    link: int = 0,
    memory: Any = None,
    pause: Callable[[], object] = lambda: None,
) -> bytes:
    """The pack for a request: a coarse grid while the slider moves, the fine one at rest, what there is when busy.

    ``memory`` is the visitor's, ``pause`` is called again and again while this waits.
    """
    home, guide, drag = home_of(scene), guide_role(scene), request.phase == "drag"
    cast = dict(scene.cast)
    header: dict[str, Any] = {
        "version": 1,
        "kind": "fields",
        "id": identity(scene),
        "seq": request.seq,
        "link": link,
        "busy": False,
        "pending": "",
        "note": "",
        "title": scene.entry.title,
        "formula": scene.entry.formula,
        "knobs": ", ".join(f"{name} = {value:g}" for name, value in scene.knobs if name in scene.entry.knobs),
        "target": scene.target,
        "names": {"main": cast["main"], "guide": cast[guide] if guide else None},
        "constant": {
            who: Name.parse(cast[role]).is_network for who, role in (("main", "main"), ("guide", guide)) if role
        },
        "range": [SIGMA_MAX, SIGMA_MIN],
        "rows": list(figures.FIG9_SIGMAS),
        "layout": {"view": [home.x, home.y, home.half]},
        "margin": MARGIN,
        "ui": look.flat(),
        "field": None,
        "probe": None,
    }
    arrays: dict[str, Any] = dict(explorer.scenery()) if request.scenery else {}
    side, at = COARSE if drag else FINE, request.probe
    works: dict[str, Work] = {}
    if request.field:
        works["field"] = _grids_work(scene, request.sigma, request.box, side)
    if at:
        works["probe"] = _probe_work(scene, at, request.sigma)
    memory = {} if memory is None else memory
    end = time.monotonic() + patience(found, memory, "fields_asked", [*works.values()], live=bool(request.seq))
    visitor = memory.setdefault("visitor", object())
    results, late = collected(found, visitor, works, PREVIEW, "fields", end=end, pause=pause)
    got, said = results.get("field"), results.get("probe")
    if isinstance(got, Grids):
        arrays |= got.arrays
        header["field"] = {
            "id": header["id"],
            "sigma": request.sigma,
            "box": list(request.box),
            "shape": [got.side, got.side],
            "threshold": got.threshold,
        }
    if at and isinstance(said, dict):
        header["probe"] = {"at": list(at), "sigma": request.sigma, "panels": [said]}
    header["busy"], header["pending"] = bool(late), next(iter(late.values()), "")
    header["note"] = next((words for words in results.values() if isinstance(words, str)), "")
    return pack(header, arrays)


def _grids_work(scene: Scene, sigma: float, box: Box, side: int) -> Work:
    key, do = ("fieldgrid", identity(scene), sigma, box, side), partial(grids, scene, sigma, box, side)
    return Work(key, do, explorer.program(scene, "fieldgrid", side), "the fields")


def _probe_work(scene: Scene, at: tuple[float, float], sigma: float) -> Work:
    key, do = ("fieldprobe", identity(scene), sigma, at), partial(explorer.probe, scene, at, sigma)
    return Work(key, do, explorer.program(scene, "fieldprobe"), "the probe")


def rehearsals(scene: Scene) -> list[Work]:
    """What compiles the programs of the next requests: the coarse grid and one point."""
    home = home_of(scene)
    return [_grids_work(scene, 0.1, home.box, COARSE), _probe_work(scene, (home.x, home.y), 0.1)]


# --- The page ---------------------------------------------------------------------------------------------------------


@st.cache_resource
def _component() -> Any:
    return st.components.v2.component("toy_fields", **viewer_sources("fieldview"), isolate_styles=True)


def _load() -> Look:
    """The Look from the URL when it was pasted or the browser went back, else as it was left; notes are shown once."""
    link, memory = links.here(), st.session_state
    fresh = [link.news(key) for key in OWN]
    if any(fresh):
        memory.fields_look, notes = parse(link.seen)
        memory.fields_link = memory.get("fields_link", 0) + 1
        for note in notes:
            st.warning(f"Not taken from the link: {plain(note)}")
    return memory.fields_look


def _save(look: Look) -> None:
    st.session_state.fields_look = look
    st.session_state.setdefault("fields_now", {})["look"] = look
    link, query = links.here(), look.query()
    for key in OWN:
        if link.seen.get(key) != query.get(key):
            link.write(key, query.get(key))
    link.flush()


@st.fragment
def _panels_live(scene: Scene) -> None:
    memory = st.session_state
    look: Look = memory.fields_look
    given = memory.get(KEY) or {}
    raw, ui = given.get("request"), given.get("ui")
    if ui is not None and ui != memory.get("fields_ui_seen"):
        memory.fields_ui_seen = ui
        look = looked(ui, look)
        _save(look)
    fresh = raw is not None and raw != memory.get("fields_request_seen")
    home = home_of(scene)
    request = Request.of(raw, look, home) if fresh else Request.plain(look, home)
    data = answer(engine(), scene, look, request, memory.get("fields_link", 0), memory, lambda: KEY in memory)
    _component()(key=KEY, data=data, on_request_change=lambda: None, on_ui_change=lambda: None)
    memory.fields_request_seen = raw  # not before: a run that is cut short leaves it to the next


def page() -> None:
    """Choose a rule and a cast beside the panels; noise level, window, panels and arrows are chosen on them."""
    with st.sidebar:
        rule = linked.select("Method", controls.RULES_IN_ORDER, "rule", "autoguidance", controls.rule_title)
        cast = {role: linked.density(role, role, name) for role, name in default_cast(rule).items()}
        target = linked.select(
            "Target class", list(fractal.CLASSES), "target", _class_of(cast["main"]),
            help="the truth that error is measured against; main's own class where nothing else is chosen",
        )  # fmt: skip
        st.caption("p₁ is the density of main, p₀ that of the guide: guidance climbs the ratio p₁/p₀.")
    _load()
    casting.hold(cast.items())
    scene = Scene.of(rule, target=target, **cast)
    _panels_live(scene)
    _bar(scene)
    with suppress(Busy):  # then the first drag compiles
        engine().prepare(rehearsals(scene))


def _class_of(name: str) -> str:
    """The class that a density is of; A where that cannot be told."""
    try:
        return models.zoo.classes_of(name)
    except ValueError:  # the page says why, where the density is loaded
        return "A"


@st.fragment
def _bar(scene: Scene) -> None:
    """Downloads of what is on the screen, by the code of the figures, and the command line."""
    # Files are made outside of the session: they get to see the Look through what both hold.
    now = st.session_state.setdefault("fields_now", {})
    now["look"] = st.session_state.fields_look
    save, code, _ = st.columns([1, 1, 3])
    with save.popover("Download", icon=":material/download:", width="stretch"):
        st.caption("p₁, p₀ and their ratio at the noise level and in the window on the screen.")
        for kind, mime in TYPES.items():
            st.download_button(
                kind.upper(),
                data=partial(_file, scene, kind, now),
                file_name=f"fields.{kind}",
                mime=mime,
                on_click="ignore",
                width="stretch",
            )
    with code.popover("Snippet", icon=":material/terminal:", width="stretch", key="fields_code", on_change="rerun"):
        st.code(snippet(scene, st.session_state.fields_look), language="python")


def _options(scene: Scene, look: Look) -> figures.Options:
    return figures.Options(cast=scene.cast, sigma=look.sigma, view=look.window(home_of(scene)), target=scene.target)


def _file(scene: Scene, kind: str, now: Mapping[str, Look]) -> bytes:
    """The file, from the engine's cache or its worker, as the screen is when the button is pressed."""
    look, rule = now["look"], scene.rule
    options = _options(scene, look)

    def work() -> bytes:
        drawn = figures.fields(models.load, rule, options, with_arrows=look.arrows)
        return figures.encode(drawn, kind, {"title": "fields", "rule": rule, "sigma": f"{look.sigma:g}"})

    return bytes(engine().get(("fieldfile", rule, options, look.arrows, kind), work, priority=FULL, wait=60))


def snippet(scene: Scene, look: Look) -> str:
    """Python lines that draw the same figure."""
    window = look.window(home_of(scene))
    target = f"    target={scene.target!r},\n" if scene.target != "A" else ""
    arrows = "" if look.arrows else ", with_arrows=False"
    return (
        "import models\n"
        "from toy import figures\n"
        "from toy.views import View\n\n"
        f"options = figures.Options(\n    cast={dict(scene.cast)!r},\n    sigma={look.sigma:g},\n{target}"
        f"    view=View({window.x:g}, {window.y:g}, {window.half:g}),\n)\n"
        f"figure = figures.fields(models.load, {scene.rule!r}, options{arrows})\n"
        'figure.savefig("fields.pdf")\n'
    )
