"""Sweeps that are cut off, by whatever: they go on, and end with the table of one that nothing disturbed."""

import csv
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from cli_runner import good, run
from sweep_helpers import SMALL, long, stored, table

from toy.lab import grid
from toy.lab import sweep as sweeps
from toy.lab.store import Store, at_work

ROOT = Path(__file__).parents[1]
COUNT = 240  # trials, which take a second or two


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
        store.lease(sweeps.addresses(grid.of_text(text))[since:], other)
        yield store


def ended(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The table of ``long(COUNT)`` by a run that nothing cuts off."""
    sweep, path = grid.of_text(long(COUNT)), tmp_path_factory.mktemp("undisturbed") / "store.sqlite"
    sweeps.run(sweep, path)
    return table(sweep, path)


@pytest.mark.computes
@pytest.mark.slow
def test_killed_it_goes_on_and_ends_as_if_undisturbed(start, undisturbed: list[dict], tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(COUNT))
    with kept_back(long(COUNT), path, since=200):
        process = start(spec, "--store", path)
        rows_after(path, 0, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = stored(path)
    assert 0 < len(before) < COUNT
    out = ended(start(spec, "--store", path, "--export", tmp_path / "table.csv"))
    assert f"{COUNT} trials: {COUNT - len(before)} measured now, {len(before)} found" in out
    assert before.items() <= stored(path).items()
    assert len(stored(path)) == COUNT
    assert table(grid.read(spec), path) == undisturbed
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [row["address"] for row in csv.DictReader(file)] == [row["address"] for row in undisturbed]


@pytest.mark.slow
def test_two_at_once_share_the_work(start, undisturbed: list[dict], tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(COUNT))
    sweep = grid.read(spec)
    with kept_back(long(COUNT), path, since=20) as store:  # until both are there
        processes = [start(spec, "--store", path) for _ in range(2)]
        while len(store.owners()) < 3:
            assert all(process.poll() is None for process in processes)
            time.sleep(0.05)
    outs = [ended(process) for process in processes]
    computed = [int(out.split(" trials: ")[1].split(" measured")[0]) for out in outs]
    assert sum(computed) == COUNT
    assert min(computed) > 0
    assert table(sweep, path) == undisturbed


@pytest.mark.slow
def test_a_helper_that_is_killed_changes_nothing(start, undisturbed: list[dict], tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(COUNT))
    with kept_back(long(COUNT), path, since=200) as store:  # until it is there
        process = start(spec, "--store", path, "--cluster", "local:2")
        while len(store.owners()) < 3:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        (helper,) = [child for child in children if any("_help" in word for word in child.cmdline())]
        helper.kill()
    assert f"{COUNT} trials: " in ended(process)
    assert table(grid.read(spec), path) == undisturbed


@pytest.mark.slow
def test_interrupted_it_says_so_and_gives_its_leases_back(start, tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(long(COUNT))
    with kept_back(long(COUNT), path, since=200):
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
    spec.write_text(long(COUNT))
    process = start(spec, "--store", path)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (150_000, 150_000))  # bytes of a file
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"Error: cannot write '{path}': ")
    assert last.endswith("what was written before is kept, and a new run goes on")
    assert "Traceback" not in err
    before = stored(path)
    assert 0 < len(before) < COUNT
    ended(start(spec, "--store", path))
    assert before.items() <= stored(path).items()
    assert table(grid.read(spec), path) == undisturbed


def test_a_damaged_store_ends_it_before_anything_and_stays(tmp_path: Path) -> None:
    spec, path = tmp_path / "spec.toml", tmp_path / "store.sqlite"
    spec.write_text(SMALL)
    sweeps.run(grid.read(spec), path)
    data = path.read_bytes()[:5000]
    path.write_bytes(data)
    found = run("sweep", spec, "--store", path)
    assert found.exit_code == 2
    assert f"Error: store '{path}' is damaged and was left as it is" in found.stderr.splitlines()[-1]
    assert path.read_bytes() == data


def test_the_command_writes_what_it_says(tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SMALL)
    files = [tmp_path / name for name in ("store.sqlite", "a.csv", "a.parquet", "a.png")]
    out = good("sweep", spec, "--store", files[0], "--export", files[1], "--export", files[2], "--figure", files[3])
    assert out.splitlines() == ["6 trials: 6 measured now, 0 found in the store", *map(str, files)]
    assert all(file.stat().st_size > 0 for file in files)
