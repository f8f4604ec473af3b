"""Statistics of paths that claims rest on: what each is where it is known without a sampler."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toy import distributions, metrics
from toy.lab.published.papers import pavasovic, xu
from toy.lab.published.shared import area, length
from toy.lab.published.variants import detour, saved

SIGMAS = np.array([5.0, 1.0, 0.2, 0.0], np.float32)


def at_rest(points):
    """A path [4, n, 2] of points that stay where they are."""
    return np.broadcast_to(np.asarray(points, np.float32), (len(SIGMAS), *np.shape(points)))


def drawn(on="", n=4096):
    target = f"{on}/A" if on else "A"
    return np.asarray(metrics.draw(distributions.mixture(target), jax.random.key(0), n=n))


def test_length_and_area_are_of_the_last_points_alone():
    rng = np.random.default_rng(0)
    last = rng.normal(size=(100_000, 2)) @ np.diag([2.0, 0.5])
    path = np.stack([rng.normal(size=last.shape), last])
    assert area(path, SIGMAS) == pytest.approx(1.0, rel=0.02)
    assert length(path * 3, SIGMAS) == pytest.approx(3 * length(path, SIGMAS))
    assert length(at_rest([[3.0, 4.0], [0.0, 0.0]]), SIGMAS) == pytest.approx(2.5)


def test_a_detour_is_none_along_a_line_and_grows_with_a_loop(monkeypatch):
    class Still:
        def score(self, x, sigma):
            return jnp.zeros_like(x)

    monkeypatch.setattr(distributions, "mixture", lambda name: Still())
    line = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[3.0, 0.0]], [[9.0, 9.0]]])
    bent = np.array([[[0.0, 0.0]], [[0.0, 4.0]], [[3.0, 4.0]], [[9.0, 9.0]]])
    assert detour(line, SIGMAS, target="A", weight=2.0) == pytest.approx(0)
    assert detour(bent, SIGMAS, target="A", weight=2.0) == pytest.approx(7 / 5 - 1)


def test_a_detour_is_that_of_the_guided_denoised_points():
    x = at_rest(drawn(n=64))
    plain, guided = (detour(x, SIGMAS, target="A", weight=w) for w in (1.0, 4.0))
    assert plain > 0
    assert guided != pytest.approx(plain, rel=0.01)


def test_evaluations_are_spared_from_the_step_after_agreement_on():
    x = at_rest(drawn(n=64))
    assert saved(x, SIGMAS, target="A", agreed=1.01) == 0  # cosines never agree so much
    assert saved(x, SIGMAS, target="A", agreed=-1.01) == pytest.approx((0 + 1 + 1) / (2 * 3))
    some = saved(x, SIGMAS, target="A", agreed=0.991)
    assert 0 < some < 1 / 3


def test_places_are_in_deviations_of_a_class():
    for on, middle in ((pavasovic.LOW, 1), (pavasovic.HIGH, 10)):
        points = at_rest(drawn(on))
        unit = distributions.distribution_of(on).unit
        assert pavasovic.place(points, SIGMAS, on=on) == pytest.approx(middle, abs=0.1)
        assert pavasovic.spread(points, SIGMAS) * unit**2 == pytest.approx(1, rel=0.1)


def test_the_modes_are_as_far_apart_as_their_spread_is_taken_for():
    points = at_rest(drawn(xu.ON))
    assert xu.spread(points, SIGMAS, on=xu.ON) == pytest.approx(xu.SPREAD**2, rel=0.1)
    centres = distributions.distribution_of(xu.ON).means.reshape(-1, 2)[distributions.distribution_of(xu.ON).of("A")]
    assert len(centres) == 3
