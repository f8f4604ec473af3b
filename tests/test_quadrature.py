"""Adaptive quadrature finds the mass of what is known, and says how well."""

import jax.numpy as jnp
import numpy as np
import pytest

from models import zoo
from models.shifted import Shifted
from toy import distributions, quadrature
from toy.quadrature import log_mass
from toy.sampling.scores import Tilted


@pytest.mark.computes
@pytest.mark.parametrize("sigma", [0.03, 0.5, 5.0])
def test_an_exact_density_has_mass_one(sigma):
    log_z, error = log_mass(distributions.mixture("A"), sigma)
    assert abs(log_z) < 1e-3
    assert error < 1e-3


def test_a_learned_density_is_normalised_by_its_mass():
    """A plain sum over a fine grid agrees."""
    density, sigma = zoo.load("A32@512"), 0.3
    log_z, error = log_mass(density, sigma)
    side = np.linspace(-4, 4, 801, dtype=np.float32)
    grid = jnp.asarray(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
    plain = np.exp(np.asarray(density.logp(grid, np.float32(sigma)), np.float64)).sum() * (side[1] - side[0]) ** 2
    assert error < 1e-3
    assert log_z == pytest.approx(np.log(plain), abs=5e-3)


def test_what_is_kept_of_masses_is_bounded(monkeypatch):
    from toy import quadrature

    monkeypatch.setattr(quadrature, "log_mass", lambda density, sigma, **_: (0.0, 0.0))
    made = [
        Shifted(distributions.mixture("A"), jnp.float32(1), jnp.float32(0)) for _ in range(quadrature._made.maxsize + 8)
    ]
    tables = [quadrature.normalised(density) for density in made]
    assert len(quadrature._made) == quadrature._made.maxsize
    assert quadrature.normalised(made[-1]) is tables[-1]
    assert quadrature.normalised(made[0]).density is made[0]  # worked out again, and never another's


def test_an_integral_is_kept_by_what_it_is_of(monkeypatch):
    def product(power: float) -> Tilted:
        return Tilted((distributions.mixture("gaussians/A"),), (jnp.float32(power),))

    asked, logp = [], quadrature._logp
    monkeypatch.setattr(quadrature, "_logp", lambda *given: asked.append(given[:2]) or logp(*given))
    found = log_mass(product(2.0), 0.5)
    asked.clear()
    assert log_mass(product(2.0), 0.5) == found
    assert not asked
    for power, sigma, tolerance in ((2.5, 0.5, 1e-4), (2.0, 0.6, 1e-4), (2.0, 0.5, 1e-2)):
        asked.clear()
        other = log_mass(product(power), sigma, tolerance=tolerance)
        assert asked
        assert (other != found) == (tolerance == 1e-4)  # so smooth a density is integrated as well either way
