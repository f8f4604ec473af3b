"""Every distribution is what it says: laws and names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from toy import distributions, metrics, views
from toy.__main__ import main
from toy.guidance import RULES
from toy.names import Name
from toy.scene import Scene, default_cast
from toy.views import logp_on, score_on

OTHERS = [name for name in distributions.families() if name != "tree"]
ALL = [distributions.targets(on)[-1] for on in (*OTHERS, "gaussians:classes=16:distance=2:anisotropy=0.3")]
ONE = [distributions.targets(on)[0] for on in OTHERS]


@pytest.mark.parametrize("target", [*ONE, *ALL])
def test_density_and_score_are_those_of_the_reference(target, reference):
    exact = reference(target)
    x = np.float32(np.random.default_rng(0).normal(0, 0.6, (64, 2)))
    for sigma in (0.02, 0.3):
        found = logp_on(distributions.mixture(target), x, jnp.float32(sigma))
        # Far from points as narrow as the noise, float32 has log-densities of some thousands.
        np.testing.assert_allclose(found, exact.logp(x, sigma), rtol=2e-6, atol=1e-4)
        score = score_on(distributions.mixture(target), x, jnp.float32(sigma))
        np.testing.assert_allclose(score * sigma, exact.score(x, sigma) * sigma, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("target", ALL)
def test_all_classes_together_have_mean_0_and_the_usual_scale(target, reference):
    mean, covariance = reference(target).moments(0)
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    assert np.trace(covariance) / 2 == pytest.approx(0.25)


@pytest.mark.parametrize("target", ONE)
def test_mass_is_one_and_the_threshold_bounds_its_share(target):
    """On a grid, as a second method: at noise that the grid resolves."""
    sigma, half, cells = 0.05, 2.0, 400
    points = views.View(0, 0, half).grid(cells)
    logp = np.asarray(logp_on(distributions.mixture(target), points, jnp.float32(sigma)), np.float64)
    mass = np.exp(logp) * (2 * half / (cells - 1)) ** 2
    assert mass.sum() == pytest.approx(1, abs=2e-3)
    order = np.argsort(logp, axis=None)[::-1]
    edge = logp.ravel()[order][np.searchsorted(np.cumsum(mass.ravel()[order]), 0.99)]
    assert distributions.threshold(target, 0.99, sigma) == pytest.approx(edge, abs=0.1)


@pytest.mark.parametrize("target", [*ONE, *ALL])
def test_true_samples_have_the_masses_of_the_modes(target):
    known, n = distributions.of(target), 2**12
    assert known.mass.sum() == pytest.approx(1)
    x = metrics.draw(distributions.mixture(target), jax.random.key(5), n=n)
    shares = metrics.evaluate(x, target, ("outliers", "branch_tv"))
    error = np.sqrt(known.mass * (1 - known.mass) / n)
    assert np.all(np.abs(shares.occupancy - known.mass) < 5 * error + 1e-4)
    assert shares.values["outliers"] == pytest.approx(0.01, abs=5 * np.sqrt(0.01 * 0.99 / n) + 0.003)


@pytest.mark.parametrize("target", [*ONE, *ALL])
def test_finite_far_away_at_the_smallest_noise(target):
    angles = np.linspace(0, 2 * np.pi, 64)
    x = 25 * np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1))  # fifty times the scale
    for ask in (logp_on, score_on):
        assert np.all(np.isfinite(ask(distributions.mixture(target), x, jnp.float32(0.0005))))


@pytest.mark.parametrize("on", OTHERS)
def test_priors_of_the_classes_sum_to_one(on):
    letters = distributions.distribution_of(on).classes
    assert sum(distributions.prior(f"{on}/{letter}") for letter in letters) == pytest.approx(1)
    for letter in letters:
        known = distributions.of(f"{on}/{letter}")
        assert known.rest.prior == pytest.approx(1 - known.prior)
        assert known.rest.all is known.all


def test_without_a_hierarchy_there_are_no_levels():
    x = np.zeros((4, 2), np.float32)
    assert not {"root_share", "mass_by_depth"} & metrics.measure(x, "moons/A").keys()
    asked = metrics.measure(x, "moons/A", ("outliers", "root_share", "mass_by_depth"))
    assert np.isnan([asked["root_share"], *asked["mass_by_depth"]]).all()


# --- Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("tree/A", "A"),
        ("moons/AB", "moons/AB"),
        ("moons:width=0.080/A", "moons/A"),
        ("gaussians:classes=3:distance=2.0/AC", "gaussians:distance=2/AC"),
    ],
)
def test_a_target_is_written_in_one_way(said, name):
    assert distributions.of(said).name == name
    assert Scene.of(target=said).target == name


def test_the_usual_cast_follows_the_target():
    assert default_cast("cfg", "gaussians/B") == {
        "main": "gaussians/B64@4096",
        "unconditional": "gaussians/ABC32@512",
    }
    for rule in RULES:
        for name in default_cast(rule, "pinwheel/C").values():
            assert Name.parse(name).classes.startswith("pinwheel/") or Name.parse(name).fitted


@pytest.mark.parametrize(
    ("name", "on", "moved"),
    [
        ("A16@64#3~blur=0.1", "moons", "moons/A16@64#3~blur=0.1"),
        ("exact:AB", "pinwheel", "exact:pinwheel/ABCDE"),
        ("exact:pinwheel/D", "moons", "exact:moons/A"),
        ("moons/B32@512", "", "B32@512"),
        ("kept:mine", "moons", "kept:mine"),
        ("dns:A64@4096,AB32@512", "rings", "dns:rings/A64@4096,rings/AB32@512"),
    ],
)
def test_a_cast_moves_with_the_distribution(name, on, moved):
    assert str(Name.parse(name).of_distribution(on)) == moved


def test_another_distribution_takes_the_cast_with_it():
    scene = Scene.of("autoguidance", main="exact:A", weak="A16@64", seed=3)
    there = scene.change(target="rings/B")
    assert dict(there.cast) == {"main": "exact:rings/B", "weak": "rings/A16@64"}
    assert there.seed == 3


# --- On the command line ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["metrics", "compare", "table"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--on", "moon"], "unknown distribution 'moon'; have: tree, moons"),
        (["--on", "moons", "--target", "rings/A"], "--on moons does not go with --target rings/A"),
        (["--on", "moons", "--target", "C"], "unknown class 'C' of moons; have: A, B, AB"),
        (["--on", "moons:width=x"], "width = x is not a number from 0.01 to 0.3"),
    ],
)
def test_a_wrong_one_is_refused_in_a_sentence(command, arguments, words):
    found = CliRunner().invoke(main, [command, *arguments])
    assert found.exit_code == 2 or isinstance(found.exception, ValueError)
    assert words in found.output + str(found.exception)


def test_the_main_model_is_of_the_targets_distribution():
    with pytest.raises(ValueError, match="main = exact:moons/A is of another distribution than target = A"):
        Scene.of("none", main="exact:moons/A")
    assert (
        Scene.of("autoguidance", target="moons/A", weak="exact:rings/A").target == "moons/A"
    )  # a bad idea, not a mistake
