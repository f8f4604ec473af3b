"""A density is what it says: score = grad log p, mass 1, finite far away, equal to plain double-precision formulas."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.mlp import EnergyMLP, Spec
from toy import fractal
from toy.densities import Density, GaussianMixture

WHOLE = np.array([0.4, -0.3])
TILTED = np.array([[0.09, 0.05], [0.05, 0.04]])


@lru_cache
def density_of(name: str) -> Density:
    """The densities under test: the tree's, single Gaussians, a network."""
    if name == "isotropic":
        return GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), 0.25 * np.eye(2)[None])
    if name == "tilted":
        return GaussianMixture.of(np.ones((1, 1)), WHOLE[None, None], TILTED[None])
    if name == "mlp":
        net = EnergyMLP(Spec("A", 16), rngs=nnx.Rngs(0))
        net.gain[...] = jnp.float32(0.5)
        return net
    return fractal.mixture(name)


GAUSSIANS = ("isotropic", "tilted")
TREES = ("A", "B", "AB")
EXACT = (*TREES, *GAUSSIANS)
ALL = (*EXACT, "mlp")


def points(sigma: float, n: int = 32, classes: str = "AB") -> jax.Array:
    """Points where p(x; sigma) has mass, and about as many around them."""
    x = fractal.mixture(classes).sample(jax.random.key(3), n, jnp.float32(sigma))
    around = jax.random.uniform(jax.random.key(4), (n, 2), minval=-3, maxval=3)
    return jnp.concatenate([x, around])


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
@pytest.mark.parametrize("name", ALL)
def test_score_is_the_gradient_of_logp(name, sigma):
    density, x = density_of(name), points(sigma)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(density.logp(x, jnp.float32(sigma)))))(x)
    close(density.score(x, jnp.float32(sigma)), gradient)


@pytest.mark.parametrize("sigma", [0.03, 0.5, 5.0])
def test_network_score_is_the_slope_of_its_logp(sigma):
    # Central differences in double precision: independent of automatic differentiation.
    density = density_of("mlp")
    with jax.enable_x64(True):
        x, h = jnp.asarray(points(sigma, 8), jnp.float64), 1e-5
        wide = jax.tree.map(lambda a: a.astype(jnp.float64), density)
        slopes = [(wide.logp(x + h * e, sigma) - wide.logp(x - h * e, sigma)) / (2 * h) for e in jnp.eye(2)]
        close(density.score(x.astype(jnp.float32), jnp.float32(sigma)), np.stack(slopes, axis=-1))


@pytest.mark.parametrize("sigma", [0.05, 0.5])
@pytest.mark.parametrize("name", EXACT)
def test_mass_is_one(name, sigma):
    # On a smooth function that vanishes at the border a plain sum is exact to far below float32.
    half, step = 2.2 + 5 * sigma, 0.6 * sigma
    axis = np.arange(-half, half, step)
    grid = jnp.asarray(np.stack(np.meshgrid(axis, axis), axis=-1), jnp.float32)
    logp = np.asarray(density_of(name).logp(grid, jnp.float32(sigma)), np.float64)
    assert np.exp(logp).sum() * step**2 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_finite_far_away(name):
    angle = jnp.arange(8) * jnp.pi / 4
    far = 50 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    for sigma in (0.0, 0.002) if name in EXACT else (0.002,):
        logp = density_of(name).logp(far, jnp.float32(sigma))
        score = density_of(name).score(far, jnp.float32(sigma))
        assert np.isfinite(logp).all()
        assert np.isfinite(score).all()
        if name in EXACT:
            assert (np.sum(score * far, axis=-1) < 0).all()  # it points home


@pytest.mark.parametrize("name", ALL)
def test_one_sigma_equals_the_same_sigma_for_each_point(name):
    x = points(0.3, 8)
    for call in (density_of(name).logp, density_of(name).score):
        np.testing.assert_allclose(call(x, jnp.float32(0.3)), call(x, jnp.full(16, 0.3)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_each_point_has_its_own_sigma(name):
    x, sigmas = points(0.3, 2), jnp.array([0.02, 0.3, 1.0, 4.0])
    for call in (density_of(name).logp, density_of(name).score):
        alone = jnp.stack([call(point, sigma) for point, sigma in zip(x, sigmas, strict=True)])
        np.testing.assert_allclose(call(x, sigmas), alone, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("name", ["A", "tilted", "mlp"])
def test_batch_shapes(name, shape):
    density = density_of(name)
    x = jax.random.normal(jax.random.key(0), (*shape, 2))
    for sigma_shape in {(), shape, shape[1:], (1,) * len(shape)}:
        sigma = jnp.full(sigma_shape, 0.5)
        assert density.logp(x, sigma).shape == shape
        assert density.score(x, sigma).shape == (*shape, 2)
        assert density.logp(x, sigma).dtype == density.score(x, sigma).dtype == jnp.float32


@pytest.mark.parametrize("sigma", [0.0, 0.03, 0.5, 5.0])
@pytest.mark.parametrize("name", TREES)
def test_equals_the_reference(reference, name, sigma):
    x = jnp.concatenate([points(sigma, 48, name), jnp.array([[50.0, 0.0], [-20.0, 30.0], [0.45, 1.22]])])
    exact = np.asarray(x, np.float64)
    close(fractal.mixture(name).logp(x, jnp.float32(sigma)), reference(name).logp(exact, sigma))
    close(fractal.mixture(name).score(x, jnp.float32(sigma)), reference(name).score(exact, sigma))


@pytest.mark.parametrize("sigma", [0.0, 0.03, 0.5])
@pytest.mark.parametrize("name", TREES)
def test_responsibilities(reference, name, sigma):
    x = points(sigma, classes=name)
    found = fractal.mixture(name).responsibilities(x, jnp.float32(sigma))
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(found, reference(name).responsibilities(x, sigma), atol=2e-3)


def test_single_gaussian_in_closed_form():
    x, sigma = points(0.2), 0.2
    inverse = np.linalg.inv(TILTED + sigma**2 * np.eye(2))
    offset = np.asarray(x, np.float64) - WHOLE
    logp = -0.5 * np.einsum("ni,ij,nj->n", offset, inverse, offset)
    logp += 0.5 * np.log(np.linalg.det(inverse)) - np.log(2 * np.pi)
    close(density_of("tilted").logp(x, jnp.float32(sigma)), logp)
    close(density_of("tilted").score(x, jnp.float32(sigma)), -offset @ inverse)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
@pytest.mark.parametrize("name", TREES)
def test_moments_of_samples(reference, name, sigma):
    n = 2**15
    x = np.asarray(fractal.mixture(name).sample(jax.random.key(5), n, jnp.float32(sigma)), np.float64)
    mean, covariance = reference(name).moments(sigma)
    scale = np.sqrt(np.diag(covariance).max())
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=5 * scale / np.sqrt(n))
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=7 * scale**2 / np.sqrt(n))


def test_samples_of_a_gaussian_have_its_covariance_at_each_sigma():
    n = 2**15
    sigma = jnp.where(jnp.arange(n) % 2 == 0, 0.1, 2.0)
    x = np.asarray(density_of("tilted").sample(jax.random.key(0), n, sigma))
    for start, level in ((0, 0.1), (1, 2.0)):
        wanted = TILTED + level**2 * np.eye(2)
        np.testing.assert_allclose(np.cov(x[start::2].T), wanted, atol=0.06 * wanted.max())


def test_samples_come_from_the_groups_that_they_say():
    density, n = fractal.mixture("A"), 2**14
    x, group = density.sample_with_groups(jax.random.key(0), n)
    share = np.bincount(group, minlength=127) / n
    np.testing.assert_allclose(share, fractal.branches().mass("A"), atol=5 * np.sqrt(0.26 * 0.74 / n))
    posterior = np.asarray(density.responsibilities(x[:512], 0.0))
    assert posterior[np.arange(512), group[:512]].mean() > 0.8


def test_same_key_same_samples():
    density = fractal.mixture("A")
    first, second, other = (density.sample(jax.random.key(k), 16, 0.1) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.any(np.asarray(first) == np.asarray(other))


@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.1, 0.5, 5.0])
def test_cfg_with_exact_scores_is_negative_prompting_by_the_posterior(reference, sigma):
    # s_A - s_AB = P(B | x; sigma) (s_A - s_B)
    x = points(sigma)
    level = jnp.float32(sigma)
    s_a, s_b, s_ab = (np.asarray(fractal.mixture(c).score(x, level), np.float64) for c in TREES)
    logp_b, logp_ab = (reference(c).logp(x, sigma) for c in ("B", "AB"))
    posterior_b = np.exp(np.log(fractal.prior("B")) + logp_b - logp_ab)
    close(s_a - s_ab, posterior_b[:, None] * (s_a - s_b), absolute=1e-4 * np.linalg.norm(s_a, axis=-1).max())
    by_groups = np.asarray(fractal.mixture("AB").responsibilities(x, level))[:, 127:].sum(axis=-1)
    np.testing.assert_allclose(by_groups, posterior_b, atol=1e-3)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_both_classes_together_are_their_weighted_sum(sigma):
    x = points(sigma)
    level = jnp.float32(sigma)
    parts = [np.log(fractal.prior(c)) + np.asarray(fractal.mixture(c).logp(x, level), np.float64) for c in "AB"]
    close(fractal.mixture("AB").logp(x, level), np.logaddexp(*parts))


@pytest.mark.parametrize(
    ("sigma", "energy"), [(5, 0.991), (0.5, 0.693), (0.1, 0.306), (0.03, 0.350), (0.01, 0.220), (0.002, 0.025)]
)
def test_size_of_the_score(sigma, energy):
    density, n = fractal.mixture("A"), 2**14
    x = density.sample(jax.random.key(2), n, jnp.float32(sigma))
    found = 0.5 * np.sum(np.square(sigma * np.asarray(density.score(x, jnp.float32(sigma)))), axis=-1)
    assert found.mean() == pytest.approx(energy, abs=0.002 + 5 * found.std() / np.sqrt(n))


def test_tilted_density_keeps_the_root_branch():
    # p_A^w p_AB^(1-w) at w = 4 is almost p_A: what guidance promises, unlike what its flow draws.
    density, n = fractal.mixture("A"), 2**15
    x = density.sample(jax.random.key(2), n)
    log_weight = 3 * np.asarray(density.logp(x, 0.0) - fractal.mixture("AB").logp(x, 0.0), np.float64)
    weight = np.exp(log_weight)
    weight /= weight.mean()
    root = np.asarray(density.responsibilities(x, 0.0))[:, 0]
    assert np.mean(weight * root) == pytest.approx(0.2487, abs=0.01)
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
    close(turned.logp(x, sigma), plain.logp(x, sigma), absolute=1e-4)
    close(turned.score(x, sigma), plain.score(x, sigma), absolute=1e-3)


def test_means_come_back(reference):
    np.testing.assert_allclose(np.reshape(fractal.mixture("A").means, (-1, 2)), reference("A").means, atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_must_be_positive(weight):
    with pytest.raises(ValueError, match="weights must be positive"):
        GaussianMixture.of(np.array([[1.0, weight]]), np.zeros((1, 2, 2)), np.eye(2)[None])


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_covariances_must_be_positive_definite(variance):
    with pytest.raises(ValueError, match="positive definite"):
        GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), np.diag([1.0, variance])[None])
