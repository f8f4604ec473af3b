"""What is optimised, and the way from numbers without limits, which a gradient moves, to a scene's knobs."""

import math
from dataclasses import dataclass
from typing import Annotated, SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from toy import views
from toy.guidance import RULES
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene
from toy.schedules import SCHEDULES
from toy.settings import Choice, Flag, Several, check, table

FREE = ("shares", "w", "alpha", "interval")
OBJECTIVES = {
    "energy": "energy distance",
    "kl": "KL(q || p)",
    "quality_variation": "outliers and branch TV",
}
CONSTANT, PLAIN = "best constant", "no guidance"

TABLE = 32  # values of the schedule 'free'
CONTROLS = 8  # of a smooth one
EDGE = 0.25  # width of an interval's soft ends, in ln sigma: about a step of 32

Unbounded = dict[str, Array]  # what is free, as numbers without limits


@dataclass(frozen=True)
class Problem:
    """What is optimised, and for what: ``free`` names parts of ``FREE``, ``objective`` one of ``OBJECTIVES``.

    ``scene.n`` points of each of ``seeds`` seeds, from the scene's own on, are trained with, ``batch`` an iteration;
    the next ``held_out`` seeds are only measured. A ``smooth`` course has eight values, linear in between; one that is
    not has 32, whose squared differences may be held down by ``roughness``. ``mixing`` is the share of quality in
    'quality_variation'.
    """

    scene: Scene
    objective: Annotated[str, Choice(OBJECTIVES, "objective", "what is made small")] = "energy"
    free: Annotated[tuple[str, ...], Several(FREE, "free", "what is optimised", "part", ordered=True)] = ("shares",)
    smooth: Annotated[bool, Flag("smooth", "eight shares, linear in between")] = True
    mixing: Annotated[float, Knob(0, 1, 0.05, "mixing", "share of quality in quality_variation")] = 0.5
    roughness: Annotated[float, Knob(0, 1000, 0.1, "roughness", "penalty on the shares' differences")] = 0.0
    batch: Annotated[int, Knob(2, 2**16, 1, "batch", "points of an iteration", whole=True)] = 1024
    seeds: Annotated[int, Knob(1, 100, 1, "seeds", "seeds that are trained with", whole=True)] = 4
    held_out: Annotated[int, Knob(2, 100, 1, "held out", "seeds after them, only measured", whole=True)] = 8

    def __post_init__(self) -> None:
        """Refuse what cannot be optimised, by name and value."""
        scene, knobs = self.scene, self.scene.entry.knobs
        check(self)
        object.__setattr__(self, "free", tuple(name for name in FREE if name in self.free))
        if not any(knob.neutral is not None for knob in knobs.values()):
            have = ", ".join(n for n, rule in RULES.items() if any(k.neutral is not None for k in rule.knobs.values()))
            raise ValueError(f"rule {scene.rule!r} has no weight to optimise; these do: {have}")
        if "alpha" in self.free and "alpha" not in knobs:
            have = ", ".join(name for name, rule in RULES.items() if "alpha" in rule.knobs)
            raise ValueError(f"rule {scene.rule!r} has no alpha to optimise; these do: {have}")
        if self.timed and scene.schedule != "constant":
            raise ValueError(f"schedule {scene.schedule!r} would be replaced by what is optimised; leave it 'constant'")
        if INTEGRATORS[scene.integrator].stochastic:
            have = ", ".join(name for name, entry in INTEGRATORS.items() if not entry.stochastic)
            raise ValueError(f"integrator {scene.integrator!r} is stochastic and is not optimised; these are: {have}")
        scene.change(seed=scene.seed + self.seeds + self.held_out - 1)

    @property
    def timed(self) -> bool:
        """Whether the weight's course over the run is free, not only numbers."""
        return "shares" in self.free or "interval" in self.free

    @property
    def weight(self) -> Knob:
        """The weight that a schedule moves: w, or the rule's first."""
        weights = {name: knob for name, knob in self.scene.entry.knobs.items() if knob.neutral is not None}
        return weights.get("w") or next(iter(weights.values()))

    @property
    def neutral(self) -> float:
        """The weight's value without guidance."""
        return float(self.weight.neutral or 0)

    @property
    def unit(self) -> float:
        """The weight's value while its course is free: one more than neutral, so that a share is the extra weight."""
        value = self.neutral + 1
        return value if self.weight.lo <= value <= self.weight.hi else self.weight.default

    @property
    def train(self) -> range:
        """Seeds that are trained with."""
        return range(self.scene.seed, self.scene.seed + self.seeds)

    @property
    def test(self) -> range:
        """Seeds that are held out."""
        return range(self.train.stop, self.train.stop + self.held_out)

    @property
    def base(self) -> Scene:
        """The scene whose knobs are turned: under the schedule 'free' where the weight's course is free."""
        values: dict[str, object] = {"schedule": "free"} if self.timed else {}
        return self.scene.change(**values, **({self.weight.name: self.unit} if "shares" in self.free else {}))

    def constant(self, weight: float) -> Scene:
        """The scene with a constant weight."""
        return self.scene.change(schedule="constant", **{self.weight.name: short(weight)})

    def oracle(self) -> Scene | None:
        """The same main model and guide, with the best weight at every point; None for a rule without a guide."""
        cast, guide = dict(self.scene.cast), self.guide
        if guide is None:
            return None
        names = ("integrator", "target", "start", *SETTINGS)
        shared = {name: getattr(self.scene, name) for name in names}
        truth = f"exact:{self.scene.target}"
        return Scene.of("optimal_weight", main=cast["main"], weak=cast[guide], truth=truth, **shared)

    @property
    def guide(self) -> str | None:
        """The role that the oracle extrapolates away from: the weak model, or the only guide."""
        return "weak" if "weak" in self.scene.entry.roles else views.guide_role(self.scene)


DESCENT = table(
    iterations=Knob(1, 100_000, 1, "iterations", "steps of the descent", whole=True, default=200),
    rate=Knob(1e-4, 10, 0.01, "rate", "of Adam, in the first iteration", log=True, default=0.04),
)


def everything(scene: Scene) -> tuple[str, ...]:
    """All that can be free at once: the course, its interval, and alpha where there is one."""
    return ("shares", "interval", *(("alpha",) if "alpha" in scene.entry.knobs else ()))


# --- From numbers without limits to knobs -----------------------------------------------------------------------------


def _inside(lo: float | Array, hi: float | Array, u: Array) -> Array:
    return lo + (hi - lo) * jax.nn.sigmoid(u)


def _outside(lo: float, hi: float, value: float) -> float:
    """The inverse of ``_inside``; off the ends of the range, where the slope vanishes."""
    share = min(max((value - lo) / (hi - lo), 0.02), 0.98)
    return math.log(share / (1 - share))


def short(value: SupportsFloat) -> float:
    """Four digits: what is measured, written to a file and put in a link is the same number."""
    return float(f"{float(value):.4g}")


SHARE = SCHEDULES["free"].knobs["share"]
NODES = np.linspace(0, 1 - 1 / TABLE, CONTROLS)
HATS = np.stack([np.interp(np.arange(TABLE) / TABLE, NODES, row) for row in np.eye(CONTROLS)], axis=1)  # [32, 8]


def levels(scene: Scene) -> np.ndarray:
    """Noise level, [32], where each value of the schedule 'free' stands in the scene's run."""
    with jax.ensure_compile_time_eval():  # within a program too these are numbers
        own = scene.sigmas()[:-1] ** (1 / scene.rho)
    return np.interp(np.arange(TABLE) * scene.steps / TABLE, np.arange(scene.steps), own) ** scene.rho


def values(problem: Problem, u: Unbounded) -> dict[str, Array]:
    """What is free as it is in the scene: ``shares`` [32], the weight ``w``, ``alpha``, ``lo`` and ``hi``."""
    found: dict[str, Array] = {}
    if "shares" in problem.free:
        table = _inside(SHARE.lo, SHARE.hi, u["shares"])
        hats = jnp.asarray(HATS, table.dtype)
        found["shares"] = jnp.matmul(hats, table, precision="highest") if problem.smooth else table
    if "w" in problem.free:
        found["w"] = _inside(problem.weight.lo, problem.weight.hi, u["w"])
    if "alpha" in problem.free:
        knob = problem.scene.entry.knobs["alpha"]
        found["alpha"] = _inside(knob.lo, knob.hi, u["alpha"])
    if "interval" in problem.free:
        bottom, top = _ends(problem.scene)
        lo = _inside(bottom, top, u["lo"])
        found |= {"lo": jnp.exp(lo), "hi": jnp.exp(_inside(lo, top, u["hi"]))}
    return found


def _ends(scene: Scene) -> tuple[float, float]:
    """Ln sigma between which an interval's ends are: those of the run, and of the knobs."""
    return math.log(scene.sigma_min), math.log(min(scene.sigma_max, SCHEDULES["interval"].knobs["hi"].hi))


def knobs_of(problem: Problem, u: Unbounded) -> dict[str, Array]:
    """Knobs of the base scene; an interval's ends are soft in ln sigma, since a hard switch has no slope."""
    found = values(problem, u)
    knobs = {name: jnp.float32(value) for name, value in problem.base.knobs}
    if "w" in found:
        knobs[problem.weight.name] = found["w"]
    if "alpha" in found:
        knobs["alpha"] = found["alpha"]
    if problem.timed:
        shares = found.get("shares", jnp.ones(TABLE))
        if "lo" in found:
            at = jnp.log(jnp.asarray(levels(problem.scene), shares.dtype))
            inside = jax.nn.sigmoid((at - jnp.log(found["lo"])) / EDGE)
            shares = shares * inside * jax.nn.sigmoid((jnp.log(found["hi"]) - at) / EDGE)
        knobs["share"] = shares
    return knobs


def scene_of(problem: Problem, u: Unbounded) -> Scene:
    """The scene that was found, its numbers rounded to four digits and an interval's ends hard."""
    found = {name: np.asarray(value) for name, value in values(problem, u).items()}
    knobs = {problem.weight.name if name == "w" else name: short(v) for name, v in found.items() if name != "shares"}
    if "shares" in found:
        shares = np.array([short(value) for value in found["shares"]])
        if "lo" in knobs:
            at = levels(problem.scene)
            shares = np.where((at > knobs.pop("lo")) & (at <= knobs.pop("hi")), shares, 0.0)
        knobs["share"] = shares.tolist()
    elif "lo" in knobs:
        return problem.scene.change(schedule="interval", **knobs)
    return problem.base.change(**knobs)


def starts(problem: Problem, best: float) -> dict[str, Unbounded]:
    """Where to start from, by name: a constant weight, the best one and that of no guidance; an interval is wide."""
    weight, scene, found = problem.weight, problem.scene, {}
    for name, value in ((CONSTANT, best), (PLAIN, problem.neutral)):
        u: dict[str, ArrayLike] = {}
        if "shares" in problem.free:
            share = (value - problem.neutral) / (problem.unit - problem.neutral)
            u["shares"] = np.full(CONTROLS if problem.smooth else TABLE, _outside(SHARE.lo, SHARE.hi, share))
        if "w" in problem.free:
            u["w"] = _outside(weight.lo, weight.hi, problem.unit if "shares" in problem.free else value)
        if "alpha" in problem.free:
            knob = scene.entry.knobs["alpha"]
            u["alpha"] = _outside(knob.lo, knob.hi, dict(scene.knobs)["alpha"])
        if "interval" in problem.free:
            u |= {"lo": _outside(0, 1, 0.1), "hi": _outside(0, 1, 0.9)}
        found[name] = {part: jnp.asarray(number, jnp.float32) for part, number in u.items()}
    both = zip(*(jax.tree.leaves(u) for u in found.values()), strict=True)
    if all(np.array_equal(one, other) for one, other in both):
        del found[PLAIN]
    return found
