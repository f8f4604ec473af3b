"""What a Scene becomes: compute() turns it into a Frame of NumPy arrays, others into measures over seeds."""

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from toy import distributions, metrics, sampling
from toy.densities import Density, GaussianMixture, Normalised
from toy.extensions import extended
from toy.identity import same
from toy.metrics import Values
from toy.quadrature import normalised
from toy.scene import Scene
from toy.uncertainty import standard_error


@dataclass(frozen=True)
class Frame:
    """What a Scene becomes: ``path`` [steps + 1, n, 2] (only the last points unless kept), ``sigmas``, true ``logp``
    [n] and ``occupancy`` [branches] of the samples, ``metrics`` with their noise ``floor``, and the seconds it took.
    """

    scene: Scene
    sigmas: np.ndarray
    path: np.ndarray
    logp: np.ndarray
    occupancy: np.ndarray
    metrics: Values
    floor: Values = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def samples(self) -> np.ndarray:
        """The points at sigma 0, [n, 2]."""
        points: np.ndarray = self.path[-1]
        return points


@partial(jax.jit, static_argnames="n")
def _noise(key: Array, sigma: Array, *, n: int) -> Array:
    return sigma * jax.random.normal(key, (n, 2))


def _start(density: GaussianMixture, key: Array, sigma: Array, *, n: int) -> tuple[Array, Array]:
    """Data and noise of a key, [n, 2] each: the data by the program that draws what measures compare with."""
    key_data, key_noise = jax.random.split(key)
    return metrics.draw(density, key_data, n=n), _noise(key_noise, sigma, n=n)


def data_and_noise(scene: Scene) -> tuple[Float[Array, "n 2"], Float[Array, "n 2"]]:
    """True samples of the target, and noise of N(0, sigma_max^2 I): what the forward process adds up."""
    key_start, _ = jax.random.split(jax.random.key(scene.seed))
    parts: tuple[Array, Array] = _start(
        distributions.mixture(scene.target), key_start, jnp.float32(scene.sigma_max), n=scene.n
    )
    return parts


@partial(jax.jit, static_argnames=("n", "exact"))
def _begin(target: GaussianMixture, key: Array, sigma: Array, *, n: int, exact: bool) -> tuple[Array, Array]:
    """The starting points [n, 2] of a seed's key, and the key of its way."""
    key_start, key_path = jax.random.split(key)
    data, noise = _start(target, key_start, sigma, n=n)
    return data + noise if exact else noise, key_path


def initial(scene: Scene) -> Float[Array, "n 2"]:
    """The starting points: of p(x | target; sigma_max) exactly, or of N(0, sigma_max^2 I)."""
    data, noise = data_and_noise(scene)
    return data + noise if scene.start == "exact" else noise


def players(scene: Scene, cast: Mapping[str, Density]) -> dict[str, Density]:
    """The density of each of the rule's roles, normalised where the rule asks for it; of scores what they share."""
    types = scene.entry.types
    own = {role: normalised(cast[role]) if types[role] is Normalised else cast[role] for role in scene.entry.roles}
    return own | extended({role: density for role, density in own.items() if types[role] not in (Density, Normalised)})


def sample(scene: Scene, cast: Mapping[str, Density], *, keep: bool = True) -> Float[Array, "s n 2"]:
    """Run the scene's sampler; [steps + 1, n, 2], or [1, n, 2] with ``keep=False``."""
    _, key_path = jax.random.split(jax.random.key(scene.seed))
    path: Array = sampling.trajectory(
        initial(scene),
        scene.sigmas(),
        players(scene, cast),
        {name: jnp.float32(value) for name, value in scene.knobs},
        key_path,
        rule=scene.rule,
        schedule=scene.schedule,
        integrator=scene.integrator,
        keep=keep,
    )
    return path


def compute(
    scene: Scene,
    cast: Mapping[str, Density],
    *,
    keep: bool = True,
    floor: bool = True,
    measures: tuple[str, ...] | None = None,
) -> Frame:
    """Sample and measure. ``cast`` holds the density of each of the rule's roles."""
    began = time.perf_counter()
    path = np.asarray(sample(scene, cast, keep=keep))
    found = metrics.evaluate(path[-1], scene.target, measures)
    return Frame(
        scene,
        scene.sigmas(),
        path,
        found.logp,
        found.occupancy,
        found.values,
        metrics.floor(scene.target, scene.n) if floor else {},
        time.perf_counter() - began,
    )


@dataclass(frozen=True)
class Spread:
    """Measures of a scene over seeds: ``values`` [seeds, ...] by name, and the seconds that it took."""

    scene: Scene
    values: Mapping[str, np.ndarray]
    seconds: float

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """Mean over the seeds."""
        return {name: np.mean(found, axis=0) for name, found in self.values.items()}

    @property
    def error(self) -> dict[str, np.ndarray]:
        """Standard error of the mean; NaN for one seed."""
        return {name: standard_error(found) for name, found in self.values.items()}


def measure_seeds(
    scene: Scene, cast: Mapping[str, Density], seeds: int, measures: tuple[str, ...] | None = None
) -> Spread:
    """Sample and measure with the ``seeds`` seeds from the scene's own on.

    On a GPU all of them in one batch; on a CPU one after the other, by the programs of any scene of that shape.
    """
    began = time.perf_counter()
    chosen = metrics.chosen(measures, scene.target)
    arguments, constants = _arguments(scene, cast), _constants(scene, chosen)
    if jax.default_backend() == "cpu":
        each = [_sample_and_measure(jax.random.key(scene.seed + i), *arguments, **constants) for i in range(seeds)]
        found = {name: np.stack([np.asarray(values[name]) for values in each]) for name in chosen}
    else:
        keys = jax.vmap(jax.random.key)(scene.seed + jnp.arange(seeds))
        found = {name: np.asarray(value) for name, value in _measure_keys(keys, *arguments, **constants).items()}
    return Spread(scene, {name: found[name] for name in chosen}, time.perf_counter() - began)


def measure_scenes(
    many: Sequence[Scene],
    casts: Sequence[Mapping[str, Density]],
    measures: tuple[str, ...] | None = None,
    *,
    own_reference: bool = False,
) -> list[dict[str, np.ndarray]]:
    """Sample and measure many scenes, as ``measure_seeds`` does each with its own seed alone; element i is scene i's.

    With an ``own_reference`` each seed has a true sample of its own to be held against.

    On a GPU those of one shape are worked on together; on a CPU one scene of some thousand points fills the machine,
    and all of one shape share a compiled program.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, (scene, cast) in enumerate(zip(many, casts, strict=True)):
        own = players(scene, cast)
        shapes = jax.tree.structure(own), tuple(np.shape(leaf) for leaf in jax.tree.leaves(own))
        chosen = metrics.chosen(measures, scene.target)
        drawn = scene.seed if own_reference else None
        groups.setdefault((*_constants(scene, chosen).values(), scene.target, scene.steps, shapes, drawn), []).append(i)
    found: list[dict[str, np.ndarray]] = [{} for _ in many]
    for indices in groups.values():
        chosen = metrics.chosen(measures, many[indices[0]].target)
        width = 1 if jax.default_backend() == "cpu" else max(1, min(len(indices), POINTS_AT_ONCE // many[indices[0]].n))
        for begin in range(0, len(indices), width):
            part = indices[begin : begin + width]
            padded = [*part, *part[-1:] * (width - len(part))]  # one shape, one program
            values = _measure_equal_shapes(
                [many[i] for i in padded], [casts[i] for i in padded], chosen, own_reference=own_reference
            )
            for row, i in enumerate(part):
                found[i] = {name: value[row] for name, value in values.items()}
    return found


POINTS_AT_ONCE = 2**19


def _measure_equal_shapes(
    many: Sequence[Scene],
    casts: Sequence[Mapping[str, Density]],
    chosen: tuple[str, ...],
    *,
    own_reference: bool = False,
) -> dict[str, np.ndarray]:
    """Measures [scenes, ...] of scenes of one shape."""
    constants, keys = _constants(many[0], chosen), [jax.random.key(scene.seed) for scene in many]
    arguments = [
        _arguments(scene, cast, scene.seed if own_reference else None) for scene, cast in zip(many, casts, strict=True)
    ]
    if len(many) == 1:
        found = _sample_and_measure(keys[0], *arguments[0], **constants, keep=True)
        return {name: np.asarray(found[name])[None] for name in chosen}
    targets, sigmas, players_, knobs, truths = zip(*arguments, strict=True)
    differ = {role: len({same(*jax.tree.leaves(own[role])) for own in players_}) > 1 for role in players_[0]}
    shared = {role: density for role, density in players_[0].items() if not differ[role]}
    other = [{role: density for role, density in each.items() if differ[role]} for each in players_]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *zip(keys, sigmas, other, knobs, strict=True))
    found = _measure_stacked(*stacked, targets[0], shared, truths[0], **constants)
    return {name: np.asarray(found[name]) for name in chosen}


def _arguments(scene: Scene, cast: Mapping[str, Density], draw_of: int | None = None) -> tuple[PyTree, ...]:
    """What of a scene a compiled program takes besides its key; the reference is the usual one, or drawn for a seed."""
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    truth = metrics.truth(scene.target, scene.n, draw_of)
    return distributions.mixture(scene.target), scene.sigmas(), players(scene, cast), knobs, truth


def _constants(scene: Scene, chosen: tuple[str, ...]) -> dict[str, Any]:
    """What of a scene a program is compiled for."""
    names = (scene.rule, scene.schedule, scene.integrator)
    return {"n": scene.n, "exact": scene.start == "exact", "names": names, "measures": chosen}


def _sample_and_measure(
    key: Array,
    target: GaussianMixture,
    sigmas: Array,
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    truth: metrics.Truth,
    *,
    n: int,
    exact: bool,
    names: tuple[str, str, str],
    measures: tuple[str, ...],
    keep: bool = False,
) -> dict[str, Array]:
    """Three programs, where it is in none itself: only the sampler's has to be compiled for each method.

    ``keep``: it is that of whoever looks at whole paths.
    """
    rule, schedule, integrator = names
    x, key_path = _begin(target, key, sigmas[0], n=n, exact=exact)
    path = sampling.trajectory(
        x, sigmas, cast, knobs, key_path, rule=rule, schedule=schedule, integrator=integrator, keep=keep
    )
    return metrics.values(path[-1], truth, measures)


_CONSTANTS = ("n", "exact", "names", "measures")


@partial(jax.jit, static_argnames=_CONSTANTS)
def _measure_keys(keys: Array, *arguments: PyTree, **constants: Any) -> dict[str, Array]:
    return jax.vmap(lambda key: _sample_and_measure(key, *arguments, **constants))(keys)


@partial(jax.jit, static_argnames=_CONSTANTS)
def _measure_stacked(
    keys: Array,
    sigmas: Array,
    other: PyTree,
    knobs: PyTree,
    target: PyTree,
    shared: PyTree,
    truth: PyTree,
    **constants: Any,
) -> dict[str, Array]:
    def one(key: Array, sigmas: Array, other: PyTree, knobs: PyTree) -> dict[str, Array]:
        return _sample_and_measure(key, target, sigmas, {**shared, **other}, knobs, truth, **constants)

    return jax.vmap(one)(keys, sigmas, other, knobs)
