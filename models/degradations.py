"""Worse versions of a density, by name: ``A64@4096~dropout=0.1``, ``exact:A~blur=0.05~label_mixing=0.2``.

How a name is read is said in ``toy.names``; ``dns:MAIN,ALL`` is a base made of two others, with knobs of its own:
``dns:exact:A,exact:AB~w=2~seed=1``.

A degradation is one function. Its positional names say what it needs: ``density``, anything; ``net``, a network with
its weight normalisation applied; ``snapshots``, a network's stored averages by iteration; ``data``, an exact mixture;
``spec``, an architecture; ``recipe``, what else fixes a training, to return what is other; ``key``, for those that
draw. Keyword-only names are knobs, the first of them the value after the ``=``; ``neutral`` marks where it changes
nothing, and whole numbers are those of a step of 1.

What takes ``data``, ``spec`` or ``recipe`` changes what a network is trained with: it comes first in the name, and the
network has to be trained. In the name of an exact density ``data`` is that density.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from models import drawn
from models.drawn import Dropped, DroppedPerLevel, Net, NoisyInput, masked, with_weights
from models.mlp import EnergyMLP, Spec
from models.shifted import Shifted
from toy import distributions
from toy.densities import Density, GaussianMixture
from toy.labels import Labels
from toy.names import DEGRADATIONS, FITTED, Step, steps_of
from toy.registry import Knob
from toy.sampling import noise_levels, trajectory

degradation, fitted = DEGRADATIONS.register, FITTED.register

PARTS = 8  # Gaussians of a group of points
KARRAS_2024 = "Karras et al. 2024, arXiv:2406.02507"
POINT_VARIANCE = 1e-6  # of a data point: below the last noise level of any sampler, and what float32 still resolves
BANDWIDTH = 0.05

DROPOUT = f"Srivastava et al. 2014, JMLR 15; as a guide: {KARRAS_2024}"
Share = Annotated[float, Knob(0, 0.9, 0.005, "p", "share of the hidden units that is left out", neutral=0)]


# --- Networks as they are ---------------------------------------------------------------------------------------------


@degradation(source=DROPOUT, formula="h' = m(x, σ) h / (1 − p)")
def dropout(net: Net, key: Array, *, rate: Share = 0.02) -> Dropped:
    """Leave out another random set of hidden units at each point and evaluation, and scale up the rest.

    What dropout does to a network that is called on a batch, without another training.
    """
    if isinstance(net, Dropped):  # what is left by both
        return Dropped(net.net, key, 1 - (1 - net.rate) * jnp.float32(1 - rate))
    return Dropped(net.frozen(), key, jnp.float32(rate))


@degradation(title="Dropout, fixed", source=DROPOUT, formula="h' = m h / (1 − p)")
def dropout_fixed(net: Net, key: Array, *, rate: Share = 0.02) -> Net:
    """Leave out a fixed random set of hidden units and scale up the rest: the same sub-network everywhere."""
    return masked(net.frozen(), key, rate)


@degradation(title="Dropout, anew at each noise level", source=DROPOUT, formula="h' = m(σ) h / (1 − p)")
def dropout_per_step(net: Net, key: Array, *, rate: Share = 0.02) -> Density:
    """Leave out another random set of hidden units at each noise level, the same for all points there."""
    return DroppedPerLevel(net.frozen(), key, jnp.float32(rate))


@degradation(
    source="Hyung et al. 2024, arXiv:2411.18664; Stability AI 2024, as skip-layer guidance of SD3.5",
    formula="h' = W h, with W = 1 in hidden layer l",
)
def skip_layer(
    net: Net,
    *,
    layer: Annotated[int, Knob(0, 16, 1, "l", "which hidden layer is left out, the first is 1", neutral=0)] = 1,
) -> Net:
    """Leave one hidden layer out: what it would multiply, the activations before it, is passed on as it is.

    Both sources leave out a block whose input goes on beside it. Here no path leads round a layer: more is missing.
    """
    layers = jnp.arange(1, drawn.hidden_layers(net, least=layer) + 1)
    return drawn.without(net.frozen(), layers == layer)


@degradation(
    source="after Chen et al. 2025, arXiv:2508.12880", formula="h' = W h, with W = 1 in k hidden layers drawn at each σ"
)
def skip_random_layers(
    net: Net,
    key: Array,
    *,
    count: Annotated[int, Knob(0, 16, 1, "k", "how many hidden layers are left out", neutral=0)] = 1,
) -> Density:
    """Leave other hidden layers out at each noise level, drawn at random: the sub-networks of S²-Guidance."""
    drawn.hidden_layers(net, least=count)
    return drawn.SkippedPerLevel(jnp.int32(count), key, net.frozen())


@degradation(source=f"this project; as a guide: {KARRAS_2024}", formula="W' = W (1 + v ε), ε ~ N(0, 1)")
def weight_noise(
    net: Net,
    key: Array,
    *,
    std: Annotated[
        float, Knob(0, 0.5, 0.005, "v", "standard deviation of the relative change of each weight", neutral=0)
    ] = 0.02,
) -> Net:
    """Change every effective weight by a random share of itself: random errors, whatever was trained."""
    weights = net.weights()
    keys = jax.random.split(key, len(weights))
    noisy = [w * (1 + std * jax.random.normal(k, w.shape)) for w, k in zip(weights, keys, strict=True)]
    return with_weights(net.frozen(), noisy)


@degradation(
    title="Longer EMA", source="after Karras et al. 2024, arXiv:2312.02696", formula="W' = ∫ W(t) p(t) dt, p ∝ t^γ"
)
def ema(
    snapshots: Mapping[int, EnergyMLP],
    *,
    width: Annotated[
        float, Knob(0, 0.28, 0.01, "σ rel", "relative width of the power-function average", neutral=0)
    ] = 0.1,
) -> EnergyMLP:
    """Average the weights over more of the training: a power-function average of the given relative width.

    An approximation: the paper fits the wanted average to stored ones of two widths, many times a training. Here a few
    snapshots, each an average of width 0.01, are taken for the weights at their iteration, and the weights between
    them for a straight line. Width 0 is the last snapshot; the weights are normalised after averaging.
    """
    steps = np.array(sorted(snapshots))
    k = np.linspace(0, 1, 2**12)  # 1/(γ + 1), from which the width follows
    k = np.interp([width], k / ((1 + k) * np.sqrt(1 + 2 * k)), k)
    at = steps[-1] * ((np.arange(2**14) + 0.5) / 2**14) ** k  # quantiles of p(t)
    shares = [np.interp(at, steps, row).mean() for row in np.eye(len(steps))]
    nets = [snapshots[step] for step in steps]
    averaged: EnergyMLP = jax.tree.map(lambda *ws: sum(s * w for s, w in zip(shares, ws, strict=True)), *nets)
    return averaged.frozen()


# --- Any density, asked at another noise level ------------------------------------------------------------------------


TooHigh = Annotated[float, Knob(0, 1, 0.01, "v", "by how much the noise level is too high, relative", neutral=0)]


@degradation(
    source=f"{KARRAS_2024}, Section 5.1", formula="D'(x; σ) = D(x + σ√((1 + v)² − 1) n; (1 + v)σ), n ~ N(0, 1)"
)
def input_noise(
    density: Density,
    key: Array,
    *,
    share: TooHigh = 0.1,
    draw: Annotated[float, Knob(0, 1, 1, "n", "factor on the noise: 0 leaves the points where they are")] = 1.0,
) -> Density:
    """Noise on the denoiser's input, another at each point and evaluation: the denoiser is told of it, the sampler not.

    The score is (D' − x)/σ² with the sampler's σ. Without the draw it is (1 + v)² s(x; (1 + v)σ).
    """
    return NoisyInput(density, key, jnp.float32(share), jnp.float32(draw))


@degradation(title="Wrong noise level", source="this project", formula="p'(x; σ) = p(x; (1 + v) σ)")
def level_shift(density: Density, *, share: TooHigh = 0.1) -> Density:
    """The density at noise level (1 + v) sigma, read as if it were at sigma: smoother, and its scores too short.

    Not ``input_noise``: there the denoiser's output keeps its meaning, here the score does.
    """
    return Shifted(density, jnp.float32(1 + share), jnp.float32(0))


@degradation(
    source="this project, in the spirit of arXiv:2411.10257 and arXiv:2412.05827", formula="p'(x; σ) = p(x; √(σ² + δ²))"
)
def blur(
    density: Density,
    *,
    width: Annotated[
        float, Knob(0, 1, 0.01, "δ", "standard deviation of the blur, in the plane's unit", neutral=0)
    ] = 0.05,
) -> Density:
    """The density of data blurred by a Gaussian: a guide that errs the same way everywhere, most at low noise."""
    return Shifted(density, jnp.float32(1), jnp.float32(width))


# --- What a network is trained with -----------------------------------------------------------------------------------

Fields = Mapping[str, Any]  # of a recipe


@degradation(source=f"this project; as a guide: {KARRAS_2024}", formula="p' = (1 − v) p + v p_other")
def label_mixing(
    data: GaussianMixture,
    *,
    share: Annotated[float, Knob(0, 0.9, 0.01, "v", "share of the data that is of the other class", neutral=0)] = 0.2,
) -> GaussianMixture:
    """Data of which a share is of the other class, exactly: what wrong labels make of a conditional model.

    ValueError unless all of it is of one class.
    """
    labels = set(data.labels)
    rest = distributions.of(*labels).rest if len(labels) == 1 else None
    if rest is None:
        raise ValueError("label_mixing needs data of class A or of class B alone, for only those have another class")
    if share == 0:
        return data
    other = distributions.mixture(rest.name)
    parts = math.gcd(data.parts, other.parts)
    both = [
        replace(m, log_weights=m.log_weights + np.log(s))
        for m, s in ((data.regrouped(parts), 1 - share), (other.regrouped(parts), share))
    ]
    joined: GaussianMixture = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *both)
    return replace(joined, labels=Labels((*data.regrouped(parts).labels, *other.regrouped(parts).labels)))


@degradation(
    title="Subset of the data", source=f"this project; as a guide: {KARRAS_2024}", formula="p' = Σ δ(x − x_i)/n"
)
def subset(
    data: GaussianMixture,
    key: Array,
    *,
    count: Annotated[int, Knob(1, 4096, 1, "n", "number of data points", log=True)] = 256,
) -> GaussianMixture:
    """The data set of a finite number of true samples, each a Gaussian of standard deviation 0.001: memorised data."""
    points = np.asarray(data.sample(key, count), np.float64)
    labels = data.labels[:1] if len(set(data.labels)) == 1 else ()
    return of_points(points, POINT_VARIANCE, labels)


@degradation(title="Fewer layers", source=KARRAS_2024, formula="depth = d")
def depth(spec: Spec, *, layers: Annotated[int, Knob(1, 16, 1, "d", "number of hidden layers")] = 2) -> Spec:
    """Another number of hidden layers: less capacity at the same width."""
    return replace(spec, depth=int(layers))


@degradation(source=DROPOUT, formula="h' = m h / (1 − p), in training")
def trained_dropout(
    recipe: Fields,
    *,
    rate: Annotated[
        float, Knob(0, 0.9, 0.01, "p", "share of the hidden units left out at each point", neutral=0)
    ] = 0.1,
) -> Fields:
    """Train with dropout, another mask at each point, and sample without: less effective capacity."""
    return {"dropout": rate}


@degradation(source="this project", formula="lr(i) = lr / √max(i/512, 1)")
def learning_rate(
    recipe: Fields,
    *,
    rate: Annotated[float, Knob(1e-5, 0.1, 1e-5, "lr", "learning rate of the first iterations", log=True)] = 0.001,
) -> Fields:
    """Train with another learning rate: smaller is less training in as many iterations."""
    return {"learning_rate": rate}


@degradation(source="this project", formula="x, σ from another stream")
def data_seed(
    recipe: Fields,
    *,
    stream: Annotated[int, Knob(0, 2**31 - 1, 1, "seed", "seed of the stream of training data")] = 0,
) -> Fields:
    """Train on another stream of data from the same start: networks that share a stream are trained together faster."""
    return {"data_seed": stream}


def of_points(points: np.ndarray, variance: float, labels: Sequence[str] = ()) -> GaussianMixture:
    """A mixture of equal isotropic Gaussians, in groups of eight: a short scan, whatever n is.

    The last point stands in for what a last group lacks, and shares its weight with it.

    Args:
        points: Where, [n, 2].
        variance: Of each.
        labels: The class, one for all groups.

    Returns:
        A kernel density.

    Raises:
        ValueError: The variance is not positive.

    Example:
        >>> five = degradations.of_points(np.arange(10.0).reshape(5, 2), 0.01)
        >>> print(jnp.exp(five.log_weights))
        [[0.2  0.2  0.2  0.2  0.05 0.05 0.05 0.05]]
    """
    groups = -(-len(points) // PARTS)
    index = np.minimum(np.arange(groups * PARTS), len(points) - 1)
    weights = (1 / np.bincount(index))[index].reshape(groups, PARTS)
    means = points[index].reshape(groups, PARTS, 2)
    return GaussianMixture.of(weights, means, np.tile(variance * np.eye(2), (groups, 1, 1)), [*labels] * groups)


# --- Densities fitted to samples --------------------------------------------------------------------------------------

START = 5.0  # noise level that the samples come down from
DRAWS = 2048
STEPS = 32
REACH = 4.0


@fitted(
    title="Diffusion-negative prompt",
    source="after Desai and Vasconcelos 2024, arXiv:2411.05473",
    formula="s = s_uncond + (w − 1)(s_uncond − s_main)",
)
def dns(
    main: Density,
    unconditional: Density,
    x: Float[Array, "n 2"],
    *,
    w: Annotated[
        float, Knob(1, 8, 0.1, "w", "weight of diffusion-negative sampling: 1 is the model of all classes")
    ] = 2.0,
) -> GaussianMixture:
    """A negative that the models find themselves: a kernel density of what one of all classes makes, away from main.

    2048 samples by 32 Heun steps from ``x``, points of the exact p(x; 5) of all classes; those not finite are dropped,
    the rest clipped to coordinates within 4 and smoothed with a bandwidth of 0.05. The paper describes one such sample
    in words and prompts with them; the fit stands in for the words.
    """
    last = trajectory(
        x,
        noise_levels(STEPS, START, 0.002),
        {"main": unconditional, "unconditional": main},
        {"w": jnp.float32(w)},
        jax.random.key(0),  # the flow draws nothing
        rule="cfg",
        keep=False,
    )
    points = np.asarray(last[-1], np.float64)
    points = points[np.isfinite(points).all(axis=-1)].clip(-REACH, REACH)
    if not len(points):
        raise ValueError(f"diffusion-negative sampling at w = {w:g} left no finite sample")
    return of_points(points, BANDWIDTH**2)


# --- In a name --------------------------------------------------------------------------------------------------------

NEEDS = {
    "net": "a network",
    "snapshots": "a network as it was trained",
    "data": "an exact density or a network, unchanged,",
    "spec": "a network, unchanged,",
    "recipe": "a network, unchanged,",
}


def check_order(name: str, steps: Sequence[Step], *, network: bool) -> None:
    """ValueError where a step needs what the base ``name``, a network or exact, and the steps before it do not give."""
    have = {"net", "snapshots"} if network else {"data"}
    for step in steps:
        for part in step.entry.inputs:
            if part in NEEDS and part not in have:
                raise ValueError(f"{step.kind} needs {NEEDS[part]} and {name!r} is none")
        have = {EnergyMLP: {"net"}, Dropped: {"net"}, Net: {"net"}, GaussianMixture: {"data"}}.get(step.gives, set())
        name = f"{name}~{step}"


def altered(data: GaussianMixture, changes: str) -> GaussianMixture:
    """Data with the changes that a recipe names.

    Args:
        data: As they are.
        changes: As in a density's name, 'label_mixing=0.2~subset=256'; empty for none.

    Returns:
        The changed data, exact too.

    Raises:
        ValueError: A change is not known, is of something else than data, or asks for what the data lack.

    Example:
        >>> A = distributions.mixture("gaussians/A")
        >>> mixed = degradations.altered(A, "label_mixing=0.2")
        >>> print(jnp.exp(mixed.log_weights)[:, 0], mixed.labels)
        [0.8 0.1 0.1] ('gaussians/A', 'gaussians/B', 'gaussians/C')
    """
    for step in steps_of(changes):
        if "data" not in step.entry.inputs:
            have = ", ".join(name for name, entry in DEGRADATIONS.items() if "data" in entry.inputs)
            raise ValueError(f"{step.kind} does not change data; these do: {have}")
        data = step(data=data)
    return data
