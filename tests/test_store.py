"""The store of results: nothing lost, nothing twice, no lease for ever, and a file that is not ours stays as it is."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest
from ui_helpers import until

from toy.lab import store as stores
from toy.lab.store import Owner, Result, Store, StoreError, at_work

NAMES = [f"{i:03}" for i in range(40)]


def result(address: str, value: float = 1.0) -> Result:
    return Result(address, {"rule": "none"}, {"outliers": value}, 0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.sqlite"


def test_results_come_back_as_they_were(path: Path) -> None:
    odd = {"a": float("nan"), "b": float("-inf"), "c": [0.1, 1e-300], "d": 1 / 3}
    with closing(Store(path)) as store:
        store.add([replace(result("x"), measures=odd)], Owner.here())
        found = store.results(["x", "y"])
    assert list(found) == ["x"]
    assert str(found["x"].measures) == str(odd)
    assert (found["x"].scene, found["x"].seconds) == ({"rule": "none"}, 0.5)


def test_a_result_is_written_once(path: Path) -> None:
    with closing(Store(path)) as store:
        for value in (1.0, 2.0):
            store.add([result("x", value)], Owner.here())
        assert len(store) == 1
        assert store.results(["x"])["x"].measures["outliers"] == 1.0


def test_a_lease_is_held_by_one(path: Path) -> None:
    one, two = Owner.here(), Owner.here()
    with closing(Store(path)) as first, closing(Store(path)) as second:
        first.add([result("000")], one)
        assert first.lease(NAMES[:10], one) == (set(NAMES[1:10]), {"000"})
        assert second.lease(NAMES[:20], two) == (set(NAMES[10:20]), {"000"})
        assert first.lease(NAMES[:20], one)[0] == set()
        second.leave(two)
        assert first.lease(NAMES[:20], one)[0] == set(NAMES[10:20])


def test_an_interrupt_in_mid_transaction_leaves_nothing_behind(path: Path) -> None:
    with closing(Store(path)) as store:
        with at_work(store) as owner:
            store.lease(NAMES[:3], owner)
            store._connection.execute("BEGIN IMMEDIATE")
            store._connection.execute("DELETE FROM results")
        assert store.lease(NAMES[:3], Owner.here())[0] == set(NAMES[:3])


def test_an_interrupt_while_a_transaction_waits_leaves_nothing_behind(path: Path) -> None:
    with closing(Store(path)) as store, closing(sqlite3.connect(path, check_same_thread=False)) as other:
        begun: SimpleQueue[str] = SimpleQueue()

        def interrupt() -> None:
            while not begun.get().startswith("BEGIN"):
                pass
            os.kill(os.getpid(), signal.SIGINT)  # seen once the transaction has begun, and it waits for ``other``
            other.rollback()

        def work() -> None:
            with at_work(store) as owner:
                store.lease(["x"], owner)
                other.execute("BEGIN IMMEDIATE")
                store._connection.set_trace_callback(begun.put)  # no Python of ours, which an interrupt would end
                threading.Thread(target=interrupt).start()
                store.lease(["y"], owner)

        with pytest.raises(KeyboardInterrupt):
            work()
        assert store.owners() == []
        assert store.lease(["x", "y"], Owner.here())[0] == {"x", "y"}


def test_storing_gives_the_lease_back_and_no_other(path: Path) -> None:
    owner = Owner.here()
    with closing(Store(path)) as store:
        store.lease(NAMES[:3], owner)
        store.add([result(NAMES[0])], owner)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT address FROM leases ORDER BY address").fetchall() == [("001",), ("002",)]


def ended() -> Owner:
    """The owner that a process was which has ended."""
    source = "from toy.lab.store import Owner; print(Owner.here())"
    text = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    return eval(text, {"Owner": Owner})


def test_leases_of_the_dead_and_the_silent_are_free(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, here = ended(), Owner.here()
    assert dead.gone()
    assert not here.gone()
    again = replace(here, name="another", started=here.started - 100)  # the number of a process given a second time
    assert again.gone()
    far = replace(here, name="far", host="elsewhere", pid=dead.pid, started=dead.started)
    assert not far.gone()
    with closing(Store(path)) as store:
        store.lease(["dead"], dead)
        store.lease(["again"], again)
        store.lease(["far"], far)
        assert store.lease(["dead", "again", "far"], here)[0] == {"dead", "again"}
        assert {owner.name for owner in store.owners()} == {here.name, "far"}
        monkeypatch.setattr(stores, "SILENCE", -1.0)
        assert store.lease(["far"], here)[0] == {"far"}


def test_a_heartbeat_keeps_a_lease(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "RENEWAL", 0.01)
    with closing(Store(path)) as store, at_work(store) as owner:
        store.lease(["x"], owner)
        before = _renewed(path)
        until(lambda: _renewed(path) > before)
        assert store.lease(["x"], Owner.here())[0] == set()
    with closing(Store(path)) as store:
        assert owner not in store.owners()
        assert store.lease(["x"], Owner.here())[0] == {"x"}


def _renewed(path: Path) -> float:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT max(renewed) FROM owners").fetchone()[0]


def test_many_at_once_share_everything_and_compute_nothing_twice(path: Path) -> None:
    def fill(_: int) -> list[str]:
        owner, computed = Owner.here(), []
        with closing(Store(path)) as store:
            for begin in range(0, len(NAMES), 4):
                taken, _ = store.lease(NAMES[begin : begin + 4], owner)
                store.add([result(address) for address in taken], owner)
                computed += taken
        return computed

    with ThreadPoolExecutor(8) as pool:  # all make the file at the same moment
        computed = [address for part in pool.map(fill, range(8)) for address in part]
    assert sorted(computed) == NAMES
    with closing(Store(path)) as store:
        assert store.done(NAMES) == set(NAMES)
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.endswith(("-wal", "-shm"))) == [path.name]


def test_reading_goes_on_while_another_writes(path: Path) -> None:
    with closing(Store(path)) as writer:
        writer.add([result("x")], Owner.here())
        with closing(Store(path, reading=True)) as reader, writer._transaction():
            writer._connection.execute("DELETE FROM results")
            assert reader.done(["x"]) == {"x"}
            with pytest.raises(StoreError, match="readonly"):
                reader.add([result("y")], Owner.here())


def test_only_reading_makes_no_file(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot read"):
        Store(path, reading=True)
    assert not path.exists()


def damaged(path: Path, kind: str) -> bytes:
    """Make a file that is no sound store; its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "text":
        path.write_text("a,b\n1,2\n")
    elif kind == "empty":
        path.touch()
    elif kind == "foreign":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1);")
    else:
        with closing(Store(path)) as store:
            store.add([result(name) for name in NAMES * 1], Owner.here())
            store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(path.read_bytes())
        assert len(data) > 4 * 4096
        if kind == "cut short":
            data = data[: 4096 * 2 + 100]
        elif kind == "overwritten":
            data[4096 * 2 : 4096 * 4] = os.urandom(4096 * 2)
        elif kind == "newer":
            data[60:64] = (99).to_bytes(4, "big")
        path.write_bytes(data)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("text", "is no store of sweeps, or is damaged"),
        ("empty", "is no store of sweeps, or is damaged"),
        ("foreign", "another program's SQLite file"),
        ("cut short", "is damaged and was left as it is"),
        ("overwritten", "is damaged and was left as it is"),
        ("newer", "is of version 99, and this program reads version 1"),
    ],
)
def test_what_is_no_sound_store_is_left_as_it_is(path: Path, kind: str, words: str) -> None:
    before = damaged(path, kind)
    with pytest.raises(StoreError, match=words) as found:
        Store(path)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)
    assert path.read_bytes() == before


def test_a_full_disk_is_one_sentence_and_loses_nothing(path: Path) -> None:
    with closing(Store(path)) as store:
        owner = Owner.here()
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        written: list[str] = []

        def fill() -> None:
            for i in range(1000):
                store.add([result(f"{i:064}")], owner)
                written.append(f"{i:064}")

        with pytest.raises(StoreError, match=r"cannot write .*full; what was written before is kept") as found:
            fill()
        assert "\n" not in str(found.value)
        assert 0 < len(written) < 1000
    with closing(Store(path)) as store:
        assert len(store) == len(written) == len(store.done(written))
        store.add([result("more")], owner)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        Store(tmp_path / "file" / "store.sqlite")
