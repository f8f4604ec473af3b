"""Schedules found by gradient: slopes against closed forms, the usual numbers, known best weights, files, links."""

import json
import math
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

import models
from toy import door, fractal, metrics, scenes, tables
from toy.__main__ import scene_of, scene_options
from toy.densities import GaussianMixture
from toy.figures.optimum import optimum_figure
from toy.lab import optima, optimise
from toy.lab.commands.optimise import command
from toy.lab.optimise import CONSTANT, OPTIMUM, ORACLE, PLAIN, Measured, Optimum, Problem
from toy.sampling import trajectory
from toy.scene import Scene
from toy.state import parse

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


@pytest.fixture(scope="module")
def found(cast) -> Optimum:
    """A short run."""
    return optimise.optimise(Problem(LEARNED, **FEW), cast, iterations=4, command="python -m toy optimise")


# --- Slopes -----------------------------------------------------------------------------------------------------------


def test_the_slope_through_the_sampler_is_that_of_the_closed_form():
    # Between round Gaussians the guided flow only scales: by sqrt(a)^w sqrt(b)^(1 - w), a and b = s²/(s² + σ²).
    main, guide, sigma = 0.5, 0.8, 5.0
    scene = Scene.of("cfg", steps=128, n=16, sigma_max=sigma)
    players = {"main": optimise.Recomputed(gaussian(main)), "unconditional": optimise.Recomputed(gaussian(guide))}
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
@pytest.mark.parametrize("name", optimise.OBJECTIVES)
def test_the_slope_is_that_of_finite_differences(name):
    scene = Scene.of("cfg", **EXACT, n=64, steps=8, integrator="euler")
    problem = Problem(scene, name, ("shares", "w", "interval"))
    world = optimise.prepared(problem, {"main": gaussian(0.4), "unconditional": gaussian(0.7)})
    world = world._replace(truth=replace(world.truth, density=gaussian(0.5)))
    if name == "quality_variation":  # responsibilities of one Gaussian have no slope
        world = world._replace(truth=metrics.truth("A", 64))
    x, u, key = scenes.initial(scene), unbounded(problem, 1.7), jax.random.key(3)
    of = jax.jit(lambda u: optimise.loss(u, x, key, world, problem))
    slope = jax.grad(of)(u)
    for part, at in (("shares", 3), ("w", ()), ("lo", ()), ("hi", ())):
        step = 0.004
        up, down = (of(u | {part: u[part].at[at].add(way * step)}) for way in (1, -1))
        scale = max(float(jnp.max(jnp.abs(s))) for s in slope.values())
        assert float(slope[part][at]) == pytest.approx(float(up - down) / (2 * step), rel=0.05, abs=0.02 * scale)
    assert scale > 1e-3


def test_energy_is_the_metric():
    x, true = (fractal.mixture("A").sample(jax.random.key(seed), 300, sigma) for seed, sigma in ((1, 0.3), (2, 0.0)))
    apart = metrics.mean_distance(true, true) * 300 / 299
    truth = replace(metrics.truth("A", 300), reference=true, apart=apart)
    found = float(optimise.energy(x, true))
    assert found == pytest.approx(float(metrics.METRICS["energy_distance"](x, truth)), rel=1e-3)
    assert found > 0.01


def test_points_that_coincide_have_a_finite_slope():
    x = jnp.zeros((4, 2)).at[3].set(1.0)
    slope = jax.grad(lambda x: optimise.energy(x, jnp.full((4, 2), 3.0)))(x)
    assert np.isfinite(slope).all()
    assert np.abs(slope[3]).max() > 0.1


def test_nothing_moves_where_a_slope_is_not_finite(cast):
    problem = Problem(LEARNED, **FEW)
    world, u = optimise.prepared(problem, cast), unbounded(problem, 2.0)
    state, x = optimise.adam(0.1, 5).init(u), optimise.training_points(problem)[:32]
    step = partial(optimise.step, problem=problem, rate=0.1, iterations=5)
    moved, after, loss = step(u, state, x, jax.random.key(0), world)
    assert np.isfinite(loss)
    assert np.abs(moved["shares"] - u["shares"]).max() > 0.01
    stayed, same, loss = step(moved, after, x.at[0].set(jnp.nan), jax.random.key(0), world)
    assert not np.isfinite(loss)
    for one, other in zip(jax.tree.leaves((moved, after)), jax.tree.leaves((stayed, same)), strict=True):
        np.testing.assert_array_equal(one, other)
    run = optimise.Descent(u, state)
    with pytest.raises(ValueError, match=r"^the energy distance of 'cfg' is not finite"):
        optimise.descend(
            problem, run, x * jnp.nan, world._replace(), until=50, iterations=50, rate=0.1, report=lambda loss: None
        )
    assert len(run.history) == optimise.PATIENCE


# --- Known best weights -----------------------------------------------------------------------------------------------


def test_a_weight_reaches_the_known_best():
    # Guidance repairs a main model that is too wide by a guide that is wider still: for Gaussians
    # w = 1 + ln(s1/s)/ln(s0/s1), started far up.
    main, guide, truth = 0.30, 0.45, 0.25
    scene = Scene.of("cfg", n=512, steps=16, sigma_max=20.0, sigma_min=0.01, start="normal")
    problem = Problem(scene, free=("w",), batch=512)
    world = optimise.prepared(problem, {"main": gaussian(main), "unconditional": gaussian(guide)})
    world = world._replace(truth=replace(world.truth, density=gaussian(truth)))
    u = unbounded(problem, 1.0)
    run = optimise.Descent(u, optimise.adam(0.1, 60).init(u))
    x = optimise.training_points(problem)
    optimise.descend(problem, run, x, world, until=60, iterations=60, rate=0.1, report=lambda loss: None)
    best = 1 + math.log(main / truth) / math.log(guide / main)
    assert float(optimise.values(problem, run.u)["w"]) == pytest.approx(best, abs=0.1)


def test_a_course_reaches_the_truth():
    # One weight too many for eight values: any course with the right total scales the samples to the truth.
    scene = Scene.of("cfg", n=256, steps=16, sigma_max=20.0, sigma_min=0.01, start="normal")
    problem = Problem(scene, batch=256)
    cast = {"main": gaussian(0.30), "unconditional": gaussian(0.45)}
    world = optimise.prepared(problem, cast)
    world = world._replace(truth=replace(world.truth, density=gaussian(0.25)))
    u = unbounded(problem, 3.0)
    run = optimise.Descent(u, optimise.adam(0.1, 60).init(u))
    x = optimise.training_points(problem)
    optimise.descend(problem, run, x, world, until=60, iterations=60, rate=0.1, report=lambda loss: None)
    before, after = (scenes.sample(optimise.scene_of(problem, at), cast, keep=False)[-1] for at in (u, run.u))
    assert float(jnp.std(before)) < 0.2
    assert float(jnp.std(after)) == pytest.approx(0.25, rel=0.06)
    assert np.mean(run.history[-5:]) < 0.2 * run.history[0]


# --- What is optimised is what is run ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "smooth"), [(("shares",), True), (("shares",), False), (("w",), True)])
def test_the_scene_that_is_found_samples_as_the_optimiser_did(free, smooth, cast):
    problem = Problem(LEARNED, free=free, smooth=smooth, **FEW)
    u = jax.tree.map(lambda a: a + 0.3 * jax.random.normal(jax.random.key(0), a.shape), unbounded(problem, 2.0))
    scene, knobs = optimise.scene_of(problem, u), optimise.knobs_of(problem, u)
    assert {name for name, _ in scene.knobs} == set(knobs)
    for name, value in scene.knobs:
        np.testing.assert_allclose(value, knobs[name], rtol=1e-3, atol=1e-4)
    x, world = scenes.initial(scene), optimise.prepared(problem, cast)
    names = {"rule": scene.rule, "schedule": scene.schedule, "integrator": scene.integrator}
    ours = trajectory(x, world.sigmas, world.players, knobs, jax.random.key(9), keep=False, **names)[-1]
    np.testing.assert_allclose(ours, scenes.sample(scene, cast, keep=False)[-1], rtol=1e-2, atol=2e-3)


def test_smooth_is_linear_between_eight_values():
    problem = Problem(Scene.of("cfg", n=64))
    u = {"shares": jnp.linspace(-2, 2, 8)}
    course = np.asarray(optimise.values(problem, u)["shares"])
    assert course.shape == (32,)
    bends = np.abs(np.diff(course, 2)) > 1e-4
    assert bends.sum() <= 2 * 6  # each of the six inner values bends it between two steps
    assert (np.diff(course) > 0).all()
    ends = optimise.SHARE.lo + (optimise.SHARE.hi - optimise.SHARE.lo) / (1 + np.exp([2, -2]))
    np.testing.assert_allclose(course[[0, -1]], ends, rtol=1e-5)


def test_an_interval_is_soft_for_its_slope_and_hard_in_the_scene():
    problem = Problem(Scene.of("cfg", n=64, w=3), free=("interval",))
    u = unbounded(problem, 2.0)
    scene = optimise.scene_of(problem, u)
    knobs = dict(scene.knobs)
    assert scene.schedule == "interval"
    assert knobs["w"] == 3
    assert 0.002 < knobs["lo"] < knobs["hi"] < 5
    soft = optimise.knobs_of(problem, u)
    shares = np.asarray(soft["share"])
    hard = (optimise.weights(scene, problem.weight) - 1) / 2
    assert set(hard) == {0.0, 1.0}
    assert ((shares > 0.5) == (hard > 0.5)).mean() > 0.9
    assert ((shares > 0.01) & (shares < 0.99)).any()
    both = Problem(Scene.of("cfg", n=64), free=("interval", "shares"))
    course = optimise.weights(optimise.scene_of(both, unbounded(both, 3.0)), both.weight)
    np.testing.assert_allclose(course, np.where(hard > 0, 3, 1), atol=2e-3)


def test_levels_are_where_the_table_stands():
    scene = Scene.of("cfg", n=64)
    np.testing.assert_allclose(optimise.levels(scene), scene.sigmas()[:-1], rtol=1e-5)
    few = scene.change(steps=8)
    np.testing.assert_allclose(optimise.levels(few)[::4], few.sigmas()[:-1], rtol=1e-4)
    assert (np.diff(optimise.levels(few)) <= 1e-6).all()


def test_all_that_is_free_of_a_mix():
    scene = Scene.of("cfg_autoguidance", n=64)
    assert optimise.chosen("all", scene) == ("shares", "interval", "alpha")
    assert optimise.chosen("all", LEARNED) == ("shares", "interval")
    problem = Problem(scene, free=optimise.chosen("all", scene))
    assert problem.free == ("shares", "alpha", "interval")
    assert 0 < dict(optimise.scene_of(problem, unbounded(problem, 2.0)).knobs)["alpha"] < 1


def test_training_points_are_used_in_turn():
    problem = Problem(LEARNED, batch=48, seeds=3)  # 192 points: four batches
    used = [optimise.rows(problem, i) for i in range(8)]
    for epoch in (used[:4], used[4:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(192))
    assert not np.array_equal(used[0], used[4])
    points = optimise.training_points(problem)
    np.testing.assert_array_equal(points[64:128], scenes.initial(LEARNED.change(seed=1)))


# --- What is reported -------------------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_scenes(found, cast):
    problem = found.problem
    assert list(found.methods) == [OPTIMUM, CONSTANT, PLAIN, ORACLE]
    for method in (OPTIMUM, CONSTANT, PLAIN):
        measured = found.methods[method]
        for part, seeds in ((measured.train, (0, 1)), (measured.held_out, (2, 3))):
            for i, seed in enumerate(seeds):
                alone = scenes.compute(measured.scene.change(seed=seed), cast, keep=False, floor=False).metrics
                for name in optimise.MEASURES:
                    assert part[name][i] == pytest.approx(alone[name], rel=2e-3, abs=2e-4)
                assert math.isfinite(part["kl"][i])
    oracle = found.methods[ORACLE].scene
    assert dict(oracle.cast) == {"main": "A64@4096", "weak": "AB32@512", "truth": "exact:A"}
    assert oracle.steps == LEARNED.steps
    assert dict(found.methods[PLAIN].scene.knobs)["w"] == 1
    assert found.methods[CONSTANT].scene.schedule == "constant"
    goals = {name: optimise.goal(problem, found.methods[name].train).mean() for name in (OPTIMUM, CONSTANT, PLAIN)}
    assert goals[OPTIMUM] <= goals[CONSTANT] <= goals[PLAIN]  # each is chosen among those before it
    assert {name: len(losses) for name, losses in found.history.items()} in (
        {CONSTANT: 4, PLAIN: 1},
        {CONSTANT: 1, PLAIN: 4},
    )


def test_ctrl_c_keeps_what_was_found(cast):
    def report(words, done, total, loss):
        if words == "iterations" and done == 4:
            raise KeyboardInterrupt

    found = optimise.optimise(Problem(LEARNED, **FEW), cast, iterations=10, report=report)
    assert sum(map(len, found.history.values())) == 4
    assert found.methods[OPTIMUM].held_out["outliers"].shape == (2,)


def fake(own, other, **values) -> Optimum:
    """Numbers of an optimum and of the best constant on held-out seeds."""
    problem = Problem(LEARNED, seeds=2, held_out=len(own), **values)

    def measured(numbers):
        many = {name: np.array(numbers) for name in (*optimise.MEASURES, "kl")}
        return Measured(problem.constant(2.0), {name: v[:2] for name, v in many.items()}, many)

    methods = {OPTIMUM: measured(own), CONSTANT: measured(other), PLAIN: measured(other)}
    return Optimum(problem, methods, {PLAIN: (1.0, math.nan)}, PLAIN, 1.0, {"jax": "0"})


def test_the_verdict_is_paired_and_needs_two_standard_errors():
    noise = np.array([0.0, 5.0, 10.0, 15.0])
    better = fake(noise + 1, noise + np.array([1.9, 2.1, 2.0, 2.0]))
    assert better.advantage == pytest.approx((1.0, 0.5 * np.std([0.9, 1.1, 1, 1], ddof=1)))
    assert better.beats
    assert optima.verdict(better).startswith("The optimum beats")
    for other in (fake(noise, noise), fake(noise + 1, noise), fake(noise, noise + np.array([3.0, -2.5, 3.0, -2.5]))):
        assert not other.beats
        assert "does not beat" in optima.verdict(other)
    assert fake([1, 1, 3, 3], [0, 0, 0, 0]).gap[0] == pytest.approx(1.0)


def test_the_weighted_sum_is_of_outliers_and_branch_tv():
    problem = Problem(LEARNED, "quality_variation", mixing=0.25)
    numbers = {"outliers": np.array([0.4]), "branch_tv": np.array([0.8]), "energy_distance": np.array([9.0])}
    assert optimise.goal(problem, numbers) == pytest.approx(0.25 * 0.4 + 0.75 * 0.8)


@pytest.mark.parametrize("least", [1.0, 1.18, 2.6, 4.0])
def test_the_best_constant_is_found_between_the_grid_s_points(least):
    tried = []

    def score(scene):
        tried.append(dict(scene.knobs)["w"])
        return abs(tried[-1] - least)

    best = optimise.best_constant(Problem(LEARNED), score, lambda done, total: None)
    assert abs(best - least) <= min(abs(w - least) for w in tried) < 0.15
    assert len(tried) == len(set(tried)) <= 14


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "values", "words"),
    [
        ("cfg", {"objective": "speed"}, "unknown objective 'speed'; have: energy, kl, quality_variation"),
        ("cfg", {"free": ("shares", "v")}, "'v' cannot be optimised; these can: shares, w, alpha, interval"),
        ("cfg", {"free": ()}, "nothing is free"),
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
    assert optimise.scene_of(problem, unbounded(problem, 2.0)).schedule == "linear"
    assert problem.constant(2.0).schedule == "constant"


# --- Files, links, pictures, the command ------------------------------------------------------------------------------


def same(one: Optimum, other: Optimum) -> None:
    """Equal to the six digits of a file."""
    assert one.problem == other.problem
    assert (one.start, one.command, one.versions) == (other.start, other.command, other.versions)
    assert {name: each.scene for name, each in one.methods.items()} == {
        name: each.scene for name, each in other.methods.items()
    }
    for name, each in one.methods.items():
        for part in ("train", "held_out"):
            for measure, numbers in getattr(each, part).items():
                np.testing.assert_allclose(getattr(other.methods[name], part)[measure], numbers, rtol=1e-5)
    for start, losses in one.history.items():
        np.testing.assert_allclose(other.history[start], losses, rtol=1e-5)


def test_a_file_is_read_as_it_was_written(found, tmp_path):
    same(found, optima.read(optima.write(found, tmp_path / "cfg.json")))
    odd = fake([1, 1, math.nan, 1], [1, 1, 1, 1], free=("interval", "w"), smooth=False)
    same(odd, optima.read(optima.write(odd, tmp_path / "odd.json")))
    (tmp_path / "other.json").write_text("{}")
    assert list(optima.read_all(tmp_path)) == ["cfg", "odd"]
    told = json.loads((tmp_path / "cfg.json").read_text())
    assert Scene.of(**told["scene"]) == found.scene


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data.pop("methods"), "is damaged: it lacks 'methods'"),
        (lambda data: data["methods"].pop(CONSTANT), "is damaged: it lacks 'best constant'"),
        (lambda data: data["methods"][OPTIMUM]["train"].pop("kl"), "is damaged: it lacks 'kl'"),
        (lambda data: data["methods"][OPTIMUM]["held_out"]["kl"].pop(), "kl has 3 numbers, not 4"),
        (lambda data: data["methods"][OPTIMUM].update(scene={"rule": "cgf"}), "unknown rule 'cgf'"),
        (lambda data: data["history"].update(other=["x"]), "'x' is not a number"),
        (lambda data: data["problem"].update(objective="speed"), "unknown objective 'speed'"),
        (lambda data: data["problem"].update(more=1), "is damaged"),
        (lambda data: data.update(history=3), "is damaged"),
        (lambda data: data.update(version=99), "is of version 99, and this program reads version 1"),
        (lambda data: data.update(format="table"), "is no result of optimise"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(damage, words, tmp_path):
    path = optima.write(fake([1, 1, 1, 1], [2, 2, 2, 2]), tmp_path / "a.json")
    data = json.loads(path.read_text())
    damage(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        optima.read(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_file_of_ours_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^cannot read .*: No such file"):
        optima.read(tmp_path / "none.json")
    for content in (b"", b"\xff\xfe", b"[1, 2", b"[]", b"[" * 100_000):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"is no result of optimise|is not text in UTF-8"):
            optima.read(tmp_path / "a.json")


def test_the_link_opens_the_optimum_beside_the_best_constant(found):
    link = optima.link(found)
    assert link.startswith("?")
    state, notes = parse(dict(parse_qsl(link.removeprefix("?"), strict_parsing=True)))
    assert not notes
    assert state.left == found.scene.change(n=512)
    # Where no schedule beat the constant, that one would stand beside itself.
    other = PLAIN if found.scene == found.methods[CONSTANT].scene else CONSTANT
    assert state.right == found.methods[other].scene.change(n=512)
    assert state.left != state.right


def test_the_table_has_every_method_and_the_gap(found):
    rows = optima.table(found)
    assert [row[2] for row in rows] == ["training", "held-out", "gap", *["training", "held-out"] * 3]
    assert [row[0] for row in rows if row[0]] == [OPTIMUM, CONSTANT, PLAIN, ORACLE]
    assert {len(row) for row in rows} == {len(optima.HEAD)}
    numbers = found.methods[OPTIMUM].held_out["energy_distance"]
    mean, error = map(float, rows[1][3].split(" ± "))
    assert error == pytest.approx(np.std(numbers, ddof=1) / 2**0.5, rel=0.06)
    assert mean == pytest.approx(numbers.mean(), abs=0.06 * error)
    assert rows[2][3] == optima._cell("objective", *found.gap)
    lines = tables.aligned([optima.HEAD, *rows]).splitlines()
    assert len(lines) == 10
    page = optima.report({"cfg": found})
    assert optima.verdict(found) in page
    assert "](optimum/cfg.json)" in page


def test_a_figure_has_a_row_for_each_result(found, cast, coarse_outlines):
    drawn = optima.drawn(found, cast)
    np.testing.assert_allclose(drawn.courses[OPTIMUM], optimise.weights(found.scene, found.problem.weight))
    one, two = optimum_figure([drawn]), optimum_figure([drawn, drawn])
    assert len(two.axes) == 2 * len(one.axes)
    assert two.get_figheight() > 1.9 * one.get_figheight() - 0.2
    with pytest.raises(ValueError, match="no results"):
        optimum_figure([])


def run(*args: object):
    """The command within a group as the program has it."""
    group = door.Group("toy")
    group.add_command(command(scene_options, scene_of))
    return CliRunner().invoke(group, ["optimise", *map(str, args)], prog_name="python -m toy")


def test_the_command_writes_what_it_prints(tmp_path):
    out = tmp_path / "new" / "cfg.json"
    few = ("--n", 64, "--steps", 8, "--iterations", 2, "--batch", 32, "--seeds", 1, "--held-out", 2)
    result = run("--rule", "cfg", "--free", "w", *few, "--out", out)
    assert result.exit_code == 0, result.output
    found = optima.read(out)
    assert found.problem == Problem(LEARNED, free=("w",), batch=32, seeds=1, held_out=2)
    assert optima.verdict(found) in result.stdout
    assert (tmp_path / "new" / "cfg.png").stat().st_size > 10_000
    assert found.command.startswith("python -m toy optimise --rule cfg ")
    words = found.command.split()[4:]
    flags = dict(zip(words[::2], words[1::2], strict=True))
    assert flags["--free"] == "w"
    assert flags["--held-out"] == "2"
    assert flags["--out"] == str(out)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--rule", "cfg", "--out", "a.txt"), "--out 'a.txt' does not end in .json"),
        (("--out", "a.json"), "rule 'none' has no weight"),
        (("--rule", "cfg", "--objective", "speed", "--out", "a.json"), "unknown objective 'speed'"),
        (("--rule", "cfg", "--free", ",", "--out", "a.json"), "nothing is free"),
        (("--rule", "cfg", "--iterations", "0", "--out", "a.json"), "iterations = 0 is not a whole number"),
        (("--rule", "cfg", "--integrator", "smc", "--out", "a.json"), "integrator 'smc' is stochastic"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(args, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*args)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())
