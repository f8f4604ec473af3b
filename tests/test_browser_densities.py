"""The browser's kernel is right: every answer against NumPy in double precision, and samples against JAX's."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from kernel_helpers import Mixture, Network, answers

from models import zoo
from models.degradations import blur, level_shift
from models.mlp import Spec, network
from toy import distributions
from toy.browser.kernel import KERNELS
from toy.browser.numbers import numbers_of
from toy.densities import GaussianMixture
from toy.quadrature import Tabulated

LEVELS = (0.002, 0.02, 0.1, 0.3, 1.0, 5.0, 80.0)
RNG = np.random.default_rng(0)


def mixture(groups, parts, spread=0.5):
    """Any mixture: anisotropic groups that overlap, uneven weights."""
    scales = np.exp(RNG.uniform(-6, -2, (groups, 2)))
    turns = np.linalg.qr(RNG.normal(size=(groups, 2, 2)))[0]
    covariances = np.einsum("gij,gj,gkj->gik", turns, scales**2, turns)
    middles = RNG.normal(0, spread, (groups, 1, 2))
    means = middles + RNG.normal(0, 0.03, (groups, parts, 2))
    return GaussianMixture.of(np.exp(RNG.normal(size=(groups, parts))), means, covariances)


def untrained(width, depth, parametrisation="energy", gain=0.1):
    """A network before training, of a gain that its layers matter with."""
    net = network(Spec("A", width, depth, parametrisation), rngs=nnx.Rngs(width + depth)).frozen()
    net.gain[...] = jnp.float32(gain)
    return net


FAMILIES = [distributions.targets(on)[-1] for on in (*distributions.families(), "gaussians:classes=16")]
MIXTURES = {f"exact:{name}": distributions.mixture(name) for name in FAMILIES}
MIXTURES |= {
    f"parts:{groups}x{parts}": mixture(groups, parts) for groups, parts in ((1, 1), (1, 8), (2, 3), (37, 5), (512, 8))
}
# Nearly all of it at one end of the largest cluster that is a series at noise level 0.3.
MIXTURES["edge"] = GaussianMixture.of(
    np.array([[1], [1e-6]]), np.array([[[0.088, 0]], [[-0.088, 0]]]), np.tile(1e-7 * np.eye(2), (2, 1, 1))
)
MIXTURES["blurred"] = blur(distributions.mixture("moons/A"), width=0.05)
MIXTURES["shifted"] = level_shift(blur(distributions.mixture("A"), width=0.02), share=0.3)
NETWORKS = {
    "A64@4096": zoo.load("A64@4096"),
    **{f"energy {n} x {d}": untrained(n, d) for n, d in ((1, 1), (3, 2), (6, 4), (32, 3), (130, 1))},
    **{f"{kind} {n} x {d}": untrained(n, d, kind) for kind in ("score", "denoiser") for n, d in ((5, 1), (32, 4))},
}
NUMBERS = {name: numbers_of(density) for name, density in (MIXTURES | NETWORKS).items()}


FAR = 25.0  # fifty times the data's scale


def points(name, sigma, n=64):
    """Where a sampler has its points, at this noise level."""
    numbers, rng = NUMBERS[name], np.random.default_rng([n, *name.encode()])
    if numbers["kind"] == "network":
        return np.float32(rng.normal(0, np.hypot(sigma, 0.5), (n, 2)))
    weights = np.exp(numbers["log_weights"].astype(np.float64)).ravel()
    part = rng.choice(weights.size, n, p=weights / weights.sum())
    group = part // numbers["parts"]
    spread = np.sqrt(numbers["variances"][group] + sigma**2)
    local = numbers["centres"].reshape(-1, 2)[part] + spread * rng.normal(size=(n, 2))
    return np.float32(numbers["origins"][group] + np.einsum("nij,ni->nj", numbers["axes"][group], local))


def asks_of(name):
    """What a density can be asked."""
    numbers = NUMBERS[name]
    if numbers["kind"] == "mixture":
        return ("score", "logp", "scoreJvp", "posterior")
    return ("score", "logp", "scoreJvp") if numbers["predicts"] == "energy" else ("score", "scoreJvp")


def directions(x):
    """A vector at each point."""
    return np.float32(np.random.default_rng(1).normal(size=x.shape))


def truth(name, asks, sigma, x):
    """The answers in double precision, by what is asked."""
    numbers = NUMBERS[name]
    scale, width = numbers["level"]
    sigma = np.hypot(scale * sigma, width)
    x, along = np.float64(x), np.float64(directions(x))
    if numbers["kind"] == "network":
        known = Network(numbers, sigma)
        return {ask: known.jvp(x, along) if ask == "scoreJvp" else getattr(known, ask)(x) for ask in asks}
    known = Mixture(numbers, sigma).at(x)
    return {ask: known.jvp(along) if ask == "scoreJvp" else getattr(known, ask) for ask in asks}


@cache
def told(file):
    """Every answer of a kernel that the tests look at, by (name, ask, sigma, kind of points); one process."""
    asks = {}
    for name in NUMBERS:
        for sigma in LEVELS:
            x = points(name, sigma)
            for ask in asks_of(name):
                asks[name, ask, sigma, "usual"] = x
            if "logp" in asks_of(name):
                asks[name, "scoreAndLogp", sigma, "usual"] = x
            asks[name, "score", sigma, "odd"] = odd(x)
        for ask in asks_of(name):
            asks[name, ask, LEVELS[0], "far"] = far(name)
            asks[name, ask, 0.3, "odd"] = odd(points(name, 0.3))
    for n in SIZES:
        for name in ("exact:AB", "A64@4096"):
            asks[name, "score", 0.1, n] = points(name, 0.1, n)
    given = [
        {"id": name, "ask": ask, "sigma": sigma, "x": x} | ({"along": directions(x)} if ask == "scoreJvp" else {})
        for (name, ask, sigma, _), x in asks.items()
    ]
    return dict(zip(asks, answers(file, NUMBERS, given), strict=True))


SIZES = (1, 3, 8, 2048, 2049)
ODD = {3: (np.nan, 0), 6: (0, np.nan), 17: (np.inf, 0), 30: (0, -np.inf), 31: (np.inf, np.nan), 63: (-np.inf, np.inf)}


def odd(x):
    """Some of the points are none."""
    x = x.copy()
    for i, point in ODD.items():
        x[i] = point
    return x


def far(name):
    """Points in all directions."""
    angles = np.random.default_rng([*name.encode()]).uniform(0, 2 * np.pi, 64)
    return np.float32(FAR * np.stack([np.cos(angles), np.sin(angles)], axis=-1))


def size_of(ask, exact):
    """What errors are measured by: the root mean square of a vector; of a log what it is, or one nat."""
    if ask == "logp":
        return 1 + np.abs(exact)
    return 1 if ask == "posterior" else np.sqrt((exact**2).mean())


@cache
def truths(name):
    """Exact answers by (ask, sigma)."""
    every = {sigma: truth(name, asks_of(name), sigma, points(name, sigma)) for sigma in LEVELS}
    return {(ask, sigma): exact for sigma, answered in every.items() for ask, exact in answered.items()}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_answer_is_right_to_single_precision(name):
    """An exponential that is off by 1e-5, or a series that is one term short, is ten times beyond these bounds."""
    for (ask, sigma), exact in truths(name).items():
        for file in KERNELS:
            error = (told(file)[name, ask, sigma, "usual"].reshape(exact.shape) - exact) / size_of(ask, exact)
            assert np.sqrt((error**2).mean()) < (1.5e-6 if ask == "scoreJvp" else 8e-7), (file, ask, sigma)
            assert np.abs(error).max() < 1.2e-5, (file, ask, sigma)


@pytest.mark.parametrize("file", KERNELS)
def test_score_and_logp_from_one_pass_are_those_of_two(file):
    found = told(file)
    for name, ask, sigma, kind in found:
        if ask == "scoreAndLogp":
            both = [found[name, one, sigma, kind] for one in ("score", "logp")]
            np.testing.assert_array_equal(found[name, ask, sigma, kind], np.concatenate(both), err_msg=name)


@pytest.mark.parametrize("file", KERNELS)
def test_each_point_may_have_a_noise_level_of_its_own(file):
    """In any order, and more points than the kernel takes at once: each is what it is at its own level."""
    order = np.random.default_rng(2).permutation(64 * len(LEVELS))
    where = np.tile(order, 5)
    asks, wanted = [], {}
    for name in NUMBERS:
        x = np.concatenate([points(name, sigma) for sigma in LEVELS])
        levels = np.repeat(np.float32(LEVELS), 64)
        for ask in {"score", "logp"}.intersection(asks_of(name)):
            asks.append({"id": name, "ask": ask, "x": x[where], "levels": levels[where]})
            wanted[name, ask] = {sigma: truths(name)[ask, sigma] for sigma in LEVELS}
    for (name, ask), found in zip(wanted, answers(file, NUMBERS, asks), strict=True):
        first, *others = found.reshape(5, len(order), -1)
        for other in others:
            np.testing.assert_array_equal(other, first, err_msg=name)
        found_at = np.empty_like(first)
        found_at[order] = first
        for sigma, part in zip(LEVELS, np.split(found_at, len(LEVELS)), strict=True):
            exact = wanted[name, ask][sigma]
            error = (part.reshape(exact.shape) - exact) / size_of(ask, exact)
            assert np.sqrt((error**2).mean()) < 8e-7, (name, ask, sigma)
            assert np.abs(error).max() < 1.2e-5, (name, ask, sigma)


def test_a_table_of_masses_is_taken_off_at_each_points_own_level():
    net, knots = NETWORKS["energy 6 x 4"], np.log(np.geomspace(0.002, 80, 9))
    table = Tabulated(net, jnp.float32(knots), jnp.float32(np.random.default_rng(0).normal(size=(4, 8))), 0.0)
    x, levels = points("energy 6 x 4", 0.3), np.float32(np.geomspace(0.003, 50, 64))
    (found,) = answers(
        "kernel.wasm", {"net": numbers_of(table)}, [{"id": "net", "ask": "logp", "x": x, "levels": levels}]
    )
    wanted = [table.logp(jnp.asarray(one), level) for one, level in zip(x, levels, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=5e-6, atol=2e-5)


@pytest.mark.parametrize("n", SIZES)
def test_any_number_of_points(n):
    for name in ("exact:AB", "A64@4096"):
        exact = truth(name, ["score"], 0.1, points(name, 0.1, n))["score"]
        for file in KERNELS:
            error = told(file)[name, "score", 0.1, n].reshape(n, 2) - exact
            assert np.abs(error).max() < 1e-5 * size_of("score", exact), file


@pytest.mark.parametrize("file", KERNELS)
def test_a_share_of_the_points_has_the_bits_of_the_whole(file):
    """Whoever splits points by eights, as workers do; more at once than the kernel takes, posteriors too."""
    names, begin, n = ("exact:AB", "parts:37x5", "A64@4096", "denoiser 32 x 4"), 1104, 4096
    whole = [(name, ask, points(name, 0.1, n)) for name in names for ask in asks_of(name)]
    asks = [
        {"id": name, "ask": ask, "sigma": 0.1, "x": x[some], "along": directions(x)[some]}
        for name, ask, x in whole
        for some in (slice(None), slice(begin, None))
    ]
    found = answers(file, NUMBERS, asks)
    for (name, ask, _), all_of, rest in zip(whole, found[::2], found[1::2], strict=True):
        np.testing.assert_array_equal(
            all_of.reshape(n, -1)[begin:], rest.reshape(n - begin, -1), err_msg=f"{name} {ask}"
        )


@pytest.mark.parametrize("name", NUMBERS)
def test_far_away_answers_are_finite_and_right(name):
    """Logs are of tens of millions of nats there, so that float32 does not tell parts of like distance apart."""
    wanted = truth(name, {"score", "logp"}.intersection(asks_of(name)), LEVELS[0], far(name))
    for file in KERNELS:
        for ask in asks_of(name):
            found = told(file)[name, ask, LEVELS[0], "far"]
            assert np.isfinite(found).all(), (file, ask)
            if ask in wanted:
                error = np.abs(found.reshape(wanted[ask].shape) - wanted[ask]).max() / np.abs(wanted[ask]).max()
                assert error < (2e-6 if ask == "logp" else 2e-5), (file, ask)


@pytest.mark.parametrize("file", KERNELS)
@pytest.mark.parametrize("name", NUMBERS)
def test_points_that_are_none_get_nan_and_their_neighbours_do_not(file, name):
    for sigma in LEVELS:
        for ask in asks_of(name) if sigma == 0.3 else ("score",):
            usual, found = (told(file)[name, ask, sigma, kind].reshape(64, -1) for kind in ("usual", "odd"))
            there = np.isin(np.arange(64), list(ODD))
            assert np.isnan(found[there]).all(), (ask, sigma)
            np.testing.assert_allclose(found[~there], usual[~there], rtol=0, atol=1e-5 * np.abs(usual).max())


SAMPLED = [name for name in MIXTURES if NUMBERS[name]["level"] == (1, 0)]


@cache
def samples(key, n):
    """Of each mixture ``n`` at noise level 0, those from 600 on alone, and ``n`` at 0.7; one process."""
    ask = {"ask": "sample", "key": key, "sigma": 0.0, "offset": 0, "n": n}
    kinds = (ask, ask | {"offset": 600, "n": n - 600}, ask | {"sigma": 0.7})
    asks = [{"id": name, **kind} for name in SAMPLED for kind in kinds]
    found = answers("kernel.wasm", {name: NUMBERS[name] for name in SAMPLED}, asks)
    return {name: found[3 * i : 3 * i + 3] for i, name in enumerate(SAMPLED)}


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_are_those_of_jax(name):
    """The same part for every point, and the same noise; a point depends on its place in the whole alone."""
    key, n = jax.random.key(7), 1000
    found, rest, noisy = samples(tuple(np.asarray(jax.random.key_data(key)).tolist()), n)[name]
    np.testing.assert_allclose(found.reshape(n, 2), MIXTURES[name].sample(key, n), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(rest, found[2 * 600 :])
    np.testing.assert_allclose(noisy.reshape(n, 2), MIXTURES[name].sample(key, n, 0.7), rtol=0, atol=4e-6)


def test_a_table_of_masses_is_taken_off():
    net, knots = NETWORKS["energy 6 x 4"], np.log(np.geomspace(0.002, 80, 9))
    table = Tabulated(net, jnp.float32(knots), jnp.float32(np.random.default_rng(0).normal(size=(4, 8))), 0.0)
    x = points("energy 6 x 4", 0.3)
    levels = (0.0005, 0.002, 0.0031, 0.3, float(np.exp(knots[4])), 5.0, 80.0, 200.0)
    asks = [{"id": "net", "ask": "logp", "sigma": sigma, "x": x} for sigma in levels]
    for found, ask in zip(answers("kernel.wasm", {"net": numbers_of(table)}, asks), asks, strict=True):
        np.testing.assert_allclose(found, table.logp(jnp.asarray(x), jnp.float32(ask["sigma"])), rtol=5e-6, atol=2e-5)
