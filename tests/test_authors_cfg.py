"""The authors' forms of what was made of CFG, in NumPy and double precision on exact scores: the rules are the same."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.degradations import level_shift
from toy import distributions
from toy.densities import Density
from toy.guidance import RULES, Step
from toy.guidance.predictions import prediction
from toy.guidance.rules import at_points
from toy.sampling import guided, start_of

KEY = jax.random.key(7)
W, V = 2.5, 1.5  # of the class, and how much of it for a negative
ALL = {"main": "AB"}  # where the main model is one of all classes
RUNS = {
    "angle_domain_guidance": {},
    "cfg_zero_star": {},
    "tangential_cfg": {},
    "tangential_cfg of velocities": {"predicted": 2.0},
    "magnitude_aware_guidance": {"alpha": 3.0},
    "adaptive_guidance": {},
    "perp_neg": {"scale": W, "strength": V},
    "composed_negation": {"scale": W},
    "contrastive_cfg": {"scale": W, "strength": V, "tau": 0.7},
    "time_step_guidance": {"spread": 0.4},
    "independent_condition_guidance": {"prior": 0.3},
    "independent_condition_guidance on average": {"prior": 0.3, "draw": 0.0},
}


class Given(NamedTuple):
    """A density of which one score is known, where it is asked for that one."""

    known: jax.Array

    def score(self, x, sigma):
        """The known one."""
        return self.known

    def logp(self, x, sigma):
        """Not known, nor asked for."""
        raise NotImplementedError


@jax.jit
def follow(x, sigma, progress, density):
    """All of them in one program, at the densities of the three sets of classes; each score is worked out once."""
    found, step = {}, Step(sigma, sigma / 2, progress, jnp.float32(1))
    here = {name: Given(one.score(x, sigma)) for name, one in density.items()}
    for name, given in RUNS.items():
        entry = RULES[name.partition(" ")[0]]
        classes = {"unconditional": "AB", "negative": "B"} | (ALL if "conditional" in entry.roles else {})
        asked = density if Density in entry.types.values() else here
        cast = {role: asked[classes.get(role, "A")] for role in entry.roles}
        knobs = {k: jnp.float32({"w": W, **given}.get(k, knob.default)) for k, knob in entry.knobs.items()}
        found[name] = guided(entry, cast, x, sigma, knobs, start_of(entry.memory, x), step)[0]
    return found


def inner(a, b):
    return np.sum(a * b, axis=-1, keepdims=True)


def length(a):
    return np.sqrt(inner(a, a))


def adg(c, u, x, sigma):
    """Jin et al.: angle by arc cosine, limited to a third of pi, and the difference's part across D_u."""
    c, u = x + sigma**2 * c, x + sigma**2 * u
    theta = np.arccos(np.clip(inner(c, u) / (length(c) * length(u)), -1, 1))
    turned = np.clip((W - 1) * theta, -1.05, 1.05)
    across = (c - u) - inner(c - u, u) / inner(u, u) * u
    ratio = np.where(np.sin(theta) > 1e-6, np.sin(turned) / np.maximum(np.sin(theta), 1e-6), W - 1)
    return (np.cos(turned) * c + ratio * across - x) / sigma**2


def zero_star(c, u, x, sigma):
    """Fan et al., on rectified flow: x_t = (1 − t) x, v = noise − data at t = sigma/(1 + sigma)."""
    t = sigma / (1 + sigma)
    point = (1 - t) * x
    v_c, v_u = ((point - (x + sigma**2 * s)) / t for s in (c, u))
    fit = inner(v_c, v_u) / inner(v_u, v_u)
    v = fit * v_u + W * (v_c - fit * v_u)
    return (point - t * v - x) / sigma**2


def tcfg(c, u):
    """Kwon et al.: the unconditional prediction on the first right singular vector of both, stacked."""
    leading = np.linalg.svd(np.stack([c, u], axis=-2))[2][..., 0, :]
    u = inner(u, leading) * leading
    return u + W * (c - u)


def wanted(x, sigma, reference) -> dict[str, np.ndarray]:
    """What the authors follow at ``x``."""
    c, u, n = (reference("A").score(x, sigma), reference("AB").score(x, sigma), reference("B").score(x, 1.3 * sigma))
    g, away = c - u, n - u
    velocity = [-x - sigma * (1 + sigma) * s for s in (c, u)]
    ratio = length(velocity[0] - velocity[1]) / length(velocity[1])
    pull = 2 / (1 + np.exp(-0.7 * sigma**2 * inner(g, g)))
    closeness = np.exp(-0.7 * sigma**2 * inner(away, away))
    points, level = jnp.asarray(x, jnp.float32), jnp.float32(sigma)
    other = sigma * np.exp(0.4 * np.asarray(at_points(jax.random.normal, points, level), np.float64))
    told = np.concatenate([x[i : i + 1] + s**2 * reference("A").score(x[i : i + 1], s) for i, s in enumerate(other)])
    labelled = np.where(np.asarray(at_points(jax.random.uniform, points, level))[:, None] < 0.3, n, c)
    denoised = x + sigma**2 * c
    return {
        "angle_domain_guidance": adg(c, u, x, sigma),
        "cfg_zero_star": zero_star(c, u, x, sigma),
        "tangential_cfg": tcfg(c, u),
        "tangential_cfg of velocities": -(tcfg(*velocity) + x) / (sigma * (1 + sigma)),
        "magnitude_aware_guidance": u + (1 + (W - 1) * np.exp(-3 * ratio)) * g,
        "adaptive_guidance": u + W * g,
        "perp_neg": u + W * (g - V * (away - inner(away, g) / inner(g, g) * g)),
        "composed_negation": u + W * (c - n),
        "contrastive_cfg": u + W * (pull * g - V * 2 * closeness / (1 + closeness) * away),
        "time_step_guidance": (told + W * (denoised - told) - x) / sigma**2,
        "independent_condition_guidance": labelled + W * (c - labelled),
        "independent_condition_guidance on average": c + (W - 1) * 0.3 * (c - n),
    }


@pytest.fixture
def density():
    """The exact ones; class B blurred, or its difference from both classes lies on a line with that of class A."""
    exact = {classes: distributions.mixture(classes) for classes in ("A", "B", "AB")}
    return exact | {"B": level_shift(exact["B"], share=0.3)}


def undecided(sigma, reference) -> np.ndarray:
    """Points whose class is in doubt; elsewhere the differences between the models are rounding."""
    x = np.asarray(np.random.default_rng(0).normal(size=(1024, 2)) * 0.6 + [0.0, 0.4], np.float32).astype(np.float64)
    odds = reference("A").logp(x, sigma) - reference("B").logp(x, sigma)
    return x[np.argsort(np.abs(odds))[:48]]


@pytest.mark.parametrize("sigma", [0.03, 0.3, 2.0])
def test_rules_are_what_their_authors_write(sigma, density, reference):
    x = undecided(sigma, reference)
    found = follow(jnp.asarray(x, jnp.float32), jnp.float32(sigma), jnp.float32(0.5), density)
    for name, right in wanted(x, sigma, reference).items():
        off = np.abs(found[name] - right) / (1 / sigma + length(right))
        assert off.max() < 1e-3, name


def test_flow_stands_still_in_the_first_steps_of_zero_star(density):
    sigma, after = 2.0, 1.2
    x = density["A"].sample(KEY, 48, sigma)
    still = follow(x, jnp.float32(sigma), jnp.float32(0.03), density)["cfg_zero_star"]
    stepped = x + (sigma - after) * sigma * still
    np.testing.assert_allclose(stepped / (1 + after), x / (1 + sigma), rtol=1e-5)  # the same point of rectified flow


def test_adaptive_guidance_ends_for_good_the_step_after_both_agree(density):
    entry, sigma = RULES["adaptive_guidance"], jnp.float32(0.5)
    cast, x = {"main": density["A"], "unconditional": density["AB"]}, density["A"].sample(KEY, 64, sigma)
    knobs = {name: jnp.float32(knob.default) for name, knob in entry.knobs.items()}
    ask = jax.jit(lambda memory: guided(entry, cast, x, sigma, knobs, memory))
    first, ended = ask(start_of(entry.memory, x))
    second, still = ask(ended)
    over = np.asarray(ended[:, 0]) == 1
    assert 0 < over.sum() < 64
    main = cast["main"].score(x, sigma)
    assert np.all(np.abs(first - main).max(axis=1) > 1e-4)
    np.testing.assert_allclose(second[over], main[over], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(second[~over], first[~over], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(still, ended)


@pytest.mark.parametrize("sigma", [0.02, 0.5, 5.0])
def test_extrapolating_any_prediction_at_one_noise_level_is_extrapolating_scores(sigma, reference):
    # Not of a projection: what is orthogonal to what depends on the prediction.
    x = np.asarray(distributions.mixture("A").sample(KEY, 32, sigma), np.float64)
    c, u = (reference(classes).score(x, sigma) for classes in ("A", "AB"))
    damped = []
    for predicted in (0.0, 1.0, 2.0):
        of_point, of_score = (np.float64(number) for number in prediction(predicted, jnp.float32(sigma)))
        main, other = (of_point * x + of_score * s for s in (c, u))
        back = (other + W * (main - other) - of_point * x) / of_score
        np.testing.assert_allclose(back, u + W * (c - u), rtol=1e-6, atol=1e-6 / sigma)
        damped.append((tcfg(main, other) - of_point * x) / of_score)
    assert np.abs(damped[0] - damped[1]).max() > 1e-3 / sigma
    assert np.abs(damped[0] - damped[2]).max() > 1e-3 / sigma
