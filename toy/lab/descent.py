"""The way down: slopes of an objective through the whole sampler, and Adam."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from toy import flows, metrics, sampling, scenes
from toy.densities import Density, Level, Points
from toy.lab.problem import OBJECTIVES, Problem, Unbounded, knobs_of, values
from toy.metrics import Truth

PATIENCE = 10  # iterations without a finite slope, in a row


_forgetful = partial(jax.checkpoint, prevent_cse=False)  # a loop's body keeps its order by itself


@partial(jax.tree_util.register_dataclass, data_fields=["density"], meta_fields=[])
@dataclass(frozen=True)
class Recomputed:
    """A density that keeps nothing for the backward pass but where it was asked, and is worked out again there.

    Everything that the networks' layers hold through 32 steps would take gigabytes.
    """

    density: Density

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density of the density itself."""
        return _forgetful(lambda density, x, sigma: density.logp(x, sigma))(self.density, x, sigma)

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
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
    names: dict[str, Any] = {"rule": scene.rule, "schedule": scene.schedule, "integrator": scene.integrator}
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
    state: PyTree
    history: list[float] = field(default_factory=list)

    def numbers(self) -> dict[str, list[float]]:
        """All of it as plain numbers."""
        parts = jax.tree.leaves((self.u, self.state))
        return {f"part {i}": np.ravel(np.asarray(part)).tolist() for i, part in enumerate(parts)} | {
            "history": self.history
        }

    def goes_on(self, numbers: Mapping[str, list[float]]) -> None:
        """Be where these numbers were taken."""
        parts, tree = jax.tree.flatten((self.u, self.state))
        found = (np.reshape(numbers[f"part {i}"], np.shape(part)) for i, part in enumerate(parts))
        known = [jnp.asarray(value, part.dtype) for value, part in zip(found, parts, strict=True)]
        self.u, self.state = jax.tree.unflatten(tree, known)
        self.history = list(numbers["history"])


def adam(rate: float, iterations: int) -> optax.GradientTransformation:
    """Adam whose rate falls to 0 along half a cosine, so that the last iterate needs no averaging."""
    return optax.adam(optax.cosine_decay_schedule(rate, iterations), b2=0.99)


@partial(jax.jit, static_argnames=("problem", "rate", "iterations"))
def step(
    u: Unbounded, state: PyTree, x: Float[Array, "n 2"], key: Array, given: Given, *, problem: Problem, rate: float,
    iterations: int,
) -> tuple[Unbounded, PyTree, Float[Array, ""]]:  # fmt: skip
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
