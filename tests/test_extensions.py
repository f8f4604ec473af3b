"""A mixture that holds another goes on from its sums: the same scores, in as many groups as the larger one has."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toy import distributions, scenes
from toy.densities import GaussianMixture
from toy.extensions import Extended, extended, scores
from toy.scene import Scene

THREE = "gaussians:classes=3/"
CASTS = {
    "a class and all": {"main": "A", "unconditional": "AB"},
    "the last class and all": {"main": "AB", "negative": "B"},
    "both classes and all": {"main": "A", "negative": "B", "unconditional": "AB"},
    "classes within classes": {"all": f"{THREE}ABC", "main": f"{THREE}B", "two": f"{THREE}BC"},
}


def cast_of(names: dict[str, str]) -> dict[str, GaussianMixture]:
    """Exact densities by role."""
    return {role: distributions.mixture(name) for role, name in names.items()}


def groups_asked(cast) -> int:
    """Turns of all loops of what asks every score."""

    def turns(jaxpr) -> int:
        inner = [each.params["call_jaxpr"] for each in jaxpr.eqns if "call_jaxpr" in each.params]
        own = [each.params["length"] for each in jaxpr.eqns if each.primitive.name == "scan"]
        return sum(own) + sum(map(turns, inner))

    return turns(jax.make_jaxpr(lambda cast, x: scores(cast, x, jnp.float32(0.1)))(cast, jnp.zeros((4, 2))))


@pytest.mark.parametrize("names", CASTS.values(), ids=CASTS)
def test_scores_are_those_of_each_alone(names):
    cast = cast_of(names)
    x = jnp.concatenate([jax.random.normal(jax.random.key(0), (64, 2)), jnp.array([[40.0, -30.0], [0.0, 0.0]])])
    shared = jax.jit(lambda cast, x, sigma: scores(cast, x, sigma))
    for sigma in (5.0, 0.2, 0.002):
        found = shared(extended(cast), x, jnp.float32(sigma))
        for role, density in cast.items():
            alone = np.asarray(density.score(x, sigma))
            np.testing.assert_allclose(found[role], alone, rtol=2e-5, atol=2e-6 * np.abs(alone).max(), err_msg=role)


@pytest.mark.parametrize("names", CASTS.values(), ids=CASTS)
def test_so_are_their_derivatives(names):
    cast, x = cast_of(names), jax.random.normal(jax.random.key(0), (64, 2))

    @jax.jit
    def slopes(cast, sigma):
        axes = jnp.broadcast_to(jnp.eye(2)[:, None], (2, *x.shape))
        return jax.vmap(lambda axis: jax.jvp(lambda x: scores(cast, x, sigma), (x,), (axis,))[1])(axes)

    for sigma in (5.0, 0.2, 0.002):
        found, alone = slopes(extended(cast), jnp.float32(sigma)), slopes(cast, jnp.float32(sigma))
        for role, wanted in alone.items():
            np.testing.assert_allclose(found[role], wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max(), err_msg=role)


@pytest.mark.parametrize("names", CASTS.values(), ids=CASTS)
def test_nothing_of_a_part_is_worked_out_twice(names):
    cast = cast_of(names)
    size = {role: len(density.origins) for role, density in cast.items()}
    found = extended(cast)
    parts = [density.part for density in found.values() if isinstance(density, Extended)]
    assert parts
    assert groups_asked(cast) == sum(size.values())
    assert groups_asked(found) == sum(size.values()) - sum(size[part] for part in parts)


def test_as_a_density_it_is_the_whole():
    whole = distributions.mixture("AB")
    found = extended(cast_of({"main": "A", "unconditional": "AB"}))["unconditional"]
    x = jnp.array([[0.3, 0.2], [-1.0, 2.0]])
    assert isinstance(found, Extended)
    assert jnp.array_equal(found.logp(x, 0.1), whole.logp(x, 0.1))
    assert jnp.array_equal(found.score(x, 0.1), whole.score(x, 0.1))
    assert jnp.array_equal(scores({"unconditional": found}, x, jnp.float32(0.1))["unconditional"], whole.score(x, 0.1))


@pytest.mark.parametrize("field", ["log_weights", "origins", "centres", "axes", "variances"])
def test_what_differs_in_anything_is_no_part(field):
    whole, part = distributions.mixture("AB"), distributions.mixture("A")
    leaf = np.array(getattr(part, field))
    leaf[3] *= 1.001
    other = replace(part, **{field: jnp.asarray(leaf)})
    assert extended({"main": other, "unconditional": whole})["unconditional"] is whole


def test_equal_mixtures_and_other_densities_stay_what_they_are():
    whole = distributions.mixture("AB")
    cast = {"main": whole, "weak": whole, "other": distributions.mixture("moons/A")}
    assert all(density is cast[role] for role, density in extended(cast).items())


def test_scenes_of_other_parts_measured_together_are_those_measured_alone():
    """One unconditional model of several main ones: what it lacks is another mixture for each."""
    many = [Scene.of("cfg", main=f"exact:{name}", unconditional="exact:AB", n=64, steps=8) for name in "AB"]
    casts = [cast_of({"main": name, "unconditional": "AB"}) for name in "AB"]
    together = scenes._measure_equal_shapes(many, casts, ("mean_logp",))["mean_logp"]
    alone = [scenes.measure_scenes([scene], [cast], ("mean_logp",))[0] for scene, cast in zip(many, casts, strict=True)]
    np.testing.assert_allclose(together, [float(found["mean_logp"]) for found in alone], rtol=1e-4)
    assert abs(together[0] - together[1]) > 0.1
