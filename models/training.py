"""Training of denoisers: the loss, the schedule, the power-function EMA, and one scan per chunk of iterations.

Karras et al. 2024, arXiv:2406.02507, Appendix C; the power-function EMA is from Karras et al. 2024, arXiv:2312.02696.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, PyTree

from models import degradations
from models.mlp import Dropout, Predictor, Spec, network, rms_normalise
from toy import distributions
from toy.densities import GaussianMixture
from toy.settings import Choice, Knob, Word, check

EMA_GAMMA = 96.99  # relative width sigma_rel = 0.010
SNAPSHOT_EVERY = 256
MOST_ITERATIONS = 1_000_000
LOSSES = ("exact", "denoising")


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that, with the code, fixes the result.

    By default the seed of the data is the same number as that of the weights, yet another stream. ``data`` is said as
    in a density's name: 'label_mixing=0.2~subset=256'.

    Attributes:
        spec: The network.

    Example:
        >>> training.Recipe(mlp.Spec("AB", width=32), iterations=512, batch=0)
        Traceback (most recent call last):
        toy.settings.Refused: batch = 0 is not a whole number from 1 to 65536
    """

    spec: Spec = field(default_factory=Spec)
    iterations: Annotated[int, Knob(1, MOST_ITERATIONS, 1, "Iterations", "iterations", whole=True)] = 4096
    seed: Annotated[int, Knob(0, 2**31 - 1, 1, "seed", "seed of the weights and the data stream", whole=True)] = 0
    data_seed: Annotated[int | None, Knob(0, 2**31 - 1, 1, "data seed", "seed of the data stream", whole=True)] = None
    batch: Annotated[int, Knob(1, 65536, 1, "Batch", "points in a batch", whole=True)] = 4096
    loss: Annotated[str, Choice(LOSSES, "Target", "exact is the true score, denoising the noise")] = "exact"
    log_sigma_mean: Annotated[float, Knob(-10, 5, 0.1, "mean", "mean of ln σ in training")] = -2.3
    log_sigma_std: Annotated[float, Knob(0, 5, 0.1, "std", "standard deviation of ln σ in training")] = 1.5
    learning_rate: Annotated[float, Knob(1e-6, 1, 1e-3, "rate", "of the first iterations", log=True)] = 0.01
    dropout: Annotated[float, Knob(0, 0.9, 0.01, "dropout", "share of the hidden units left out")] = 0.0
    data: Annotated[str, Word("data", "how the data differ from the exact density")] = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained, by name and value."""
        check(self.spec)
        check(self)
        if self.data:
            self.density()

    def density(self) -> GaussianMixture:
        """The density of the data: samples, and the score that is the target, come from it.

        Returns:
            Exact.

        Raises:
            ValueError: As by ``degradations.altered``.

        Example:
            >>> training.Recipe(mlp.Spec("gaussians/A"), data="subset=64").density().log_weights.size
            64
        """
        return degradations.altered(distributions.mixture(self.spec.classes), self.data)


class Settings(NamedTuple):
    """What one compiled program can train with many values of."""

    data_seed: Array
    log_sigma_mean: Array
    log_sigma_std: Array
    learning_rate: Array
    dropout: Array


class State(NamedTuple):
    """Everything that a training carries: resuming from it gives what an uninterrupted run gives."""

    step: Array
    settings: Settings
    net: Predictor
    ema: Predictor
    optimiser: PyTree


def learning_rate(step: Array) -> Array:
    """How the learning rate falls: not for 512 iterations, then with the inverse square root.

    Args:
        step: Iterations that are done.

    Returns:
        Share of the first learning rate.

    Source:
        Karras et al. 2024, arXiv:2406.02507, Appendix C.

    Example:
        >>> [float(training.learning_rate(jnp.float32(step))) for step in (0, 512, 2048)]
        [1.0, 1.0, 0.5]
    """
    return 1 / jnp.sqrt(jnp.maximum(step / 512, 1))


ADAM = optax.scale_by_adam(b1=0.9, b2=0.99)


def start(recipe: Recipe) -> State:
    """The state before the first iteration.

    Args:
        recipe: How to train.

    Returns:
        A network as it was drawn, which is its own average.

    Example:
        >>> state = training.start(training.Recipe(mlp.Spec(width=8, depth=1)))
        >>> int(state.step), round(float(state.settings.learning_rate), 3)
        (0, 0.01)
    """
    net = network(recipe.spec, rngs=nnx.Rngs(params=jax.random.key(recipe.seed)))
    settings = Settings(
        jnp.asarray(recipe.seed if recipe.data_seed is None else recipe.data_seed, jnp.int32),
        *(jnp.float32(getattr(recipe, name)) for name in Settings._fields[1:]),
    )
    return State(jnp.zeros((), jnp.int32), settings, net, net, ADAM.init(net))


class Batch(NamedTuple):
    """Points of p(x; sigma) with the score that the network should have there."""

    x: Float[Array, "n 2"]
    sigma: Float[Array, " n"]
    target: Float[Array, "n 2"]


def stream(state: State) -> Array:
    """Key of the batch of an iteration: two trainings of the same data seed see the same data."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(state.settings.data_seed), 1), state.step)


def draw(recipe: Recipe, density: GaussianMixture, key: Array, settings: Settings | None = None) -> Batch:
    """One training batch.

    Args:
        recipe: How many points, of which loss.
        density: Of the data.
        key: Of the random stream.
        settings: Noise levels other than the recipe's.

    Returns:
        Points, ln sigma of which is normal, with the score that the network should have there.

    Source:
        Karras et al. 2022, arXiv:2206.00364; for 'denoising' Vincent 2011, doi:10.1162/NECO_a_00142.

    Example:
        >>> recipe = training.Recipe(batch=3)
        >>> batch = training.draw(recipe, distributions.mixture("gaussians/A"), jax.random.key(0))
        >>> batch.x.shape, batch.sigma.shape, batch.target.shape
        ((3, 2), (3,), (3, 2))
    """
    mean, std = (settings or recipe).log_sigma_mean, (settings or recipe).log_sigma_std
    key_sigma, key_x, key_noise = jax.random.split(key, 3)
    n = recipe.batch
    sigma = jnp.exp(mean + std * jax.random.normal(key_sigma, (n,)))
    if recipe.loss == "exact":
        x = density.sample(key_x, n, sigma)
        return Batch(x, sigma, density.score(x, sigma))
    noise = jax.random.normal(key_noise, (n, 2))
    x = density.sample(key_x, n) + sigma[:, None] * noise
    return Batch(x, sigma, -noise / sigma[:, None])


def loss(net: Predictor, batch: Batch, dropout: Dropout | None = None) -> Float[Array, ""]:
    """Score matching weighted by sigma^2, mean over points and coordinates.

    Args:
        net: What is trained.
        batch: Points with the score that it should have there.
        dropout: What leaves units out.

    Returns:
        Without a unit; nearly 1 for a score of zero where the noise is large.

    Source:
        Karras et al. 2024, arXiv:2406.02507, Appendix C.

    Example:
        >>> net, sigma = mlp.network(mlp.Spec(width=8, depth=1), rngs=nnx.Rngs(0)), jnp.full(3, 0.5)
        >>> batch = training.Batch(X, sigma, net.score(X, sigma) + jnp.array([1.0, 0.0]))  # off by 1 along one axis
        >>> round(float(training.loss(net, batch)), 4)  # 0.5² 1² / 2
        0.125
    """
    error = net.score(batch.x, batch.sigma, dropout=dropout) - batch.target
    return jnp.mean(jnp.square(batch.sigma[:, None] * error))


def ema_decay(step: Array | float) -> Array | float:
    """Decay of the power-function EMA at an update.

    Args:
        step: Its number, from 1 on: the first average is the first network.

    Returns:
        From 0 towards 1.

    Source:
        Karras et al. 2024, arXiv:2312.02696.

    Example:
        >>> [round(training.ema_decay(step), 4) for step in (1, 1000)]
        [0.0, 0.9066]
    """
    return (1 - 1 / step) ** (EMA_GAMMA + 1)


def next_batch(recipe: Recipe, density: GaussianMixture, state: State) -> Batch:
    """The batch of the iteration that comes: the same bits wherever it is drawn, since nothing is fused with it."""
    batch: Batch = jax.lax.optimization_barrier(draw(recipe, density, stream(state), state.settings))
    return batch


def iterate(recipe: Recipe, density: GaussianMixture, state: State) -> tuple[State, Array]:
    """One iteration: draw, then learn.

    Args:
        recipe: How to train.
        density: Of the data.
        state: Where the training is.

    Returns:
        The new state, and the loss.

    Example:
        >>> recipe = training.Recipe(mlp.Spec("gaussians/A", width=8, depth=1), batch=16)
        >>> state, loss = training.iterate(recipe, recipe.density(), training.start(recipe))
        >>> int(state.step), loss.shape
        (1, ())
    """
    return learn(recipe, state, next_batch(recipe, density, state))


def learn(recipe: Recipe, state: State, batch: Batch) -> tuple[State, Array]:
    """Learn from one batch: re-normalise, step, average.

    Args:
        recipe: How to train.
        state: Where the training is.
        batch: What to learn.

    Returns:
        The new state, and the loss.

    Source:
        Karras et al. 2024, arXiv:2406.02507, Appendix C.

    Example:
        >>> recipe = training.Recipe(mlp.Spec("gaussians/A", width=8, depth=1))
        >>> state, batch = training.start(recipe), training.Batch(X, jnp.ones(3), -X)
        >>> after, loss = training.learn(recipe, state, batch)
        >>> bool(training.loss(after.net, batch) < loss)
        True
    """
    net = jax.tree.map(lambda w: rms_normalise(w) if w.ndim == 2 else w, state.net)
    dropped = Dropout(jax.random.fold_in(stream(state), 3), state.settings.dropout) if recipe.dropout else None
    value, gradient = jax.value_and_grad(loss)(net, batch, dropped)
    with jax.numpy_dtype_promotion("standard"):  # optax raises numbers to a whole one
        update, optimiser = ADAM.update(gradient, state.optimiser, net)
    rate = state.settings.learning_rate * learning_rate(state.step)
    net = optax.apply_updates(net, jax.tree.map(lambda u: -rate * u, update))
    decay = ema_decay(state.step + 1)
    ema = jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, state.ema, net)
    return State(state.step + 1, state.settings, net, ema, optimiser), value


@partial(jax.jit, static_argnames=("recipe", "length"), donate_argnames="state")
def chunk(recipe: Recipe, density: GaussianMixture, state: State, length: int) -> tuple[State, Array]:
    """``length`` iterations in one compiled scan; returns the new state and the losses [length].

    Only what ``in_common`` leaves of the recipe matters. The next batch is drawn while the network learns from this
    one, which takes a sixth of the time of a CPU of two cores away: neither keeps both busy.
    """

    def body(now: tuple[State, Batch], _: None) -> tuple[tuple[State, Batch], Array]:
        state, batch = now
        coming = next_batch(recipe, density, state._replace(step=state.step + 1))
        state, value = learn(recipe, state, batch)
        return (state, coming), value

    (state, _), losses = jax.lax.scan(body, (state, next_batch(recipe, density, state)), length=length)
    return state, losses


def in_common(recipe: Recipe) -> Recipe:
    """The recipe without what one compiled program can train with many values of: seeds, lengths, settings, data."""
    usual = Recipe()
    free: dict[str, Any] = {name: getattr(usual, name) for name in Settings._fields if name != "dropout"}
    free["spec"] = replace(recipe.spec, classes=usual.spec.classes)
    return replace(recipe, **free, seed=0, iterations=1, data="", dropout=0.5 if recipe.dropout else 0.0)


def train(recipe: Recipe, state: State | None = None, *, every: int = SNAPSHOT_EVERY) -> Iterator[tuple[State, Array]]:
    """Train until the recipe is done.

    Args:
        recipe: How.
        state: Where to go on; from the start by default.
        every: Iterations from one result to the next.

    Returns:
        An iterator of states, each with the losses since the last one, [every]. From any of these states a training
        goes on to the same end.

    Raises:
        ValueError: The recipe's data cannot be made.

    Example:
        >>> recipe = training.Recipe(mlp.Spec("gaussians/A", width=8, depth=1), iterations=4, batch=16)
        >>> [(int(state.step), losses.shape) for state, losses in training.train(recipe, every=3)]
        [(3, (3,)), (4, (1,))]
    """
    state = start(recipe) if state is None else state
    density = recipe.density()
    step = int(state.step)
    while step < recipe.iterations:
        length = min(every - step % every, recipe.iterations - step)
        state, losses = chunk(in_common(recipe), density, jax.tree.map(jnp.copy, state), length)
        step += length
        yield state, losses
