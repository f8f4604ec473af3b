"""What optimise reports: the usual numbers, verdicts, files, links."""

import json
import math
from dataclasses import replace
from urllib.parse import parse_qsl

import numpy as np
import pytest
from click.testing import CliRunner

import models
from toy import door, scenes, tables
from toy.cli.optimise import optimise as command
from toy.figures.optimum import optimum_figure
from toy.lab import optima, optimise
from toy.lab.optimise import OPTIMUM, ORACLE, Measured, Optimum
from toy.lab.problem import CONSTANT, PLAIN, Problem
from toy.scene import Scene
from toy.state import parse

SMALL = {"n": 64, "steps": 8, "integrator": "euler"}  # asks a rule once a step: half as much to compile
LEARNED = Scene.of("cfg", **SMALL)
FEW = {"batch": 32, "seeds": 2, "held_out": 2}


@pytest.fixture(scope="module")
def cast():
    return models.cast(LEARNED.cast)


@pytest.fixture(scope="module")
def found(cast) -> Optimum:
    """A short run."""
    return optimise.optimise(Problem(LEARNED, **FEW), cast, iterations=4, command="python -m toy optimise")


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
    def report(now):
        if now.stage == "iterations" and now.done == 4:
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


def with_others(optimum: Optimum, own, other) -> Optimum:
    """With numbers of other trainings."""
    numbers = {OPTIMUM: own, CONSTANT: other, PLAIN: other}
    others = {method: {k: np.array(v, float) for k in optimise.MEASURES} for method, v in numbers.items()}
    return replace(optimum, others=others)


def test_the_verdict_of_other_trainings_is_apart():
    here = fake([1, 1, 1, 1], [2, 2, 2, 2.1])
    assert optima.verdict_elsewhere(here) == ""
    methods = here.methods | {OPTIMUM: replace(here.methods[OPTIMUM], scene=here.problem.constant(3.0))}
    worse = with_others(replace(here, methods=methods), [1.0, 2.0, 3.0], [0.0, 2.1, 1.0])
    assert here.beats
    half = 4.3027 * np.std([-1, 0.1, -2], ddof=1) / 3**0.5  # two degrees of freedom
    assert worse.elsewhere == pytest.approx((-29 / 30, -29 / 30 - half, -29 / 30 + half), rel=1e-4)
    assert optima.verdict_elsewhere(worse).startswith("With networks of 3 other trainings it does not beat it: -0.97 ")
    better = with_others(worse, [1.0, 2.0, 3.0], [2.0, 3.1, 4.0])
    assert "it beats it: 1 below, 95% interval [0.89, 1.2]" in optima.verdict_elsewhere(better)
    assert optima.verdict_elsewhere(with_others(here, [1.0, 2.0], [2.0, 3.1])) == "", "it is the constant itself"
    text = optima.report({"some": worse})
    assert text.count("| other trainings |") == 3
    assert optima.verdict_elsewhere(worse) in text


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
    assert one.others.keys() == other.others.keys()
    for name, measures in one.others.items():
        for measure, numbers in measures.items():
            np.testing.assert_allclose(other.others[name][measure], numbers, rtol=1e-5)
    for start, losses in one.history.items():
        np.testing.assert_allclose(other.history[start], losses, rtol=1e-5)


def test_a_file_is_read_as_it_was_written(found, tmp_path):
    same(found, optima.read(optima.write(found, tmp_path / "cfg.json")))
    odd = fake([1, 1, math.nan, 1], [1, 1, 1, 1], free=("interval", "w"), smooth=False)
    same(odd, optima.read(optima.write(odd, tmp_path / "odd.json")))
    elsewhere = with_others(odd, [1.5, 2], [3, math.nan])
    same(elsewhere, optima.read(optima.write(elsewhere, tmp_path / "odd.json")))
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
        (lambda data: data.update(others={OPTIMUM: {}}), "is damaged: it lacks 'energy_distance'"),
        (lambda data: data.update(others={OPTIMUM: {key: [1] for key in optimise.MEASURES}}), "one a training"),
        (lambda data: data.update(others={"x": {key: [1, 2] for key in optimise.MEASURES}}), "not of the same methods"),
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
    group.add_command(command)
    return CliRunner().invoke(group, ["optimise", *map(str, args)], prog_name="python -m toy")


def test_the_command_writes_what_it_prints(tmp_path):
    out = tmp_path / "new" / "cfg.json"
    few = ("--n", 64, "--steps", 8, "--integrator", "euler", "--iterations", 2, "--batch", 32)
    result = run("--rule", "cfg", "--free", "w", *few, "--seeds", 1, "--held-out", 2, "--out", out)
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
        (("--rule", "cfg", "--free", ",", "--out", "a.json"), "free = , is not 1 to 100 of shares"),
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
