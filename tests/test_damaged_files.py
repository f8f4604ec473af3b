"""Files that were damaged, or made to do harm: one sentence with file and place, before anything large is read."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from models import checkpoint, ensemble
from models.checkpoint import CheckpointError
from models.mlp import Spec
from models.training import Recipe, start
from toy import __main__ as program
from toy import compare, inputs
from toy.lab import grid, methods, optima
from toy.lab.store import Owner, Result, Store, StoreError

RECIPE = Recipe(Spec("A", 8, 1), iterations=12, batch=16)
DEEP = "[" * 100_000
HUGE = "9" * 400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with what is no file in it."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("deep").write_text(f"a = {DEEP}")
    Path("latin").write_bytes("a = 'é'".encode("latin-1"))
    with Path("large").open("wb") as file:
        file.truncate(2**40)  # a hole: no disk is used
    return tmp_path


def numbers(name: str) -> dict:
    return methods.read(Path(name))


NO_FILE = ("pipe", "large", "latin", "deep", "none", ".", "/dev/zero", "a\0b", "x" * 5000)


@pytest.mark.parametrize("name", NO_FILE)
@pytest.mark.parametrize(
    "read",
    [
        grid.read,
        compare.read,
        optima.read,
        lambda name: Store(name, reading=True),
        checkpoint.load,
        numbers,
    ],
    ids=["sweep", "table", "optimum", "store", "checkpoint", "numbers"],
)
def test_what_is_no_file_of_ours_is_refused_at_once(folder: Path, read, name: str) -> None:
    if name in ("none", "a\0b", "x" * 5000) and read in (compare.read, numbers):
        assert not read(name)  # a table that is not there is an empty one
        return
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        read(name)
    assert name.partition("\0")[0][:9] in str(caught.value)


@pytest.mark.parametrize("name", ["pipe", "large", "deep", "latin"])
def test_a_grid_is_read_within_bounds_too(folder: Path, name: str) -> None:
    Path(name).rename(f"{name}.toml")
    with pytest.raises(ValueError, match=rf"^cannot read the grid '{name}.toml': "):
        ensemble.axes_of(f"{name}.toml")


def test_the_mark_of_utf_8_is_no_part_of_the_text(folder: Path) -> None:
    Path("a.toml").write_text('[axes]\nmain = ["exact:A"]', encoding="utf-8-sig")
    assert len(grid.read("a.toml").points) == 1
    assert inputs.text("a.toml").startswith("[axes]")


# --- TOML -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"[axes]\nw = [{HUGE}]", "is not finite, or not within 1e300"),
        (f"[scene]\nn = {HUGE}", "is not finite, or not within 1e300"),
        (f"[scene]\nn = {'9' * 5000}", "this is no TOML"),
        (f"[axes]\nw = {{from = {HUGE}, to = 2, count = 2}}", "is not finite, or not within 1e300"),
        (f"[axes]\nw = {{from = 1, to = 2, count = {HUGE}}}", "combinations, more than 1000000"),
        ("[axes]\nw = {from=1, to=2, count=1000000}\nrho = {from=5, to=7, count=1000}", "1000000000 combinations"),
        ("".join(["[axes]", *[f"\na{i} = {{from=1, to=2, count=1000000}}" for i in range(50)]]), "combinations"),
        (f"a = {DEEP}", "nested too deeply"),
    ],
)
def test_a_sweep_is_bounded_before_it_is_listed(text: str, words: str, monkeypatch) -> None:
    monkeypatch.setattr(grid.np, "linspace", lambda *args: pytest.fail("it was listed"))
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        grid.of_text(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"width": [[1, 2]]}, "width = [1, 2] is not a whole number"),
        ({"width": [True]}, "width = True is not a whole number"),
        ({"classes": [5]}, "classes = 5 is not a word"),
        ({"data": [[1]]}, "data = [1] is not a word"),
        ({"loss": [{}]}, "loss = {} is not a word"),
        ({"learning_rate": [int(HUGE)]}, "is not a number from 1e-06 to 1"),
        ({"seed": [int(HUGE)]}, "is not a whole number from 0"),
        ({"data_seed": [""]}, "data_seed =  is not a whole number"),
    ],
)
def test_a_grid_of_other_types_is_one_sentence(given, words) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        ensemble.grid(given)
    assert words in str(caught.value)


# --- Checkpoints ------------------------------------------------------------------------------------------------------


def written(path: Path, *, change=None, header=None) -> Path:
    """A small network's file, its tensors or our header changed."""
    checkpoint.save(path, start(RECIPE).ema, RECIPE, step=12)
    tensors, words = checkpoint.read(path)
    if change:
        change(tensors)
    words = words | (header or {})
    save_file(tensors, path, metadata={"header": json.dumps(words)})
    return path


def recipe_with(**values) -> dict:
    return {"recipe": asdict(RECIPE) | values}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (recipe_with(data=[1]), "data = [1] is not a word"),
        (recipe_with(data={"a": 1}), "is not a word"),
        (recipe_with(loss=7), "loss = 7 is not a word"),
        (recipe_with(spec=[1]), "no usable recipe"),
        (recipe_with(spec={"classes": 3}), "classes = 3 is not a word"),
        (recipe_with(spec={"width": int(HUGE)}), "is not a whole number from 1 to 1024"),
        (recipe_with(spec={"width": True}), "is not a whole number from 1 to 1024"),
        (recipe_with(learning_rate="1"), "learning_rate = 1 is not a number"),
        (recipe_with(learning_rate=1e999), "is not a number"),
        ({"recipe": 5}, "no usable recipe"),
        ({"step": 1e999}, "says step = inf"),
        ({"step": "many"}, "says step = 'many'"),
        ({"step": -1}, "says step = -1"),
        ({"step": int(HUGE)}, "says step = 9999"),
    ],
)
def test_a_header_of_other_types_is_one_sentence(tmp_path: Path, header, words) -> None:
    path = written(tmp_path / "a.safetensors", header=header)
    with pytest.raises(CheckpointError, match=r"^[^\n]*$") as caught:
        checkpoint.load(path)
    assert words in str(caught.value)
    assert "a.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.update(gain=np.full(t["gain"].shape, 1e300)), "holds 'gain' as F64, and not as F32"),
        (lambda t: t.update(gain=t["gain"].astype(np.int32)), "holds 'gain' as I32, and not as F32"),
        (lambda t: t.update(more=np.zeros(2**20, np.float32)), "is of another architecture"),
        (lambda t: t.pop("gain"), "is of another architecture"),
    ],
)
def test_tensors_are_refused_by_what_is_said_of_them(tmp_path: Path, change, words, monkeypatch) -> None:
    path = written(tmp_path / "a.safetensors", change=change)
    monkeypatch.setattr(checkpoint, "safe_open", lambda *args, **kwargs: pytest.fail("the tensors were read"))
    with pytest.raises(CheckpointError, match=words):
        checkpoint.load(path)


@pytest.mark.parametrize("length", [0, 2**20 + 1, 2**63])
def test_an_endless_header_is_not_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.safetensors"
    with path.open("wb") as file:
        file.write(length.to_bytes(8, "little"))
        file.truncate(2**40)
    with pytest.raises(CheckpointError, match=f"its header would have {length} bytes"):
        checkpoint.load(path)


def test_a_state_beyond_its_end_is_not_gone_on_from(tmp_path: Path) -> None:
    state = start(RECIPE)
    checkpoint.save(tmp_path / "state", state._replace(step=state.step + 13), RECIPE)
    with pytest.raises(CheckpointError, match="is at step 13 of 12"):
        checkpoint.load_state(tmp_path / "state", RECIPE)


# --- Stores and tables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("results", "measures = 'none'", "this is no JSON"),
        ("results", "measures = '[1]'", "are not both tables"),
        ("results", f"scene = '{'[' * 100_000}'", "nested too deeply"),
        ("results", """measures = '{"outliers": "many"}'""", "outliers = 'many' is not a number"),
        ("results", """measures = '{"outliers": [[1]]}'""", "outliers = [[1]] is not a number"),
        ("results", "seconds = 'long'", "seconds = 'long' is not a number"),
        ("results", "measures = x'00ff'", "changed by hand"),
        ("owners", "renewed = 'now'", "in the table 'owners'"),
        ("owners", "pid = 'me'", "in the table 'owners'"),
    ],
)
def test_a_store_that_was_changed_by_hand_is_named(tmp_path: Path, table: str, change: str, words: str) -> None:
    path = tmp_path / "s.sqlite"
    with closing(Store(path)) as store:
        store.renew(Owner.here())
        store.add([Result("abc", {"n": 1}, {"outliers": 0.5}, 1.0)], Owner.here())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE {table} SET {change}")
        connection.commit()
    with closing(Store(path, reading=True)) as store:
        with pytest.raises(StoreError, match=r"^[^\n]*$") as caught:
            store.owners() if table == "owners" else store.results(["abc"])
        assert words in str(caught.value)
        assert "s.sqlite" in str(caught.value)


HEAD = "method,kind,strength,seed,seeds,seconds,outliers,trial"
ROW = "cfg,rule,2.0,0,1,0.1,0.5,a"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([HEAD, ROW, ROW.replace("0.5", "half")], "line 3 of 'table.csv': outliers = 'half' is not a number"),
        ([HEAD, ROW.replace(",0,1,", ",0,one,")], "line 2 of 'table.csv': seeds = 'one' is not a whole number"),
        ([HEAD, ROW.replace(",0,1,", ",0.5,1,")], "line 2 of 'table.csv': seed = '0.5' is not a whole number"),
        ([HEAD, "cfg,rule", ROW], "line 2 of 'table.csv': it has not the 8 columns"),
        ([HEAD, f"{ROW},more"], "line 2 of 'table.csv': it has not the 8 columns"),
        ([HEAD.replace("seeds", "draws"), ROW], "'table.csv' is not a table of trials: it has no column 'seeds'"),
        ([HEAD, f'"{ROW}'], " of 'table.csv': unexpected end of data"),
    ],
)
def test_a_table_that_was_changed_by_hand_is_named_by_line(folder: Path, lines, words) -> None:
    Path("table.csv").write_text("\n".join([*lines, ""]))
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        compare.read("table.csv")
    assert words in str(caught.value)
    found = CliRunner().invoke(program.main, ["compare", "--n", "8", "--methods", "none", "--out", "table.csv"])
    assert (found.exit_code, found.stderr.splitlines()[-1]) == (2, f"Error: {caught.value}")
    assert Path("table.csv").read_text() == "\n".join([*lines, ""])


def test_a_row_that_came_twice_counts_once(folder: Path) -> None:
    Path("table.csv").write_text("\n".join([HEAD, ROW, ROW.replace("0.5", "0.6"), ""]))
    assert [row["outliers"] for row in compare.read("table.csv")] == [0.5]


def test_recipes_of_today_are_still_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors")
    assert checkpoint.recipe_of(checkpoint.describe(path).header) == RECIPE
    assert replace(RECIPE, learning_rate=1).learning_rate == 1
