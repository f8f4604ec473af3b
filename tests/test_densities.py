"""A density is what it says: score = grad log p, mass 1, finite far away, equal to plain double-precision formulas."""

from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.mlp import EnergyMLP, Spec
from toy import distributions
from toy.densities import Density, GaussianMixture

N = 2**13  # samples
CENTRE = np.array([0.4, -0.3])
TILTED = np.array([[0.09, 0.05], [0.05, 0.04]])


@lru_cache
def density_of(name: str) -> Density:
    """The densities under test: the tree's, single Gaussians, a network."""
    if name == "isotropic":
        return GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), 0.25 * np.eye(2)[None])
    if name == "tilted":
        return GaussianMixture.of(np.ones((1, 1)), CENTRE[None, None], TILTED[None])
    if name == "mlp":
        net = EnergyMLP(Spec("A", 16), rngs=nnx.Rngs(0))
        net.gain[...] = jnp.float32(0.5)
        return net
    return distributions.mixture(name)


GAUSSIANS = ("isotropic", "tilted")
TREES = ("A", "B", "AB")
EXACT = (*TREES, *GAUSSIANS)
ALL = (*EXACT, "mlp")
KINDS = ("A", "tilted", "mlp")  # of which a compilation each is worth its time


@jax.jit
def evaluate(density: Density, x: jax.Array, sigma: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-density and score, in one compilation."""
    return density.logp(x, sigma), density.score(x, sigma)


def slope(function: Callable[[Density, jax.Array, jax.Array], jax.Array], name: str, x, sigma: float) -> np.ndarray:
    """By both coordinates, [..., 2]: central differences in double precision, independent of any derivative of ours."""
    h, density = 1e-5 * max(sigma, 0.1), density_of(name)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), density)
        steps = h * jnp.stack([jnp.eye(2), -jnp.eye(2)])[:, :, None]  # [2, 2, 1, 2]
        forward, back = jax.jit(function)(wide, np.asarray(x, np.float64)[None, None] + steps, jnp.float64(sigma))
        return np.stack((forward - back) / (2 * h), axis=-1)


@partial(jax.jit, static_argnums=2)
def draw(density: GaussianMixture, key: jax.Array, n: int, sigma: jax.Array) -> jax.Array:
    """Samples, in one compilation."""
    return density.sample(key, n, sigma)


@jax.jit
def _points(density: GaussianMixture, sigma: jax.Array) -> jax.Array:
    x = density.sample(jax.random.key(3), 32, sigma)
    around = jax.random.uniform(jax.random.key(4), (32, 2), minval=-3, maxval=3)
    return jnp.concatenate([x, around])


def points(sigma: float, classes: str = "AB") -> jax.Array:
    """Points [64, 2]: where p(x; sigma) has mass, and as many around them."""
    return _points(distributions.mixture(classes), jnp.float32(sigma))


def close(found, wanted, *, relative: float = 1e-4, absolute: float = 1e-3) -> None:
    """Vectors or numbers agree within a share of their size, or absolutely: whichever allows more."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape
    assert np.isfinite(found).all()
    vectors = found.ndim == 2
    error, size = (np.linalg.norm(a, axis=-1) if vectors else np.abs(a) for a in (found - wanted, wanted))
    excess = error - np.maximum(relative * size, absolute)
    worst = np.argmax(excess)
    assert (excess <= 0).all(), f"{found[worst]} is not {wanted[worst]}"


@pytest.mark.parametrize("name", ALL)
def test_is_a_density(name):
    assert isinstance(density_of(name), Density)


@pytest.mark.parametrize("sigma", [0.03, 0.5, 5.0])
@pytest.mark.parametrize("name", KINDS)
def test_score_is_the_slope_of_logp(name, sigma):
    x = points(sigma)
    found = evaluate(density_of(name), x, jnp.float32(sigma))[1]
    close(found, slope(lambda density, x, sigma: density.logp(x, sigma), name, x, sigma))


@jax.jit
def derivatives(density: Density, x: jax.Array, sigma: jax.Array) -> tuple[jax.Array, ...]:
    """By automatic differentiation: of the log-density, and of the score forwards and backwards, [n, 2, 2]."""
    by_x = jax.grad(lambda x: jnp.sum(density.logp(x, sigma)))(x)
    axes = jnp.broadcast_to(jnp.eye(2)[:, None], (2, *x.shape))
    score = partial(density.score, sigma=sigma)
    forwards = jax.vmap(lambda axis: jax.jvp(score, (x,), (axis,))[1], out_axes=-1)(axes)
    backwards = jax.vmap(lambda axis: jax.vjp(score, x)[1](axis)[0], out_axes=-2)(axes)
    return by_x, forwards, backwards


@pytest.mark.parametrize("sigma", [0.002, 0.03, 0.5, 5.0])
@pytest.mark.parametrize("name", KINDS)
def test_derivatives_are_slopes(name, sigma):
    x = points(sigma)
    of_logp, forwards, backwards = derivatives(density_of(name), x, jnp.float32(sigma))
    close(of_logp, evaluate(density_of(name), x, jnp.float32(sigma))[1])
    wanted = slope(lambda density, x, sigma: density.score(x, sigma), name, x, sigma).reshape(-1, 4)
    for found in (forwards, backwards):
        close(found.reshape(-1, 4), wanted, relative=1e-3, absolute=0.01)


@pytest.mark.parametrize("name", ["A", "tilted"])
def test_derivatives_by_the_noise_level_are_slopes(name):
    density, x, sigma, h = density_of(name), points(0.3), 0.3, 1e-5
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), density)
        x = jnp.asarray(np.asarray(x), jnp.float64)

        def both(sigma: jax.Array) -> jax.Array:
            return jnp.concatenate([wide.logp(x, sigma)[:, None], wide.score(x, sigma)], axis=-1)

        found = jax.jvp(both, (jnp.float64(sigma),), (jnp.float64(1.0),))[1]
        wanted = (both(jnp.float64(sigma + h)) - both(jnp.float64(sigma - h))) / (2 * h)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.05, 0.5])
@pytest.mark.parametrize("name", ["A", "AB", "tilted"])
def test_mass_is_one(name, sigma):
    # On a smooth function that vanishes at the border a plain sum is exact to far below float32.
    half, step = 2.2 + 5 * sigma, 0.6 * sigma
    axis = np.arange(-half, half, step)
    grid = jnp.asarray(np.stack(np.meshgrid(axis, axis), axis=-1), jnp.float32)
    logp = np.asarray(jax.jit(lambda d: d.logp(grid, jnp.float32(sigma)))(density_of(name)), np.float64)
    assert np.exp(logp).sum() * step**2 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_finite_far_away(name):
    angle = jnp.arange(64.0) * jnp.pi / 32
    far = 50 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    for sigma in (0.0, 0.002) if name in EXACT else (0.002,):
        logp, score = evaluate(density_of(name), far, jnp.float32(sigma))
        assert np.isfinite(logp).all()
        assert np.isfinite(score).all()
        if name in EXACT:
            assert (np.sum(score * far, axis=-1) < 0).all()  # it points home


@pytest.mark.parametrize("name", KINDS)
def test_one_sigma_equals_the_same_sigma_for_each_point(name):
    x = points(0.3)
    one, each = (evaluate(density_of(name), x, jnp.full(shape, 0.3)) for shape in ((), 64))
    for alone, together in zip(one, each, strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_each_point_has_its_own_sigma(name):
    x, levels = points(0.3), (0.02, 0.3, 1.0, 4.0)
    together = evaluate(density_of(name), x, jnp.tile(jnp.array(levels), 16))
    for i, sigma in enumerate(levels):
        alone = evaluate(density_of(name), x, jnp.float32(sigma))
        for found, wanted in zip(together, alone, strict=True):
            np.testing.assert_allclose(found[i::4], wanted[i::4], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("name", ALL)
def test_batch_shapes(name, shape):
    density = density_of(name)
    x = jax.random.normal(jax.random.key(0), (*shape, 2))
    for sigma_shape in {(), shape, shape[1:], (1,) * len(shape)}:
        sigma = jnp.full(sigma_shape, 0.5)
        logp, score = jax.eval_shape(evaluate.__wrapped__, density, x, sigma)
        assert (logp.shape, score.shape) == (shape, (*shape, 2))
        assert logp.dtype == score.dtype == jnp.float32


@pytest.mark.parametrize("sigma", [0.0, 0.03, 0.5, 5.0])
@pytest.mark.parametrize("name", TREES)
def test_equals_the_reference(reference, name, sigma):
    x = points(sigma, name).at[-3:].set(jnp.array([[50.0, 0.0], [-20.0, 30.0], [0.45, 1.22]]))
    logp, score = evaluate(distributions.mixture(name), x, jnp.float32(sigma))
    close(logp, reference(name).logp(x, sigma))
    close(score, reference(name).score(x, sigma))


@pytest.mark.parametrize("sigma", [0.0, 0.03, 0.5])
@pytest.mark.parametrize("name", TREES)
def test_responsibilities(reference, name, sigma):
    x = points(sigma, name)
    found = jax.jit(GaussianMixture.responsibilities)(distributions.mixture(name), x, jnp.float32(sigma))
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(found, reference(name).responsibilities(x, sigma), atol=2e-3)


def test_single_gaussian_in_closed_form():
    x, sigma = points(0.2), 0.2
    inverse = np.linalg.inv(TILTED + sigma**2 * np.eye(2))
    offset = np.asarray(x, np.float64) - CENTRE
    logp = -0.5 * np.einsum("ni,ij,nj->n", offset, inverse, offset)
    logp += 0.5 * np.log(np.linalg.det(inverse)) - np.log(2 * np.pi)
    found = evaluate(density_of("tilted"), x, jnp.float32(sigma))
    close(found[0], logp)
    close(found[1], -offset @ inverse)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
@pytest.mark.parametrize("name", TREES)
def test_moments_of_samples(reference, name, sigma):
    n = N
    x = np.asarray(draw(distributions.mixture(name), jax.random.key(5), n, jnp.float32(sigma)), np.float64)
    mean, covariance = reference(name).moments(sigma)
    scale = np.sqrt(np.diag(covariance).max())
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=5 * scale / np.sqrt(n))
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=7 * scale**2 / np.sqrt(n))


def test_samples_of_a_gaussian_have_its_covariance_at_each_sigma():
    n = 2**15
    sigma = jnp.where(jnp.arange(n) % 2 == 0, 0.1, 2.0)
    x = np.asarray(draw(density_of("tilted"), jax.random.key(0), n, sigma))
    for start, level in ((0, 0.1), (1, 2.0)):
        wanted = TILTED + level**2 * np.eye(2)
        np.testing.assert_allclose(np.cov(x[start::2].T), wanted, atol=0.06 * wanted.max())


def test_samples_come_from_the_groups_that_they_say():
    density, n = distributions.mixture("A"), 2**14
    x, group = density.sample_with_groups(jax.random.key(0), n)
    share = np.bincount(group, minlength=127) / n
    np.testing.assert_allclose(share, distributions.of("A").mass, atol=5 * np.sqrt(0.26 * 0.74 / n))
    posterior = np.asarray(jax.jit(GaussianMixture.responsibilities)(density, x[:64], jnp.float32(0)))
    assert posterior[np.arange(64), group[:64]].mean() > 0.7


def test_same_key_same_samples():
    density = distributions.mixture("A")
    first, second, other = (draw(density, jax.random.key(k), N, jnp.float32(0.1)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert np.mean(np.asarray(first) == np.asarray(other)) < 0.01


@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.1, 0.5, 5.0])
def test_cfg_with_exact_scores_is_negative_prompting_by_the_posterior(reference, sigma):
    # s_A - s_AB = P(B | x; sigma) (s_A - s_B)
    x = points(sigma)
    level = jnp.float32(sigma)
    s_a, s_b, s_ab = (np.asarray(evaluate(distributions.mixture(c), x, level)[1], np.float64) for c in TREES)
    logp_b, logp_ab = (reference(c).logp(x, sigma) for c in ("B", "AB"))
    posterior_b = np.exp(np.log(distributions.prior("B")) + logp_b - logp_ab)
    close(s_a - s_ab, posterior_b[:, None] * (s_a - s_b), absolute=1e-3)
    by_groups = np.asarray(distributions.mixture("AB").responsibilities(x, level))[:, 127:].sum(axis=-1)
    np.testing.assert_allclose(by_groups, posterior_b, atol=1e-3)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_both_classes_together_are_their_weighted_sum(sigma):
    x = points(sigma)
    level = jnp.float32(sigma)
    logp = {c: np.asarray(evaluate(distributions.mixture(c), x, level)[0], np.float64) for c in TREES}
    close(logp["AB"], np.logaddexp(*(np.log(distributions.prior(c)) + logp[c] for c in "AB")))


@pytest.mark.parametrize(
    ("sigma", "energy"), [(5, 0.991), (0.5, 0.693), (0.1, 0.306), (0.03, 0.350), (0.01, 0.220), (0.002, 0.025)]
)
def test_size_of_the_score(sigma, energy):
    density, n = distributions.mixture("A"), N
    x = draw(density, jax.random.key(2), n, jnp.float32(sigma))
    found = 0.5 * np.sum(np.square(sigma * np.asarray(evaluate(density, x, jnp.float32(sigma))[1])), axis=-1)
    assert found.mean() == pytest.approx(energy, abs=0.002 + 5 * found.std() / np.sqrt(n))


def test_tilted_density_keeps_the_root_branch():
    # p_A^w p_AB^(1-w) at w = 4 is almost p_A: what guidance promises, unlike what its flow draws.
    density, zero = distributions.mixture("A"), jnp.float32(0)
    x = draw(density, jax.random.key(2), N, zero)
    log_ratio = evaluate(density, x, zero)[0] - jax.jit(GaussianMixture.logp)(distributions.mixture("AB"), x, zero)
    weight = np.exp(3 * np.asarray(log_ratio, np.float64))
    weight /= weight.mean()
    root = np.asarray(jax.jit(GaussianMixture.responsibilities)(density, x, zero))[:, 0]
    assert np.mean(weight * root) == pytest.approx(0.2487, abs=0.015)
    assert np.mean(weight * np.log(weight)) == pytest.approx(0.0064, abs=0.003)


def test_scale_of_weights_and_order_of_parts_do_not_matter():
    random = np.random.default_rng(0)
    weights, means = random.uniform(1, 2, (3, 4)), random.normal(size=(3, 4, 2))
    factors = random.normal(size=(3, 2, 2))
    covariances = factors @ np.swapaxes(factors, 1, 2) + 0.1 * np.eye(2)
    x, sigma = points(0.3), jnp.float32(0.3)
    plain = GaussianMixture.of(weights, means, covariances)
    order, parts = [2, 0, 1], [3, 1, 0, 2]
    turned = GaussianMixture.of(7 * weights[order][:, parts], means[order][:, parts], covariances[order])
    for found, wanted in zip(evaluate(turned, x, sigma), evaluate(plain, x, sigma), strict=True):
        close(found, wanted)


def test_means_come_back(reference):
    np.testing.assert_allclose(np.reshape(distributions.mixture("A").means, (-1, 2)), reference("A").means, atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_must_be_positive(weight):
    with pytest.raises(ValueError, match="weights must be positive"):
        GaussianMixture.of(np.array([[1.0, weight]]), np.zeros((1, 2, 2)), np.eye(2)[None])


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_covariances_must_be_positive_definite(variance):
    with pytest.raises(ValueError, match="positive definite"):
        GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), np.diag([1.0, variance])[None])


@pytest.mark.parametrize("sigma", [0.0, 0.002, 0.1, 5.0])
def test_reaches_is_what_logp_says(sigma):
    mixture, level = distributions.mixture("A"), jnp.float32(sigma)
    x = jnp.concatenate(
        [mixture.sample(jax.random.key(2), 256, sigma), jnp.array([[30.0, -20.0], [1e30, 0], [jnp.nan, 0]])]
    )
    logp = mixture.logp(x, level)
    ranked = np.sort(logp[:256])
    at = 32 + np.argmax(np.diff(ranked[32:65]))  # in the widest gap: no rounding decides
    least = (ranked[at] + ranked[at + 1]) / 2
    np.testing.assert_array_equal(mixture.reaches(x, level, least), logp >= least)
