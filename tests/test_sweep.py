"""Sweeps: every mistake named, every trial measured once, whatever cuts a run off, and the same table in the end."""

import csv
import json
import math
import re
import resource
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure

import models
from models.stored import WEIGHTS
from toy import scenes
from toy.figures import sweeps as drawn
from toy.lab import sweep as sweeps
from toy.lab.commands.sweep import left
from toy.lab.commands.sweep import sweep as command
from toy.lab.store import Store, StoreError, at_work
from toy.lab.sweep import Batch, Pace, Sweep
from toy.metrics import METRICS
from toy.scene import Scene

ROOT = Path(__file__).parents[1]
QUICK = 'n = 64\nsteps = 8\nmain = "exact:A"\n'
SMALL = f"""
metrics = ["branch_tv", "outliers", "mass_by_depth"]
[scene]
{QUICK}
unconditional = "exact:AB"
[axes]
rule = ["cfg", "none"]
w = [1, 2.5]
seed = {{ from = 0, to = 1, count = 2 }}
"""


def long(count: int, n: int = 64) -> str:
    """A sweep of so many trials of one program."""
    return f"""
    metrics = ["outliers", "branch_tv"]
    [scene]
    rule = "none"
    n = {n}
    steps = 8
    main = "A32@512"
    [axes]
    rho = [5, 6, 7, 8]
    seed = {{ from = 0, to = {count // 4 - 1}, count = {count // 4} }}
    """


# --- What a file says -------------------------------------------------------------------------------------------------


def test_points_are_the_product_in_order() -> None:
    sweep = sweeps.of_text(SMALL)
    assert [axis.name for axis in sweep.axes] == ["rule", "w", "seed"]
    assert [point.at for point in sweep.points][:3] == [("cfg", 1, 0), ("cfg", 1, 1), ("cfg", 2.5, 0)]
    assert len(sweep.points) == 8
    assert sweep.measures == ("outliers", "branch_tv", "mass_by_depth")
    for point in sweep.points:
        rule, w, seed = point.at
        values = {"w": w, "unconditional": "exact:AB"} if rule == "cfg" else {}
        assert point.scene == Scene.of(rule, n=64, steps=8, main="exact:A", seed=seed, **values)


def test_combinations_of_the_same_scene_are_one_trial() -> None:
    sweep = sweeps.of_text(SMALL)
    found = sweeps.addresses(sweep)
    assert len(found) == 8
    assert len(sweeps.trials(sweep)) == len(set(found)) == 6
    assert found[4:6] == found[6:8]  # without guidance every strength is the same


def test_templates_and_tables() -> None:
    sweep = sweeps.of_text("""
    [scene]
    main = "A64@4096"
    weak = "A{width}@{snapshot}#{guide_seed}"
    n = 64
    [axes]
    width = [8, 16]
    snapshot = [256, 512]
    guide_seed = { from = 0, to = 2, count = 3 }
    method = [ { rule = "autoguidance", w = 2 }, { rule = "none", main = "A{width}@512", label = "guide alone" } ]
    """)
    assert len(sweep.points) == 2 * 2 * 3 * 2
    first, second, *_ = sweep.points
    assert first.at == (8, 256, 0, "autoguidance, w=2")
    assert first.scene == Scene.of("autoguidance", main="A64@4096", weak="A8@256#0", w=2, n=64)
    assert second.scene == Scene.of("none", main="A8@512", n=64)
    assert second.at[-1] == "guide alone"


def test_an_axis_that_a_template_names_sets_nothing_else() -> None:
    sweep = sweeps.of_text("""
    [scene]
    rule = "cfg"
    schedule = "middle_peaked"
    main = "A{w}@256"
    n = "{w}"
    [axes]
    w = [8, 16]
    """)
    for point, size in zip(sweep.points, (8, 16), strict=True):
        assert point.scene == Scene.of("cfg", schedule="middle_peaked", main=f"A{size}@256", n=size)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("{ from = 1, to = 4, count = 7 }", [1, 1.5, 2, 2.5, 3, 3.5, 4]),
        ("{ from = 1, to = 3, count = 3 }", [1, 2, 3]),
        ("{ from = 0.1, to = 0.3, count = 3 }", [0.1, 0.2, 0.3]),
        ("{ from = 0.5, to = 8, count = 3, log = true }", [0.5, 2, 8]),
        ("{ from = 2, to = 2, count = 1 }", [2]),
        ("{ from = 3, to = 1, count = 2 }", [3, 1]),
    ],
)
def test_ranges(given: str, values: list[float]) -> None:
    sweep = sweeps.of_text(f'[scene]\nrule = "cfg"\n[axes]\nw = {given}')
    assert [value.label for value in sweep.axes[0].values] == values
    whole = "." not in given
    assert {type(value.label) for value in sweep.axes[0].values} == ({int} if whole and len(values) != 7 else {float})


MISTAKES = [
    ("[scene", "this is no TOML"),
    ('titel = "x"', "unknown key 'titel'; a sweep has: title, metrics, scene, axes, figure"),
    ("title = 3", "title = 3 is not a string"),
    ("scene = 3", "scene = 3 is not a table"),
    ('metrics = ["outlier"]', "unknown metric 'outlier'; have: outliers, tail"),
    ('metrics = "outliers"', "metrics = 'outliers' is not a list of names"),
    ("metrics = []", r"metrics = \[\] is not a list of names"),
    ("[scene]\nwieght = 3", "scene.wieght is no value of a scene; have: rule, schedule"),
    ("[scene]\nn = true", "scene.n = True is neither a string nor a number"),
    ("[scene]\nn = 1.5", "n = 1.5 is not a whole number"),
    ("[scene]\nw = 3", "no trial's rule, schedule or integrator takes 'w'"),
    ('[scene]\nrule = "cgf"', "unknown rule 'cgf'; have: none"),
    ('[scene]\nrule = "cfg"\n[axes]\nw = [1, 99]', "at w = 99: w = 99 is not a number from"),
    ('[scene]\nmain = "A64@4096x"', "unknown density 'A64@4096x'"),
    ('[scene]\nmain = "../x.safetensors"', "unknown density"),
    ('[scene]\nmain = "A{width}@512"', "the template {width} names no axis; have: none"),
    ("[axes]\nwide = [1]", "axis 'wide' is not used: no value of a scene has its name, no template names it"),
    ("[axes]\nw = []", r"axis 'w' = \[\] is neither a list of values nor a table of from, to and count"),
    ("[axes]\nw = 3", "axis 'w' = 3 is neither a list"),
    ("[axes]\nw = [1, 2, 1.0]", "axis 'w' has 1 2 times"),
    ("[axes]\nw = [nan]", "axes.w = nan is not finite"),
    ("[axes]\nw = [[1]]", "neither a string nor a number"),
    ("[axes]\nw = { from = 1, to = 2 }", "the range of axis 'w' lacks 'count'"),
    ("[axes]\nw = { from = 1, to = 2, count = 0 }", "axes.w.count = 0 is not a whole number from 1 to"),
    ("[axes]\nw = { from = 1, to = 2, step = 1 }", "unknown key 'step'; the range of axis 'w' has: from, to, count"),
    ('[axes]\nw = { from = "a", to = 2, count = 2 }', "axis 'w' goes from 'a' to 2, which are not numbers"),
    ("[axes]\nw = { from = 0, to = 2, count = 2, log = true }", "which are not numbers above 0"),
    ("[axes]\noutliers = [1]", "axis 'outliers' has the name of a column"),
    ('[axes]\n"a b" = [1]', "axis 'a b' is not a name of letters"),
    ("[axes]\nm = [{ weka = 1 }]", "axis 'm' sets 'weka', which no scene has"),
    ('[axes]\nm = [{ label = "x" }]', "axis 'm' has a table that sets nothing"),
    ("[scene]\nn = 8\n[axes]\nn = [8, 9]", r"'n' is both a value of \[scene\] and an axis"),
    ("[axes]\nn = [8, 9]\nm = [{ n = 8 }]", "the axes 'n' and 'm' both set 'n'"),
    (
        "[axes]\nseed = { from = 1, to = 2000, count = 2000 }\nn = { from = 1, to = 2000, count = 2000 }",
        "4000000 combin",
    ),
    ('[axes]\nn = [8, 9]\n[figure]\nx = "w"', "figure.x = 'w' is no axis; have: n"),
    ('[axes]\nn = [8, 9]\n[figure]\nx = "n"\ny = "n"', r"\[figure\] names an axis twice: n, n"),
    ('metrics = ["tail"]\n[figure]\nmetric = "outliers"', "figure.metric = 'outliers' is not measured as one number"),
    ("[figure]\ncolour = 1", "figure.colour = 1 is not a string"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_every_mistake_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words) as found:
        sweeps.of_text(text)
    assert "\n" not in str(found.value)
    path = tmp_path / "spec.toml"
    path.write_text(text)
    result = CliRunner().invoke(command, [str(path), "--store", str(tmp_path / "store.sqlite")])
    assert isinstance(result.exception, ValueError)
    assert "spec.toml" in str(result.exception)
    assert not (tmp_path / "store.sqlite").exists()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not text in UTF-8"):
        sweeps.read(tmp_path / "spec.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "sweeps").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_sweeps_are_legal(path: Path) -> None:
    sweep = sweeps.read(path)
    assert len(sweep.points) == math.prod(len(axis.values) for axis in sweep.axes)


def test_the_guide_map_is_what_it_should_be() -> None:
    sweep = sweeps.read(ROOT / "docs" / "sweeps" / "guide_map.toml")
    values = {axis.name: [value.label for value in axis.values] for axis in sweep.axes}
    assert values["width"] == [8, 16, 32, 64]
    assert (values["iterations"][0], values["iterations"][-1]) == (256, 4096)
    assert (values["w"][0], values["w"][-1], len(values["w"])) == (1, 4, 7)
    assert len(values["guide_seed"]) == 3
    assert sweep.measures == tuple(METRICS)


# --- Addresses --------------------------------------------------------------------------------------------------------


def address(text: str) -> str:
    (found,) = sweeps.addresses(sweeps.of_text(text))
    return found


def test_an_address_is_of_the_content() -> None:
    base = f'metrics = ["outliers", "tail"]\n[scene]\n{QUICK}rule = "cfg"\nw = 2\n'
    assert address(base) == address(f'title = "other"\n{base}'.replace('"outliers", "tail"', '"tail", "outliers"'))
    assert address(base) == address(base.replace("w = 2", "w = 2.0"))
    changed = [
        base.replace("w = 2", "w = 2.5"),
        base.replace('"outliers", "tail"', '"outliers"'),
        base.replace("exact:A", "exact:B"),
        base.replace("n = 64", "n = 65"),
        base + "seed = 1",
        base + 'schedule = "interval"',
        base + 'unconditional = "AB64@512"',
    ]
    assert len({address(text) for text in [base, *changed]}) == 1 + len(changed)


def test_an_address_is_of_what_a_density_is_not_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    shipped = (WEIGHTS / "A32@512.safetensors").read_bytes()
    found = []
    for data in (shipped, (WEIGHTS / "A32@256.safetensors").read_bytes(), shipped):
        (tmp_path / "mine.safetensors").write_bytes(data)
        found.append(address(f'[scene]\nmain = "kept:mine"\n{QUICK.replace("main", "#")}'))
    assert found[0] == found[2] != found[1]


def test_another_version_of_the_numbers_is_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sweeps.addresses(sweeps.of_text(SMALL))
    monkeypatch.setattr(sweeps, "VERSION", sweeps.VERSION + 1)
    assert not set(before) & set(sweeps.addresses(sweeps.of_text(SMALL)))


# --- Running ----------------------------------------------------------------------------------------------------------


def table(sweep: Sweep, path: Path) -> list[dict]:
    """All rows but for when and how fast."""
    return [{k: v for k, v in row.items() if k not in ("seconds", "at")} for row in sweeps.look(sweep, path).rows]


def stored(path: Path) -> dict[str, float]:
    """When each result was stored, by address."""
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        return dict(connection.execute("SELECT address, at FROM results").fetchall())


@pytest.mark.slow
def test_a_sweep_measures_what_one_scene_alone_does(tmp_path: Path) -> None:
    sweep, path = sweeps.of_text(SMALL), tmp_path / "store.sqlite"
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
    sweep, path = sweeps.of_text(SMALL), tmp_path / "store.sqlite"
    sweeps.run(sweep, path)
    before, rows = stored(path), table(sweep, path)
    monkeypatch.setattr(sweeps, "measure", None)
    assert sweeps.run(sweep, path) == sweeps.Ran(6, 0, 6)
    assert stored(path) == before
    assert table(sweep, path) == rows


def test_a_larger_sweep_computes_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    sweeps.run(sweeps.of_text(SMALL), path)
    before = stored(path)
    ran = sweeps.run(sweeps.of_text(SMALL.replace("[1, 2.5]", "[1, 2, 2.5]")), path)
    assert (ran.total, ran.computed, ran.found) == (8, 2, 6)
    assert before.items() <= stored(path).items()


def test_numbers_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    sweep = sweeps.of_text(SMALL)
    for most in (1, 64):
        sweeps.run(sweep, tmp_path / f"{most}.sqlite", most=most)
    assert table(sweep, tmp_path / "1.sqlite") == table(sweep, tmp_path / "64.sqlite")


def test_progress_counts_every_trial_once(tmp_path: Path) -> None:
    seen: list[sweeps.Progress] = []
    sweep, path = sweeps.of_text(SMALL), tmp_path / "store.sqlite"
    sweeps.run(sweep, path, report=seen.append, most=2)
    assert [now.done for now in seen] == sorted(now.done for now in seen)
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 6, 6)
    assert seen[0].left is None
    assert seen[-1].left == 0
    sweeps.run(sweep, path, report=(again := []).append)
    assert [(now.done, now.found, now.left) for now in again] == [(6, 6, None)]


def test_a_look_tells_how_far_a_sweep_is(tmp_path: Path) -> None:
    sweep, path = sweeps.of_text(SMALL), tmp_path / "store.sqlite"
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
    one, two = Scene.of("none", n=100, steps=8), Scene.of("none", n=1000, steps=8)
    names = [sweeps.program(scene) for scene in (one, two)]
    amounts = {names[0]: 10 * sweeps.work(one), names[1]: 10 * sweeps.work(two)}
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
    pace, many = Pace(), [Scene.of("none", n=n, steps=8) for n in range(1, 11)]
    for i, scene in enumerate(many[:5]):
        assert (pace.left({}) is None) == (i < 3)
        pace.add(Batch(sweeps.program(scene), {"a": scene}), 2.0 * scene.n)
    left_ = {sweeps.program(scene): float(sweeps.work(scene)) for scene in many[5:]}
    assert pace.left(left_) == pytest.approx(2 * sum(range(6, 11)))


def test_remaining_time_in_words() -> None:
    assert [left(s) for s in (None, 0, 89, 100, 4000, 9000)] == [
        "time left unknown", "0 s left", "89 s left", "2 min left", "67 min left", "2.5 h left"]  # fmt: skip


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
    sweep, path = sweeps.of_text(text), tmp_path / "store.sqlite"
    seen: list[sweeps.Progress] = []
    sweeps.run(sweep, path, report=seen.append)
    assert [(now.done, now.total) for now in seen if now.training][-1] == (4, 4)
    assert len(sweeps.look(sweep, path).rows) == 2
    for file in (tmp_path / "trained").iterdir():
        file.unlink()
    sweeps.run(sweep, path, report=(again := []).append)
    assert not any(now.training for now in again)  # all is measured, so nothing is needed


# --- What cuts a run off ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def start() -> Iterator:
    """Start ``python -m toy sweep`` in a process; what still runs is ended."""
    running = []

    def begin(*args: object) -> subprocess.Popen:
        command = [sys.executable, "-m", "toy", "sweep", *map(str, args)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, cwd=ROOT, **pipes))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def rows_after(path: Path, count: int, process: subprocess.Popen) -> dict[str, float]:
    """Wait until the store has more than ``count`` results; what it has."""
    while True:
        if len(found := stored(path)) > count:
            return found
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        time.sleep(0.02)


@contextmanager
def kept_back(text: str, path: Path, since: int) -> Iterator[Store]:
    """Another has leased all trials but the first, so that no run comes to its end before it is cut off."""
    with closing(Store(path)) as store, at_work(store) as other:
        store.lease(sweeps.addresses(sweeps.of_text(text))[since:], other)
        yield store


def ended(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The table of ``long(1200)`` by a run that nothing cuts off."""
    sweep, path = sweeps.of_text(long(1200)), tmp_path_factory.mktemp("undisturbed") / "store.sqlite"
    sweeps.run(sweep, path)
    return table(sweep, path)


@pytest.mark.computes
@pytest.mark.slow
def test_killed_it_goes_on_and_ends_as_if_undisturbed(start, undisturbed: list[dict], tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(1200))
    with kept_back(long(1200), path, since=1000):
        process = start(spec, "--store", path)
        rows_after(path, 0, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = stored(path)
    assert 0 < len(before) < 1200
    out = ended(start(spec, "--store", path, "--export", tmp_path / "table.csv"))
    assert f"1200 trials: {1200 - len(before)} measured now, {len(before)} found" in out
    assert before.items() <= stored(path).items()
    assert len(stored(path)) == 1200
    assert table(sweeps.read(spec), path) == undisturbed
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [row["address"] for row in csv.DictReader(file)] == [row["address"] for row in undisturbed]


@pytest.mark.slow
def test_two_at_once_share_the_work(start, undisturbed: list[dict], tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(1200))
    sweep = sweeps.read(spec)
    with kept_back(long(1200), path, since=100) as store:  # until both are there
        processes = [start(spec, "--store", path) for _ in range(2)]
        while len(store.owners()) < 3:
            assert all(process.poll() is None for process in processes)
            time.sleep(0.05)
    outs = [ended(process) for process in processes]
    computed = [int(out.split(" trials: ")[1].split(" measured")[0]) for out in outs]
    assert sum(computed) == 1200
    assert min(computed) > 0
    assert table(sweep, path) == undisturbed


@pytest.mark.slow
def test_interrupted_it_says_so_and_gives_its_leases_back(start, tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(1200))
    with kept_back(long(1200), path, since=1000):
        process = start(spec, "--store", path)
        rows_after(path, 0, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"Interrupted: what was measured is kept in {path}; the same command goes on" in err.splitlines()[-1]
    assert "Traceback" not in err
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM leases), count(*) FROM owners").fetchone() == (0, 0)


@pytest.mark.computes
@pytest.mark.slow
def test_a_full_disk_ends_it_in_one_sentence_and_it_goes_on_later(
    start, undisturbed: list[dict], tmp_path: Path
) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(1200))
    process = start(spec, "--store", path)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (150_000, 150_000))  # bytes of a file
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"Error: cannot write '{path}': ")
    assert last.endswith("what was written before is kept, and a new run goes on")
    assert "Traceback" not in err
    before = stored(path)
    assert 0 < len(before) < 1200
    ended(start(spec, "--store", path))
    assert before.items() <= stored(path).items()
    assert table(sweeps.read(spec), path) == undisturbed


def test_a_damaged_store_ends_it_before_anything_and_stays(start, tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(SMALL)
    sweeps.run(sweeps.read(spec), path)
    data = path.read_bytes()[:5000]
    path.write_bytes(data)
    process = start(spec, "--store", path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert f"Error: store '{path}' is damaged and was left as it is" in err.splitlines()[-1]
    assert path.read_bytes() == data


# --- Tables and figures -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Path]:
    """A small sweep and a store that has all of it."""
    sweep, path = sweeps.of_text(SMALL), tmp_path_factory.mktemp("filled") / "store.sqlite"
    sweeps.run(sweep, path)
    return sweep, path


def test_exports_are_the_rows(filled: tuple[Sweep, Path], tmp_path: Path) -> None:
    rows = sweeps.look(*filled).rows
    for suffix in sweeps.EXPORTS:
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


@given(hnp.arrays(float, st.integers(0, 12).map(lambda n: (n, 2)), elements=st.sampled_from([0, 1, 2, 3, math.nan])))
def test_pareto_front_is_what_nothing_beats(points: np.ndarray) -> None:
    front = drawn.pareto(points[:, 0], points[:, 1])
    for i, point in enumerate(points):
        beaten = any((other <= point).all() and (other < point).any() for other in points)
        assert front[i] == (np.isfinite(point).all() and not beaten)


def made(**axes: list) -> list[dict]:
    """Rows over axes with numbers that differ."""
    rows: list[dict] = [{}]
    for name, values in axes.items():
        rows = [{**row, name: value} for row in rows for value in values]
    return [
        {**row, "outliers": 0.01 * (i % 7), "branch_tv": 0.1 * (i % 5), "alignment": 0.9} for i, row in enumerate(rows)
    ]


def test_heat_map_is_the_best_of_means() -> None:
    rows = [
        {"x": x, "y": y, "w": w, "seed": seed, "outliers": 10 * x + y + abs(w - x) + seed, "alignment": w + seed}
        for x in (1, 2) for y in (3, 4) for w in (1, 2) for seed in (0, 2)
    ]  # fmt: skip
    table, words = drawn.heat(rows, "x", "y", "w", "outliers")
    np.testing.assert_allclose(table, [[14, 24], [15, 25]])  # rows are y; mean over seeds 1, best w is x
    assert words == ", best over w"
    np.testing.assert_allclose(drawn.heat(rows, "x", "y", "w", "alignment")[0], 3)  # more is better
    np.testing.assert_allclose(drawn.heat(rows[:-4], "x", "y", "w", "outliers")[0], [[14, 24], [15, np.nan]])


@pytest.mark.parametrize(
    ("axes", "parts"),
    [
        ({"w": [1, 2], "seed": [0, 1]}, (None, None, "w")),
        ({"width": [8, 16], "w": [1, 2], "guide_seed": [0, 1]}, ("width", None, "w")),
        ({"width": [8, 16], "its": [1, 2, 3], "w": [1, 2], "seed": [0]}, ("width", "its", "w")),
        ({"method": ["a", "b"], "n": [1, 2, 3]}, ("method", None, "n")),
        ({"method": ["a", "b"], "n": [1, 2, 3], "steps": [8, 9]}, ("steps", "method", "n")),
        ({"rule": ["a", "b"]}, (None, None, "rule")),
        ({"seed": [0, 1, 2]}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_axes_are_guessed_and_drawn(axes: dict[str, list], parts: tuple) -> None:
    rows = made(**axes) if axes else [{"n": 64, "outliers": 0.1, "branch_tv": 0.2, "alignment": 0.9}]
    assert drawn.chosen_axes(rows, list(axes)) == parts
    for metric in ("outliers", "alignment"):
        figure = drawn.sweep_figure(rows, list(axes), metric=metric, title="t")
        assert isinstance(figure, Figure)
        figure.canvas.draw()


def test_titles_say_what_was_done_to_the_rest(filled: tuple[Sweep, Path]) -> None:
    rows = made(width=[8, 16], its=[1, 2], w=[1, 2, 3], guide_seed=[0, 1])
    figure = drawn.sweep_figure(rows, ["width", "its", "w", "guide_seed"])
    assert figure.axes[0].get_title(loc="left") == "outliers, best over w, mean over guide_seed"
    assert isinstance(sweeps.figure_of(*filled), Figure)


def test_nothing_to_draw_is_one_sentence(tmp_path: Path, filled: tuple[Sweep, Path]) -> None:
    with pytest.raises(ValueError, match="there are no rows to draw"):
        drawn.sweep_figure([], ["w"])
    with pytest.raises(ValueError, match="the table has no metric 'tail' in every row"):
        drawn.sweep_figure(made(w=[1]), ["w"], metric="tail")
    with pytest.raises(StoreError, match="has no result of this sweep: run it first"):
        sweeps.figure_of(filled[0], tmp_path / "none.sqlite")


@pytest.mark.slow
def test_the_command_writes_what_it_says(tmp_path: Path, start) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SMALL)
    files = [tmp_path / name for name in ("store.sqlite", "a.csv", "a.parquet", "a.png")]
    out = ended(start(spec, "--store", files[0], "--export", files[1], "--export", files[2], "--figure", files[3]))
    assert out.splitlines() == ["6 trials: 6 measured now, 0 found in the store", *map(str, files)]
    assert all(file.stat().st_size > 0 for file in files)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--export table.xlsx", "does not end in .csv or .parquet"),
        ("--figure figure.gif", "unknown format 'gif'; have: png, pdf, svg"),
        ("--cluster local:0", "cluster 'local:0' is neither a scheduler's address such as tcp://HOST:8786 nor local:N"),
        ("--cluster host", "cluster 'host' is neither"),
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


def test_a_spec_that_is_not_there_is_named_in_one_sentence(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(
            ValueError, match=rf"^cannot read '{re.escape(str(path))}': (No such|it is a folder)[a-z, ]+$"
        ):
            sweeps.read(path)
