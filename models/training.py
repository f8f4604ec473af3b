"""Training of denoisers: the loss, the schedule, the power-function EMA, and one scan per chunk of iterations.

Karras et al. 2024, arXiv:2406.02507, Appendix C; the power-function EMA is from Karras et al. 2024, arXiv:2312.02696.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float

from models import degradations
from models.mlp import EnergyMLP, Spec, rms_normalise
from toy import fractal
from toy.densities import GaussianMixture

EMA_GAMMA = 96.99  # relative width sigma_rel = 0.010
SNAPSHOT_EVERY = 256


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that, with the code, fixes the result.

    ``loss`` is 'exact' (the true score is the target) or 'denoising'. ``seed`` starts the weights, ``data_seed`` the
    stream of samples and noise levels (by default the same number, yet another stream). ``data`` says how the data
    differ from the exact density of the classes, as in a density's name: 'label_mixing=0.2~subset=256'.
    """

    spec: Spec = field(default_factory=Spec)
    iterations: int = 4096
    seed: int = 0
    data_seed: int | None = None
    batch: int = 4096
    loss: str = "exact"
    log_sigma_mean: float = -2.3
    log_sigma_std: float = 1.5
    data: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained, by name and value."""
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}; have: {', '.join(LOSSES)}")
        fractal.branches().of(self.spec.classes)
        if self.data:
            self.density()
        ranges: tuple[tuple[str, Any, int, int], ...] = (
            ("width", self.spec.width, 1, 1024),
            ("depth", self.spec.depth, 1, 16),
            ("iterations", self.iterations, 1, 1_000_000),
            ("batch", self.batch, 1, 65536),
            ("seed", self.seed, 0, 2**31 - 1),
            ("data_seed", self.data_seed or 0, 0, 2**31 - 1),
        )
        for name, value, lo, hi in ranges:
            if not (isinstance(value, int) and lo <= value <= hi):
                raise ValueError(f"{name} = {value} is not a whole number from {lo} to {hi}")

    def density(self) -> GaussianMixture:
        """The density of the data, exact: samples, and the score that is the target, come from it."""
        return degradations.altered(fractal.mixture(self.spec.classes), self.data)


class State(NamedTuple):
    """Everything that a training carries: resuming from it gives what an uninterrupted run gives."""

    step: Array
    data_seed: Array
    net: EnergyMLP
    ema: EnergyMLP
    optimiser: Any


def learning_rate(step: Array) -> Array:
    """0.01 for the first 512 iterations, then falling with the inverse square root."""
    return 0.01 / jnp.sqrt(jnp.maximum(step / 512, 1))


OPTIMISER = optax.adam(learning_rate, b1=0.9, b2=0.99)


def start(recipe: Recipe) -> State:
    """The state before the first iteration."""
    net = EnergyMLP(recipe.spec, rngs=nnx.Rngs(params=jax.random.key(recipe.seed)))
    data_seed = recipe.seed if recipe.data_seed is None else recipe.data_seed
    return State(jnp.zeros((), jnp.int32), jnp.asarray(data_seed, jnp.int32), net, net, OPTIMISER.init(net))


def start_seeds(recipe: Recipe, seeds: Sequence[int]) -> State:
    """The states of several seeds, stacked along a leading axis: ``train`` then trains them in one program.

    Each seed has its own weights; the data streams are the seeds' own too, unless the recipe names one for all.
    """
    states = [start(replace(recipe, seed=seed)) for seed in seeds]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


class Batch(NamedTuple):
    """Points of p(x; sigma) with the score that the network should have there."""

    x: Float[Array, "n 2"]
    sigma: Float[Array, " n"]
    target: Float[Array, "n 2"]


def draw(recipe: Recipe, density: GaussianMixture, key: Array) -> Batch:
    """One training batch of ``recipe.batch`` points."""
    key_sigma, key_x, key_noise = jax.random.split(key, 3)
    n = recipe.batch
    sigma = jnp.exp(recipe.log_sigma_mean + recipe.log_sigma_std * jax.random.normal(key_sigma, (n,)))
    if recipe.loss == "exact":
        x = density.sample(key_x, n, sigma)
        return Batch(x, sigma, density.score(x, sigma))
    noise = jax.random.normal(key_noise, (n, 2))
    x = density.sample(key_x, n) + sigma[:, None] * noise
    return Batch(x, sigma, -noise / sigma[:, None])


LOSSES = ("exact", "denoising")


def loss(net: EnergyMLP, batch: Batch) -> Float[Array, ""]:
    """Score matching weighted by sigma^2, mean over points and coordinates."""
    error = net.score(batch.x, batch.sigma) - batch.target
    return jnp.mean(jnp.square(batch.sigma[:, None] * error))


def ema_decay(step: Array) -> Array:
    """Decay of the power-function EMA at the update number ``step`` = 1, 2, ..."""
    return (1 - 1 / step) ** (EMA_GAMMA + 1)


def iterate(recipe: Recipe, density: GaussianMixture, state: State) -> tuple[State, Array]:
    """One iteration: re-normalise, draw, step, average. Returns the new state and the loss."""
    net = jax.tree.map(lambda w: rms_normalise(w) if w.ndim == 2 else w, state.net)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(state.data_seed), 1), state.step)
    value, gradient = jax.value_and_grad(loss)(net, draw(recipe, density, key))
    update, optimiser = OPTIMISER.update(gradient, state.optimiser, net)
    net = optax.apply_updates(net, update)
    decay = ema_decay(state.step + 1)
    ema = jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, state.ema, net)
    return State(state.step + 1, state.data_seed, net, ema, optimiser), value


@partial(jax.jit, static_argnames=("recipe", "length"), donate_argnames="state")
def chunk(recipe: Recipe, density: GaussianMixture, state: State, length: int) -> tuple[State, Array]:
    """``length`` iterations in one compiled scan; returns the new state and the losses [length].

    A state with a leading axis of seeds trains all of them at once; the losses are then [seeds, length].
    """

    def run(state: State) -> tuple[State, Array]:
        return jax.lax.scan(lambda s, _: iterate(recipe, density, s), state, length=length)

    return jax.vmap(run)(state) if state.step.ndim else run(state)


def train(recipe: Recipe, state: State | None = None, *, every: int = SNAPSHOT_EVERY) -> Iterator[tuple[State, Array]]:
    """Yield (state, losses) after every ``every`` iterations until the recipe is done; from ``state`` if given."""
    state = start(recipe) if state is None else state
    density = recipe.density()
    step = int(np.max(state.step))
    while step < recipe.iterations:
        length = min(every - step % every, recipe.iterations - step)
        state, losses = chunk(recipe, density, jax.tree.map(jnp.copy, state), length)
        step += length
        yield state, losses
