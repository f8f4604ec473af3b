"""Measures: true samples sit at the noise floor, and each kind of wrong sample moves the measure meant for it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toy import distributions, metrics
from toy.metrics import METRICS

N = 4096
SCALARS = [name for name in METRICS if name != "mass_by_depth"]


@pytest.fixture(scope="module")
def true_samples() -> np.ndarray:
    """True samples of A from a key of their own."""
    return np.asarray(distributions.mixture("A").sample(jax.random.key(99), N))


@pytest.fixture(scope="module")
def floor() -> dict:
    """What true samples give."""
    return metrics.floor("A", N)


@pytest.fixture(scope="module")
def truthful(true_samples) -> dict:
    """All measures of the true samples."""
    return metrics.measure(true_samples, "A")


def test_every_measure_has_a_floor(floor, truthful):
    assert set(floor) == set(truthful) == set(METRICS)
    assert all(np.isfinite(value).all() for value in floor.values())


def test_true_samples_sit_at_the_floor(floor, truthful):
    near = {
        "outliers": 0.006,
        "tail": 0.003,
        "deep_tail": 1e-3,
        "mean_logp": 0.1,
        "branch_tv": 0.015,
        "root_share": 0.03,
        "alignment": 0.01,
        "sw1": 0.008,
    }
    for name, tolerance in near.items():
        assert truthful[name] == pytest.approx(floor[name], abs=tolerance), name
    np.testing.assert_allclose(truthful["mass_by_depth"], floor["mass_by_depth"], atol=0.03)


def test_floor_is_what_theory_says(floor):
    assert floor["outliers"] == pytest.approx(0.01, abs=0.003)
    assert floor["tail"] == pytest.approx(0.001, abs=0.001)
    assert floor["deep_tail"] == 0
    assert floor["mean_logp"] == pytest.approx(1.354, abs=0.04)
    assert floor["root_share"] == pytest.approx(0.2572, abs=0.015)
    assert 0.9 < floor["alignment"] < 1
    # Both fall with the square root of the number of samples: twice the floor of 16384.
    assert floor["branch_tv"] == pytest.approx(2 * 0.026, abs=0.012)
    assert floor["sw1"] == pytest.approx(2 * 0.0035, abs=0.004)
    np.testing.assert_allclose(
        floor["mass_by_depth"], (0.2572, 0.1510, 0.1527, 0.1616, 0.1176, 0.0865, 0.0734), atol=0.015
    )


def test_mass_by_depth_is_a_distribution(truthful):
    assert len(truthful["mass_by_depth"]) == metrics.LEVELS
    assert sum(truthful["mass_by_depth"]) == pytest.approx(1, abs=1e-5)
    assert truthful["mass_by_depth"][0] == pytest.approx(truthful["root_share"])


def test_reference_has_no_distance_to_itself():
    reference = metrics.truth("A", N).reference
    assert metrics.measure(reference, "A", ("sw1",)) == {"sw1": 0}


def test_shift_moves_samples_off_the_branches(true_samples, floor):
    d = 0.7
    moved = metrics.measure(true_samples + np.float32([d, 0]), "A")
    assert moved["outliers"] > 0.5
    assert moved["tail"] > 0.5
    assert moved["deep_tail"] > 0.3
    assert moved["mean_logp"] < floor["mean_logp"] - 5
    assert moved["branch_tv"] > 5 * floor["branch_tv"]


@pytest.mark.parametrize("d", [0.5, 2.0])
def test_sliced_distance_of_a_shift(d):
    # The mean of |d cos(angle)| over all directions.
    reference = np.asarray(metrics.truth("A", N).reference)
    found = metrics.measure(reference + np.float32([d, 0]), "A", ("sw1",))["sw1"]
    assert found == pytest.approx(d * 2 / np.pi, rel=2e-3)


def test_shrinking_to_the_core_costs_variation_not_quality(floor):
    density = distributions.mixture("A")
    x, group = density.sample_with_groups(jax.random.key(1), 5 * N)
    root = np.asarray(x)[np.asarray(group) == 0][:N]
    assert len(root) == N
    found = metrics.measure(root, "A")
    assert found["root_share"] > 0.9
    assert found["branch_tv"] == pytest.approx(found["root_share"] - 0.2572, abs=0.05)
    assert found["mass_by_depth"][0] > 0.9
    assert found["outliers"] < 2 * floor["outliers"]
    assert found["sw1"] > 10 * floor["sw1"]


def test_a_lost_branch_costs_its_mass(floor):
    density = distributions.mixture("A")
    x, group = density.sample_with_groups(jax.random.key(1), 2 * N)
    twigs = np.asarray(x)[np.asarray(group) != 0][:N]
    found = metrics.measure(twigs, "A")
    assert found["root_share"] < 0.03
    assert found["branch_tv"] == pytest.approx(0.2572, abs=0.06)
    assert found["outliers"] < 2 * floor["outliers"]


def test_one_point_is_the_least_variation():
    mean = np.asarray(distributions.mixture("A").means[0, 3])
    found = metrics.measure(np.tile(mean, (N, 1)), "A")
    assert found["outliers"] == 0
    assert found["branch_tv"] == pytest.approx(1 - 0.2572, abs=0.02)
    assert found["mean_logp"] > 2


def test_alignment_tells_the_classes_apart(floor):
    other = distributions.mixture("B").sample(jax.random.key(1), N)
    assert metrics.measure(other, "A", ("alignment",))["alignment"] < 0.1
    both = distributions.mixture("AB").sample(jax.random.key(1), N)
    aligned = metrics.measure(both, "A", ("alignment",))["alignment"]
    assert aligned == pytest.approx(distributions.prior("A"), abs=0.03)  # a posterior averages to its prior
    assert aligned < floor["alignment"]


def test_alignment_with_both_classes_is_one(true_samples):
    assert metrics.measure(true_samples, "AB", ("alignment",))["alignment"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6, 1e30])
def test_samples_that_are_no_numbers_count_as_outside(true_samples, bad):
    broken = true_samples.copy()
    broken[: N // 2] = bad
    found = metrics.measure(broken, "A", ("outliers", "tail", "deep_tail"))
    assert found["deep_tail"] == 0.5
    assert found["outliers"] == pytest.approx(0.5, abs=0.01)
    assert found["tail"] == pytest.approx(0.5, abs=0.01)


def test_order_of_samples_does_not_matter(true_samples, truthful):
    turned = metrics.measure(np.random.default_rng(0).permutation(true_samples), "A")
    for name in METRICS:
        np.testing.assert_allclose(turned[name], truthful[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", METRICS)
def test_a_measure_alone_is_the_same(true_samples, truthful, name):
    np.testing.assert_allclose(metrics.measure(true_samples, "A", (name,))[name], truthful[name], rtol=1e-5)


def test_statistics_equal_the_reference(reference, true_samples):
    x = true_samples[:N]
    stats = metrics.statistics(jnp.asarray(x), metrics.truth("A", N))
    a, ab = reference("A"), reference("AB")
    np.testing.assert_allclose(stats["logp"][:64], a.logp(x[:64], 0), atol=1e-3)
    posterior = np.exp(np.log(distributions.prior("A")) + a.logp(x[:64], 0) - ab.logp(x[:64], 0))
    np.testing.assert_allclose(stats["posterior"][:64], posterior, atol=1e-3)
    assert stats["occupancy"].shape == (127,)
    assert float(stats["occupancy"].sum()) == pytest.approx(1, abs=1e-5)


def test_unknown_measure_lists_the_legal_ones(true_samples):
    with pytest.raises(ValueError, match="unknown metric 'fid'; have: outliers, "):
        metrics.measure(true_samples, "A", ("fid",))


@pytest.mark.parametrize("name", SCALARS)
def test_measures_are_labelled(name):
    assert METRICS[name].label
    assert METRICS[name].better in ("low", "high", "truth")


@pytest.mark.computes
@pytest.mark.parametrize("n", [128, 2048])
def test_errors_are_the_spread_over_draws(n):
    """Over independent true samples the measures spread as far as one draw's own errors say, and shares no farther."""
    names = ("outliers", "branch_tv", "root_share", "alignment")
    density, draws, said = distributions.mixture("A"), [], []
    for seed in range(40):
        found = metrics.evaluate(metrics.draw(density, jax.random.key(seed), n=n), "A", names)
        draws.append(found.values)
        said.append(metrics.errors(found.values, found.occupancy, n, "A"))
    for name in names:
        spread = np.std([draw[name] for draw in draws], ddof=1)
        mean = np.mean([error[name] for error in said])
        assert spread < 1.4 * mean, name  # 40 draws know their spread to about 11%
        if name in ("outliers", "branch_tv", "root_share"):
            assert spread > 0.6 * mean, name


def test_errors_of_certain_and_of_lost_samples():
    every = np.full(len(distributions.of("A").mass), np.nan)
    found = metrics.errors({"outliers": 1.0, "root_share": 0.0, "branch_tv": 1.0}, every, 64, "A")
    assert found == {"outliers": 1 / 64, "root_share": 1 / 64}
    assert metrics.errors({}, every, 64, "A") == {}
    assert 0 < metrics.errors({"outliers": 0.1}, every, 64, "A")["outliers"] < 0.05
