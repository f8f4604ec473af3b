"""What the papers and the algebra say must be equal, is: rules against each other, samplers against closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toy import distributions
from toy.densities import GaussianMixture
from toy.guidance import RULES, Step
from toy.sampling import INTEGRATORS, guided, noise_levels, start_of, trajectory
from toy.scene import Scene, default_cast

KEY = jax.random.key(0)
EXACT = {"main": "A", "conditional": "A", "negative": "B", "unconditional": "AB"}


def gaussian(std: float) -> GaussianMixture:
    """A round Gaussian about the origin."""
    return GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), np.eye(2)[None] * std**2)


def follow(rule: str, x, sigma, cast=None, step=None, **knobs) -> np.ndarray:
    """Score that a rule follows on the tree, by default with the exact densities of each role's classes."""
    entry = RULES[rule]
    all_classes = default_cast(rule)["main"].startswith("AB")
    usual = {role: EXACT.get(role, "A") for role in entry.roles} | ({"main": "AB"} if all_classes else {})
    cast = cast or {role: distributions.mixture(classes) for role, classes in usual.items()}
    values = {name: jnp.asarray(knobs.get(name, knob.default)) for name, knob in entry.knobs.items()}
    return np.asarray(_followed(rule, cast, x, jnp.asarray(sigma, x.dtype), values, step))


@partial(jax.jit, static_argnames="rule")
def _followed(rule: str, cast, x, sigma, values, step):
    entry = RULES[rule]
    return guided(entry, cast, x, sigma, values, start_of(entry.memory, x), step)[0]


def close(found, wanted, sigma) -> None:
    """Equal to 1e-4 of the score's natural scale 1/sigma, or of its length."""
    scale = 1 / sigma + np.linalg.norm(wanted, axis=-1, keepdims=True)
    np.testing.assert_array_less(np.abs(found - wanted) / scale, 1e-4)


@pytest.fixture(params=[0.03, 0.1, 0.5, 2.0])
def at(request):
    """Points of p(x | A; sigma) and the noise level."""
    return distributions.mixture("A").sample(KEY, 128, request.param), request.param


@pytest.mark.parametrize("w", [0.5, 1.0, 2.5, 4.0])
def test_classifier_guidance_with_the_exact_posterior_is_cfg(at, w):
    x, sigma = at
    close(follow("classifier_guidance", x, sigma, scale=w), follow("cfg", x, sigma, w=w), sigma)


def test_dynamic_negative_guidance_is_the_score_of_the_rest(at):
    x, sigma = at
    with jax.enable_x64(True):  # p/(1 - p) (s_B - s_AB) is a small difference of large numbers where p is near 1
        cast = {"main": distributions.mixture.__wrapped__("AB"), "negative": distributions.mixture.__wrapped__("B")}
        x = jnp.asarray(np.asarray(x), jnp.float64)
        prior = distributions.prior("B")
        found = follow("dynamic_negative_guidance", x, sigma, cast, strength=1.0, prior=prior, most=1e4)
        close(found, np.asarray(distributions.mixture.__wrapped__("A").score(x, sigma)), sigma)


def test_the_kept_prior_of_the_rules_is_the_tree_s():
    from toy.guidance import P_B

    assert distributions.prior("B") == pytest.approx(P_B, abs=5e-4)


def test_cfg_is_a_negative_prompt_weighted_by_the_posterior(at):
    x, sigma = at
    a, b, ab = (distributions.mixture(classes) for classes in ("A", "B", "AB"))
    p_b = jnp.exp(jnp.log(distributions.prior("B")) + b.logp(x, sigma) - ab.logp(x, sigma))[:, None]
    left, right = a.score(x, sigma) - ab.score(x, sigma), p_b * (a.score(x, sigma) - b.score(x, sigma))
    close(np.asarray(left), np.asarray(right), sigma)


@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0])
def test_cfg_plus_plus_on_euler_is_cfg_with_a_weight_that_grows_with_the_steps(scale):
    cast = {"main": distributions.mixture("A"), "unconditional": distributions.mixture("AB")}
    x, levels = cast["main"].sample(KEY, 256, 5.0), noise_levels(16, 5.0, 0.002)
    path = trajectory(x, levels, cast, {"scale": jnp.float32(scale)}, KEY, rule="cfg_plus_plus", integrator="euler")
    for i in (0, 7, 14):
        sigma, sigma_next = levels[i], levels[i + 1]
        w = scale * sigma / (sigma - sigma_next)
        wanted = path[i] + (sigma - sigma_next) * sigma * follow("cfg", path[i], sigma, w=w)
        np.testing.assert_allclose(path[i + 1], wanted, atol=1e-4 * float(sigma) + 1e-5)
        # The paper's own words: denoise with the guided model, put the unconditional model's noise back.
        main, unconditional = (path[i] + sigma**2 * cast[r].score(path[i], sigma) for r in ("main", "unconditional"))
        denoised = unconditional + scale * (main - unconditional)
        wanted = denoised + sigma_next / sigma * (path[i] - unconditional)
        np.testing.assert_allclose(path[i + 1], wanted, atol=1e-4 * float(sigma) + 1e-5)


def test_projected_guidance_without_projection_cap_or_momentum_is_cfg(at):
    x, sigma = at
    found = follow("adaptive_projected_guidance", x, sigma, w=3.0, parallel=1.0, cap=1e6, momentum=0.0)
    close(found, follow("cfg", x, sigma, w=3.0), sigma)


def test_projected_guidance_moves_the_denoised_point_sideways(at):
    x, sigma = at
    main = np.asarray(distributions.mixture("A").score(x, sigma))
    moved = sigma**2 * (follow("adaptive_projected_guidance", x, sigma, parallel=0.0) - main)
    denoised = np.asarray(x) + sigma**2 * main
    along = np.sum(moved * denoised, axis=1) / np.linalg.norm(denoised, axis=1)
    assert np.abs(along).max() < 1e-4
    assert np.linalg.norm(moved, axis=1).max() <= 3 * 0.2 + 1e-4  # (w - 1) times the cap


def test_rescaled_cfg_puts_the_length_back(at):
    x, sigma = at

    def length(score):
        return np.linalg.norm(np.asarray(x) + sigma**2 * score, axis=1)

    np.testing.assert_allclose(
        length(follow("rescaled_cfg", x, sigma, phi=1.0)),
        length(np.asarray(distributions.mixture("A").score(x, sigma))),
        rtol=1e-3,
    )
    close(follow("rescaled_cfg", x, sigma, phi=0.0, w=3.0), follow("cfg", x, sigma, w=3.0), sigma)


def test_power_law_with_power_zero_is_cfg(at):
    x, sigma = at
    close(follow("power_law_cfg", x, sigma, alpha=0.0, omega=2.0), follow("cfg", x, sigma, w=3.0), sigma)


def test_a_soft_label_that_is_not_annealed_is_cfg(at):
    x, sigma = at
    close(follow("cads", x, sigma, anneal=0.0, w=3.0), follow("cfg", x, sigma, w=3.0), sigma)


def test_a_soft_label_that_is_not_there_yet_is_no_class_at_all(at):
    x, sigma = at
    early = Step(jnp.float32(sigma), jnp.float32(sigma) / 2, jnp.float32(0.0), jnp.float32(1.0))
    close(
        follow("cads", x, sigma, step=early, w=3.0),
        np.asarray(distributions.mixture("AB").score(x, sigma)),
        0.1 * sigma,
    )


def test_segments_are_cfg_and_autoguidance():
    cast = {role: gaussian(s) for role, s in (("main", 0.5), ("unconditional", 1.0), ("weak", 0.7))}
    x = jax.random.normal(KEY, (8, 2))
    for sigma, rule, guide in ((0.3, "cfg", "unconditional"), (0.2, "autoguidance", "weak")):
        step = Step(*(jnp.float32(v) for v in (sigma, sigma / 2, 0.5, 1.0)))
        found = follow("segmented_guidance", x, sigma, cast, step, w=2.0, switch=0.25)
        alone = follow(rule, x, sigma, {"main": cast["main"], guide: cast[guide]}, w=2.0)
        np.testing.assert_allclose(found, alone, rtol=1e-5)


def test_answer_without_steps_is_cfg():
    x = distributions.mixture("A").sample(KEY, 128, 0.3)
    close(follow("answer", x, 0.3, k=0.0, gamma=2.0, w=2.0), follow("cfg", x, 0.3, w=3.0), 0.3)


@pytest.mark.parametrize("k", [0.5, 2.0, 4.0])
def test_rescaling_sharpens_a_gaussian_to_its_temperature(k):
    # N(0, v^2) becomes N(0, v^2 / k), and with it every level of noise.
    found = follow("temporal_score_rescaling", jnp.ones((3, 2)), 0.3, {"main": gaussian(0.5)}, k=k, width=0.5)
    np.testing.assert_allclose(found, gaussian(0.5 / np.sqrt(k)).score(jnp.ones((3, 2)), 0.3), rtol=1e-5)


def test_best_weight_of_a_blurred_guide():
    # Truth s, main model s1, guide s0, from far up: the flow is right at w = 1 + ln(s1/s)/ln(s0/s1).
    s, blur = 0.1, np.sqrt(0.2**2 - 0.12**2)
    w = 1 + np.log(0.12 / s) / np.log(0.2 / 0.12)
    top = 50.0
    x = jnp.full((1, 2), np.sqrt(s**2 + top**2), jnp.float32)
    knobs = {"w": jnp.float32(w), "blur": jnp.float32(blur)}
    levels = noise_levels(256, top, 0.0005)
    last = trajectory(x, levels, {"main": gaussian(0.12)}, knobs, KEY, rule="blur_guidance")[-1]
    np.testing.assert_allclose(last, s, rtol=2e-3)


def test_oracle_leaves_only_what_is_across_the_pull():
    x = jax.random.normal(KEY, (64, 2))
    cast = {"main": gaussian(0.5), "weak": distributions.mixture("A"), "truth": distributions.mixture("AB")}
    found = follow("optimal_weight", x, 0.5, cast, most=50.0)
    main, weak, truth = (np.asarray(cast[role].score(x, 0.5)) for role in ("main", "weak", "truth"))
    across = np.sum((truth - found) * (main - weak), axis=1)
    within = np.abs(np.sum((found - main) ** 2, axis=1)) < (49 * np.linalg.norm(main - weak, axis=1)) ** 2
    assert within.mean() > 0.5
    assert np.abs(across[within]).max() < 1e-3
    assert (np.linalg.norm(truth - found, axis=1) <= np.linalg.norm(truth - main, axis=1) + 1e-5).all()


def _end(rule, integrator, n=2**15, steps=32, seed=0, bottom=0.02, top=5.0, std=1.0, **given) -> float:
    """Standard deviation of the samples, from the exact start of N(0, std^2)."""
    cast = {role: given.pop(role) for role in RULES[rule].roles}
    entries = (RULES[rule], INTEGRATORS[integrator])
    knobs = {name: jnp.float32(given.get(name, k.default)) for entry in entries for name, k in entry.knobs.items()}
    x = jax.random.normal(jax.random.key(seed), (n, 2)) * np.sqrt(std**2 + top**2)
    levels = noise_levels(steps, top, bottom)
    return float(jnp.std(trajectory(x, levels, cast, knobs, KEY, rule=rule, integrator=integrator, keep=False)))


STOCHASTIC = [name for name, entry in INTEGRATORS.items() if entry.stochastic]


@pytest.mark.computes
@pytest.mark.parametrize("integrator", STOCHASTIC)
def test_stochastic_samplers_converge_weakly(integrator):
    # Without guidance every one of them samples the main model; the error of the variance falls with the steps.
    coarse, fine = (
        abs(_end("none", integrator, steps=steps, main=gaussian(0.3), std=0.3, bottom=0.002) - 0.3)
        for steps in (24, 192)
    )
    assert fine < max(coarse / 2, 0.006)  # 0.001 is the standard error of the estimate


def test_ancestral_sampling_is_of_first_order():
    errors = [
        0.3 - _end("none", "ancestral", steps=steps, main=gaussian(0.3), std=0.3, bottom=0.002) for steps in (32, 128)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.35)


def test_ancestral_sampling_without_renewal_is_euler():
    cast, x = {"main": distributions.mixture("A")}, distributions.mixture("A").sample(KEY, 64, 5.0)
    levels = noise_levels(16, 5.0, 0.002)
    paths = [
        trajectory(x, levels, cast, {"eta": jnp.float32(0)}, KEY, rule="none", integrator=name)
        for name in ("ancestral", "euler")
    ]
    np.testing.assert_allclose(*paths, atol=1e-5)


TILT = np.sqrt(1 / (2 / 1 - 1 / 4))  # of N(0, 1)^2 / N(0, 4): 0.756


def test_smc_samples_the_tilted_gaussian():
    found = _end("cfg", "smc", main=gaussian(1), unconditional=gaussian(2), w=2.0)
    assert found == pytest.approx(TILT, abs=0.012)
    flow = _end("cfg", "heun", main=gaussian(1), unconditional=gaussian(2), w=2.0)
    assert flow < 0.56


@pytest.mark.computes
def test_many_corrections_sample_the_tilted_gaussian():
    few, many = (
        _end("cfg", "predictor_corrector", main=gaussian(1), unconditional=gaussian(2), w=2.0, corrections=k, steps=64)
        for k in (1.0, 16.0)
    )
    assert many == pytest.approx(TILT, abs=0.012)
    assert few - many > 0.02


def test_refinement_ends_where_the_closed_form_says():
    # A pass is v <- A^2 (v + s^2), A^2 = (v1/(v1 + s^2))^w (v0/(v0 + s^2))^(1 - w): from 1, at s = 1, twice: 0.508.
    found = _end("cfg", "gibbs", main=gaussian(1), unconditional=gaussian(2), w=2.0, rounds=2.0, renoise=1.0)
    assert found**2 == pytest.approx(0.508, abs=0.02)


def test_characteristic_guidance_samples_the_tilted_gaussian():
    # Of the start p1 at sigma 5, not of the tilted density there: 0.8% wider.
    cast = {"main": gaussian(1), "unconditional": gaussian(2)}
    found = _end("characteristic_guidance", "heun", n=512, steps=64, seed=1, w=2.0, **cast)
    x = jax.random.normal(jax.random.key(1), (512, 2))
    wanted = TILT * np.sqrt(26 / (TILT**2 + 25))
    assert found / float(jnp.std(x)) == pytest.approx(wanted, rel=5e-3)


def test_characteristic_guidance_agrees_on_the_denoised_point():
    scene = Scene.of("characteristic_guidance")
    w = dict(scene.knobs)["w"]
    main, unconditional = distributions.mixture("A"), distributions.mixture("AB")
    x = main.sample(KEY, 256, 1.0)
    entry = RULES["characteristic_guidance"]
    knobs = {name: jnp.float32(value) for name, value in scene.knobs if name in entry.knobs}
    cast = {"main": main, "unconditional": unconditional}
    _, shift = guided(entry, cast, x, jnp.float32(1.0), knobs, jnp.zeros_like(x))
    moved = np.linalg.norm(shift, axis=1) > 0
    assert moved.mean() > 0.8
    x1, x2 = x + (w - 1) * shift, x + w * shift
    denoised = [np.asarray(p + density.score(p, 1.0)) for p, density in ((x1, main), (x2, unconditional))]
    assert np.linalg.norm(denoised[0] - denoised[1], axis=1)[moved].max() < 0.011


def test_feedback_with_full_trust_is_the_main_model(at):
    x, sigma = at
    close(follow("feedback_guidance", x, sigma, pi=1.0), np.asarray(distributions.mixture("A").score(x, sigma)), sigma)
