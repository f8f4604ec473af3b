"""The table of all methods: strengths on one scale, nothing lost by an interruption, nothing computed twice."""

import jax
import numpy as np
import pyarrow.parquet as pq
import pytest

import models
from toy import compare, cost, scenes
from toy.guidance import RULES
from toy.lab import run as running
from toy.lab.compare import run
from toy.metrics import METRICS
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.schedules import SCHEDULES

QUICK = {"n": 64, "seeds": 2, "steps": 8}


def some(names="none,cfg,autoguidance", strengths=(1.0, 2.0)):
    return compare.points(compare.chosen(names), strengths, **QUICK)


def test_a_table_of_another_distribution_has_its_cast_and_no_levels(tmp_path):
    (point,) = compare.points(compare.chosen("cfg"), (2.0,), target="gaussians/A", scores="exact", **QUICK)
    assert dict(point.scene.cast) == {"main": "exact:gaussians/A", "unconditional": "exact:gaussians/ABC"}
    found = run([point], tmp_path / "one.csv")
    assert {"outliers", "branch_tv"} <= set(found[0])
    assert not {name for name, entry in METRICS.items() if entry.levels} & set(found[0])
    with pytest.raises(ValueError, match="has other columns than are measured now"):
        run(some("none"), tmp_path / "one.csv")


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


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_seeds_differ_and_equal_single_runs(monkeypatch, backend):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)  # all together as on a GPU, or one by one
    (point,) = compare.points(compare.chosen("cfg"), (2.0,), **QUICK)
    cast = models.cast(point.scene.cast)
    spread = scenes.measure_seeds(point.scene, cast, 2)
    for i in range(2):
        alone = scenes.compute(point.scene.change(seed=i), cast, keep=False, floor=False).metrics
        for name, values in spread.values.items():
            np.testing.assert_allclose(values[i], alone[name], rtol=2e-3, atol=2e-4)
    assert spread.values["outliers"][0] != spread.values["outliers"][1]
    if backend == "cpu":
        assert np.isnan(scenes.measure_seeds(point.scene, cast, 1).error["outliers"])


def test_exact_casts_leave_the_weak_model_alone():
    found = {point.method.name: dict(point.scene.cast) for point in compare.points(
        compare.chosen("cfg,autoguidance,diffusion_negative_prompting"), (2.0,), scores="exact", **QUICK)}  # fmt: skip
    assert found["cfg"] == {"main": "exact:A", "unconditional": "exact:AB"}
    assert found["autoguidance"] == {"main": "exact:A", "weak": "A32@512"}
    assert found["diffusion_negative_prompting"] == {"main": "exact:A", "negative": "dns:exact:A,exact:AB"}


def test_main_and_the_guides_are_exact_independently():
    wanted = compare.chosen("cfg,autoguidance")
    found = {
        scores: [dict(point.scene.cast) for point in compare.points(wanted, (2.0,), scores=scores, **QUICK)]
        for scores in compare.SCORES
    }
    assert found["learned"] == [dict(Scene.of(method.name).cast) for method in wanted]
    learned = found["learned"][0]
    assert found["exact-main"] == [{**learned, "main": "exact:A"}, {"main": "exact:A", "weak": "A32@512"}]
    assert found["exact-guides"] == [{**learned, "unconditional": "exact:AB"}, found["learned"][1]]
    with pytest.raises(ValueError, match=r"unknown scores 'none'; have: learned, exact, exact-main, exact-guides"):
        compare.points(wanted, (2.0,), scores="none", **QUICK)


def test_an_interrupted_table_is_finished_without_computing_twice(tmp_path):
    path, seen = tmp_path / "table.csv", []

    def report(now):
        if now.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(some(), path, report=report)
    assert len(compare.read(path)) == 2 * 2
    with path.open("a") as file:
        file.write("cfg,rule,2.0,0,2,0.1")  # cut short in mid-row
    rows = run(some(), path, report=seen.append)
    assert [now.done for now in seen] == [0, 1, 2, 3]
    assert run(some(), path, report=pytest.fail) == rows
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "table.parquet"]
    whole = run(some(), tmp_path / "other.csv")
    assert [{**row, "seconds": 0} for row in whole] == [{**row, "seconds": 0} for row in rows]
    table = pq.read_table(path.with_suffix(".parquet"))
    assert table.num_rows == len(rows) == 2 * 5
    assert table.column_names == list(rows[0])
    assert [name for name in rows[0] if name in METRICS] == [name for name in METRICS if not METRICS[name].shape]
    assert {type(row["strength"]) for row in rows} == {float}


def test_what_goes_wrong_in_one_point_ends_the_run_and_keeps_the_others(tmp_path, monkeypatch):
    path, measure = tmp_path / "table.csv", scenes.measure_seeds

    def broken(scene, *given):
        if scene.rule == "autoguidance":
            raise ValueError("it diverged")
        return measure(scene, *given)

    wanted = some("none,autoguidance")
    with monkeypatch.context() as patch:
        patch.setattr(scenes, "measure_seeds", broken)
        patch.setattr(running, "WORKERS", 1)
        with pytest.raises(ValueError, match="it diverged"):
            run(wanted, path)
    assert {row["trial"] for row in compare.read(path)} == {wanted[0].key}
    run(wanted, path)
    assert {row["trial"] for row in compare.read(path)} == {point.key for point in wanted}


def test_a_table_of_other_measures_is_kept(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("method,kind,strength,seed,seeds,seconds,outliers,trial\ncfg,rule,2.0,0,1,0.1,0.5,a\n")
    with pytest.raises(ValueError, match="has other columns than are measured now: choose another file"):
        run(some(), path)
    assert [row["outliers"] for row in compare.read(path)] == [0.5]


def test_a_foreign_file_is_kept(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is not a table of trials"):
        run(some(), path)
    assert path.read_text() == "a,b\n1,2\n"


def test_summary_has_the_mean_and_its_error(tmp_path):
    rows = run(some("cfg"), tmp_path / "table.csv")
    found = compare.summary(rows, "outliers")["cfg"]
    np.testing.assert_array_equal(found["strength"], [1, 2])
    pair = [row["outliers"] for row in rows if row["strength"] == 2]
    assert found["mean"][1] == pytest.approx(np.mean(pair))
    assert found["error"][1] == pytest.approx(abs(pair[0] - pair[1]) / 2)


@pytest.mark.parametrize("budget", [64, 126, 127, 400])
def test_at_equal_cost_every_method_has_the_most_steps_that_it_affords(budget):
    wanted = compare.points(list(compare.methods().values()), (2.0,))
    found, dear = compare.at_cost(wanted, budget)
    assert found
    left = {point.method.name for point in wanted} - {point.method.name for point in found}
    assert left == {words.split()[0] for words in dear}
    for point in found:
        more = point.scene.change(steps=min(point.scene.steps + 1, int(compare.STEPS.hi)))
        assert cost.total(point.scene) <= budget
        assert cost.total(more) > budget or more.steps == point.scene.steps
    for point in wanted:
        if point.method.name in left:
            assert cost.total(point.scene.change(steps=8)) > budget


def test_the_steps_of_guidance_are_half_of_those_without():
    none, cfg = compare.points(compare.chosen("none,cfg"), (2.0,))
    assert [compare.steps_within(point.scene, 126) for point in (none, cfg)] == [63, 32]
    (same,), dear = compare.at_cost([cfg], cost.total(cfg.scene))
    assert (same, dear) == (cfg, [])


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match=r"unknown method 'cgf'; have: all, none, "):
        compare.chosen("cfg,cgf")
    with pytest.raises(ValueError, match="no method was named"):
        compare.chosen(" , ")
