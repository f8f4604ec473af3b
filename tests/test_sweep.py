"""Sweeps: every trial measured once, whatever is added later, and a table of all of them."""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sweep_helpers import QUICK, SMALL, stored, table

import models
from toy import scenes, tables
from toy.lab import grid, trial
from toy.lab import sweep as sweeps
from toy.lab.commands.sweep import sweep as command
from toy.lab.grid import Sweep
from toy.lab.run import Batch, Pace
from toy.lab.trial import Trial
from toy.progress import Progress, duration
from toy.scene import Scene


@pytest.mark.slow
def test_a_sweep_measures_what_one_scene_alone_does(tmp_path: Path) -> None:
    sweep, path = grid.of_text(SMALL), tmp_path / "store.sqlite"
    ran = sweeps.run(sweep, path)
    assert (ran.total, ran.computed, ran.found) == (6, 6, 0)
    rows = sweeps.look(sweep, path).rows
    assert [(row["rule"], row["w"], row["seed"]) for row in rows] == [point.at for point in sweep.points]
    for row, point in zip(rows[:2], sweep.points[:2], strict=True):
        alone = scenes.compute(point.scene, models.cast(point.scene.cast), keep=False, floor=False).metrics
        np.testing.assert_allclose(row["outliers"], alone["outliers"], atol=1e-6)
        np.testing.assert_allclose(row["branch_tv"], alone["branch_tv"], rtol=1e-3)
        depths = [row[f"mass_by_depth_{i}"] for i in range(7)]
        np.testing.assert_allclose(depths, alone["mass_by_depth"], atol=1e-4)
    assert rows[4]["address"] == rows[6]["address"]


def test_the_same_sweep_twice_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, path = grid.of_text(SMALL), tmp_path / "store.sqlite"
    sweeps.run(sweep, path)
    before, rows = stored(path), table(sweep, path)
    monkeypatch.setattr(trial, "measure", None)
    assert sweeps.run(sweep, path) == sweeps.Ran(6, 0, 6)
    assert stored(path) == before
    assert table(sweep, path) == rows


def test_a_larger_sweep_computes_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    sweeps.run(grid.of_text(SMALL), path)
    before = stored(path)
    ran = sweeps.run(grid.of_text(SMALL.replace("[1, 2.5]", "[1, 2, 2.5]")), path)
    assert (ran.total, ran.computed, ran.found) == (8, 2, 6)
    assert before.items() <= stored(path).items()


def test_numbers_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    sweep = grid.of_text(SMALL)
    for most in (1, 64):
        sweeps.run(sweep, tmp_path / f"{most}.sqlite", most=most)
    assert table(sweep, tmp_path / "1.sqlite") == table(sweep, tmp_path / "64.sqlite")


def test_progress_counts_every_trial_once(tmp_path: Path) -> None:
    seen: list[Progress] = []
    sweep, path = grid.of_text(SMALL), tmp_path / "store.sqlite"
    sweeps.run(sweep, path, report=seen.append, most=2)
    assert [now.done for now in seen] == sorted(now.done for now in seen)
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 6, 6)
    assert seen[0].left is None
    assert seen[-1].left == 0
    sweeps.run(sweep, path, report=(again := []).append)
    assert [(now.done, now.found, now.left) for now in again] == [(6, 6, None)]


def test_a_look_tells_how_far_a_sweep_is(tmp_path: Path) -> None:
    sweep, path = grid.of_text(SMALL), tmp_path / "store.sqlite"
    assert sweeps.look(sweep, path) == sweeps.Look([], 0, 6, 0, None)
    assert not path.exists()
    looks = []
    sweeps.run(sweep, path, report=lambda _: looks.append(sweeps.look(sweep, path)), most=1)
    assert [look.done for look in looks] == list(range(7))
    assert {look.at_work for look in looks} == {1}
    assert looks[0].left is None
    assert all(look.left > 0 for look in looks[1:-1])
    assert looks[-1].left == 0
    after = sweeps.look(sweep, path)
    assert (after.done, after.at_work, after.left, len(after.rows)) == (6, 0, None, 8)


def test_remaining_time_goes_by_what_was_measured() -> None:
    pace = Pace()
    one, two = (Trial(Scene.of("none", n=n, steps=8), ("outliers",)) for n in (100, 1000))
    names = [one.program, two.program]
    amounts = {names[0]: 10 * one.work, names[1]: 10 * two.work}
    assert pace.left(amounts) is None
    pace.add(Batch(names[0], {"a": one}), 5.0)  # 4 s of it to compile
    assert pace.left(amounts) is None
    pace.add(Batch(names[0], {"b": one, "c": one}), 2.0)
    assert pace.left({names[0]: amounts[names[0]]}) == pytest.approx(10)
    assert pace.left(amounts) == pytest.approx(10 + 100 + 4)
    pace.add(Batch(names[1], {"d": two}), 12.0)
    assert pace.left(amounts) == pytest.approx(10 + 100)
    pace.add(Batch(names[1], {"e": two}), 5.0)
    assert pace.left(amounts) == pytest.approx(10 + 50)


def test_remaining_time_of_programs_that_have_one_trial_each() -> None:
    pace, many = Pace(), [Trial(Scene.of("none", n=n, steps=8), ("outliers",)) for n in range(1, 11)]
    for i, each in enumerate(many[:5]):
        assert (pace.left({}) is None) == (i < 3)
        pace.add(Batch(each.program, {"a": each}), 2.0 * each.scene.n)
    amounts = {each.program: float(each.work) for each in many[5:]}
    assert pace.left(amounts) == pytest.approx(2 * sum(range(6, 11)))


def test_remaining_time_in_words() -> None:
    assert [duration(s) for s in (0, 89, 100, 4000, 9000)] == [
        "0 s left", "89 s left", "2 min left", "67 min left", "2.5 h left"]  # fmt: skip


@pytest.mark.slow
def test_networks_are_trained_first_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    text = f"""
    metrics = ["outliers"]
    [scene]
    {QUICK}
    rule = "autoguidance"
    weak = "A4@{{iterations}}"
    [axes]
    iterations = [2, 4]
    """
    sweep, path = grid.of_text(text), tmp_path / "store.sqlite"
    seen: list[Progress] = []
    sweeps.run(sweep, path, report=seen.append)
    assert [(now.done, now.total) for now in seen if now.stage == "training"][-1] == (4, 4)
    assert len(sweeps.look(sweep, path).rows) == 2
    for file in (tmp_path / "trained").iterdir():
        file.unlink()
    sweeps.run(sweep, path, report=(again := []).append)
    assert not any(now.stage == "training" for now in again)  # all is measured, so nothing is needed


# --- Tables ---


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Path]:
    """A small sweep and a store that has all of it."""
    sweep, path = grid.of_text(SMALL), tmp_path_factory.mktemp("filled") / "store.sqlite"
    sweeps.run(sweep, path)
    return sweep, path


def test_exports_are_the_rows(filled: tuple[Sweep, Path], tmp_path: Path) -> None:
    rows = sweeps.look(*filled).rows
    for suffix in tables.FORMATS:
        sweeps.export(rows, tmp_path / f"table{suffix}")
    with (tmp_path / "table.csv").open(newline="") as file:
        text = list(csv.DictReader(file))
    parquet = pq.read_table(tmp_path / "table.parquet").to_pylist()
    assert list(text[0]) == list(parquet[0])
    assert list(text[0])[:3] == ["rule", "w", "seed"]
    assert list(text[0])[-2:] == ["seconds", "address"]
    for row, of_csv, of_parquet in zip(rows, text, parquet, strict=True):
        for name, value in row.items():
            if name != "at":
                assert of_parquet[name] == value
                assert type(value)(of_csv[name]) == value
    assert parquet[4]["unconditional"] is None  # the rule takes none
    assert text[4]["unconditional"] == ""


def test_words_and_numbers_in_one_axis_are_words(tmp_path: Path) -> None:
    sweeps.export([{"a": "x", "b": 1, "c": 1}, {"a": 2.5, "b": 0.5}], tmp_path / "table.parquet")
    table = pq.read_table(tmp_path / "table.parquet").to_pydict()
    assert table == {"a": ["x", "2.5"], "b": [1.0, 0.5], "c": [1, None]}


def test_other_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not end in .csv or .parquet"):
        sweeps.export([{"a": 1}], tmp_path / "table.xlsx")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--export table.xlsx", "does not end in .csv or .parquet"),
        ("--figure figure.gif", "unknown format 'gif'; have: png, pdf, svg"),
        ("--cluster local:0", "cluster 'local:0' is not local:N"),
        ("--cluster host", "cluster 'host' is not local:N"),
        ("--cluster tcp://host:8786", "sweeps no longer use Dask: take local:N"),
        ("--cluster local:999", "is too many processes for this machine: local:1 to local:"),
    ],
)
def test_options_are_checked_before_anything(tmp_path: Path, options: str, words: str) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SMALL)
    result = CliRunner().invoke(command, [str(spec), "--store", str(tmp_path / "s.sqlite"), *shlex.split(options)])
    assert isinstance(result.exception, ValueError)
    assert words in str(result.exception)
    assert not (tmp_path / "s.sqlite").exists()


def test_rows_are_json(filled: tuple[Sweep, Path]) -> None:
    assert json.loads(json.dumps(sweeps.look(*filled).rows)) == sweeps.look(*filled).rows
