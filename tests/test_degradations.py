"""A degraded guide is a density like any other, by name: what is done to it is what the name says, and nothing else."""

from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from urllib.parse import parse_qsl, urlencode

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from models import checkpoint, degradations, stored, training, zoo
from models.degradations import DEGRADATIONS
from models.mlp import SIGMA_DATA, SILU_GAIN, Spec
from models.training import Recipe
from toy import distributions
from toy.densities import Density, GaussianMixture
from toy.scene import Scene
from toy.state import State
from toy.views import score_on

TREE = distributions.mixture("A")
TRAINED = [name for name, entry in DEGRADATIONS.items() if {"spec", "recipe"}.intersection(entry.inputs)]
NOT_TRAINED = [name for name in zoo.examples() if not any(f"~{kind}=" in name for kind in TRAINED)]
NAMES = [
    *NOT_TRAINED,
    "A64@4096~blur=0.05",
    "A64@4096~dropout_per_step=0.2~seed=3~input_noise=0.1",
    "A64@4096~dropout_fixed=0.2~seed=3~level_shift=0.1",
    "A64@4096~ema=0.2~dropout=0.05~weight_noise=0.02~seed=7",
    "A64@4096~skip_layer=4~skip_random_layers=2~seed=3",
    "exact:A~label_mixing=0.2~subset=50~blur=0.02",
    "dns:A64@4096,AB64@4096~w=1.5~seed=1~blur=0.1",
]
TINY = Recipe(Spec("A", 8, 1), batch=64)


@lru_cache
def points(sigma: float, n: int = 256) -> jax.Array:
    """Points of the tree at a noise level, and a few far away."""
    return jnp.concatenate([TREE.sample(jax.random.key(1), n, sigma), jnp.array([[3.0, -2.0], [20.0, 30.0]])])


@jax.jit
def slope(density: Density, x: jax.Array, sigma: jax.Array) -> jax.Array:
    """Gradient of the log-density by automatic differentiation, forward: that compiles faster than backward."""

    def along(axis: jax.Array) -> jax.Array:
        return jax.jvp(lambda x: density.logp(x, sigma), (x,), (jnp.broadcast_to(axis, x.shape),))[1]

    return jax.vmap(along, out_axes=-1)(jnp.eye(2))


@jax.jit
def both(density: Density, x: jax.Array, sigma: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-density and score."""
    return density.logp(x, sigma), density.score(x, sigma)


@lru_cache
def error(name: str, sigma: float) -> float:
    """Mean of sigma^2 |s - s_true|^2 over 4096 points of the tree."""
    x, level = points(sigma, 4096)[:4096], jnp.float32(sigma)
    off = score_on(models.load(name), x, level) - score_on(TREE, x, level)
    return float(jnp.mean(jnp.sum(jnp.square(sigma * off), axis=-1)))


# --- Laws of every kind -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", DEGRADATIONS.values(), ids=list(DEGRADATIONS))
def test_every_kind_says_what_it_is(entry):
    assert entry.source
    assert entry.formula
    assert entry.summary.endswith((".", ":"))
    assert entry.knobs
    assert {*entry.inputs} <= {"density", "net", "snapshots", "data", "spec", "recipe", "key"}
    assert any(f"~{entry.name}=" in name for name in zoo.examples())


@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("name", NAMES)
def test_score_is_the_gradient_of_logp(name, sigma):
    density, x, level = models.load(name), points(sigma), jnp.float32(sigma)
    assert isinstance(density, Density)
    logp, score = both(density, x, level)
    assert (logp.shape, score.shape) == (x.shape[:1], x.shape)
    assert np.isfinite(logp).all()
    wanted = slope(density, x, level)
    scale = np.maximum(np.linalg.norm(wanted, axis=-1, keepdims=True), 1 / sigma)
    np.testing.assert_allclose(score / scale, wanted / scale, atol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_many_noise_levels_at_once_are_each_alone(name):
    density, x = models.load(name), points(0.5)
    levels = np.float32([0.05, 0.5, 2.0])
    each = np.arange(len(x)) % 3
    for i, found in enumerate(both(density, x, jnp.asarray(levels[each]))):
        alone = np.stack([both(density, x, jnp.float32(level))[i] for level in levels])
        assert found.shape == (len(x), *((), (2,))[i])
        np.testing.assert_allclose(found, alone[each, np.arange(len(x))], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("base", ["A64@4096", "exact:A"])
@pytest.mark.parametrize("kind", [name for name in DEGRADATIONS if name not in TRAINED])
def test_neutral_value_is_the_base(kind, base):
    entry = DEGRADATIONS[kind]
    neutral = next(iter(entry.knobs.values())).neutral
    needs_net = not {"net", "snapshots"}.isdisjoint(entry.inputs)
    if neutral is None or (needs_net and base.startswith("exact")):
        return
    names = (f"{base}~{kind}={neutral:g}", base)
    (_, found), (_, wanted) = (both(models.load(name), points(0.3), jnp.float32(0.3)) for name in names)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_same_name_same_object(name):
    assert models.load(name) is models.load(name)


def test_no_two_kinds_are_one_to_a_compiled_program():
    """JAX compares dataclasses by what is in them, their types aside: only what is written alike may be equal."""
    flat = map(jax.tree.flatten, map(models.load, NAMES))
    kinds = {str(tree): (tree, [(leaf.shape, leaf.dtype) for leaf in leaves]) for leaves, tree in flat}
    assert len(kinds) > 5
    assert [(a, b) for a, b in combinations(kinds, 2) if kinds[a] == kinds[b]] == []


@pytest.mark.parametrize(
    "names",
    [
        [f"A64@4096~dropout={v}~seed={s}" for v, s in ((0, 0), (0.1, 3))],
        ["A64@4096", *(f"A64@4096~dropout_fixed={v}~seed={s}" for v, s in ((0, 0), (0.1, 3)))],
        [f"A64@4096~dropout_per_step={v}~seed={s}" for v, s in ((0.1, 0), (0.2, 1))],
        ["A64@4096", *(f"A64@4096~skip_layer={layer}" for layer in (1, 2, 4))],
        [f"A64@4096~skip_random_layers={k}~seed={s}" for k, s in ((1, 0), (1, 3), (2, 0))],
        ["A64@4096~weight_noise=0.1", "A64@4096~weight_noise=0.01~seed=2", "A64@4096~ema=0.2", "A64@2048~ema=0.05"],
        ["exact:A~blur=0", "exact:A~blur=0.1", "exact:A~level_shift=0.3"],
        ["exact:A~input_noise=0.1", "exact:A~input_noise=0.1~draw=0", "exact:A~input_noise=0.3~seed=2"],
        ["exact:A~label_mixing=0.1", "exact:A~label_mixing=0.5"],
        ["exact:AB~subset=100", "exact:AB~subset=100~seed=4", "exact:AB~subset=97"],
        pytest.param(["dns:exact:A,exact:AB", "dns:exact:A,exact:AB~w=3~seed=1"], marks=pytest.mark.computes),
    ],
    ids=lambda names: names[-1],
)
def test_one_compilation_serves_all_values_and_seeds(names, compilations):
    first, *others = (models.load(name) for name in names)
    _, one = both(first, points(0.5), jnp.float32(0.5))
    once = compilations("both")
    for density in others:
        _, other = both(density, points(0.5), jnp.float32(0.5))
    assert compilations("both") == once
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", [*NAMES, *zoo.examples(), "A24@512~depth=2~subset=300~seed=9", "A64@4096#1~ema=0.1"])
def test_name_survives_the_url(name):
    zoo.check(name)
    scene = Scene.of("autoguidance", weak=name)
    assert dict(scene.cast)["weak"] == name
    assert Scene.of(**dict(parse_qsl(urlencode(scene.short())))) == scene
    query = State(right=scene).query()
    assert dict(parse_qsl(urlencode(query)))["right.weak"] == name


@pytest.mark.parametrize(
    "kind",
    [
        *("dropout=0.2", "dropout_fixed=0.2", "dropout_per_step=0.2", "weight_noise=0.2", "blur=0.05"),
        *("input_noise=0.2", "level_shift=0.2", "skip_layer=1", "skip_random_layers=1"),
    ],
)
@pytest.mark.parametrize("sigma", [0.03, 0.1, 0.5])
def test_degraded_is_worse(kind, sigma):
    # At 0.5 a blur of 0.05 changes the score by less than the network's own error does.
    if kind == "blur=0.05" and sigma == 0.5:
        assert error(f"A64@4096~{kind}", sigma) > 0.9 * error("A64@4096", sigma)
    else:
        assert error(f"A64@4096~{kind}", sigma) > 1.5 * error("A64@4096", sigma)


@pytest.mark.parametrize("kind", ["blur", "input_noise", "level_shift", "ema", "label_mixing"])
def test_more_is_worse(kind):
    base = "exact:A" if kind == "label_mixing" else "A64@4096"
    errors = [error(f"{base}~{kind}={value}", 0.1) for value in (0, 0.1, 0.2)]
    assert errors == sorted(errors)
    assert errors[0] < errors[-1]


# --- What each kind does ----------------------------------------------------------------------------------------------


def test_fixed_dropout_leaves_units_out_and_keeps_the_mean():
    base, net = models.load("A64@4096"), models.load("A64@4096~dropout_fixed=0.25~seed=1")
    for before, after in zip(base.weights()[1:], net.weights()[1:], strict=True):
        factor = np.asarray(after) / np.asarray(before)
        out = (factor == 0).all(axis=1)
        np.testing.assert_allclose(factor[~out], 1 / 0.75, rtol=1e-5)
        assert 4 <= out.sum() <= 30
    np.testing.assert_array_equal(net.weights()[0], base.weights()[0])


def test_dropout_per_step_has_one_mask_a_noise_level():
    density = models.load("A64@4096~dropout_per_step=0.2")

    def mask(sigma: float) -> np.ndarray:
        return np.concatenate([np.asarray(w != 0).any(axis=1) for w in density.at(jnp.float32(sigma)).weights()[1:]])

    assert (mask(0.5) == mask(0.5)).all()
    assert (mask(0.5) != mask(0.5001)).sum() > 20
    other = models.load("A64@4096~dropout_per_step=0.2~seed=1")
    x, sigma = points(0.5), jnp.float32(0.5)
    assert not np.allclose(score_on(density, x, sigma), score_on(other, x, sigma))


def test_a_layer_left_out_passes_on_what_it_would_multiply():
    base, x, sigma = models.load("A64@4096"), np.asarray(points(0.3)[:16], np.float64), 0.3
    scaled, gain = x / np.sqrt(sigma**2 + SIGMA_DATA**2), abs(float(base.gain[...]))
    first, *rest = (np.asarray(w, np.float64) for w in base.weights())
    for left_out in range(1, 5):
        h = np.column_stack([scaled, np.full(len(x), np.log(sigma) / 4), np.ones(len(x))]) @ first
        for layer, w in enumerate(rest, 1):
            h = h / (1 + np.exp(-h)) / SILU_GAIN
            h = h if layer == left_out else h @ w
        wanted = -gain / sigma * np.mean(h**2, axis=1) - np.sum(scaled**2, axis=1) / 2
        found, _ = both(models.load(f"A64@4096~skip_layer={left_out}"), points(0.3)[:16], jnp.float32(sigma))
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


def left_out(name: str, sigma: float) -> tuple[int, ...]:
    """The hidden layers of a network that are not there at a noise level."""
    layers = enumerate(models.load(name).at(jnp.float32(sigma)).weights()[1:], 1)
    return tuple(layer for layer, w in layers if np.array_equal(w, np.eye(64)))


@pytest.mark.parametrize("count", [1, 3, 4])
def test_random_layers_are_others_at_each_noise_level(count):
    name, levels = f"A64@4096~skip_random_layers={count}", np.linspace(0.1, 1, 60)
    chosen = [left_out(name, level) for level in levels]
    assert {len(layers) for layers in chosen} == {count}
    assert chosen == [left_out(name, level) for level in levels]
    times = np.bincount(np.ravel(chosen), minlength=5)[1:]
    share = count / 4
    assert np.all(np.abs(times - 60 * share) <= 4 * np.sqrt(60 * share * (1 - share)))
    if count < 4:
        assert chosen != [left_out(f"{name}~seed=1", level) for level in levels]


def test_weight_noise_is_relative():
    base, net = models.load("A64@4096"), models.load("A64@4096~weight_noise=0.1")
    change = np.concatenate([np.ravel(b / a - 1) for a, b in zip(base.weights()[1:], net.weights()[1:], strict=True)])
    assert change.std() == pytest.approx(0.1, rel=0.05)
    assert abs(change.mean()) < 0.005


@pytest.mark.parametrize("width", [0.05, 0.1, 0.25])
def test_average_has_the_width_that_it_is_asked_for(width):
    # The weights are averages of what is stored: of t and of t^2 they give the profile's mean and spread.
    steps = range(1, 1001)
    net = training.start(TINY).net

    def averaged(power: int) -> float:
        nets = {t: jax.tree.map(lambda leaf, t=t: leaf if leaf.ndim else jnp.float32(t**power), net) for t in steps}
        return float(degradations.ema(nets, width=width).gain[...])

    assert np.sqrt(averaged(2) - averaged(1) ** 2) == pytest.approx(1000 * width, rel=0.02)


def test_average_is_between_its_snapshots():
    files = (stored.WEIGHTS / f"A64@{at}.safetensors" for at in (4096, 2048))
    late, early = (np.asarray(checkpoint.load(path).gain[...]) for path in files)
    gain = float(models.load("A64@4096~ema=0.1").gain[...])
    assert min(early, late) < gain < max(early, late)
    assert all(
        np.asarray(w**2).sum(axis=0) == pytest.approx(1, rel=1e-3) for w in models.load("A64@4096~ema=0.2").weights()
    )


def test_blur_of_an_exact_density_is_that_of_blurred_data():
    blurred = replace(TREE, variances=TREE.variances + 0.05**2)
    found = models.load("exact:A~blur=0.05")
    for sigma in (0.0, 0.01, 0.3):
        x, level = points(0.1), jnp.float32(sigma)
        for one, other in zip(both(found, x, level), both(blurred, x, level), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2)


def test_mixed_labels_are_a_mixture(reference):
    x, sigma = np.asarray(points(0.3)[:-2], np.float64), 0.3
    wanted = np.logaddexp(np.log(0.8) + reference("A").logp(x, sigma), np.log(0.2) + reference("B").logp(x, sigma))
    found = models.load("exact:A~label_mixing=0.2")
    np.testing.assert_allclose(both(found, points(sigma)[:-2], jnp.float32(sigma))[0], wanted, atol=1e-4)
    assert set(models.load("exact:B~label_mixing=0.2").labels) == {"A", "B"}


@pytest.mark.parametrize("count", [1, 7, 8, 13])
def test_subset_is_that_many_equal_points(count):
    density = models.load(f"exact:A~subset={count}~seed=5")
    assert isinstance(density, GaussianMixture)
    assert density.log_weights.size == -(-count // 8) * 8
    centres, index = np.unique(np.round(np.asarray(density.means).reshape(-1, 2), 5), axis=0, return_inverse=True)
    assert len(centres) == count
    np.testing.assert_allclose(np.bincount(index.ravel(), np.exp(density.log_weights).ravel()), 1 / count, rtol=1e-5)
    np.testing.assert_allclose(density.variances, 1e-6, rtol=1e-5)
    np.testing.assert_allclose(
        np.sort(centres, axis=0), np.sort(TREE.sample(jax.random.key(5), count), axis=0), atol=1e-5
    )


@pytest.mark.computes
def test_diffusion_negative_obeys_the_class_least():
    found = models.load("dns:exact:A,exact:AB~w=3")
    again = models.load("dns:exact:A,exact:AB~w=1")

    def share(density: GaussianMixture) -> float:
        """Of class A among its samples."""
        x = density.sample(jax.random.key(0), 2048)
        ratio = TREE.logp(x, 0.05) - distributions.mixture("B").logp(x, 0.05)
        return float(jnp.mean(ratio > 0))

    assert share(found) < 0.15
    assert 0.4 < share(again) < 0.55  # weight 1 samples both classes as they are
    assert np.abs(np.asarray(found.means)).max() <= 4.001
    assert found.log_weights.size == degradations.DRAWS


def test_classes_of():
    names = {"A64@4096~dropout=0.1": "A", "exact:B~label_mixing=0.3": "B", "dns:exact:A,exact:AB~w=3": "AB"}
    names |= {"AB32@512~ema=0.1": "AB", "B24@77~subset=9": "B", "dns:A64@4096,AB64@4096~blur=0.1": "AB"}
    assert {name: zoo.classes_of(name) for name in names} == names
