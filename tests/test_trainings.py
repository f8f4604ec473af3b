"""Numbers over trainings: each training has networks and noise of its own, and a placebo has no task."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runner import good, run

import models
from toy import mechanism, scenes
from toy.cli import mechanism as command
from toy.cli import table
from toy.lab import trainings
from toy.lab.optimise import OPTIMUM, Measured, Optimum
from toy.lab.problem import CONSTANT, PLAIN, Problem
from toy.mechanism import BETWEEN, Mechanism, due_to_task
from toy.scene import Scene
from toy.ui import pull

LEVELS = np.array([0.03, 0.2])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of one's own, as the current one and for networks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path / "models"))
    return tmp_path


def test_a_row_is_the_mean_over_networks_of_seeds_of_their_own(monkeypatch):
    values = {"w": 2, "main": "A8@1", "weak": "A8@2"}
    monkeypatch.setattr(table, "PAPER_METHODS", (("some method", "autoguidance", values),))
    printed = good("table", "--trainings", "2", "--n", "64", "--out", "table.md")
    scene = [Scene.of("autoguidance", w=2, n=64, seed=i, main=f"A8@1#{i}", weak=f"A8@2#{1000 + i}") for i in range(2)]
    alone = [scenes.compute(each, models.cast(each.cast), keep=False).metrics["branch_tv"] for each in scene]
    error = abs(alone[0] - alone[1]) / 2
    row = next(line for line in printed.splitlines() if line.startswith("| some method"))
    assert f"{np.mean(alone):.3f} ± {error:.3f}" in row
    report = Path("table.md").read_text(encoding="utf-8")
    assert row in report
    assert "`python -m toy table --trainings 2 --n 64 --out table.md`" in report


def test_a_placebo_is_the_weak_model_trained_once_more():
    own, placebo = trainings.pulls("A8@1", "AB8@1", "A8@2", trainings=2, n=64, sigmas=LEVELS)
    for i in range(2):
        main, weak = models.load(f"A8@1#{i}"), models.load(f"A8@2#{1000 + i}")
        for found, guide in ((own[i], f"AB8@1#{1000 + i}"), (placebo[i], f"A8@2#{2000 + i}")):
            alone = mechanism.mechanism(main, models.load(guide), weak=weak, sigmas=LEVELS, n=64, seeds=1)
            for name, values in found.values.items():
                np.testing.assert_allclose(values, alone.values[name], rtol=1e-4, atol=1e-5)
    both = trainings.together(own)
    stack = np.stack([one.values["cosine"] for one in own])
    np.testing.assert_allclose(both.values["cosine"], stack.mean(axis=0))
    np.testing.assert_allclose(both.errors["cosine"], np.abs(stack[0] - stack[1]) / 2)
    assert trainings.pulls("A8@1", "AB8@1", trainings=2, n=64, sigmas=LEVELS)[1] == []


def test_an_optimum_is_measured_with_networks_that_it_was_not_found_with():
    scene = Scene.of("autoguidance", n=32, main="A8@1", weak="A8@2")
    problem = Problem(scene, seeds=2, held_out=2)
    methods = {OPTIMUM: problem.scene.change(w=2.5), CONSTANT: problem.constant(1.5), PLAIN: problem.constant(1.0)}
    found = Optimum(problem, {name: Measured(each, {}, {}) for name, each in methods.items()}, {}, PLAIN, 1.0, {})
    others = trainings.elsewhere(found, 2).others
    assert others.keys() == methods.keys()
    for name, each in methods.items():
        for i, value in enumerate(others[name]["branch_tv"], 1):
            own = each.change(seed=i, main=f"A8@1#{i}", weak=f"A8@2#{1000 + i}")
            alone = scenes.compute(own, models.cast(own.cast), keep=False, floor=False).metrics["branch_tv"]
            assert value == pytest.approx(alone, rel=2e-3, abs=2e-4)
    with pytest.raises(ValueError, match="kl of A is not measured over trainings"):
        trainings.elsewhere(replace(found, problem=replace(problem, objective="kl")), 2)


def test_a_pull_without_a_weak_model_has_no_share():
    sigmas = np.array([BETWEEN / 2, 2 * BETWEEN])
    assert np.isnan(due_to_task(Mechanism(sigmas, {}, {}))).all()
    share = {"task_share": np.array([0.25, 1.5]), "quality": np.ones(2), "task": np.ones(2)}
    assert due_to_task(Mechanism(sigmas, share, {})) == (0.25, 1.0)


def test_a_report_is_what_the_page_says_of_the_same_networks(monkeypatch):
    flags = "--main", "A8@1", "--guide", "AB8@1", "--weak", "A8@2", "--n", "32", "--trainings", "2"
    printed = good("mechanism", *flags, "--out", "report.md")
    found = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert Path("report.png").read_bytes()[:4] == b"\x89PNG"
    report = Path("report.md").read_text(encoding="utf-8")
    assert f"`python -m toy mechanism {' '.join(flags)} --out report.md`" in report
    low, high = np.array(found["placebo"]["due_to_task"]).mean(axis=0)
    said = next(line for line in printed.splitlines() if line.startswith("Of a placebo's"))
    assert f"{100 * low:.1f} ± " in said
    assert f"{100 * high:.1f} ± " in said
    assert said in report
    monkeypatch.setattr(pull, "REPORT", Path("report.json"))
    pull._report.cache_clear()
    known = pull.recorded({"main": "A8@1", "guide": "AB8@1", "weak": "A8@2"})
    assert said in known.words
    here = Mechanism(known.sigmas, dict.fromkeys(("task_share", "quality", "task", "error_main"), known.placebo), {})
    there = {row["series"] for row in pull.chart(known.beside(here), "share")["data"]["values"]}
    assert there == {"task share", "placebo's, over trainings"}
    assert pull.recorded({"main": "A8@1", "guide": "AB8@1", "weak": "A8@3"}) is None
    pull._report.cache_clear()


def test_without_trainings_errors_are_over_draws():
    found = json.loads(
        good("mechanism", "--main", "exact:A", "--guide", "exact:AB", "--weak", "none", "--n", "8", "--json")
    )
    assert "task_share" not in found["guide"]["values"]
    assert found["words"] == [command.DRAWS]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("table", "--trainings", "1"), "trainings = 1 is not a whole number from 2 to 40"),
        (
            ("table", "--trainings", "2", "--seed", "3"),
            "--seed 3 does not go with --trainings, each of which has its own",
        ),
        (
            ("table", "--trainings", "2", "--target", "B"),
            "target B does not go with --trainings, whose main models are of A",
        ),
        (("table", "--out", "x.md"), "--out 'x.md' is for the table of --trainings"),
        (("table", "--trainings", "2", "--out", "x.txt"), "--out 'x.txt' does not end in .md"),
        (("mechanism", "--out", "x.txt"), "--out 'x.txt' does not end in .md"),
        (("mechanism", "--place", "home"), "unknown place 'home'; have: truth, sampler"),
        (("mechanism", "--n", "0"), "n = 0 is not a whole number from 1 to 65536"),
        (("mechanism", "--guide", "A8@x"), "unknown density 'A8@x'"),
    ],
)
def test_what_cannot_be_measured_is_refused(folder, words, sentence):
    result = run(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []
