"""Schedules found by gradient: a deterministic sampler is one differentiable function of its weights.

What is optimised is what the explorer runs: the 32 values of the schedule ``free``, the weight itself, the mix of two
guides, the ends of a guidance interval. The slope comes from reverse-mode differentiation through all steps, on points
of the training seeds; what is reported are the usual measures on those seeds and on held-out ones, beside the best
constant weight, no guidance, and the oracle that picks the best weight at every point.
"""

import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from toy import flows, fractal, metrics, sampling, scenes, views
from toy.densities import Density
from toy.guidance import RULES
from toy.metrics import Truth
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene
from toy.schedules import SCHEDULES
from toy.uncertainty import standard_error

FREE = ("shares", "w", "alpha", "interval")
OBJECTIVES = {
    "energy": "energy distance",
    "kl": "KL(q || p)",
    "quality_variation": "outliers and branch TV",
}
MEASURES = ("energy_distance", "outliers", "branch_tv")
OPTIMUM, CONSTANT, PLAIN, ORACLE = "optimum", "best constant", "no guidance", "oracle"

TABLE = 32  # values of the schedule 'free'
CONTROLS = 8  # of a smooth one
EDGE = 0.25  # width of an interval's soft ends, in ln sigma: about a step of 32
KL_POINTS = 512  # of each seed that KL is measured with: its slopes in x cost thrice as much as the samples
COARSE = (-0.25, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # extra weights that are tried, then finer twice
SCOUT = 0.2  # of the iterations, before the better start alone goes on
PATIENCE = 10  # iterations without a finite slope, in a row

Report = Callable[[str, int, int, float], None]  # what is done, how much of it, of how much, the loss or NaN
Unbounded = dict[str, Array]  # what is free, as numbers without limits


# --- The problem ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """What is optimised, and for what: ``free`` names parts of ``FREE``, ``objective`` one of ``OBJECTIVES``.

    ``scene.n`` points of each of ``seeds`` seeds, from the scene's own on, are trained with, ``batch`` an iteration;
    the next ``held_out`` seeds are only measured. A ``smooth`` course has eight values, linear in between; one that is
    not has 32, whose squared differences may be held down by ``roughness``. ``mixing`` is the share of quality in
    'quality_variation'.
    """

    scene: Scene
    objective: str = "energy"
    free: tuple[str, ...] = ("shares",)
    smooth: bool = True
    mixing: float = 0.5
    roughness: float = 0.0
    batch: int = 1024
    seeds: int = 4
    held_out: int = 8

    def __post_init__(self) -> None:
        """Refuse what cannot be optimised, by name and value."""
        scene, knobs = self.scene, self.scene.entry.knobs
        if self.objective not in OBJECTIVES:
            raise ValueError(f"unknown objective {self.objective!r}; have: {', '.join(OBJECTIVES)}")
        for name in self.free:
            if name not in FREE:
                raise ValueError(f"{name!r} cannot be optimised; these can: {', '.join(FREE)}")
        if not self.free:
            raise ValueError(f"nothing is free to be optimised; these can be: {', '.join(FREE)}")
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
        reals: tuple[tuple[str, Any, int], ...] = (("mixing", self.mixing, 1), ("roughness", self.roughness, 1000))
        for name, number, most in reals:
            if not (isinstance(number, int | float) and 0 <= number <= most):
                raise ValueError(f"{name} = {number} is not a number from 0 to {most}")
        ranges: tuple[tuple[str, Any, int, int], ...] = (
            ("batch", self.batch, 2, 2**16),
            ("seeds", self.seeds, 1, 100),
            ("held_out", self.held_out, 2, 100),
        )
        for name, value, lo, hi in ranges:
            if not (isinstance(value, int) and lo <= value <= hi):
                raise ValueError(f"{name} = {value} is not a whole number from {lo} to {hi}")
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
        values: dict[str, Any] = {"schedule": "free"} if self.timed else {}
        return self.scene.change(**values, **({self.weight.name: self.unit} if "shares" in self.free else {}))

    def constant(self, weight: float) -> Scene:
        """The scene with a constant weight."""
        return self.scene.change(schedule="constant", **{self.weight.name: _short(weight)})

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


def chosen(names: str, scene: Scene) -> tuple[str, ...]:
    """What is free, by names separated by commas; 'all' is the course, its interval, and alpha where there is one."""
    if names == "all":
        return ("shares", "interval", *(("alpha",) if "alpha" in scene.entry.knobs else ()))
    return tuple(name.strip() for name in names.split(",") if name.strip())


# --- From numbers without limits to knobs -----------------------------------------------------------------------------


def _inside(lo: Any, hi: Any, u: Array) -> Array:
    return lo + (hi - lo) * jax.nn.sigmoid(u)


def _outside(lo: float, hi: float, value: float) -> float:
    """The inverse of ``_inside``; off the ends of the range, where the slope vanishes."""
    share = min(max((value - lo) / (hi - lo), 0.02), 0.98)
    return math.log(share / (1 - share))


def _short(value: Any) -> float:
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
    knobs = {problem.weight.name if name == "w" else name: _short(v) for name, v in found.items() if name != "shares"}
    if "shares" in found:
        shares = np.array([_short(value) for value in found["shares"]])
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
        u: dict[str, Any] = {}
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


# --- What is descended ------------------------------------------------------------------------------------------------


_forgetful = partial(jax.checkpoint, prevent_cse=False)  # a loop's body keeps its order by itself


@partial(jax.tree_util.register_dataclass, data_fields=["density"], meta_fields=[])
@dataclass(frozen=True)
class Recomputed:
    """A density that keeps nothing for the backward pass but where it was asked, and is worked out again there.

    Everything that the networks' layers hold through 32 steps would take gigabytes.
    """

    density: Density

    def logp(self, x: Float[Array, "*b 2"], sigma: Float[Array, "*#b"] | float) -> Float[Array, "*b"]:
        """Log-density of the density itself."""
        return _forgetful(lambda density, x, sigma: density.logp(x, sigma))(self.density, x, sigma)

    def score(self, x: Float[Array, "*b 2"], sigma: Float[Array, "*#b"] | float) -> Float[Array, "*b 2"]:
        """Score of the density itself."""
        return _forgetful(lambda density, x, sigma: density.score(x, sigma))(self.density, x, sigma)


class Given(NamedTuple):
    """What the objective needs besides what is free: the densities that play, the noise levels, the truth."""

    players: dict[str, Density]
    sigmas: Float[Array, " s"]
    truth: Truth


def prepared(problem: Problem, cast: Mapping[str, Density]) -> Given:
    """Of a problem and its loaded cast."""
    players: dict[str, Density] = {
        role: Recomputed(density) for role, density in scenes.players(problem.scene, cast).items()
    }
    return Given(players, jnp.asarray(problem.scene.sigmas()), metrics.truth(problem.scene.target, problem.scene.n))


def energy(x: Float[Array, "n 2"], y: Float[Array, "m 2"]) -> Float[Array, ""]:
    """Energy distance of two samples, as ``toy.metrics.energy_distance`` has it, with a slope everywhere.

    The metric's own square root has an infinite slope at the distance of a point from itself; and the samples that it
    compares with are always the same, so that one would learn them.
    """

    def mean_distance(a: Array, b: Array) -> Array:
        return jnp.mean(jnp.sqrt(jnp.sum(jnp.square(a[:, None] - b), axis=-1) + 1e-16))

    within = mean_distance(x, x) * len(x) / (len(x) - 1) + mean_distance(y, y) * len(y) / (len(y) - 1)
    return mean_distance(x, y) - 0.5 * within


def objective(problem: Problem, u: Unbounded, x: Float[Array, "n 2"], key: Array, given: Given) -> Float[Array, ""]:
    """What is made small, over the starting points ``x``; true samples, where they are needed, are drawn anew."""
    scene, knobs, truth = problem.base, knobs_of(problem, u), given.truth
    names = {"rule": scene.rule, "schedule": scene.schedule, "integrator": scene.integrator}
    if problem.objective == "kl":
        samples, log_det = sampling.volume(x, given.sigmas, given.players, knobs, **names)
        return jnp.mean(flows.log_start(scene, x) - log_det - truth.density.logp(samples, 0.0))
    samples = sampling.trajectory(x, given.sigmas, given.players, knobs, key, keep=False, **names)[-1]
    if problem.objective == "energy":
        return energy(samples, truth.density.sample(key, len(x)))
    soft = jnp.mean(jax.nn.sigmoid(truth.threshold - truth.density.logp(samples, 0.0)))  # over one nat
    occupancy = jnp.mean(truth.density.responsibilities(samples, 0.0), axis=0)
    return problem.mixing * soft + (1 - problem.mixing) * metrics.branch_tv(occupancy, truth)


def loss(u: Unbounded, x: Float[Array, "n 2"], key: Array, given: Given, problem: Problem) -> Float[Array, ""]:
    """The objective, and what holds the course's roughness down."""
    found = objective(problem, u, x, key, given)
    if problem.roughness and "shares" in problem.free:
        found += problem.roughness * jnp.mean(jnp.square(jnp.diff(values(problem, u)["shares"])))
    return found


@dataclass
class Descent:
    """A way down from one start: where it is, what Adam remembers, the loss of every iteration."""

    u: Unbounded
    state: Any
    history: list[float] = field(default_factory=list)


def adam(rate: float, iterations: int) -> optax.GradientTransformation:
    """Adam whose rate falls to 0 along half a cosine, so that the last iterate needs no averaging."""
    return optax.adam(optax.cosine_decay_schedule(rate, iterations), b2=0.99)


@partial(jax.jit, static_argnames=("problem", "rate", "iterations"))
def step(
    u: Unbounded, state: Any, x: Float[Array, "n 2"], key: Array, given: Given, *, problem: Problem, rate: float,
    iterations: int,
) -> tuple[Unbounded, Any, Float[Array, ""]]:  # fmt: skip
    """One iteration and the loss before it; nothing moves where the loss or a slope is not finite."""
    found, slope = jax.value_and_grad(lambda u: loss(u, x, key, given, problem))(u)
    moves, after = adam(rate, iterations).update(slope, state, u)
    fine = jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in (found, *jax.tree.leaves(slope))]))
    moved = jax.tree.map(lambda new, old: jnp.where(fine, new, old), (optax.apply_updates(u, moves), after), (u, state))
    return *moved, found


def training_points(problem: Problem) -> Float[Array, "m 2"]:
    """The starting points of all training seeds: those of the scenes that are measured."""
    return jnp.concatenate([scenes.initial(problem.scene.change(seed=seed)) for seed in problem.train])


def rows(problem: Problem, iteration: int) -> np.ndarray:
    """Which training points an iteration uses: all of them in turn, in another order each time."""
    count = problem.seeds * problem.scene.n
    size = min(problem.batch, count)
    epoch, part = divmod(iteration, count // size)
    return np.random.default_rng([problem.scene.seed, epoch]).permutation(count)[part * size : (part + 1) * size]


def descend(
    problem: Problem, run: Descent, x: Float[Array, "m 2"], given: Given, *, until: int, iterations: int, rate: float,
    report: Callable[[float], None],
) -> None:  # fmt: skip
    """Iterate ``until`` so many are done, ``run`` itself keeping up; ``report(loss)`` is called after each.

    ValueError where the slope stops being finite.
    """
    key = jax.random.key(problem.scene.seed)
    for i in range(len(run.history), until):
        now = jax.random.fold_in(key, i)
        run.u, run.state, found = step(
            run.u, run.state, x[rows(problem, i)], now, given, problem=problem, rate=rate, iterations=iterations
        )
        run.history.append(float(found))
        if not np.isfinite(run.history[-PATIENCE:]).any() and i + 1 >= PATIENCE:
            raise ValueError(f"the {OBJECTIVES[problem.objective]} of {problem.scene.rule!r} is not finite, so that it "
                             "has no slope: the weights it starts from are too large for this sampler")  # fmt: skip
        report(run.history[-1])


# --- What is found ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """A scene's measures by name, on the training seeds and on the held-out ones, [seeds] each."""

    scene: Scene
    train: Mapping[str, np.ndarray]
    held_out: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Optimum:
    """What was found: ``methods`` measures the optimum, the best constant weight, no guidance and the oracle.

    ``history`` is the loss of every iteration from each start, and ``start`` the one that led here. It is the best
    constant itself, without iterations of its own, where nothing better was found on the training seeds.
    """

    problem: Problem
    methods: Mapping[str, Measured]
    history: Mapping[str, Sequence[float]]
    start: str
    seconds: float
    versions: Mapping[str, str]
    command: str = ""

    @property
    def scene(self) -> Scene:
        """The scene that was found."""
        return self.methods[OPTIMUM].scene

    @property
    def gap(self) -> tuple[float, float]:
        """Objective on the held-out seeds less that on the training seeds, and its standard error."""
        own = self.methods[OPTIMUM]
        train, held_out = goal(self.problem, own.train), goal(self.problem, own.held_out)
        return float(held_out.mean() - train.mean()), math.hypot(standard_error(train), standard_error(held_out))

    @property
    def advantage(self) -> tuple[float, float]:
        """By how much the objective is below the best constant's, and the standard error: paired, on held-out seeds."""
        other, own = (goal(self.problem, self.methods[name].held_out) for name in (CONSTANT, OPTIMUM))
        return float(np.mean(other - own)), float(standard_error(other - own))

    @property
    def beats(self) -> bool:
        """Whether that is more than two standard errors."""
        better, wide = self.advantage
        return better > 2 * wide and better > 0


def goal(problem: Problem, measures: Mapping[str, np.ndarray]) -> np.ndarray:
    """The objective of the usual measures, [seeds]: without soft edges."""
    if problem.objective == "quality_variation":
        return problem.mixing * measures["outliers"] + (1 - problem.mixing) * measures["branch_tv"]
    return np.asarray(measures["kl" if problem.objective == "kl" else "energy_distance"])


def usual(scene: Scene, cast: Mapping[str, Density], seeds: range) -> dict[str, np.ndarray]:
    """The usual measures by name, [seeds]."""
    many = [scene.change(seed=seed) for seed in seeds]
    found = scenes.measure_scenes(many, [cast] * len(many), MEASURES)
    return {name: np.array([float(each[name]) for each in found]) for name in MEASURES}


def divergence(scene: Scene, cast: Mapping[str, Density], seeds: range) -> dict[str, np.ndarray]:
    """KL(q || p), [seeds], of at most so many points a seed."""
    few = [scene.change(seed=seed, n=min(scene.n, KL_POINTS)) for seed in seeds]
    return {"kl": np.array([flows.flow(each, cast, tilt=False).summary()["kl_truth"] for each in few])}


def best_constant(problem: Problem, score: Callable[[Scene], float], report: Callable[[int, int], None]) -> float:
    """The constant weight of the least objective on the training seeds: of a coarse grid, refined twice around it."""
    weight, extra = problem.weight, problem.unit - problem.neutral
    grid = sorted({min(max(problem.neutral + share * extra, weight.lo), weight.hi) for share in COARSE})
    found: dict[float, float] = {}
    total = len(grid) + 4
    for value in grid:
        found[value] = score(problem.constant(value))
        report(len(found), total)
    for _ in range(2):
        tried = sorted(found)
        at = tried.index(min(tried, key=lambda value: _last(found[value])))
        for i in (at - 1, at):
            if not 0 <= i < len(tried) - 1:
                continue
            value = _short((tried[i] + tried[i + 1]) / 2)
            found[value] = score(problem.constant(value))
            report(len(found), total)
    return min(found, key=lambda value: _last(found[value]))


def optimise(
    problem: Problem,
    cast: Mapping[str, Density],
    *,
    iterations: int = 200,
    rate: float = 0.04,
    command: str = "",
    report: Report | None = None,
) -> Optimum:
    """Find the best that is free; ``cast`` holds the density of each of the rule's roles.

    Two starts are followed for a fifth of the iterations, the better one on the training seeds to the end. Interrupted
    by Ctrl-C, the iterations end there, and what was found so far is measured. ``report(words, done, total, loss)``.
    """
    if not 1 <= iterations <= 100_000:
        raise ValueError(f"iterations = {iterations} is not a whole number from 1 to 100000")
    if not 1e-4 <= rate <= 10:
        raise ValueError(f"rate = {rate} is not a number from 0.0001 to 10")
    began, tell = time.perf_counter(), report or (lambda words, done, total, loss: None)
    known: dict[tuple, dict[str, np.ndarray]] = {}

    def numbers(scene: Scene, seeds: range, *, kl: bool) -> dict[str, np.ndarray]:
        """Measures of a scene, worked out once."""
        if (scene, seeds, kl) not in known:
            players = cast if scene.rule == problem.scene.rule else _oracle_cast(problem, cast)
            known[scene, seeds, kl] = (divergence if kl else usual)(scene, players, seeds)
        return known[scene, seeds, kl]

    def score(scene: Scene) -> float:
        """Mean objective on the training seeds."""
        return float(goal(problem, numbers(scene, problem.train, kl=problem.objective == "kl")).mean())

    best = best_constant(problem, score, lambda done, total: tell("constant weights", done, total, math.nan))
    constant = problem.constant(best)
    rule = adam(rate, iterations)
    runs = {name: Descent(u, rule.init(u)) for name, u in starts(problem, best).items()}
    scout = math.ceil(SCOUT * iterations) if len(runs) > 1 else 0
    total = iterations + scout * (len(runs) - 1)

    def said(found: float) -> None:
        tell("iterations", sum(len(run.history) for run in runs.values()), total, found)

    go = partial(descend, problem, x=training_points(problem), given=prepared(problem, cast), iterations=iterations,
                 rate=rate, report=said)  # fmt: skip
    try:
        for run in runs.values():
            go(run=run, until=scout)
        ahead = min(runs, key=lambda name: _last(score(scene_of(problem, runs[name].u))))
        go(run=runs[ahead], until=iterations)
    except KeyboardInterrupt:
        pass
    candidates = {name: scene_of(problem, run.u) for name, run in runs.items() if run.history}
    start = min([*candidates, ""], key=lambda name: _last(score(candidates.get(name, constant))))
    found = {OPTIMUM: candidates.get(start, constant), CONSTANT: constant, PLAIN: problem.constant(problem.neutral)}
    oracle, methods = problem.oracle(), {}
    if oracle is not None:
        found[ORACLE] = oracle
    for done, (name, scene) in enumerate(found.items()):
        tell("measuring", done, len(found), math.nan)
        parts = (
            numbers(scene, seeds, kl=False) | numbers(scene, seeds, kl=True) for seeds in (problem.train, problem.test)
        )
        methods[name] = Measured(scene, *parts)
    tell("measuring", len(found), len(found), math.nan)
    history = {name: tuple(run.history) for name, run in runs.items()}
    seconds = time.perf_counter() - began
    return Optimum(problem, methods, history, start or CONSTANT, seconds, versions(), command)


def _last(value: float) -> float:
    """For a minimum: what is not finite comes last."""
    return value if math.isfinite(value) else math.inf


def _oracle_cast(problem: Problem, cast: Mapping[str, Density]) -> dict[str, Density]:
    assert problem.guide is not None
    return {"main": cast["main"], "weak": cast[problem.guide], "truth": fractal.mixture(problem.scene.target)}


def versions() -> dict[str, str]:
    """Of what the numbers depend on."""
    return {"python": platform.python_version(), "jax": jax.__version__, "optax": optax.__version__,
            "numpy": np.__version__, "backend": jax.default_backend()}  # fmt: skip


def weights(scene: Scene, knob: Knob) -> np.ndarray:
    """The value, [steps], that a weight has at each step of the scene."""
    shares, neutral = SCHEDULES[scene.schedule], float(knob.neutral or 0)
    steps = jnp.arange(scene.steps) / scene.steps
    at = {"sigma": jnp.asarray(scene.sigmas()[:-1]), "progress": steps}
    own = {name: dict(scene.knobs)[name] for name in shares.knobs}
    share = np.asarray(shares(*(at[name] for name in shares.inputs), **own))
    return neutral + share * (dict(scene.knobs)[knob.name] - neutral)
