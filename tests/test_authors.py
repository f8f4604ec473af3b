"""The authors' own updates, written anew in NumPy and double precision on exact scores: the sampler makes the same."""

import re
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from toy import distributions, docs, sampling, views
from toy.guidance import RULES, Step
from toy.guidance.classifier_free import SUREST
from toy.sampling import INTEGRATORS, guided, noise_levels
from toy.scene import Scene
from toy.state import State

KEY = jax.random.key(5)
CAST = {"main": "A", "unconditional": "AB"}
LEVELS = np.geomspace(3.0, 0.02, 9)


def run(rule: str, integrator: str, x, levels=LEVELS, classes=CAST, **given) -> np.ndarray:
    """The path of this project's sampler, exact scores in every role."""
    entries = (RULES[rule], INTEGRATORS[integrator])
    knobs = {k: jnp.float32(given.get(k, knob.default)) for entry in entries for k, knob in entry.knobs.items()}
    cast = {role: distributions.mixture(classes[role]) for role in RULES[rule].roles}
    levels, x = jnp.asarray(levels, jnp.float32), jnp.asarray(x, jnp.float32)
    path = sampling.trajectory(x, levels, cast, knobs, KEY, rule=rule, integrator=integrator)
    return np.asarray(path, np.float64)


def start(n: int = 24) -> np.ndarray:
    return np.asarray(distributions.mixture("A").sample(jax.random.key(2), n, LEVELS[0]), np.float64)


def noises(steps: int, n: int) -> np.ndarray:
    """The standard normal numbers that the sampler draws, step by step."""
    return np.asarray([jax.random.normal(key, (n, 2)) for key in jax.random.split(KEY, steps)], np.float64)


def heun(score, x: np.ndarray, sigma: float, sigma_next: float) -> np.ndarray:
    """A step of Karras et al. 2022, Algorithm 1; ``score(x, sigma)`` is asked for twice."""
    slope = -sigma * score(x, sigma)
    euler = x + (sigma_next - sigma) * slope
    if sigma_next == 0:
        return euler
    return x + (sigma_next - sigma) * (slope - sigma_next * score(euler, sigma_next)) / 2


def same(found, wanted) -> None:
    """Equal up to float32, on the scale of each noise level."""
    assert np.max(np.abs(found - np.array(wanted)) / (5e-3 * LEVELS + 1e-3)[:, None, None]) < 1


def squared(v: np.ndarray) -> np.ndarray:
    return np.sum(v * v, axis=-1)


# --- Feedback guidance ------------------------------------------------------------------------------------------------


def feedback(reference, integrator: str, *, pi=0.7, tau=1.0, delta=0.01, most=10.0) -> np.ndarray:
    """The path: log R by Bayes' rule once a step, lambda = R/(R − (1 − pi)) held through the step."""
    x, noise = start(), noises(len(LEVELS) - 1, 24)
    path, log_ratio, last = [x], np.zeros(len(x)), None
    for i, (sigma, sigma_next) in enumerate(pairwise(LEVELS)):
        if last is not None:
            mean_main, mean_all, variance = last
            log_ratio = log_ratio + tau * (squared(x - mean_all) - squared(x - mean_main)) / (2 * variance) - delta
            log_ratio = np.clip(log_ratio, np.log((1 - pi) * most / (most - 1)), 3)
        ratio = np.exp(log_ratio)
        scale = (ratio / (ratio - (1 - pi)))[:, None]

        def score(x, sigma, scale=scale):
            base = reference("AB").score(x, sigma)
            return base + scale * (reference("A").score(x, sigma) - base)

        gap = sigma**2 - sigma_next**2
        main, every = (x + gap * reference(classes).score(x, sigma) for classes in ("A", "AB"))
        last = main, every, sigma_next**2 * gap / sigma**2
        if integrator == "ancestral":  # the posterior of the forward process
            x = x + gap * score(x, sigma) + np.sqrt(last[2]) * noise[i]
        else:
            x = heun(score, x, sigma, sigma_next)
        path.append(x)
    return np.array(path)


@pytest.mark.parametrize("integrator", ["ancestral", "heun"])
@pytest.mark.parametrize("knobs", [{}, {"pi": 0.9, "delta": 0.2, "tau": 0.5}])
def test_feedback_updates_its_posterior_once_a_step_and_holds_the_weight(integrator, knobs, reference):
    found = run("feedback_guidance", integrator, start(), **knobs)
    wanted = feedback(reference, integrator, **knobs)
    same(found, wanted)


def test_feedback_s_usual_loss_a_step_lets_it_settle():
    # log R cannot exceed −log P(A): what 32 steps lose must be less, or every point ends with the largest weight.
    delta = RULES["feedback_guidance"].knobs["delta"].default
    assert 32 * delta < -np.log(distributions.prior("A"))
    assert SUREST == 3


@pytest.mark.computes
def test_the_posterior_that_is_tracked_is_the_posterior(reference):
    # Along random small steps of the main model the ratio of both models' steps is R at the end over R at the start.
    n, steps, entry = 512, 256, RULES["feedback_guidance"]
    levels = jnp.geomspace(5.0, 0.1, steps + 1)
    x = distributions.mixture("A").sample(jax.random.key(0), n, levels[0])
    cast = {role: distributions.mixture(classes) for role, classes in CAST.items()}
    knobs = {
        name: jnp.float32(v) for name, v in {"pi": 1.0, "tau": 1.0, "delta": 0.0, "most": 10.0, "eta": 1.0}.items()
    }
    advance, begin, given = sampling.step_of(x, levels, cast, knobs, KEY, "feedback_guidance", "constant", "ancestral")
    last, memory, _ = jax.jit(lambda: jax.lax.scan(lambda state, now: (advance(state, now), None), begin, given)[0])()
    memory = entry.observe(last, memory, **{name: knobs[name] for name in entry.knobs})
    tracked = np.asarray(memory.log_ratio, np.float64)

    def exact(x, sigma):
        x = np.asarray(x, np.float64)
        return reference("A").logp(x, sigma) - reference("AB").logp(x, sigma)

    off = tracked - (exact(last, 0.1) - exact(x, 5.0))
    assert abs(off.mean()) < 3 * off.std() / np.sqrt(n) + 0.005
    assert np.mean(tracked) == pytest.approx(np.mean(exact(last, 0.1)), abs=0.05)
    assert off.std() < 0.3
    assert 0.5 < np.mean(tracked) < -np.log(distributions.prior("A"))


# --- Other rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.02, 0.2, 2.0])
def test_self_guidance_extrapolates_the_predicted_noise(sigma, reference):
    x, w, shift = np.asarray(distributions.mixture("A").sample(KEY, 64, sigma), np.float64), 2.5, 0.3
    entry, higher = RULES["self_guidance"], sigma * 1.3
    here, above = reference("A").score(x, sigma), reference("A").score(x, higher)

    def found(**knobs):
        values = {name: jnp.float32(knobs.get(name, knob.default)) for name, knob in entry.knobs.items()}
        return guided(entry, {"main": distributions.mixture("A")}, jnp.float32(x), jnp.float32(sigma), values)[0]

    noise, noise_above = -sigma * here, -higher * above
    extrapolated = noise + (w - 1) * (noise - noise_above)
    np.testing.assert_allclose(sigma * found(w=w, shift=shift), -extrapolated, atol=5e-3)
    denoised, denoised_above = x + sigma**2 * here, x + higher**2 * above
    extrapolated = denoised + (w - 1) * (denoised - denoised_above)
    np.testing.assert_allclose(sigma * found(w=w, shift=shift, kind=2), (extrapolated - x) / sigma, atol=5e-3)
    scores = here + (w - 1) * (here - above)
    np.testing.assert_allclose(sigma * found(w=w, shift=shift, kind=0), sigma * scores, atol=5e-3)


def test_momentum_moves_on_once_a_step(reference):
    # Both evaluations of a Heun step have the momentum of its start; the first one's is kept.
    w, eta, cap, beta = 4.0, 0.2, 0.2, -0.5
    x, momentum = start(), np.zeros((24, 2))
    wanted = [x]
    for sigma, sigma_next in pairwise(LEVELS):
        held, sums = momentum, []

        def score(x, sigma, held=held, sums=sums):
            main, every = (reference(classes).score(x, sigma) for classes in ("A", "AB"))
            sums.append(sigma**2 * (main - every) + beta * held)
            g = sums[-1] * np.minimum(1, cap / np.sqrt(squared(sums[-1])))[:, None]
            denoised = x + sigma**2 * main
            along = (np.sum(g * denoised, axis=1) / squared(denoised))[:, None] * denoised
            return main + (w - 1) * (g - along + eta * along) / sigma**2

        x = heun(score, x, sigma, sigma_next)
        momentum = sums[0]
        wanted.append(x)
    found = run("adaptive_projected_guidance", "heun", start(), w=w, parallel=eta, cap=cap, momentum=beta)
    same(found, wanted)


@pytest.mark.parametrize("integrator", ["euler", "heun"])
def test_cfg_plus_plus_holds_the_weight_of_its_step(integrator, reference):
    x = start()
    wanted = [x]
    for sigma, sigma_next in pairwise(LEVELS):
        w = 0.6 * sigma / (sigma - sigma_next)

        def score(x, sigma, w=w):
            base = reference("AB").score(x, sigma)
            return base + w * (reference("A").score(x, sigma) - base)

        x = (
            heun(score, x, sigma, sigma_next)
            if integrator == "heun"
            else x + (sigma - sigma_next) * sigma * score(x, sigma)
        )
        wanted.append(x)
    found = run("cfg_plus_plus", integrator, start(), scale=0.6)
    same(found, wanted)


@pytest.mark.parametrize("target", ["A", "B"])
def test_a_label_that_is_not_there_yet_leaves_both_classes(target, reference):
    # The soft label is then the prior, so that what is guided is the density of both classes: for either target.
    scene, sigma = Scene.of("cads", target=target), 0.5
    entry, knobs = scene.entry, {name: jnp.float32(v) for name, v in scene.knobs}
    other = "B" if target == "A" else "A"
    cast = {
        role: distributions.mixture(c) for role, c in {"main": target, "negative": other, "unconditional": "AB"}.items()
    }
    x = np.asarray(distributions.mixture("AB").sample(KEY, 128, sigma), np.float64)
    early = Step(jnp.float32(sigma), jnp.float32(sigma / 2), jnp.float32(0), jnp.float32(1))
    found = guided(entry, cast, jnp.float32(x), jnp.float32(sigma), knobs, step=early)[0]
    np.testing.assert_allclose(sigma * found, sigma * reference("AB").score(x, sigma), atol=0.01)


# --- Integrators ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("churn", "steps"), [(20.0, 64), (5.0, 12), (100.0, 64)])
def test_churn_is_shared_out_over_the_steps(churn, steps, reference):
    # Karras et al. 2022, Algorithm 2: gamma = min(S_churn/N, sqrt 2 − 1), so that N steps renew as much as 2N do.
    levels = np.asarray(noise_levels(steps, 3.0, 0.02), np.float64)
    gamma, x, noise = min(churn / steps, np.sqrt(2) - 1), start(4), noises(steps, 4)
    wanted = [x]
    for i in range(steps):
        higher = levels[i] * (1 + gamma)
        x = x + np.sqrt(higher**2 - levels[i] ** 2) * noise[i]
        x = heun(reference("A").score, x, higher, levels[i + 1])
        wanted.append(x)
    found = run("none", "edm_stochastic", start(4), levels, churn=churn)
    np.testing.assert_allclose(found[:20], wanted[:20], atol=0.01)


def test_a_threshold_is_as_exact_as_its_docstring_says():
    n, share = 2**17, 0.01
    logp = np.asarray(
        views.logp_on(distributions.mixture("A"), distributions.mixture("A").sample(KEY, n), jnp.float32(0))
    )
    at = np.quantile(logp, share)
    density = np.mean(np.abs(logp - at) < 0.15) / 0.3
    said = float(re.search(r"standard error about (\S+) at mass 0.99", distributions.threshold.__wrapped__.__doc__)[1])
    assert np.sqrt(share * (1 - share) / n) / density == pytest.approx(said, rel=0.2)
    assert distributions.threshold("A") == pytest.approx(at, abs=4 * said)


# --- What is said of it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "integrator"), [("feedback_guidance", "ancestral"), ("cfg_plus_plus", "euler")])
def test_the_page_names_the_integrator_that_a_rule_is_derived_for(rule, integrator):
    def page(state):
        import streamlit as st

        from toy.ui import controls

        st.session_state.setdefault("state", state)
        controls.method(st.session_state.state, "left")

    for chosen in ("heun", integrator):
        state = State().change("left", rule=rule, integrator=chosen)
        at = AppTest.from_function(page, kwargs={"state": state}, default_timeout=120).run()
        assert not at.exception
        said = [caption.value for caption in at.caption if INTEGRATORS[integrator].title in caption.value]
        assert bool(said) == (chosen == "heun")
    assert f"`{integrator}`" in docs.head(RULES[rule])
    learned = [row.scene for row in docs.rows("rules", RULES[rule]) if row.scene.cast == Scene.of(rule).cast]
    assert [scene.integrator for scene in learned] == ["heun", integrator]
