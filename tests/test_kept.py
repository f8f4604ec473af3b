"""What earlier programs left half done, in ``kept``: it is read, not measured again, and gone on from."""

import ast
import hashlib
import inspect
import json
import shutil
import textwrap
from pathlib import Path

import pytest

from toy import compare
from toy.lab import grid, methods, trial
from toy.lab import sweep as sweeps
from toy.lab.compare import run
from toy.lab.run import Ran
from toy.scene import Scene

KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with all of it."""
    shutil.copytree(KEPT, tmp_path / "kept")
    monkeypatch.chdir(tmp_path / "kept")
    return tmp_path / "kept"


def test_a_sweeps_store_is_gone_on_from(folder: Path) -> None:
    wanted = grid.read("sweep.toml")
    before = sweeps.look(wanted, "sweep.sqlite").rows
    assert len(before) == 3
    assert sweeps.run(wanted, "sweep.sqlite") == Ran(6, 3, 3)
    after = sweeps.look(wanted, "sweep.sqlite").rows
    assert len(after) == 8
    assert all(row in after for row in before)


def test_a_table_of_compare_is_gone_on_from(folder: Path) -> None:
    before, seen = compare.read("compare.csv"), []
    assert len(before) == 2 * 2  # and half a line
    wanted = compare.points(compare.chosen("none,cfg"), (1.0, 2.0), n=64, seeds=2, steps=8)
    after = run(wanted, "compare.csv", report=seen.append)
    assert [(now.done, now.total) for now in seen] == [(0, 1), (1, 1)]
    assert after[:4] == before
    assert compare.read("compare.csv") == after


def former_key(scene: Scene) -> str:
    """As earlier versions had it: the scene, the seeds, and the bare code of its registered functions."""

    def bare(function) -> str:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        tree.body, tree.decorator_list = tree.body[1:], []
        return ast.unparse(tree)

    entries = dict(zip(("rule", "schedule", "integrator"), scene.entries, strict=True))
    code = {k: hashlib.sha256(bare(entry.function).encode()).hexdigest()[:8] for k, entry in entries.items()}
    values = json.dumps({**scene.flat(), "seeds": 3, "code": code}, sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def test_numbers_of_pages_are_not_measured_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the keys that they had: a change of a method's own code gives it another, rightly."""
    monkeypatch.setattr(methods, "N", 32)
    rows = methods.references()[:3]
    old = json.loads(Path("numbers.json").read_text())
    numbers = [found for key, found in old.items() if key != "floor"]
    Path("numbers.json").write_text(json.dumps({former_key(r.scene): n for r, n in zip(rows, numbers, strict=False)}))
    measured, measure = [], trial.measure
    monkeypatch.setattr(trial, "measure", lambda many: measured.extend(many) or measure(many))
    found, fresh = methods.measure(rows, Path("numbers.json"))
    assert fresh == {rows[2].key}
    assert [each.scene for each in measured] == [rows[2].scene]
    assert [found[row.key] for row in rows[:2]] == numbers
