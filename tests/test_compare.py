"""The table of all methods: strengths on one scale, nothing lost by an interruption, nothing computed twice."""

import numpy as np
import pyarrow.parquet as pq
import pytest

import models
from toy import compare, scenes
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.schedules import SCHEDULES

QUICK = {"n": 64, "seeds": 2, "steps": 8}


def some(names="none,cfg,autoguidance", strengths=(1.0, 2.0)):
    return compare.trials(compare.chosen(names), strengths, **QUICK)


def test_every_rule_schedule_and_integrator_is_a_method():
    have = compare.methods()
    used = [method.scene() for method in have.values()]
    assert {scene.rule for scene in used} == set(RULES)
    assert {scene.schedule for scene in used} == set(SCHEDULES)
    assert {scene.integrator for scene in used} == set(INTEGRATORS)
    assert compare.chosen("all") == list(have.values())


@pytest.mark.parametrize("name", compare.methods())
def test_strength_one_is_no_guidance_and_more_is_more(name):
    scene = compare.methods()[name].scene(n=64)
    knob = compare.strength_knob(scene)
    if knob is None:
        assert scene.rule == "none"
        return
    entry = scene.entry.knobs[knob]
    values = [dict(compare.at_strength(scene, s).knobs)[knob] for s in compare.STRENGTHS]
    assert values[0] == (entry.lo if entry.neutral is None else entry.neutral)
    steps = np.diff(values)
    assert (steps > 0).all() or (steps < 0).all() or entry.hi in values or entry.lo in values


def test_seeds_differ_and_equal_single_runs():
    (trial,) = compare.trials(compare.chosen("cfg"), (2.0,), **QUICK)
    cast = models.cast(trial.scene.cast)
    spread = scenes.measure_seeds(trial.scene, cast, 2)
    for i in range(2):
        alone = scenes.compute(trial.scene.change(seed=i), cast, keep=False, floor=False).metrics
        for name, values in spread.values.items():
            np.testing.assert_allclose(values[i], alone[name], rtol=2e-3, atol=2e-4)
    assert spread.values["outliers"][0] != spread.values["outliers"][1]
    assert np.isnan(scenes.measure_seeds(trial.scene, cast, 1).error["outliers"])


def test_exact_casts_leave_the_weak_model_alone():
    found = {trial.method.name: dict(trial.scene.cast) for trial in compare.trials(
        compare.chosen("cfg,autoguidance,diffusion_negative_prompting"), (2.0,), scores="exact", **QUICK)}  # fmt: skip
    assert found["cfg"] == {"main": "exact:A", "unconditional": "exact:AB"}
    assert found["autoguidance"] == {"main": "exact:A", "weak": "A32@512"}
    assert found["diffusion_negative_prompting"] == {"main": "exact:A", "negative": "dns:exact:A,exact:AB"}


def test_main_and_the_guides_are_exact_independently():
    wanted = compare.chosen("cfg,autoguidance")
    found = {
        scores: [dict(trial.scene.cast) for trial in compare.trials(wanted, (2.0,), scores=scores, **QUICK)]
        for scores in compare.SCORES
    }
    assert found["learned"] == [dict(Scene.of(method.name).cast) for method in wanted]
    learned = found["learned"][0]
    assert found["exact-main"] == [{**learned, "main": "exact:A"}, {"main": "exact:A", "weak": "A32@512"}]
    assert found["exact-guides"] == [{**learned, "unconditional": "exact:AB"}, found["learned"][1]]
    with pytest.raises(ValueError, match=r"unknown scores 'none'; have: learned, exact, exact-main, exact-guides"):
        compare.trials(wanted, (2.0,), scores="none", **QUICK)


def test_an_interrupted_table_is_finished_without_computing_twice(tmp_path):
    path, computed = tmp_path / "table.csv", []

    def report(trial, fresh):
        computed.append(fresh)
        if len(computed) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare.run(some(), models.cast, path, report=report)
    with path.open("a") as file:
        file.write("cfg,rule,2.0,0,2,0.1")  # cut short in mid-row
    computed.clear()
    rows = compare.run(some(), models.cast, path, report=lambda trial, fresh: computed.append(fresh))
    assert computed == [False, False, True, True, True]
    again = compare.run(some(), models.cast, path, report=lambda trial, fresh: computed.append(fresh))
    assert computed[5:] == [False] * 5
    assert again == rows
    whole = compare.run(some(), models.cast, tmp_path / "other.csv")
    assert [{**row, "seconds": 0} for row in whole] == [{**row, "seconds": 0} for row in rows]
    table = pq.read_table(path.with_suffix(".parquet"))
    assert table.num_rows == len(rows) == 2 * 5
    assert set(table.column_names) == set(rows[0])


def test_what_goes_wrong_in_one_trial_ends_the_run_and_keeps_the_others(tmp_path):
    path, done = tmp_path / "table.csv", []

    def cast(chosen):
        if any(name == "A32@512" for _, name in chosen):
            raise ValueError("no such network")
        return models.cast(chosen)

    wanted = some("none,autoguidance")
    with pytest.raises(ValueError, match="no such network"):
        compare.run(wanted, cast, path, report=lambda trial, _: done.append(trial.key))
    assert {row["trial"] for row in compare.read(path)} == set(done)
    compare.run(wanted, models.cast, path)
    assert {row["trial"] for row in compare.read(path)} == {trial.key for trial in wanted}


def test_a_foreign_file_is_kept(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is not a table of trials"):
        compare.run(some(), models.cast, path)
    assert path.read_text() == "a,b\n1,2\n"


def test_summary_has_the_mean_and_its_error(tmp_path):
    rows = compare.run(some("cfg"), models.cast, tmp_path / "table.csv")
    found = compare.summary(rows, "outliers")["cfg"]
    np.testing.assert_array_equal(found["strength"], [1, 2])
    pair = [row["outliers"] for row in rows if row["strength"] == 2]
    assert found["mean"][1] == pytest.approx(np.mean(pair))
    assert found["error"][1] == pytest.approx(abs(pair[0] - pair[1]) / 2)


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match=r"unknown method 'cgf'; have: all, none, "):
        compare.chosen("cfg,cgf")
    with pytest.raises(ValueError, match="no method was named"):
        compare.chosen(" , ")
