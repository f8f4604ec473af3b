"""Integrators have their order, flows their closed forms, memories are carried, noise levels run down to zero."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toy.densities import GaussianMixture
from toy.guidance import RULES
from toy.registry import Knob
from toy.sampling import INTEGRATORS, noise_levels, trajectory
from toy.scene import SETTINGS

KEY = jax.random.key(0)
DETERMINISTIC = [name for name, entry in INTEGRATORS.items() if not entry.stochastic]
STD = np.array([1.0, 0.5])  # different along the two axes


def gaussian(std) -> GaussianMixture:
    """One Gaussian about the origin with these standard deviations."""
    covariance = np.diag(np.broadcast_to(np.square(std), 2))
    return GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), covariance[None])


def flow(sigmas, rule="none", integrator="heun", x=((1.0, 1.0),), **given) -> np.ndarray:
    """Where the points go: densities by role, numbers by knob."""
    cast = {role: given.pop(role) for role in RULES[rule].roles}
    knobs = {name: jnp.float32(value) for name, value in given.items()}
    step = INTEGRATORS[integrator]
    knobs |= {name: jnp.float32(knob.default) for name, knob in step.knobs.items() if name not in knobs}
    levels, x = jnp.asarray(sigmas, jnp.float32), jnp.asarray(x, jnp.float32)
    return np.asarray(trajectory(x, levels, cast, knobs, KEY, rule=rule, integrator=integrator), np.float64)


def edm(steps: int, top: float = 5.0, bottom: float = 0.002) -> np.ndarray:
    """The usual noise levels, down to 0."""
    return np.asarray(noise_levels(steps, top, bottom))


@example(steps=8, values=(65.0, 0.0005, 1.0))
@given(
    steps=st.sampled_from([8, 9, 32, 256]),
    values=st.tuples(*(st.floats(SETTINGS[n].lo, SETTINGS[n].hi) for n in ("sigma_max", "sigma_min", "rho"))),
)
def test_noise_levels(steps, values):
    sigma_max, sigma_min, _ = values
    levels = np.asarray(noise_levels(steps, *values))
    assert levels.shape == (steps + 1,)
    assert levels[0] == pytest.approx(sigma_max, rel=1e-4)
    assert levels[-2] == pytest.approx(sigma_min, rel=1e-3)
    assert levels[-1] == 0
    assert (np.diff(levels) < 0).all()


def test_noise_levels_are_even_in_their_root():
    levels = edm(32)[:-1] ** (1 / 7)
    np.testing.assert_allclose(np.diff(levels), (0.002 ** (1 / 7) - 5 ** (1 / 7)) / 31, rtol=1e-3)


@pytest.mark.parametrize("integrator", DETERMINISTIC)
def test_order_on_a_gaussian(integrator):
    # x(sigma) = x0 sqrt((s^2 + sigma^2) / (s^2 + sigma0^2))
    start, end = 2.0, 0.5
    wanted = np.sqrt((STD**2 + end**2) / (STD**2 + start**2))
    counts = np.array([8, 16, 32])
    errors = [
        np.abs(flow(np.geomspace(start, end, steps + 1), integrator=integrator, main=gaussian(STD))[-1, 0] - wanted)
        for steps in counts
    ]
    slope = np.polyfit(np.log(counts), np.log(np.max(errors, axis=1)), 1)[0]
    assert -slope == pytest.approx(INTEGRATORS[integrator].order, abs=0.2)


@pytest.mark.parametrize("integrator", DETERMINISTIC)
def test_whole_flow_of_a_gaussian(integrator):
    path = flow(edm(128), integrator=integrator, main=gaussian(STD))
    wanted = STD * np.sqrt(1 / (STD**2 + 25))
    order = INTEGRATORS[integrator].order
    np.testing.assert_allclose(path[-1, 0], wanted, rtol=0.05 if order == 1 else 1e-3)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 1.4, 2.0])
def test_scaled_scores_in_closed_form(gamma):
    last = flow(edm(256), "naive_truncation", main=gaussian(STD), gamma=gamma)[-1, 0]
    wanted = STD * (STD**2 / (STD**2 + 25)) ** ((gamma - 1) / 2)
    np.testing.assert_allclose(last * np.sqrt(STD**2 + 25), wanted, rtol=1e-3)


@pytest.mark.parametrize("w", [0.0, 1.0, 2.0, 4.0])
@pytest.mark.parametrize(("rule", "guide"), [("cfg", "unconditional"), ("autoguidance", "weak")])
def test_guidance_of_two_gaussians_in_closed_form(rule, guide, w):
    s1, s0, top = STD, 2 * STD, 5.0
    last = flow(edm(256), rule, main=gaussian(s1), w=w, **{guide: gaussian(s0)})[-1, 0]
    wanted = s1 * (s1**2 * (s0**2 + top**2) / (s0**2 * (s1**2 + top**2))) ** ((w - 1) / 2)
    np.testing.assert_allclose(last * np.sqrt(s1**2 + top**2), wanted, rtol=1e-3)


def test_flow_of_two_gaussians_is_not_their_tilted_density():
    # s1 = 1, s0 = 2, w = 2, from far up: the flow ends with 0.5, the tilted density p1^2 / p0 has 0.756.
    top = 80.0
    last = flow(edm(256, top), "cfg", main=gaussian(1), unconditional=gaussian(2), w=2.0)[-1, 0]
    np.testing.assert_allclose(last * np.sqrt(1 + top**2), 0.5, atol=1e-3)
    assert np.sqrt(1 / (2 / 1**2 - 1 / 2**2)) == pytest.approx(0.756, abs=1e-3)


def test_path_starts_at_the_start_and_ends_as_without_it():
    x = np.array([[0.3, -0.2], [4.0, 1.0]], np.float32)
    path = flow(edm(8), x=x, main=gaussian(1))
    assert path.shape == (9, 2, 2)
    np.testing.assert_array_equal(path[0], x)
    last = trajectory(jnp.asarray(x), jnp.asarray(edm(8)), {"main": gaussian(1)}, {}, KEY, rule="none", keep=False)
    assert last.shape == (1, 2, 2)
    np.testing.assert_allclose(last[0], path[-1], rtol=1e-6)


def test_points_do_not_see_each_other():
    x = np.asarray(jax.random.normal(KEY, (6, 2)))
    together = flow(edm(8), x=x, main=gaussian(STD))[-1]
    np.testing.assert_allclose(flow(edm(8), x=x[::-1], main=gaussian(STD))[-1], together[::-1], rtol=1e-5)


@pytest.mark.computes
def test_no_renewal_is_heun():
    """Optimised too, where the difference of two variances that are the same may be less than nothing."""
    churned = flow(edm(64), integrator="edm_stochastic", churn=25, churn_min=5.1, main=gaussian(STD))
    np.testing.assert_allclose(churned, flow(edm(64), main=gaussian(STD)), rtol=1e-5)


def test_last_step_of_heun_is_an_euler_step():
    sigmas = [0.3, 0.0]
    heun, euler = (flow(sigmas, integrator=name, main=gaussian(STD)) for name in ("heun", "euler"))
    np.testing.assert_array_equal(heun, euler)
    np.testing.assert_allclose(euler[-1, 0], 1 - 0.3**2 / (STD**2 + 0.3**2), rtol=1e-5)


@pytest.fixture
def counting():
    """A rule that remembers how often each point was asked, and follows that number."""
    name = "counting_for_the_test"

    @RULES.register(source="a test", formula="s = m w / σ", name=name, memory=lambda x: jnp.zeros(x.shape[:-1]))
    def count(x, sigma, memory, *, w: Annotated[float, Knob(0, 8, 1, "w", "factor")] = 1.0):
        return w * memory[..., None] / sigma * jnp.ones_like(x), memory + 1

    yield name
    RULES.remove(name)


@pytest.mark.parametrize("integrator", ["euler", "heun"])
def test_memory_moves_on_once_a_step(counting, integrator):
    # Heun asks twice a step, both times with the memory that the step began with.
    sigmas, asked = np.array([4.0, 2.0, 1.0, 0.0]), [0, 1, 2]
    for w in (1.0, 3.0):
        path = flow(sigmas, counting, integrator, x=[(0.0, 1.0), (2.0, 3.0)], w=w)
        moved = np.cumsum((sigmas[:-1] - sigmas[1:]) * asked) * w
        np.testing.assert_allclose(path[1:] - path[0], np.broadcast_to(moved[:, None, None], (3, 2, 2)), rtol=1e-5)


def test_rules_without_memory_are_not_asked_for_it(counting):
    assert RULES[counting].roles == ()
    assert "memory" in RULES[counting].inputs
    assert all((rule.memory is not None) == ("memory" in rule.inputs) for rule in RULES.values())


def test_unknown_names_are_refused():
    for kind in ("rule", "integrator", "schedule"):
        names = {"rule": "none", "integrator": "heun", "schedule": "constant"} | {kind: "cgf"}
        with pytest.raises(ValueError, match=f"unknown {kind} 'cgf'; have: "):
            trajectory(jnp.zeros((1, 2)), jnp.asarray(edm(8)), {"main": gaussian(1)}, {}, KEY, **names)
