"""From the visitor's state and request to the bytes that the viewer shows."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

import models
from toy import flows, fractal, metrics, scenes, views
from toy.captions import captions
from toy.densities import Normalised
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import Scene, knobs_of
from toy.scenes import Frame
from toy.state import LAYERS, SLOTS, State
from toy.ui import cost, presets
from toy.ui.packing import DEFAULT_PACK, pack, quantise, unpack

PREVIEW = 512
SIGMA_DATA = 0.5
MEASURES = ("outliers", "branch_tv", "root_share", "alignment")
RESOLUTION = 96
COVER = 8192  # samples that say where anything is drawn
TITLE = "Guidance explorer"
WHAT = "A diffusion model turns noise into samples; guidance steers it. Both sides start from the same noise."
WEIGHTS = 9  # of a curve
LOWEST = -40.0  # nats below the true density's top in view, where nothing is drawn

# --- Requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What the viewer asks for; made by ``Request.of``, which takes nothing on trust."""

    seq: int = 0
    have: str = ""
    phase: str = "release"
    knobs: tuple[tuple[str, str, float], ...] = ()  # (slot, name, value)
    sigma: float = 0.03
    box: tuple[float, float, float, float] | None = None
    layers: tuple[str, ...] = ()
    probe: tuple[float, float] | None = None
    curve: bool = False  # over the weight

    @classmethod
    def of(cls, given: Any, state: State) -> "Request":
        """A request from the component's value; what is missing or not legal falls back to nothing asked."""
        if not isinstance(given, Mapping):
            return cls()
        knobs = []
        for slot in SLOTS:
            wanted = dict(_mapping(_mapping(given.get("knobs")).get(slot)))
            interval = _numbers(_mapping(given.get("interval")).get(slot), 2)
            if interval and state.scene(slot).schedule == "interval":
                wanted |= {"lo": interval[0], "hi": interval[1]}
            known = {name: knob for name, knob in live_knobs(state.scene(slot)).items() if not knob.size}
            for name, value in wanted.items():
                number = _numbers([value], 1)
                if name in known and number:
                    knob = known[name]
                    knobs.append((slot, name, float(f"{min(max(number[0], knob.lo), knob.hi):.6g}")))
        box = _numbers(given.get("box"), 4)
        if box and not (box[0] < box[1] and box[2] < box[3] and max(map(abs, box)) <= 1000):
            box = None
        probe = _numbers(given.get("probe"), 2)
        sigma = _numbers([given.get("sigma")], 1)
        seq = given.get("seq")
        return cls(
            seq=seq if isinstance(seq, int) and 0 <= seq < 2**53 else 0,
            have=str(given.get("have") or "")[:64],
            phase=str(given.get("phase")) if given.get("phase") in ("drag", "release", "field", "probe") else "release",
            knobs=tuple(knobs),
            sigma=min(max(sigma[0], 0.002), 100.0) if sigma else 0.03,
            box=box,  # type: ignore[arg-type]
            layers=_names(given.get("layers"), [name for group in LAYERS for name in group]),
            probe=probe if probe and max(map(abs, probe)) <= 1000 else None,  # type: ignore[arg-type]
            curve=given.get("curve") is True,
        )

    def apply(self, state: State) -> State:
        """The state with the knobs as they are on the viewer."""
        for slot in SLOTS:
            values = {name: value for side, name, value in self.knobs if side == slot}
            if values:
                state = state.change(slot, **values)
        return state


def _mapping(value: Any) -> Mapping:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any, known: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in known if name in value) if isinstance(value, list) else ()


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if not all(isinstance(v, int | float) and abs(v) <= 1e300 for v in value):  # also catches NaN and huge integers
        return None
    return tuple(float(v) for v in value)


def live_knobs(scene: Scene) -> dict[str, Any]:
    """Knobs of the rule, the schedule and the integrator by name."""
    return knobs_of(scene.entries)


# --- Computing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One scene, computed and packed: what the cache keeps."""

    scene: Scene
    arrays: dict[str, Any]
    metrics: dict[str, Any]
    floor: dict[str, Any]
    waiting: str = ""  # what stands in the place of the particles, which are not there yet
    errors: dict[str, float] = dataclasses.field(default_factory=dict)  # standard ones of the metrics

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum((a[0] if isinstance(a, tuple) else a).nbytes for a in self.arrays.values())


def stand_in(scene: Scene, waiting: str) -> Side:
    """A side without particles: what was asked for by its own name, and the words for what it waits for."""
    return Side(scene, {}, {}, {}, waiting)


def program(scene: Scene, *extra: Any) -> tuple:
    """What has to be compiled or worked out once for a scene, whatever its knobs: its static parts."""
    types = scene.entry.types

    def kind(role: str, name: str) -> Any:
        parsed = Name.parse(name)
        # A density's constant is worked out for itself, and so is a degraded density.
        plain = parsed.network if not parsed.items and types[role] is not Normalised else None
        return (plain.classes, plain.width) if plain else name

    names = ("rule", "schedule", "integrator", "target", "start", "steps", "n")
    return (*extra, *(getattr(scene, name) for name in names), *(kind(*played) for played in scene.cast))


def side(scene: Scene) -> Side:
    """Sample, measure and pack one scene."""
    frame = scenes.compute(scene, models.cast(scene.cast), floor=False, measures=MEASURES)
    arrays = {
        "positions": positions(frame),
        "outside": views.outside(frame).astype(np.uint8),
        "branch_gain": branch_gain(frame),
    }
    errors = metrics.errors(frame.metrics, frame.occupancy, scene.n, scene.target)
    floor = metrics.floor(scene.target, scene.n, MEASURES)
    return Side(scene, arrays, dict(frame.metrics), floor, errors=errors)


def positions(frame: Frame) -> tuple[np.ndarray, float, float]:
    """Path in the network's own units x / sqrt(sigma^2 + sigma_data^2), in 16 bits.

    Runaway particles are held at 50 units, far off every screen, so that they do not cost the others their digits.
    """
    scale = np.sqrt(np.square(frame.sigmas) + SIGMA_DATA**2)[:, None, None]
    return quantise(np.clip(np.nan_to_num(frame.path / scale, nan=50.0, posinf=50.0, neginf=-50.0), -50, 50))


def branch_gain(frame: Frame) -> np.ndarray:
    """log2 of sampled over true mass of each branch, within 3 of zero."""
    true = fractal.branches().mass(frame.scene.target)
    ratio = np.log2(np.maximum(frame.occupancy, 1e-9) / true)
    return np.clip(np.nan_to_num(ratio, nan=-3.0), -3, 3).astype(np.float32)


@cache
def scenery() -> dict[str, np.ndarray]:
    """Tree and outlines, the same in every scene: from the shipped scene where there is one, else worked out."""
    if not DEFAULT_PACK.exists():
        return drawn_scenery()
    _, arrays = unpack(DEFAULT_PACK.read_bytes())
    return {name: array for name, array in arrays.items() if name.startswith(("tree.", "outline."))}


def drawn_scenery() -> dict[str, np.ndarray]:
    """Tree and outlines of the 99% regions."""
    tree = fractal.branches()
    arrays: dict[str, np.ndarray] = {
        "tree.segments": np.concatenate([tree.start, tree.end], axis=1).astype(np.float32),
        "tree.depth": tree.depth.astype(np.uint8),
        "tree.thickness": tree.thickness.astype(np.float32),
    }
    for classes in fractal.CLASSES:
        lines = views.contours(classes)
        arrays[f"outline.{classes}"] = np.concatenate(lines)
        arrays[f"outline.{classes}.starts"] = np.cumsum([0, *map(len, lines[:-1])]).astype(np.uint32)
    return arrays


@lru_cache(maxsize=8)
def forward_samples(scene: Scene) -> np.ndarray:
    """True samples for the forward process; with the exact start, the very ones that the noise was added to."""
    return np.asarray(scenes.data_and_noise(scene)[0], np.float32)


def field(scene: Scene, sigma: float, box: tuple[float, float, float, float]) -> dict[str, Any]:
    """Layers of one side over ``box``, as the viewer takes them."""
    found = views.fields(scene, models.cast(scene.cast), sigma=sigma, box=box, resolution=RESOLUTION)
    arrays: dict[str, Any] = {
        name: quantise(found[name]) for name in ("logp1", "logp0", "logtilt", "error") if name in found
    }
    for name in ("main", "guide", "guided"):
        if name in found:
            arrays[f"arrows.{name}"] = found[name].astype(np.float32)
    shared = {
        "truth.logp": quantise(found["truth"]),
        "arrows.at": found["at"],
        "arrows.truth": found["true"].astype(np.float32),
    }
    return {"own": arrays, "shared": shared, "tilt": tilt_words(scene, sigma)}


def tilt_words(scene: Scene, sigma: float) -> str:
    """The tilted density of a side at one noise level, as the product of powers that it is."""
    powers = views.exponents(scene, sigma)
    factors = [f"p({role})^{power:.3g}".replace("-", "−") for role, power in powers.items() if power]
    return f"tilted: {' · '.join(factors)}" if factors else no_tilt(scene)


def no_tilt(scene: Scene) -> str:
    """Why a side has no tilted density; empty where it has one."""
    return "" if scene.entry.tilt else f"{scene.entry.title} is the score of no tilted density"


def drawn(scene: Scene, sigma: float, box: tuple[float, float, float, float]) -> tuple[np.ndarray, float, float]:
    """log q of what the sampler draws, on the grid of ``field``; ValueError where the integrator is stochastic, and
    where it would take too long.
    """
    needed = cost.drawn_seconds(scene, RESOLUTION**2, COVER)
    if needed > cost.MOST_DRAWN:
        raise ValueError(f"the sampler's own density would take about {needed:.0f} s here: ask for fewer steps")
    cast, points = models.cast(scene.cast), views.grid(box, RESOLUTION)
    found = flows.on_grid(scene, cast, points, sigma=sigma, cover=math.ceil(COVER / scene.n))
    top = float(np.max(views.logp_on(fractal.mixture(scene.target), points, np.float32(sigma))))
    return quantise(np.nan_to_num(np.clip(found, top + LOWEST, top - LOWEST), nan=top + LOWEST))


def without_weight(scene: Scene) -> Scene:
    """What a curve over the weight belongs to: the scene whatever its weight, with few particles."""
    scene = replace(scene, n=PREVIEW)
    knob = scene.entry.knobs.get("w")
    return scene.change(w=knob.default) if knob else scene


def curve(scene: Scene) -> dict[str, Any]:
    """Share outside and branch TV at weights over the whole range of a scene's w.

    Raises:
        ValueError: the rule has no weight w, or the curve would take too long.
    """
    if "w" not in scene.entry.knobs:
        raise ValueError(f"{scene.entry.title} has no weight w to draw a curve over")
    needed = WEIGHTS * cost.seconds(scene)
    if needed > cost.MOST:
        raise ValueError(f"a curve over w would take about {needed:.0f} s here: ask for fewer steps")
    knob, cast = scene.entry.knobs["w"], models.cast(scene.cast)
    weights = [float(f"{w:.6g}") for w in np.linspace(knob.lo, knob.hi, WEIGHTS)]
    measured = [scenes.compute(scene.change(w=w), cast, floor=False, measures=MEASURES).metrics for w in weights]
    # What is not finite is as bad as can be.
    numbers = {name: [float(np.nan_to_num(m[name], nan=1.0)) for m in measured] for name in ("outliers", "branch_tv")}
    return {"w": weights, **numbers}


def probe(scene: Scene, at: tuple[float, float], sigma: float) -> dict[str, Any]:
    """Scores and log-densities of one side at a point."""
    cast = models.cast(scene.cast)
    x, level = np.array([at], np.float32), np.float32(sigma)
    truth, guide = fractal.mixture(scene.target), views.guide_role(scene)

    def numbers(values: Any) -> list[float] | None:
        found = [float(v) for v in np.asarray(values).ravel()]
        return found if all(map(math.isfinite, found)) else None

    def number(value: Any) -> float | None:
        found = numbers(value)
        return found[0] if found else None

    return {
        "learned": any(Name.parse(name).is_network for _, name in scene.cast),
        "s1": numbers(views.score_on(cast["main"], x, level)),
        "s0": numbers(views.score_on(cast[guide], x, level)) if guide else None,
        "guided": numbers(views.guided_score(scene, cast, x, sigma)),
        "truth": numbers(views.score_on(truth, x, level)),
        "logp1": number(views.logp_on(cast["main"], x, level)),
        "logp0": number(views.logp_on(cast[guide], x, level)) if guide else None,
        "logp_true": number(views.logp_on(truth, x, level)),
    }


def usual(n: int = State().left.n) -> list[Scene]:
    """The scenes of the default page with ``n`` particles."""
    return [replace(State().scene(slot), n=n) for slot in SLOTS]


def rehearse() -> list[Side]:
    """Compile and compute what the default page needs, all at once: XLA leaves a core idle."""
    with ThreadPoolExecutor(2 + len(SLOTS)) as pool:
        pool.submit(metrics.floor, State().left.target, State().left.n, MEASURES)
        pool.submit(scenery)
        return list(pool.map(side, usual()))


# --- Packing ----------------------------------------------------------------------------------------------------------


def identity(left: Scene, right: Scene) -> str:
    """Content hash of two scenes: the name of their frames."""
    text = json.dumps([left.flat(), right.flat()], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def panel(slot: str, asked: Scene, found: Side, title: str, pending: str = "") -> dict[str, Any]:
    """What stands around a panel: title, knobs, formula, conventions of what is asked; numbers of what is shown.

    ``shown`` says whose particles and numbers these are, ``pending`` in words why they are not those of ``asked``.
    """
    values = dict(asked.knobs)
    knobs = [
        {
            "name": k.name,
            "label": k.label,
            "lo": k.lo,
            "hi": k.hi,
            "step": k.step,
            "value": values[k.name],
            "help": k.help,
            "live": True,
        }
        for k in asked.entry.knobs.values()
    ]
    shown = {
        "title": found.scene.entry.title,
        "knobs": dict(found.scene.knobs),
        "schedule": _schedule(found.scene),
        "caption": captions(replace(found.scene, n=asked.n), asked)[0],
    }
    return {
        "slot": slot,
        "title": title,
        "rule": asked.rule,
        "formula": asked.entry.formula,
        "summary": asked.entry.summary,
        "knobs": knobs,
        "schedule": _schedule(asked),
        "conventions": conventions(values.get("w")),
        "shown": None if found.waiting else shown,
        "pending": pending or found.waiting,
        "metrics": [] if found.waiting else measures(found),
        "n": found.scene.n,
        "stochastic": INTEGRATORS[found.scene.integrator].stochastic,
        "waiting": found.waiting,
        "lacks": {"tilt": no_tilt(asked)} if no_tilt(asked) else {},
    }


def _schedule(scene: Scene) -> dict[str, Any]:
    values = dict(scene.knobs) if scene.schedule == "interval" else {}
    return {"name": scene.schedule, "lo": values.get("lo"), "hi": values.get("hi")}


def conventions(w: float | None) -> list[dict[str, str]]:
    """The weight as other communities write it."""
    if w is None:
        return []
    return [
        {"label": "guidance scale", "value": f"{w:.2f}"},
        {"label": "w − 1 =", "value": f"{w - 1:.2f}"},
    ]


def measures(found: Side) -> list[dict[str, Any]]:
    """Quality, variation, the trunk's share and the class posterior, each with its standard error, on a bar with ends
    and direction, beside what truth measures.
    """
    rows = (
        ("outliers", "quality", "outside", 0.25, "25%", "less"),
        ("branch_tv", "variation", "TV", 1.0, "1", "less"),
        ("root_share", "trunk", "", 0.5, "50%", ""),
        ("alignment", f"P({found.scene.target}|x)", "", 1.0, "100%", "more"),
    )
    out = []
    for key, label, unit, top, end, better in rows:
        if key not in found.metrics:
            continue
        value, floor = found.metrics[key], found.floor[key]
        value = value if math.isfinite(value) else 1.0
        percent = key != "branch_tv"
        out.append(
            {
                "key": key,
                "label": label,
                "value": value,
                "text": with_error(value, found.errors.get(key), unit, percent=percent),
                "floor_text": f"truth {floor:.1%}" if percent else f"truth {floor:.2f}",
                "fill": min(max(value / top, 0.0), 1.0),
                "floor": min(max(floor / top, 0.0), 1.0),
                "ends": ["0", end if value <= top else f"{end} or more"],
                "better": f"{better} is better" if better else "the truth's is best",
            }
        )
    if out[0]["value"] > 0.5:
        out[-1] |= {"muted": True, "text": f"{out[-1]['text']}, most outside"}
    return out


def with_error(value: float, error: float | None, unit: str, *, percent: bool) -> str:
    """A number with its standard error, in as many digits as it: "9.0 ± 0.6% outside", "TV 0.25 ± 0.01"."""
    scale, digits = (100, 1) if percent else (1, 2)
    text = " ± ".join(f"{scale * number:.{digits}f}" for number in (value, error) if number is not None)
    return f"{text}% {unit}".strip() if percent else f"{unit} {text}"


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
    fields: Mapping[str, dict[str, Any]] | None = None,
    densities: Mapping[str, tuple | str] | None = None,
    probes: list[dict[str, Any]] | None = None,
    curves: Mapping[str, dict[str, Any] | str] | None = None,
    drawn: Mapping[str, np.ndarray] | None = None,
    ui_from: int = 0,
) -> bytes:
    """One pack: frames unless the viewer has them already, layers and a probe if they were asked for.

    ``state`` is what is asked, ``sides`` what is shown, ``pending`` why a side is not what is asked.
    """
    scene = sides["left"].scene
    titles = captions(*(state.scene(slot) for slot in SLOTS), knobs=False)
    absent = [slot for slot in SLOTS if sides[slot].waiting]
    frames_id = "-".join([identity(*(sides[slot].scene for slot in SLOTS)), *absent])
    header: dict[str, Any] = {
        "version": 1,
        "id": frames_id,
        "seq": request.seq,
        "quality": "preview" if preview else "full",
        "precomputed": precomputed,
        "busy": busy,
        "note": note,
        "lead": lead(state, sides),
        "sigmas": scene.sigmas().tolist(),
        "sigma_data": SIGMA_DATA,
        "sigma_max": scene.sigma_max,
        "sigma_min": scene.sigma_min,
        "layout": {"view": list(astuple(views.window("tree", scene.target)))},
        "target": scene.target,
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
    }
    arrays: dict[str, Any] = {}
    if request.have != frames_id:
        for slot in SLOTS:
            arrays |= {f"{slot}.{name}": value for name, value in sides[slot].arrays.items()}
        if not preview:
            arrays |= drawn or scenery()
            if len(absent) < len(SLOTS):
                arrays["truth.positions"] = forward_samples(scene)
    if fields and request.box:
        for slot, found in fields.items():
            arrays |= {f"{slot}.{name}": value for name, value in found["own"].items()} | found["shared"]
        for slot, density in (densities or {}).items():
            if isinstance(density, str):
                header["note"] = header["note"] or density
            else:
                arrays[f"{slot}.logq"] = density
        key = hashlib.blake2b(repr((frames_id, request.sigma, request.box)).encode(), digest_size=6).hexdigest()
        shape = [RESOLUTION, RESOLUTION]
        header["field"] = {"id": key, "sigma": request.sigma, "box": list(request.box), "shape": shape}
        header["field"]["tilt"] = {slot: found["tilt"] for slot, found in fields.items()}
    for found in header["panels"]:
        if of_panel := (curves or {}).get(found["slot"]):
            found["curve"] = {"lacks": of_panel} if isinstance(of_panel, str) else of_panel
    if probes and request.probe:
        header["probe"] = {"at": list(request.probe), "sigma": request.sigma, "panels": probes}
    return pack(header, arrays)


def default_pack() -> bytes:
    """The default page, as it is shipped."""
    state = State()
    sides = {slot: side(state.scene(slot)) for slot in SLOTS}
    return assemble(state, sides, Request(), precomputed=True, drawn=drawn_scenery())
