"""Laws of every rule in the registry; a new rule is under them as soon as it is registered."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy.densities import on_points
from toy.guidance import RULES, Step
from toy.registry import Entry
from toy.sampling import INTEGRATORS, guided, start_of, trajectory
from toy.schedules import SCHEDULES


class Blob(NamedTuple):
    """A round Gaussian: the least that a density can be."""

    x: float
    std: float

    def logp(self, x, sigma):
        """Log-density."""
        variance = self.std**2 + sigma**2
        return -jnp.sum(jnp.square(x - self.x), axis=-1) / (2 * variance) - jnp.log(2 * jnp.pi * variance)

    def score(self, x, sigma):
        """Gradient of the log-density."""
        return (self.x - x) / (self.std**2 + jnp.square(on_points(sigma, x)))


X = jax.random.normal(jax.random.key(0), (5, 2))
SIGMA = jnp.float32(0.7)
MAIN = Blob(0.2, 0.5)
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
each_guided_rule = pytest.mark.parametrize(
    "rule", [pytest.param(r, id=r.name) for r in RULES.values() if len(r.roles) > 1 and "main" in r.roles]
)


def cast_of(rule: Entry) -> dict[str, Blob]:
    """A different density in every role."""
    others = {role: Blob(-0.4 * i - 0.4, 0.6 + 0.3 * i) for i, role in enumerate(rule.roles)}
    return {role: MAIN if role == "main" else blob for role, blob in others.items()}


def follow(rule: Entry, cast, knobs, x=X, sigma=SIGMA, share=1.0) -> jax.Array:
    """The score that the rule follows, early in a run."""
    return _followed(rule.name, cast, knobs, x, jnp.float32(sigma), jnp.float32(share))


@partial(jax.jit, static_argnames="name")
def _followed(name, cast, knobs, x, sigma, share):
    rule, step = RULES[name], Step(sigma, 0.8 * sigma, jnp.float32(0.2), share)
    return guided(rule, cast, x, sigma, knobs, start_of(rule.memory, x), step)[0]


def most_different(rule: Entry, a, b, knobs=None) -> float:
    """Largest difference between what the rule follows under two casts, over noise levels."""
    knobs = knobs or defaults(rule)
    found = [np.abs(follow(rule, a, knobs, sigma=s) - follow(rule, b, knobs, sigma=s)) for s in (0.7, 0.1, 0.01)]
    return float(np.max(found))


def knob_values(rule: Entry) -> st.SearchStrategy[dict[str, float]]:
    """Any legal value of every knob."""
    return st.fixed_dictionaries({name: st.floats(knob.lo, knob.hi) for name, knob in rule.knobs.items()})


def defaults(entry: Entry) -> dict[str, float]:
    """Every knob as the registry sets it."""
    return {name: knob.default for name, knob in entry.knobs.items()}


@each_rule
@given(data=st.data())
def test_neutral_weight_is_the_main_model(rule, data):
    neutral = {name: knob.neutral for name, knob in rule.knobs.items() if knob.neutral is not None}
    knobs = data.draw(knob_values(rule)) | neutral
    found = follow(rule, cast_of(rule), knobs, share=0.0)
    np.testing.assert_allclose(found, MAIN.score(X, SIGMA), rtol=1e-5, atol=1e-5)


@each_rule
def test_weight_that_is_not_neutral_does_something(rule):
    weights = [name for name, knob in rule.knobs.items() if knob.neutral is not None]
    if rule.name == "none":
        return
    moved = [follow(rule, cast_of(rule), defaults(rule), sigma=s) - MAIN.score(X, s) for s in (0.7, 0.1, 0.01)]
    assert np.max(np.abs(moved)) > 1e-2
    # What has no weight that a schedule could move sees the schedule's share for itself.
    assert any(rule.knobs[name].default != rule.knobs[name].neutral for name in weights) or "step" in rule.inputs


@each_guided_rule
@given(data=st.data())
def test_guide_equal_to_the_main_model_changes_nothing(rule, data):
    cast = dict.fromkeys(rule.roles, MAIN)
    found = follow(rule, cast, data.draw(knob_values(rule)))
    np.testing.assert_allclose(found, MAIN.score(X, SIGMA), rtol=1e-5, atol=1e-5)


@each_guided_rule
def test_every_guide_has_a_say(rule):
    cast = cast_of(rule)
    for role in set(rule.roles) - {"main"}:
        assert most_different(rule, cast, cast | {role: Blob(1.7, 2.0)}) > 1e-3


@each_rule
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_shape_and_dtype_are_kept(rule, shape):
    x = jnp.ones((*shape, 2), jnp.float32)
    knobs = {name: jnp.float32(value) for name, value in defaults(rule).items()}
    found = follow(rule, cast_of(rule), knobs, x)
    assert found.shape == (*shape, 2)
    assert found.dtype == jnp.float32


def _runs():
    """Every rule with the usual schedule and integrator, then every other schedule and integrator once."""
    plain = {"rule": "none", "schedule": "constant", "integrator": "heun"}
    for kind, registry in (("rule", RULES), ("schedule", SCHEDULES), ("integrator", INTEGRATORS)):
        for name in registry:
            yield pytest.param(plain | {kind: name}, id=f"{kind}-{name}")


@pytest.mark.parametrize("names", list(_runs()))
def test_one_compilation_for_all_values(names, compilations):
    rule, entries = RULES[names["rule"]], (RULES[names["rule"]], SCHEDULES[names["schedule"]])
    knobs = [knob for entry in (*entries, INTEGRATORS[names["integrator"]]) for knob in entry.knobs.values()]

    def run(share, seed, sigma_max):
        values = {knob.name: jnp.float32(knob.filled(knob.lo + share * (knob.hi - knob.lo))) for knob in knobs}
        cast = jax.tree.map(lambda value: jnp.float32(value * (1 + share)), cast_of(rule))
        sigmas = jnp.append(jnp.geomspace(sigma_max, 0.1, 8), 0)
        return trajectory(X + share, sigmas, cast, values, jax.random.key(seed), **names)

    assert run(0.5, 0, 5.0).shape == (9, 5, 2)
    once = compilations("trajectory")
    for share in (0.0, 0.3, 1.0):
        run(share, 7, 2.0 + share)
    assert compilations("trajectory") == once


def test_weight_zero_is_the_guide():
    for name, guide in (("cfg", "unconditional"), ("autoguidance", "weak")):
        cast = cast_of(RULES[name])
        np.testing.assert_allclose(follow(RULES[name], cast, {"w": 0.0}), cast[guide].score(X, SIGMA), atol=1e-5)


@given(w=st.floats(0, 8))
def test_mix_of_two_guides_ends_in_each_of_them(w):
    mix = RULES["cfg_autoguidance"]
    cast = cast_of(mix)
    for alpha, name in ((0.0, "cfg"), (1.0, "autoguidance")):
        alone = follow(RULES[name], cast, {"w": w})
        np.testing.assert_allclose(follow(mix, cast, {"w": w, "alpha": alpha}), alone, rtol=1e-4, atol=1e-4)


@given(w=st.floats(0, 8), alpha=st.floats(0, 1))
def test_mix_equals_equation_6(w, alpha):
    # D + (w_u - 1)(D - D_u) + (w_c - 1)(D - D_c), with w_u - 1 = (1 - alpha)(w - 1) and w_c - 1 = alpha (w - 1)
    mix = RULES["cfg_autoguidance"]
    cast = cast_of(mix)
    denoised = {role: np.asarray(X + SIGMA**2 * blob.score(X, SIGMA), np.float64) for role, blob in cast.items()}
    main = denoised["main"]
    wanted = main + (1 - alpha) * (w - 1) * (main - denoised["unconditional"])
    wanted += alpha * (w - 1) * (main - denoised["weak"])
    found = X + SIGMA**2 * follow(mix, cast, {"w": w, "alpha": alpha})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@given(gamma=st.floats(0.5, 3))
def test_naive_truncation_scales_the_score(gamma):
    found = follow(RULES["naive_truncation"], {"main": MAIN}, {"gamma": gamma})
    np.testing.assert_allclose(found, gamma * MAIN.score(X, SIGMA), rtol=1e-5)
