"""What Fields' view is sent: densities, ratio, error and scores over a box at one noise level, and a probed place."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import models
from toy import distributions, figures
from toy.captions import called
from toy.names import Name
from toy.scene import Scene
from toy.ui import live, telling
from toy.ui.engine import PREVIEW, Engine, Work
from toy.ui.live import Session
from toy.viewer import computing
from toy.viewer.look import HALF_MIN, MARGIN, SIGMA, Look
from toy.viewer.packing import pack, quantise
from toy.viewer.requests import Box, Place, box_of, numbers, place, sequence
from toy.views import View, fields, guide_role, window

FINE, COARSE, ARROWS = 128, 64, 17


@dataclass(frozen=True)
class Request:
    """What Fields' view asks for; made by ``Request.of``."""

    sigma: float
    box: Box
    seq: int = 0
    phase: str = "release"
    scenery: bool = True
    field: bool = True
    probe: Place | None = None
    local: bool = False  # the browser has an engine of its own
    anew: bool = False  # which knows nothing of what it was told

    @classmethod
    def plain(cls, look: Look, home: View) -> "Request":
        """What a fresh page asks for."""
        window = look.window(home)
        return cls(look.sigma, _rounded(replace(window, half=window.half * MARGIN).box))

    @classmethod
    def of(cls, given: object, look: Look, home: View) -> "Request":
        """A request from the component's value; what is missing or not legal falls back to a fresh page's."""
        base = cls.plain(look, home)
        if not isinstance(given, Mapping):
            return base
        sigma, phase = numbers([given.get("sigma")], 1), given.get("phase")
        return cls(
            sigma=SIGMA.within(sigma[0], 4) if sigma else base.sigma,
            box=_rounded(box_of(given.get("box"), HALF_MIN) or base.box),
            seq=sequence(given.get("seq")),
            phase=phase if phase in ("drag", "release", "probe") else "release",
            scenery=given.get("have") is not True,
            field=given.get("field") is not False,
            probe=place(given.get("probe")),
            local=given.get("local") is True,
            anew=given.get("anew") is True,
        )


def _rounded(box: tuple[float, ...]) -> Box:
    """Equal pictures ask equal questions: to about a thousandth of the width."""
    digits = min(8, max(0, math.ceil(3 - math.log10(box[1] - box[0]))))
    return tuple(round(v, digits) + 0.0 for v in box)  # type: ignore[return-value]


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
    found = fields(scene, models.cast(scene.cast), sigma=sigma, box=box, resolution=side, arrows=ARROWS)
    names = {"logp1": "left.logp1", "logp0": "left.logp0", "truth": "truth.logp", "at": "arrows.at"}
    names |= {"main": "left.arrows.main", "guide": "left.arrows.guide", "true": "arrows.truth"}
    arrays: dict[str, object] = {}
    for name, sent in names.items():
        if name in found:
            arrays[sent] = np.nan_to_num(found[name], nan=-1e6, posinf=1e6, neginf=-1e6).astype(np.float32)
    arrays["left.error"] = quantise(found["error"])
    return Grids(arrays, side, float(distributions.region_thresholds(scene.target, sigma)))


def identity(scene: Scene) -> str:
    """Name of the densities that are compared: also of what is in the files that play."""
    files = [words for _, name in scene.cast if (words := models.written(name))]
    return hashlib.blake2b(repr((scene.rule, scene.cast, scene.target, *files)).encode(), digest_size=6).hexdigest()


def home_of(scene: Scene) -> View:
    """The window that shows the target's tree."""
    return window("tree", scene.target)


def answer(
    found: Engine,
    scene: Scene,
    look: Look,
    request: Request,
    link: int = 0,
    memory: Session | None = None,
    pause: Callable[[], object] = lambda: None,
) -> bytes:
    """The pack for a request: a coarse grid while the slider moves, the fine one at rest, what there is when busy.

    ``memory`` is the visitor's, ``pause`` is called again and again while this waits.
    """
    home, guide, drag = home_of(scene), guide_role(scene), request.phase == "drag"
    cast = dict(scene.cast)
    header: dict[str, object] = {
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
        "target": computing.of_target(scene.target),
        "names": {"main": called(cast["main"]), "guide": called(cast[guide]) if guide else None},
        "constant": {
            who: Name.parse(cast[role]).is_network for who, role in (("main", "main"), ("guide", guide)) if role
        },
        "range": [SIGMA.hi, SIGMA.lo],
        "rows": list(figures.FIG9_SIGMAS),
        "layout": {"view": [home.x, home.y, home.half]},
        "margin": MARGIN,
        "ui": look.flat(),
        "field": None,
        "probe": None,
    }
    arrays: dict[str, Any] = dict(computing.scenery(scene.target)) if request.scenery else {}
    memory, here = {} if memory is None else memory, ""
    if request.local and not drag:
        whole = telling.tell(found, {"fields": scene}, memory, anew=request.anew)
        if whole.engine:
            drawn = computing.scenery(scene.target) if f"truths {scene.target}" in whole.news else {}
            return pack(header | {"engine": whole.engine}, {**arrays, **drawn, **whole.arrays})
        header["later"], here = whole.later, f"Computed by the server: {whole.why}." if whole.why else ""
    side, at = COARSE if drag else FINE, request.probe
    works: dict[str, Work] = {}
    if request.field:
        works["field"] = _grids_work(scene, request.sigma, request.box, side)
    if at:
        works["probe"] = _probe_work(scene, at, request.sigma)
    collect = live.asking(found, memory, "fields_asked", [*works.values()], live=bool(request.seq), pause=pause)
    results, late = collect(works, PREVIEW, "fields")
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
    refused = next((words for words in results.values() if isinstance(words, str)), "")
    header["note"] = " ".join(filter(None, (here, refused)))
    return pack(header, arrays)


def _grids_work(scene: Scene, sigma: float, box: Box, side: int) -> Work:
    key, do = ("fieldgrid", identity(scene), sigma, box, side), partial(grids, scene, sigma, box, side)
    return Work(key, do, computing.program(scene, "fieldgrid", side), "the fields")


def _probe_work(scene: Scene, at: tuple[float, float], sigma: float) -> Work:
    key, do = ("fieldprobe", identity(scene), sigma, at), partial(computing.probe, scene, at, sigma)
    return Work(key, do, computing.program(scene, "fieldprobe"), "the probe")


def rehearsals(scene: Scene) -> list[Work]:
    """What compiles the programs of the next requests: the coarse grid and one point."""
    home = home_of(scene)
    return [_grids_work(scene, 0.1, home.box, COARSE), _probe_work(scene, (home.x, home.y), 0.1)]
