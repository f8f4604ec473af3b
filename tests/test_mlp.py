"""The network is the paper's formula, a plain pytree, and the same function when its normalisation is done once."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.mlp import GAIN_START, SIGMA_DATA, EnergyMLP, Spec, rms_normalise

X = jax.random.normal(jax.random.key(1), (16, 2))
SIGMA = jnp.geomspace(0.01, 5, 16)


def network(width: int = 8, depth: int = 4, seed: int = 0, gain: float = 0.3) -> EnergyMLP:
    """A small network whose energy counts."""
    net = EnergyMLP(Spec("A", width, depth), rngs=nnx.Rngs(seed))
    net.gain[...] = jnp.float32(gain)
    return net


@jax.jit
def evaluate(net: EnergyMLP, x: jax.Array, sigma: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-density and score."""
    return net.logp(x, sigma), net.score(x, sigma)


def close(found, wanted, tolerance: float) -> None:
    """Equal within a share of the largest."""
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(np.asarray(found) / scale, np.asarray(wanted) / scale, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("width", "depth", "count"), [(64, 4, 16641), (32, 4, 4225), (8, 1, 97), (16, 2, 577)])
def test_number_of_parameters(width, depth, count):
    shapes = jax.eval_shape(lambda: EnergyMLP(Spec("A", width, depth), rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == count


def test_start():
    net = EnergyMLP(Spec("AB", 64), rngs=nnx.Rngs(0))
    assert float(net.gain[...]) == pytest.approx(GAIN_START)
    values = np.concatenate([np.ravel(layer[...]) for layer in net.layers])
    assert values.mean() == pytest.approx(0, abs=0.04)
    assert values.std() == pytest.approx(1, abs=0.03)
    same, other = (EnergyMLP(Spec("AB", 64), rngs=nnx.Rngs(seed)) for seed in (0, 1))
    np.testing.assert_array_equal(net.layers[0][...], same.layers[0][...])
    assert not np.array_equal(net.layers[0][...], other.layers[0][...])


def test_without_energy_it_is_a_gaussian():
    logp, score = evaluate(network(gain=0.0), X, SIGMA)
    variance = np.asarray(SIGMA_DATA**2 + SIGMA**2)
    np.testing.assert_allclose(logp, -np.sum(np.square(X), axis=-1) / 2 / variance, rtol=1e-5)
    np.testing.assert_allclose(score, -X / variance[:, None], rtol=1e-5)


@pytest.mark.parametrize("depth", [1, 4])
def test_equals_the_papers_formula(depth):
    net = network(depth=depth)
    x, sigma = np.asarray(X, np.float64), np.asarray(SIGMA, np.float64)
    scaled = x / np.sqrt(sigma**2 + 0.5**2)[:, None]
    h = np.column_stack([scaled, np.log(sigma) / 4, np.ones(16)])
    for i, layer in enumerate(net.layers):
        weight = np.asarray(layer[...], np.float64).T  # a row for each output
        weight = weight / np.linalg.norm(weight, axis=1, keepdims=True)
        h = (h if i == 0 else h / (1 + np.exp(-h)) / 0.596) @ weight.T
    wanted = -0.3 / sigma * np.mean(h**2, axis=1) - np.sum(scaled**2, axis=1) / 2
    close(net.logp(X, SIGMA), wanted, 1e-3)  # the norms of the network have an epsilon of 1e-4


def test_energy_pushes_down_whatever_the_sign_of_the_gain():
    for found, wanted in zip(evaluate(network(gain=-0.3), X, SIGMA), evaluate(network(), X, SIGMA), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("width", [8, 64])
def test_frozen_is_the_same_function(width):
    net = network(width)
    frozen = net.frozen()
    assert frozen.normalised
    assert not net.normalised
    for found, wanted in zip(evaluate(frozen, X, SIGMA), evaluate(net, X, SIGMA), strict=True):
        close(found, wanted, 1e-5)
    for found, wanted in zip(evaluate(frozen.frozen(), X, SIGMA), evaluate(net, X, SIGMA), strict=True):
        close(found, wanted, 1e-5)


def test_freezing_leaves_the_network_alone():
    net = network()
    before = [np.array(layer[...]) for layer in net.layers]
    net.frozen()
    for layer, old in zip(net.layers, before, strict=True):
        np.testing.assert_array_equal(layer[...], old)


def test_what_feeds_an_output_has_unit_norm():
    for weight in network().weights():
        np.testing.assert_allclose(np.linalg.norm(weight, axis=0), 1, atol=3e-4)
    stored = rms_normalise(5 * jax.random.normal(jax.random.key(0), (8, 3)))
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(stored), axis=0)), 1, atol=3e-4)
    assert np.isfinite(rms_normalise(jnp.zeros((8, 3)))).all()


def test_size_of_stored_weights_does_not_matter():
    net, larger = network(), network()
    for layer in larger.layers:
        layer[...] = 3 * layer[...]
    for found, wanted in zip(evaluate(larger, X, SIGMA), evaluate(net, X, SIGMA), strict=True):
        close(found, wanted, 2e-3)


def test_score_is_the_gradient_at_each_point():
    net = network()
    each = jax.jit(jax.vmap(jax.grad(lambda x, sigma: net.logp(x, sigma))))(X, SIGMA)
    close(evaluate(net, X, SIGMA)[1], each, 1e-5)


def test_one_compilation_for_all_weights(compilations):
    @jax.jit
    def logp(net):
        return net.logp(X, SIGMA)

    for seed in range(3):
        logp(network(seed=seed))
    assert compilations("logp") == 1
    logp(network().frozen())
    logp(network(depth=3))
    assert compilations("logp") == 3


def test_gradient_has_the_shape_of_the_network():
    net = network()
    gradient = jax.jit(jax.grad(lambda net: jnp.sum(net.logp(X, SIGMA))))(net)
    assert jax.tree.structure(gradient) == jax.tree.structure(net)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_vmap_over_networks():
    nets = [network(seed=seed) for seed in range(2)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)
    together = jax.jit(jax.vmap(lambda net: net.score(X, SIGMA)))(stacked)
    for found, net in zip(together, nets, strict=True):
        close(found, evaluate(net, X, SIGMA)[1], 1e-5)


def test_spec_is_a_value():
    assert Spec("A", 8) == Spec("A", 8, 4)
    assert replace(Spec(), width=32) != Spec()
