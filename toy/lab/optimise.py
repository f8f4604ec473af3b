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
from dataclasses import asdict, dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from toy.densities import Density
from toy.lab import run as running
from toy.lab.code import digest
from toy.lab.descent import Descent, adam, descend, prepared, training_points
from toy.lab.problem import CONSTANT, DESCENT, PLAIN, Problem, scene_of, short, starts
from toy.lab.questions import Divergence
from toy.lab.store import Owner, Result, Store, unfinished
from toy.lab.trial import Measurable, Trial, address, addresses
from toy.progress import Progress, Report, each
from toy.registry import Knob
from toy.scene import Scene
from toy.schedules import SCHEDULES
from toy.uncertainty import interval, standard_error

MEASURES = ("energy_distance", "outliers", "branch_tv")
OPTIMUM, ORACLE = "optimum", "oracle"
KL_POINTS = 512  # of each seed that KL is measured with: its slopes in x cost thrice as much as the samples
COARSE = (-0.25, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # extra weights that are tried, then finer twice
SCOUT = 0.2  # of the iterations, before the better start alone goes on


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
    constant itself, without iterations of its own, where nothing better was found on the training seeds. ``others`` are
    measures of the methods with networks of other trainings, [trainings] each, where they were measured.
    """

    problem: Problem
    methods: Mapping[str, Measured]
    history: Mapping[str, Sequence[float]]
    start: str
    seconds: float
    versions: Mapping[str, str]
    command: str = ""
    others: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

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
    def elsewhere(self) -> tuple[float, float, float]:
        """The same with networks of other trainings, and the 95% interval, paired by training."""
        other, own = (goal(self.problem, self.others[name]) for name in (CONSTANT, OPTIMUM))
        return interval(other - own)

    @property
    def beats(self) -> bool:
        """Whether its advantage is more than two standard errors."""
        better, wide = self.advantage
        return better > 2 * wide and better > 0


def goal(problem: Problem, measures: Mapping[str, np.ndarray]) -> np.ndarray:
    """The objective of the usual measures, [seeds]: without soft edges."""
    if problem.objective == "quality_variation":
        return problem.mixing * measures["outliers"] + (1 - problem.mixing) * measures["branch_tv"]
    return np.asarray(measures["kl" if problem.objective == "kl" else "energy_distance"])


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
            value = short((tried[i] + tried[i + 1]) / 2)
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
    kept: tuple[Store, Owner] | None = None,
    report: Report | None = None,
) -> Optimum:
    """Find the best that is free; ``cast`` holds the density of each of the rule's roles.

    Two starts are followed for a fifth of the iterations, the better one on the training seeds to the end. Interrupted
    by Ctrl-C, the iterations end there, and what was found so far is measured. Ended otherwise, it goes on where it was
    with what a store has ``kept``.
    """
    DESCENT["iterations"].check(iterations)
    DESCENT["rate"].check(rate)
    if kept is None:
        with unfinished(None) as kept:
            return optimise(problem, cast, iterations=iterations, rate=rate, command=command, kept=kept, report=report)
    code = digest()
    began, tell = time.perf_counter(), report or (lambda now: None)
    store, owner = kept

    def numbers(scene: Scene, seeds: range, *, kl: bool) -> dict[str, np.ndarray]:
        """Measures of a scene, [seeds], worked out once; KL of at most ``KL_POINTS`` points a seed."""
        names = ("truth",) if kl else MEASURES
        few = [scene.change(seed=seed, **({"n": min(scene.n, KL_POINTS)} if kl else {})) for seed in seeds]
        each: list[Measurable] = [Divergence(one, "truth") if kl else Trial(one, MEASURES) for one in few]
        known = addresses(each, code)
        running.run({address: trial for trial, address in known.items()}, store, owner)
        found = store.results(known.values())
        rows = [found[known[trial]].measures for trial in each]
        return {{"truth": "kl"}.get(name, name): np.array([row[name] for row in rows], float) for name in names}

    def score(scene: Scene) -> float:
        """Mean objective on the training seeds."""
        return float(goal(problem, numbers(scene, problem.train, kl=problem.objective == "kl")).mean())

    best = best_constant(problem, score, lambda done, total: tell(Progress("constant weights", done, total)))
    constant = problem.constant(best)
    rule = adam(rate, iterations)
    runs = {name: Descent(u, rule.init(u)) for name, u in starts(problem, best).items()}
    content = {"problem": asdict(problem) | {"scene": problem.scene.flat()}, "iterations": iterations, "rate": rate}
    places = {name: address({"descent": name, **content}, code) for name in runs}
    for place, before in store.results(places.values()).items():
        runs[next(name for name in runs if places[name] == place)].goes_on(before.measures)
    scout = math.ceil(SCOUT * iterations) if len(runs) > 1 else 0
    total = iterations + scout * (len(runs) - 1)

    def done(name: str, loss: float) -> None:
        store.add([Result(places[name], {"descent": name}, runs[name].numbers(), 0.0)], owner, replace=True)
        note = f"loss={loss:.4f}" if math.isfinite(loss) else ""
        tell(Progress("iterations", sum(len(run.history) for run in runs.values()), total, note=note))

    x, given = training_points(problem), prepared(problem, cast)

    def go(name: str, until: int) -> None:
        descend(problem, runs[name], x, given, until=until, iterations=iterations, rate=rate,
                report=partial(done, name))  # fmt: skip

    try:
        for name in runs:
            go(name, scout)
        ahead = min(runs, key=lambda name: _last(score(scene_of(problem, runs[name].u))))
        go(ahead, iterations)
    except KeyboardInterrupt:
        pass
    candidates = {name: scene_of(problem, run.u) for name, run in runs.items() if run.history}
    start = min([*candidates, ""], key=lambda name: _last(score(candidates.get(name, constant))))
    found = {OPTIMUM: candidates.get(start, constant), CONSTANT: constant, PLAIN: problem.constant(problem.neutral)}
    oracle, methods = problem.oracle(), {}
    if oracle is not None:
        found[ORACLE] = oracle
    for name, scene in each(found.items(), "measuring", report):
        parts = (
            numbers(scene, seeds, kl=False) | numbers(scene, seeds, kl=True) for seeds in (problem.train, problem.test)
        )
        methods[name] = Measured(scene, *parts)
    history = {name: tuple(run.history) for name, run in runs.items()}
    seconds = time.perf_counter() - began
    return Optimum(problem, methods, history, start or CONSTANT, seconds, versions(), command)


def _last(value: float) -> float:
    """For a minimum: what is not finite comes last."""
    return value if math.isfinite(value) else math.inf


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
