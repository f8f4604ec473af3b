"""The tree has the digits of arXiv:2406.02507 and of an independent reading of its generator."""

import jax
import numpy as np
import pytest

from toy import distributions
from toy.distributions.targets import REGION_SIGMAS
from toy.distributions.tree import REGIONS, ROOT, SCALE, THRESHOLDS


def test_first_component_of_each_class():
    tree = distributions.distribution_of("tree")
    first = {label: tree.labels.index(label) for label in "AB"}
    np.testing.assert_allclose(tree.means[first["A"], 0], (0.021344, 0.063334), atol=1e-6)
    np.testing.assert_allclose(tree.means[first["B"], 0], (-0.014545, 0.025511), atol=1e-6)


def test_branches_and_components():
    tree = distributions.distribution_of("tree")
    assert tree.labels == ("A",) * 127 + ("B",) * 127
    for label in "AB":
        chosen = tree.of(label)
        np.testing.assert_array_equal(np.bincount(tree.level[chosen]), 2 ** np.arange(7))
        assert tree.means[chosen].reshape(-1, 2).shape == (1016, 2)
    assert distributions.mixture("A").log_weights.size == distributions.mixture("B").log_weights.size == 1016
    assert distributions.mixture("AB").log_weights.size == 2032


def test_children_start_where_their_parent_ends():
    tree = distributions.distribution_of("tree")
    last = {}  # depth -> the branch drawn last at that depth
    for i, depth in enumerate(tree.level):
        if depth:
            np.testing.assert_array_equal(tree.start[i], tree.end[last[depth - 1]])
        else:
            np.testing.assert_allclose(tree.start[i], np.array(ROOT) * SCALE)
        last[depth] = i


@pytest.mark.parametrize(
    ("classes", "mean", "std"),
    [
        ("A", (0.37185, 0.36461), (0.33306, 0.34149)),
        ("B", (-0.33943, -0.33147), (0.36775, 0.37462)),
        ("AB", (-0.00014, 0.00057), (0.49985, 0.49990)),
    ],
)
def test_moments_of_a_class(reference, classes, mean, std):
    found_mean, covariance = reference(classes).moments(0)
    np.testing.assert_allclose(found_mean, mean, atol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), std, atol=1e-5)


def test_mass_of_depths():
    tree = distributions.distribution_of("tree")
    mass = np.bincount(tree.level[tree.of("A")], distributions.of("A").mass)
    np.testing.assert_allclose(mass, (0.2572, 0.1510, 0.1527, 0.1616, 0.1176, 0.0865, 0.0734), atol=1e-4)


def test_thinnest_and_thickest_branch():
    tree = distributions.distribution_of("tree")
    deviations = np.sqrt(np.linalg.eigvalsh(tree.covariances[tree.of("A")]))
    assert deviations.min() == pytest.approx(0.0039, abs=1e-4)
    assert deviations.max() == pytest.approx(0.0217, abs=1e-4)
    np.testing.assert_allclose(tree.thickness[tree.of("A")], deviations[:, 0])


def test_prior():
    assert distributions.prior("A") == pytest.approx(0.477011, abs=1e-6)
    assert distributions.prior("A") + distributions.prior("B") == pytest.approx(1)
    assert distributions.prior("AB") == 1


def test_quoted_log_densities_and_score():
    density = distributions.mixture("A")
    at, off = np.float32([[0.0824, 0.1277]]), np.float32([[0.45, 1.22]])
    np.testing.assert_allclose(density.logp(jax.numpy.asarray(at), 0.0), 2.901165, atol=1e-4)
    np.testing.assert_allclose(density.logp(jax.numpy.asarray(off), 0.03), -2.213169, atol=1e-4)
    np.testing.assert_allclose(density.score(jax.numpy.asarray(off), 0.03), [(14.96336, -20.62319)], rtol=1e-4)


@pytest.mark.parametrize(("classes", "level"), [("A", -1.85), ("B", -1.885), ("AB", -2.541)])
def test_level_of_the_99_percent_region(classes, level):
    assert distributions.threshold(classes) == pytest.approx(level, abs=0.03)


def test_level_of_the_last_thousandth():
    assert distributions.threshold("A", 0.999) == pytest.approx(-3.93, abs=0.12)


def test_level_at_a_noise_level_bounds_its_mass():
    mass, sigma, n = 0.9, 0.1, 2**13
    density = distributions.mixture("A")
    x = density.sample(jax.random.key(7), n, sigma)
    inside = np.mean(density.logp(x, sigma) >= distributions.threshold("A", mass, sigma))
    assert inside == pytest.approx(mass, abs=5 * np.sqrt(mass * (1 - mass) / n))


@pytest.mark.parametrize(("classes", "entropy"), [("A", -1.354), ("B", -1.322), ("AB", -0.657)])
def test_entropy(classes, entropy):
    density = distributions.mixture(classes)
    logp = density.logp(density.sample(jax.random.key(1), 2**14), 0.0)
    assert -np.mean(logp) == pytest.approx(entropy, abs=0.04)


@pytest.mark.parametrize("bad", ["C", "", "a", "BA"])
def test_unknown_class_names_the_legal_ones(bad):
    for ask in (distributions.of, distributions.mixture, distributions.prior, distributions.threshold):
        with pytest.raises(ValueError, match=f"unknown class '{bad}'; have: A, B, AB"):
            ask(bad)


@pytest.mark.computes
@pytest.mark.parametrize(("classes", "mass"), THRESHOLDS)
def test_the_kept_thresholds_are_what_is_worked_out(classes, mass):
    assert distributions.quantile(classes, mass, 0.0) == pytest.approx(THRESHOLDS[classes, mass], abs=2e-4)


@pytest.mark.computes
@pytest.mark.parametrize("classes", distributions.targets())
def test_kept_region_thresholds_are_what_is_worked_out(classes):
    worked_out = [distributions.quantile(classes, 0.99, float(sigma)) for sigma in REGION_SIGMAS[::6]]
    np.testing.assert_allclose(REGIONS[classes][::6], worked_out, atol=1e-3)


@pytest.mark.computes
@pytest.mark.parametrize("classes", distributions.targets())
def test_region_thresholds_between_the_kept_ones(classes):
    sigmas = np.array([0.0, 0.0137, 0.21, 3.3])
    worked_out = [distributions.threshold(classes, sigma=float(sigma)) for sigma in sigmas]
    np.testing.assert_allclose(distributions.region_thresholds(classes, sigmas), worked_out, atol=0.03)
