"""Schedules by gradient: slopes against closed forms, known best weights, and what is run is what was optimised."""

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from toy import distributions, metrics, scenes
from toy.densities import GaussianMixture
from toy.lab import descent, optimise
from toy.lab import problem as problems
from toy.lab.problem import CONSTANT, Problem
from toy.sampling import trajectory
from toy.scene import Scene

EXACT = {"main": "exact:A", "unconditional": "exact:AB"}
SMALL = {"n": 64, "steps": 8}
LEARNED = Scene.of("cfg", **SMALL)
FEW = {"batch": 32, "seeds": 2, "held_out": 2}


def gaussian(std: float) -> GaussianMixture:
    """A round Gaussian about the origin."""
    return GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), np.eye(2)[None] * std**2)


def unbounded(problem: Problem, weight: float) -> dict[str, jax.Array]:
    """The start with this constant weight."""
    return optimise.starts(problem, weight)[CONSTANT]


@pytest.fixture(scope="module")
def cast():
    return models.cast(LEARNED.cast)


# --- Slopes -----------------------------------------------------------------------------------------------------------


def test_the_slope_through_the_sampler_is_that_of_the_closed_form():
    # Between round Gaussians the guided flow only scales: by sqrt(a)^w sqrt(b)^(1 - w), a and b = s²/(s² + σ²).
    main, guide, sigma = 0.5, 0.8, 5.0
    scene = Scene.of("cfg", steps=128, n=16, sigma_max=sigma)
    players = {"main": descent.Recomputed(gaussian(main)), "unconditional": descent.Recomputed(gaussian(guide))}
    x = jax.random.normal(jax.random.key(0), (16, 2)) * sigma

    def last(w):
        return trajectory(x, jnp.asarray(scene.sigmas()), players, {"w": w}, jax.random.key(0), rule="cfg")[-1]

    log_a, log_b = (math.log(s**2 / (s**2 + sigma**2)) for s in (main, guide))
    for w in (1.0, 2.5):
        ends, slopes = jax.jvp(last, (jnp.float32(w),), (jnp.float32(1.0),))
        scale = math.exp(0.5 * (w * log_a + (1 - w) * log_b))
        np.testing.assert_allclose(ends, scale * np.asarray(x), rtol=5e-3, atol=1e-5)
        backwards = jax.grad(lambda w: jnp.sum(jnp.square(last(w))))(jnp.float32(w))
        np.testing.assert_allclose(slopes / ends, 0.5 * (log_a - log_b), rtol=1e-2)
        np.testing.assert_allclose(backwards, jnp.sum(2 * ends * slopes), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", problems.OBJECTIVES)
def test_the_slope_is_that_of_finite_differences(name):
    scene = Scene.of("cfg", **EXACT, n=64, steps=8, integrator="euler")
    problem = Problem(scene, name, ("shares", "w", "interval"))
    world = descent.prepared(problem, {"main": gaussian(0.4), "unconditional": gaussian(0.7)})
    world = world._replace(truth=replace(world.truth, density=gaussian(0.5)))
    if name == "quality_variation":  # responsibilities of one Gaussian have no slope
        world = world._replace(truth=metrics.truth("A", 64))
    x, u, key = scenes.initial(scene), unbounded(problem, 1.7), jax.random.key(3)
    of = jax.jit(lambda u: descent.loss(u, x, key, world, problem))
    slope = jax.grad(of)(u)
    for part, at in (("shares", 3), ("w", ()), ("lo", ()), ("hi", ())):
        step = 0.004
        up, down = (of(u | {part: u[part].at[at].add(way * step)}) for way in (1, -1))
        scale = max(float(jnp.max(jnp.abs(s))) for s in slope.values())
        assert float(slope[part][at]) == pytest.approx(float(up - down) / (2 * step), rel=0.05, abs=0.02 * scale)
    assert scale > 1e-3


def test_energy_is_the_metric():
    x, true = (
        distributions.mixture("A").sample(jax.random.key(seed), 300, sigma) for seed, sigma in ((1, 0.3), (2, 0.0))
    )
    apart = metrics.mean_distance(true, true) * 300 / 299
    truth = replace(metrics.truth("A", 300), reference=true, apart=apart)
    found = float(descent.energy(x, true))
    assert found == pytest.approx(float(metrics.METRICS["energy_distance"](x, truth)), rel=1e-3)
    assert found > 0.01


def test_points_that_coincide_have_a_finite_slope():
    x = jnp.zeros((4, 2)).at[3].set(1.0)
    slope = jax.grad(lambda x: descent.energy(x, jnp.full((4, 2), 3.0)))(x)
    assert np.isfinite(slope).all()
    assert np.abs(slope[3]).max() > 0.1


def test_nothing_moves_where_a_slope_is_not_finite(cast):
    problem = Problem(LEARNED, **FEW)
    world, u = descent.prepared(problem, cast), unbounded(problem, 2.0)
    state, x = descent.adam(0.1, 5).init(u), descent.training_points(problem)[:32]
    step = partial(descent.step, problem=problem, rate=0.1, iterations=5)
    moved, after, loss = step(u, state, x, jax.random.key(0), world)
    assert np.isfinite(loss)
    assert np.abs(moved["shares"] - u["shares"]).max() > 0.01
    stayed, same, loss = step(moved, after, x.at[0].set(jnp.nan), jax.random.key(0), world)
    assert not np.isfinite(loss)
    for one, other in zip(jax.tree.leaves((moved, after)), jax.tree.leaves((stayed, same)), strict=True):
        np.testing.assert_array_equal(one, other)
    run = descent.Descent(u, state)
    with pytest.raises(ValueError, match=r"^the energy distance of 'cfg' is not finite"):
        descent.descend(
            problem, run, x * jnp.nan, world._replace(), until=50, iterations=50, rate=0.1, report=lambda loss: None
        )
    assert len(run.history) == descent.PATIENCE


# --- Known best weights -----------------------------------------------------------------------------------------------


def test_a_weight_reaches_the_known_best():
    # Guidance repairs a main model that is too wide by a guide that is wider still: for Gaussians
    # w = 1 + ln(s1/s)/ln(s0/s1), started far up.
    main, guide, truth = 0.30, 0.45, 0.25
    scene = Scene.of("cfg", n=512, steps=16, sigma_max=20.0, sigma_min=0.01, start="normal")
    problem = Problem(scene, free=("w",), batch=512)
    world = descent.prepared(problem, {"main": gaussian(main), "unconditional": gaussian(guide)})
    world = world._replace(truth=replace(world.truth, density=gaussian(truth)))
    u = unbounded(problem, 1.0)
    run = descent.Descent(u, descent.adam(0.1, 60).init(u))
    x = descent.training_points(problem)
    descent.descend(problem, run, x, world, until=60, iterations=60, rate=0.1, report=lambda loss: None)
    best = 1 + math.log(main / truth) / math.log(guide / main)
    assert float(problems.values(problem, run.u)["w"]) == pytest.approx(best, abs=0.1)


def test_a_course_reaches_the_truth():
    # One weight too many for eight values: any course with the right total scales the samples to the truth.
    scene = Scene.of("cfg", n=256, steps=16, sigma_max=20.0, sigma_min=0.01, start="normal")
    problem = Problem(scene, batch=256)
    cast = {"main": gaussian(0.30), "unconditional": gaussian(0.45)}
    world = descent.prepared(problem, cast)
    world = world._replace(truth=replace(world.truth, density=gaussian(0.25)))
    u = unbounded(problem, 3.0)
    run = descent.Descent(u, descent.adam(0.1, 60).init(u))
    x = descent.training_points(problem)
    descent.descend(problem, run, x, world, until=60, iterations=60, rate=0.1, report=lambda loss: None)
    before, after = (scenes.sample(problems.scene_of(problem, at), cast, keep=False)[-1] for at in (u, run.u))
    assert float(jnp.std(before)) < 0.2
    assert float(jnp.std(after)) == pytest.approx(0.25, rel=0.06)
    assert np.mean(run.history[-5:]) < 0.2 * run.history[0]


# --- What is optimised is what is run ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "smooth"), [(("shares",), True), (("shares",), False), (("w",), True)])
def test_the_scene_that_is_found_samples_as_the_optimiser_did(free, smooth, cast):
    problem = Problem(LEARNED, free=free, smooth=smooth, **FEW)
    u = jax.tree.map(lambda a: a + 0.3 * jax.random.normal(jax.random.key(0), a.shape), unbounded(problem, 2.0))
    scene, knobs = problems.scene_of(problem, u), problems.knobs_of(problem, u)
    assert {name for name, _ in scene.knobs} == set(knobs)
    for name, value in scene.knobs:
        np.testing.assert_allclose(value, knobs[name], rtol=1e-3, atol=1e-4)
    x, world = scenes.initial(scene), descent.prepared(problem, cast)
    names = {"rule": scene.rule, "schedule": scene.schedule, "integrator": scene.integrator}
    ours = trajectory(x, world.sigmas, world.players, knobs, jax.random.key(9), keep=False, **names)[-1]
    np.testing.assert_allclose(ours, scenes.sample(scene, cast, keep=False)[-1], rtol=1e-2, atol=2e-3)


def test_smooth_is_linear_between_eight_values():
    problem = Problem(Scene.of("cfg", n=64))
    u = {"shares": jnp.linspace(-2, 2, 8)}
    course = np.asarray(problems.values(problem, u)["shares"])
    assert course.shape == (32,)
    bends = np.abs(np.diff(course, 2)) > 1e-4
    assert bends.sum() <= 2 * 6  # each of the six inner values bends it between two steps
    assert (np.diff(course) > 0).all()
    ends = problems.SHARE.lo + (problems.SHARE.hi - problems.SHARE.lo) / (1 + np.exp([2, -2]))
    np.testing.assert_allclose(course[[0, -1]], ends, rtol=1e-5)


def test_an_interval_is_soft_for_its_slope_and_hard_in_the_scene():
    problem = Problem(Scene.of("cfg", n=64, w=3), free=("interval",))
    u = unbounded(problem, 2.0)
    scene = problems.scene_of(problem, u)
    knobs = dict(scene.knobs)
    assert scene.schedule == "interval"
    assert knobs["w"] == 3
    assert 0.002 < knobs["lo"] < knobs["hi"] < 5
    soft = problems.knobs_of(problem, u)
    shares = np.asarray(soft["share"])
    hard = (optimise.weights(scene, problem.weight) - 1) / 2
    assert set(hard) == {0.0, 1.0}
    assert ((shares > 0.5) == (hard > 0.5)).mean() > 0.9
    assert ((shares > 0.01) & (shares < 0.99)).any()
    both = Problem(Scene.of("cfg", n=64), free=("interval", "shares"))
    course = optimise.weights(problems.scene_of(both, unbounded(both, 3.0)), both.weight)
    np.testing.assert_allclose(course, np.where(hard > 0, 3, 1), atol=2e-3)


def test_levels_are_where_the_table_stands():
    scene = Scene.of("cfg", n=64)
    np.testing.assert_allclose(problems.levels(scene), scene.sigmas()[:-1], rtol=1e-5)
    few = scene.change(steps=8)
    np.testing.assert_allclose(problems.levels(few)[::4], few.sigmas()[:-1], rtol=1e-4)
    assert (np.diff(problems.levels(few)) <= 1e-6).all()


def test_all_that_is_free_of_a_mix():
    scene = Scene.of("cfg_autoguidance", n=64)
    assert problems.everything(scene) == ("shares", "interval", "alpha")
    assert problems.everything(LEARNED) == ("shares", "interval")
    problem = Problem(scene, free=problems.everything(scene))
    assert problem.free == ("shares", "alpha", "interval")
    assert 0 < dict(problems.scene_of(problem, unbounded(problem, 2.0)).knobs)["alpha"] < 1


def test_training_points_are_used_in_turn():
    problem = Problem(LEARNED, batch=48, seeds=3)  # 192 points: four batches
    used = [descent.rows(problem, i) for i in range(8)]
    for epoch in (used[:4], used[4:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(192))
    assert not np.array_equal(used[0], used[4])
    points = descent.training_points(problem)
    np.testing.assert_array_equal(points[64:128], scenes.initial(LEARNED.change(seed=1)))


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "values", "words"),
    [
        ("cfg", {"objective": "speed"}, "unknown objective 'speed'; have: energy, kl, quality_variation"),
        ("cfg", {"free": ("shares", "v")}, "unknown part 'v'; have: shares, w, alpha, interval"),
        ("cfg", {"free": ()}, "free =  is not 1 to 100 of shares, w, alpha, interval"),
        ("none", {}, "rule 'none' has no weight to optimise; these do: naive_truncation, "),
        ("cfg_plus_plus", {}, "rule 'cfg_plus_plus' has no weight"),
        ("cfg", {"free": ("alpha",)}, "rule 'cfg' has no alpha to optimise; these do: "),
        ("cfg", {"mixing": 1.5}, "mixing = 1.5 is not a number from 0 to 1"),
        ("cfg", {"roughness": math.nan}, "roughness = nan is not a number from 0"),
        ("cfg", {"held_out": 1}, "held_out = 1 is not a whole number from 2 to 100"),
        ("cfg", {"batch": 1}, "batch = 1 is not a whole number from 2"),
        ("cfg", {"seeds": "4"}, "seeds = 4 is not a whole number from 1"),
    ],
)
def test_what_cannot_be_optimised_is_refused_in_one_sentence(rule, values, words):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        Problem(Scene.of(rule, **SMALL), **values)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ({"integrator": "ancestral"}, "integrator 'ancestral' is stochastic and is not optimised; these are: euler, "),
        ({"schedule": "linear"}, "schedule 'linear' would be replaced by what is optimised; leave it 'constant'"),
        ({"seed": 2**31 - 3}, "seed = 2147483656 is not a whole number"),
    ],
)
def test_scenes_that_cannot_be_optimised(scene, words):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        Problem(Scene.of("cfg", **SMALL, **scene))
    assert str(caught.value).startswith(words)


def test_a_weight_alone_keeps_its_schedule():
    problem = Problem(Scene.of("cfg", schedule="linear", **SMALL), free=("w",))
    assert problems.scene_of(problem, unbounded(problem, 2.0)).schedule == "linear"
    assert problem.constant(2.0).schedule == "constant"
