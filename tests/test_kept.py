"""What earlier programs left half done, in ``kept``: it is read, not measured again, and gone on from."""

import json
import shutil
from pathlib import Path

import pytest

import models
from toy import compare, docs
from toy.guidance import RULES
from toy.lab import sweep as sweeps
from toy.metrics import METRICS

KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with all of it."""
    shutil.copytree(KEPT, tmp_path / "kept")
    monkeypatch.chdir(tmp_path / "kept")
    return tmp_path / "kept"


def test_a_sweeps_store_is_gone_on_from(folder: Path) -> None:
    wanted = sweeps.read("sweep.toml")
    before = sweeps.look(wanted, "sweep.sqlite").rows
    assert len(before) == 3
    assert sweeps.run(wanted, "sweep.sqlite") == sweeps.Ran(6, 3, 3)
    after = sweeps.look(wanted, "sweep.sqlite").rows
    assert len(after) == 8
    assert all(row in after for row in before)


def test_a_table_of_compare_is_gone_on_from(folder: Path) -> None:
    before, done = compare.read("compare.csv"), []
    assert len(before) == 2 * 2  # and half a line
    wanted = compare.trials(compare.chosen("none,cfg"), (1.0, 2.0), n=64, seeds=2, steps=8)
    after = compare.run(wanted, models.cast, "compare.csv", report=lambda trial, fresh: done.append(fresh))
    assert done == [False, False, True]
    assert after[:4] == before
    assert compare.read("compare.csv") == after


def test_numbers_of_pages_are_not_measured_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the keys that they had: a change of a method's own code gives it another, rightly."""
    monkeypatch.setattr(docs, "N", 32)
    monkeypatch.setattr(docs, "FOLDERS", {"rules": {"cfg": RULES["cfg"]}, "metrics": {"sw1": METRICS["sw1"]}})
    plain, other = docs.references()[:2]
    numbers = json.loads(Path("numbers.json").read_text())
    old = dict(zip((plain.key, other.key), numbers.values(), strict=False))
    Path("numbers.json").write_text(json.dumps(old))
    measured, measure = [], docs.measure
    monkeypatch.setattr(docs, "measure", lambda scene, load: measured.append(scene) or measure(scene, load))
    docs.write(folder, models.load)
    assert len(measured) == 4
    assert not {plain.scene, other.scene} & set(measured)
