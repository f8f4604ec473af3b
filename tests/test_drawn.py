"""Noise on the input and dropout are drawn anew at each point and evaluation, and mean what their formulas say."""

from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from models import drawn, zoo
from models.mlp import SIGMA_DATA, SILU_GAIN
from toy import distributions, scenes
from toy.densities import GaussianMixture
from toy.scene import Scene
from toy.views import score_on

N, V = 4096, 0.1


@lru_cache
def points(sigma: float, n: int = 256) -> np.ndarray:
    return np.asarray(distributions.mixture("A").sample(jax.random.key(1), n, sigma))


def noise_of(density: drawn.NoisyInput, x, sigma: float) -> np.ndarray:
    """What is drawn at points, before any factor."""
    keys = [drawn.at_point(density.key, density.share, jnp.asarray(p), jnp.float32(sigma)) for p in x]
    return np.asarray([jax.random.normal(key, (2,)) for key in keys], np.float64)


@pytest.mark.parametrize("sigma", [0.03, 0.3, 2.0])
@pytest.mark.parametrize("draw", [1, 0])
def test_a_noisy_input_is_denoised_at_the_level_that_it_has(sigma, draw, reference):
    # s' = (D(x + σ√((1 + v)² − 1) n; (1 + v)σ) − x)/σ²; without the draw (1 + v)² s(x; (1 + v)σ).
    density, x = models.load(f"exact:A~input_noise={V}~draw={draw}~seed=4"), points(sigma)[:32].astype(np.float64)
    higher = (1 + V) * sigma
    moved = x + draw * sigma * np.sqrt((1 + V) ** 2 - 1) * noise_of(density, np.float32(x), sigma)
    denoised = moved + higher**2 * reference("A").score(moved, higher)
    found = score_on(density, np.float32(x), jnp.float32(sigma))
    np.testing.assert_allclose(sigma * found, (denoised - x) / sigma, atol=2e-3)
    if not draw:
        np.testing.assert_allclose(sigma * found, sigma * (1 + V) ** 2 * reference("A").score(x, higher), atol=2e-3)


def test_the_noise_of_the_input_is_normal_and_another_everywhere():
    # One round Gaussian's denoiser is linear, so that what it was given can be told from what it gives.
    s, x = 0.5, np.asarray(jax.random.normal(jax.random.key(0), (2000, 2)))
    round_ = GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), np.eye(2)[None] * s**2)
    made, found = models.load(f"exact:A~input_noise={V}~seed=3"), []
    for sigma, share, key in (
        (0.3, V, made.key),
        (0.31, V, made.key),
        (0.3, 2 * V, made.key),
        (0.3, V, jax.random.key(4)),
    ):
        density = replace(made, density=round_, share=jnp.float32(share), key=key)
        denoised = x + sigma**2 * np.asarray(density.score(jnp.asarray(x), jnp.float32(sigma)))
        given = denoised * (s**2 + ((1 + share) * sigma) ** 2) / s**2
        found.append((given - x) / (sigma * np.sqrt((1 + share) ** 2 - 1)))
    for noise in found:
        assert np.abs(noise.mean(axis=0)).max() < 4 / np.sqrt(len(x))
        np.testing.assert_allclose(np.cov(noise.T), np.eye(2), atol=0.12)
    # Another level, another strength, another seed: other noise.
    np.testing.assert_allclose(np.corrcoef(np.ravel(found).reshape(4, -1)), np.eye(4), atol=0.08)


@pytest.mark.computes
def test_exact_scores_with_a_noisy_input_leave_what_exact_scores_leave():
    share = {}  # A shift of 0 is the exact density, in the same program.
    for kind in ("level_shift=0", f"input_noise={V}", f"input_noise={V}~draw=0", f"level_shift={V}"):
        scene = Scene.of("none", main=f"exact:A~{kind}", n=N)
        share[kind] = scenes.compute(scene, models.cast(scene.cast), keep=False, floor=False).metrics["outliers"]
    exact, noisy, still, shifted = share.values()
    assert max(noisy, still) < exact + 0.01
    assert shifted > 10 * max(exact, noisy, still)


# --- Dropout ----------------------------------------------------------------------------------------------------------


def thinned(density: drawn.Dropped, x: np.ndarray, sigma: float, *, seen: list | None = None) -> float:
    """log p of a network at one point in NumPy, double precision, without the units that are left out there."""
    given = density.dropout(jnp.asarray(x), jnp.float32(sigma))
    weights, rate = [np.asarray(w, np.float64) for w in density.weights()], float(given.rate)
    scaled = x / np.sqrt(sigma**2 + SIGMA_DATA**2)
    h = np.array([*scaled, np.log(sigma) / 4, 1]) @ weights[0]
    for i, w in enumerate(weights[1:]):
        kept = np.asarray(jax.random.bernoulli(jax.random.fold_in(given.key, i), 1 - given.rate, h.shape))
        if seen is not None:
            seen.append(kept)
        h = (np.where(kept, h / (1 + np.exp(-h)) / SILU_GAIN / (1 - rate), 0)) @ w
    gain = abs(float(density.net.gain[...]))
    return -gain / sigma * np.mean(h**2) - np.sum(scaled**2) / 2


def test_dropout_leaves_out_each_point_s_own_units():
    density, x, sigma = models.load("A64@4096~dropout=0.2~seed=1"), points(0.3)[:8], 0.3
    wanted = [thinned(density, np.float64(p), sigma) for p in x]
    np.testing.assert_allclose(density.logp(jnp.asarray(x), jnp.float32(sigma)), wanted, rtol=2e-4, atol=2e-4)


def test_dropout_is_another_at_each_point_level_strength_and_seed():
    seen: list[list[np.ndarray]] = []
    density, other = models.load("A64@4096~dropout=0.2~seed=1"), models.load("A64@4096~dropout=0.2~seed=2")
    x = np.float64(points(0.3)[0])
    near = x + np.array([0, 1e-6])
    stronger = models.load("A64@4096~dropout=0.3~seed=1")
    for which, at, sigma in (
        (density, x, 0.3),
        (density, near, 0.3),
        (density, x, 0.301),
        (other, x, 0.3),
        (stronger, x, 0.3),
    ):
        masks: list[np.ndarray] = []
        thinned(which, at, sigma, seen=masks)
        seen.append(np.concatenate(masks))
    out = ~np.array(seen)
    assert np.all(np.abs(out.mean(axis=1) - [0.2, 0.2, 0.2, 0.2, 0.3]) < 0.1)
    # Left out by two of them are as many as by chance, not all: 0.04 of 256 units, or 0.06.
    both = [(out[i] & out[j]).mean() for i in range(5) for j in range(i)]
    assert max(both) < 0.12


@pytest.mark.parametrize("name", ["A64@4096~dropout=0.2", f"exact:A~input_noise={V}"])
def test_what_is_drawn_does_not_depend_on_the_other_points(name):
    density, x, sigma = models.load(name), points(0.3)[:16], jnp.float32(0.3)
    together = np.asarray(score_on(density, x, sigma))
    np.testing.assert_allclose(score_on(density, x[::-1], sigma)[::-1], together, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(score_on(density, x[3:4], sigma)[0], together[3], rtol=1e-4, atol=1e-4)
    grid = score_on(density, x.reshape(4, 4, 2), sigma)
    np.testing.assert_allclose(np.reshape(grid, (16, 2)), together, rtol=1e-4, atol=1e-4)


def test_dropout_keeps_the_mean_of_what_it_thins():
    # Of the last layer's input, which is what one layer of dropout leaves unbiased.
    density, sigma = models.load("A64@4096~dropout=0.2"), 0.3
    x, kept = np.float64(points(sigma)[0]), []
    for i in range(400):
        masks: list[np.ndarray] = []
        thinned(density, x + np.array([0, i * 1e-6]), sigma, seen=masks)
        kept.append(np.concatenate(masks) / 0.8)
    assert np.mean(kept) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("name", "rate"), [("A64@4096~dropout=0.2", 0.2), ("A64@4096~dropout=0.2~dropout=0.5", 0.6)])
def test_dropout_twice_is_dropout_of_what_is_left(name, rate):
    assert float(models.load(name).rate) == pytest.approx(rate)


@pytest.mark.parametrize(
    "name",
    [
        "A64@4096~dropout=0.1~weight_noise=0.05",
        "A64@4096~dropout=0.1~skip_layer=1~skip_random_layers=2",
        "A64@4096~dropout=0.1~dropout_per_step=0.1~seed=2",
        "A64@4096~dropout=0.1~dropout_fixed=0.1~input_noise=0.1",
        "A64@4096~ema=0.1~dropout=0.1~blur=0.05",
    ],
)
def test_what_has_dropout_can_be_degraded_further(name):
    zoo.check(name)
    found = score_on(models.load(name), points(0.3), jnp.float32(0.3))
    assert np.isfinite(found).all()
    assert not np.allclose(found, score_on(models.load(name.rpartition("~")[0]), points(0.3), jnp.float32(0.3)))
