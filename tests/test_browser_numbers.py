"""A density as plain numbers: what there is, and one sentence for what there is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.degradations import (
    blur,
    dropout,
    dropout_fixed,
    dropout_per_step,
    input_noise,
    level_shift,
    skip_layer,
    skip_random_layers,
)
from models.mlp import Spec, network
from toy import distributions
from toy.browser.numbers import bytes_of, numbers_of
from toy.sampling.scores import Tilted
from toy.viewer.packing import pack, unpack

MIXTURE = distributions.mixture("moons/A")
KEY = jax.random.key(0)


def net(parametrisation="energy"):
    return network(Spec("A", 8, 2, parametrisation), rngs=nnx.Rngs(0))


@pytest.mark.parametrize("parametrisation", ["energy", "score", "denoiser"])
def test_a_networks_weights_are_the_effective_ones(parametrisation):
    numbers = numbers_of(net(parametrisation))
    assert (numbers["kind"], numbers["predicts"]) == ("network", parametrisation)
    assert (numbers["units"], numbers["depth"]) == (8, 2)
    assert numbers["hidden"].shape == (2, 8, 8)
    np.testing.assert_allclose((numbers["hidden"] ** 2).sum(axis=1), 1, rtol=1e-3)
    assert ("last" in numbers) == (parametrisation != "energy")
    same = numbers_of(net(parametrisation).frozen())
    for name, value in numbers.items():
        np.testing.assert_array_equal(same[name], value)


def test_levels_of_what_is_asked_elsewhere_are_joined():
    density = level_shift(blur(level_shift(MIXTURE, share=0.5), width=0.3), share=0.25)
    scale, width = numbers_of(density)["level"]
    for sigma in (0.01, 1.0):
        asked = density.density.density.level(density.density.level(density.level(sigma)))
        assert np.hypot(scale * sigma, width) == pytest.approx(float(asked), rel=1e-6)


def test_they_travel_in_a_pack():
    numbers = numbers_of(MIXTURE)
    header, arrays = unpack(pack(*bytes_of(numbers)))
    assert header["kind"] == "mixture"
    assert header["level"] == [1, 0]
    assert header["groups"] * header["parts"] == len(numbers["edges"])
    assert all(array.dtype == np.float32 for array in arrays.values())
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, numbers[name])


def test_a_mixture_has_its_masses_and_what_is_left_of_a_network_is_one():
    assert "knots" not in numbers_of(MIXTURE, normalised=True)
    np.testing.assert_array_equal(numbers_of(skip_layer(net(), layer=2))["hidden"][1], np.eye(8))
    assert numbers_of(dropout_fixed(net(), KEY, rate=0.25))["predicts"] == "energy"


@pytest.mark.parametrize(
    "density",
    [
        dropout(net(), KEY, rate=0.1),
        dropout_per_step(net(), KEY, rate=0.1),
        skip_random_layers(net(), KEY, count=1),
        input_noise(MIXTURE, KEY, share=0.1),
        blur(input_noise(MIXTURE, KEY, share=0.1), width=0.1),
        Tilted((MIXTURE,), (jnp.float32(2),)),
    ],
    ids=lambda density: type(density).__name__,
)
def test_what_has_no_such_numbers_is_refused(density):
    with pytest.raises(ValueError, match="no network or mixture of fixed numbers"):
        numbers_of(density)


def test_a_density_without_logs_has_no_masses():
    with pytest.raises(ValueError, match="has no log-density"):
        numbers_of(net("score"), normalised=True)
