"""What the live views show of a scene, computed: its particles, layers, curve, and what a place says."""

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypedDict

import numpy as np

import models
from toy import distributions, flows, metrics, scenes, views
from toy.captions import mode_word
from toy.densities import Normalised
from toy.distributions.strokes import is_drawing
from toy.metrics import Values
from toy.names import Name
from toy.scene import Scene
from toy.scenes import Frame
from toy.state import SLOTS, State
from toy.viewer import cost
from toy.viewer.packing import DEFAULT_PACK, Packed, quantise, unpack

PREVIEW = 512
SIGMA_DATA = 0.5
MEASURES = ("outliers", "branch_tv", "root_share", "alignment")
RESOLUTION = 96
COVER = 8192  # samples that say where anything is drawn
WEIGHTS = 9  # of a curve
LOWEST = -40.0  # nats below the true density's top in view, where nothing is drawn


@dataclass(frozen=True)
class Side:
    """One scene, computed and packed: what the cache keeps."""

    scene: Scene
    arrays: dict[str, Packed]
    metrics: Values
    floor: Values
    waiting: str = ""  # what stands in the place of the particles, which are not there yet
    errors: dict[str, float] = dataclasses.field(default_factory=dict)  # standard ones of the metrics

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum((a[0] if isinstance(a, tuple) else a).nbytes for a in self.arrays.values())


def stand_in(scene: Scene, waiting: str) -> Side:
    """A side without particles: what was asked for by its own name, and the words for what it waits for."""
    return Side(scene, {}, {}, {}, waiting)


def program(scene: Scene, *extra: object) -> tuple:
    """What has to be compiled or worked out once for a scene, whatever its knobs: its static parts, and shapes."""
    types = scene.entry.types

    def kind(role: str, name: str) -> object:
        parsed = Name.parse(name)
        # A density's constant is worked out for itself, and so is a degraded density.
        if parsed.items or types[role] is Normalised:
            return name
        if parsed.network:
            return parsed.network.width
        return shape(parsed.distribution) if parsed.distribution else name

    def shape(target: str) -> tuple[int, ...]:
        return distributions.mixture(target).log_weights.shape

    names = ("rule", "schedule", "integrator", "start", "steps", "n")
    static = (getattr(scene, name) for name in names)
    return (*extra, *static, shape(scene.target), *(kind(*played) for played in scene.cast))


def side(scene: Scene) -> Side:
    """Sample, measure and pack one scene."""
    measures = metrics.defined(MEASURES, scene.target)
    frame = scenes.compute(scene, models.cast(scene.cast), floor=False, measures=measures)
    arrays: dict[str, Packed] = {
        "positions": positions(frame),
        "outside": views.outside(frame).astype(np.uint8),
        "branch_gain": branch_gain(frame),
    }
    errors = metrics.errors(frame.metrics, frame.occupancy, scene.n, scene.target)
    floor = metrics.floor(scene.target, scene.n, measures)
    return Side(scene, arrays, dict(frame.metrics), floor, errors=errors)


def positions(frame: Frame) -> tuple[np.ndarray, float, float]:
    """Path in the network's own units x / sqrt(sigma^2 + sigma_data^2), in 16 bits.

    Runaway particles are held at 50 units, far off every screen, so that they do not cost the others their digits.
    """
    scale = np.sqrt(np.square(frame.sigmas) + SIGMA_DATA**2)[:, None, None]
    return quantise(np.clip(np.nan_to_num(frame.path / scale, nan=50.0, posinf=50.0, neginf=-50.0), -50, 50))


def branch_gain(frame: Frame) -> np.ndarray:
    """log2 of sampled over true mass of each mode, within 3 of zero."""
    ratio = np.log2(np.maximum(frame.occupancy, 1e-9) / distributions.of(frame.scene.target).mass)
    return np.clip(np.nan_to_num(ratio, nan=-3.0), -3, 3).astype(np.float32)


@lru_cache(maxsize=32)
def scenery(target: str) -> dict[str, np.ndarray]:
    """Modes and outlines: the tree's from the shipped scene where there is one, else worked out."""
    if distributions.of(target).on or not DEFAULT_PACK.exists():
        return drawn_scenery(target)
    _, arrays = unpack(DEFAULT_PACK.read_bytes())
    return {name: array for name, array in arrays.items() if name.startswith(("tree.", "outline."))}


def of_target(target: str) -> dict[str, object]:
    """What a view is told of a target: its name and classes, the rest and all of them, its own modes of the scenery.

    And words for classes, where there are some.
    """
    known = distributions.of(target)
    return {
        "name": target,
        "classes": known.classes,
        "called": known.called,
        "rest": known.rest.classes if known.rest else "",
        "all": known.all.classes,
        "mode": mode_word(target),
        "own": [0 if known.on else int(known.modes[0]), len(known.modes)],
        "origin": known.distribution.origin.tolist(),
        "unit": float(known.distribution.unit),
        "drawing": is_drawing(known.on),
    } | ({"words": dict(known.distribution.words)} if known.distribution.words else {})


def drawn_scenery(target: str) -> dict[str, np.ndarray]:
    """Modes as lines, the target's own first but for the tree's, which stay as they are; outlines of 99% regions."""
    known, arrays = distributions.of(target), dict[str, np.ndarray]()
    drawn, every = known.distribution, known.all
    if drawn.start is not None and drawn.end is not None and drawn.thickness is not None:
        order = np.concatenate([known.modes, np.setdiff1d(every.modes, known.modes)]) if known.on else every.modes
        level = drawn.level if drawn.level is not None else np.zeros(len(every.modes))
        arrays["tree.segments"] = np.concatenate([drawn.start, drawn.end], axis=1)[order].astype(np.float32)
        arrays["tree.depth"] = level[order].astype(np.uint8)
        arrays["tree.thickness"] = drawn.thickness[order].astype(np.float32)
        arrays["tree.class"] = mode_classes(drawn)[order]
    for name in dict.fromkeys([*distributions.targets(known.on), *([known.rest.name] if known.rest else []), target]):
        lines = views.contours(name)
        classes = distributions.of(name).classes
        arrays[f"outline.{classes}"] = np.concatenate(lines)
        arrays[f"outline.{classes}.starts"] = np.cumsum([0, *map(len, lines[:-1])]).astype(np.uint32)
    return arrays


def mode_classes(drawn: distributions.Distribution) -> np.ndarray:
    """The class of each mode, by its place among the letters, [modes]."""
    found = np.zeros(drawn.modes.max() + 1, np.uint8)
    found[drawn.modes] = [distributions.LETTERS.index(label) for label in drawn.labels]
    return found


@lru_cache(maxsize=8)
def forward_samples(scene: Scene) -> np.ndarray:
    """True samples for the forward process; with the exact start, the very ones that the noise was added to."""
    return np.asarray(scenes.data_and_noise(scene)[0], np.float32)


class Layers(TypedDict):
    """What is drawn of one side over a box: arrays of its ``own`` and ``shared`` by both, its ``tilt`` in words."""

    own: dict[str, Packed]
    shared: dict[str, Packed]
    tilt: str


def field(scene: Scene, sigma: float, box: tuple[float, float, float, float]) -> Layers:
    """Layers of one side over ``box``, as the viewer takes them."""
    found = views.fields(scene, models.cast(scene.cast), sigma=sigma, box=box, resolution=RESOLUTION)
    arrays: dict[str, Packed] = {
        name: quantise(found[name]) for name in ("logp1", "logp0", "logtilt", "error") if name in found
    }
    for name in ("main", "guide", "guided"):
        if name in found:
            arrays[f"arrows.{name}"] = found[name].astype(np.float32)
    shared: dict[str, Packed] = {
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
    top = float(np.max(views.logp_on(distributions.mixture(scene.target), points, np.float32(sigma))))
    return quantise(np.nan_to_num(np.clip(found, top + LOWEST, top - LOWEST), nan=top + LOWEST))


def without_weight(scene: Scene) -> Scene:
    """What a curve over the weight belongs to: the scene whatever its weight, with few particles."""
    scene = replace(scene, n=PREVIEW)
    knob = scene.entry.knobs.get("w")
    return scene.change(w=knob.default) if knob else scene


def curve(scene: Scene) -> dict[str, object]:
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


def probe(scene: Scene, at: tuple[float, float], sigma: float) -> dict[str, object]:
    """Scores and log-densities of one side at a point."""
    cast = models.cast(scene.cast)
    x, level = np.array([at], np.float32), np.float32(sigma)
    truth, guide = distributions.mixture(scene.target), views.guide_role(scene)

    def numbers(values: object) -> list[float] | None:
        found = [float(v) for v in np.asarray(values).ravel()]
        return found if all(map(math.isfinite, found)) else None

    def number(value: object) -> float | None:
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
        pool.submit(scenery, State().left.target)
        return list(pool.map(side, usual()))
