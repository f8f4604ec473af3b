"""Results of trials in one SQLite file that several processes may fill at once: no row lost, none computed twice.

A process leases what it is about to compute, renews its leases while it lives, and writes results and gives leases back
in one transaction. The leases of a process that is gone, or was silent for half a minute, are free again.
"""

import json
import os
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

from toy import inputs
from toy.files import alone, check_writable
from toy.inputs import Json
from toy.metrics import Values

APPLICATION = 0x47584C42  # stands in the file's header and says that it is ours
SCHEMA = 1
SILENCE = 30.0  # seconds without a renewal after which a lease is free
RENEWAL = 5.0
PATIENCE = 60.0  # seconds that a transaction waits for those of others
OWNED = (str, str, int, float, float)  # types of an owner's row
AT_ONCE = 500  # addresses in one question

TABLES = """
CREATE TABLE results (
    address TEXT PRIMARY KEY, scene TEXT NOT NULL, measures TEXT NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL
);
CREATE TABLE owners (
    owner TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started REAL NOT NULL, renewed REAL NOT NULL
);
CREATE TABLE leases (address TEXT PRIMARY KEY, owner TEXT NOT NULL);
CREATE INDEX leases_by_owner ON leases (owner);
"""


class StoreError(ValueError):
    """What is wrong with a store, in one sentence."""


@dataclass(frozen=True)
class Result:
    """A trial's measures, the seconds that it took (its share of a batch), and when it was stored, in UNIX time."""

    address: str
    scene: Json
    measures: Values
    seconds: float
    at: float = 0.0


@dataclass(frozen=True)
class Owner:
    """A process at work on a store. ``started`` is when the process began: a process's number may be given again."""

    name: str
    host: str
    pid: int
    started: float

    @classmethod
    def here(cls) -> "Owner":
        """This process, under a new name."""
        return cls(uuid.uuid4().hex, host(), os.getpid(), psutil.Process().create_time())

    def gone(self) -> bool:
        """Whether its process has surely ended; of other machines nothing is sure."""
        if self.host != host():
            return False
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) > 1 or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


@lru_cache
def host() -> str:
    """This machine, and within it the room in which process numbers are counted: a container has its own."""
    with suppress(OSError):
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    return socket.gethostname()


class Store:
    """An open store. StoreError where the file is none, is damaged, or cannot be written; it is then left as it is."""

    def __init__(self, path: str | Path, *, reading: bool = False) -> None:
        """Open the file at ``path``; make it where there is none, unless it is only read."""
        self.path = Path(path)
        if not reading and not self.path.exists():
            _make(self.path)
        _check_header(self.path)
        with self._told():
            if not reading:
                with closing(_connect(self.path, "ro")) as connection:
                    _check_pages(connection, self.path)
            self._connection = _connect(self.path, "ro" if reading else "rw")

    def __enter__(self) -> "Store":
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def __len__(self) -> int:
        """Number of results."""
        with self._told():
            return int(self._connection.execute("SELECT count(*) FROM results").fetchone()[0])

    def done(self, addresses: Iterable[str]) -> set[str]:
        """Which of the addresses have a result."""
        with self._told():
            return {row[0] for row in self._asked("SELECT address FROM results", list(addresses))}

    @property
    def empty(self) -> bool:
        """Whether there is no result of any address."""
        with self._told():
            return self._connection.execute("SELECT 1 FROM results LIMIT 1").fetchone() is None

    def results(self, addresses: Iterable[str]) -> dict[str, Result]:
        """The results that there are of these addresses."""
        with self._told():
            rows = list(self._asked("SELECT address, scene, measures, seconds, at FROM results", list(addresses)))
            return {row[0]: self._result(row) for row in rows}

    def _result(self, row: Sequence[Any]) -> Result:
        """A row as a result; StoreError where it is none that this program wrote."""
        address, *texts, seconds, at = row
        try:
            scene, measures = (inputs.plain_json(text) for text in texts)
            if not (isinstance(scene, dict) and isinstance(measures, dict)):
                raise ValueError("scene and measures are not both tables")
            for name, value in [*measures.items(), ("seconds", seconds), ("at", at)]:
                many = isinstance(value, list) and name in measures
                if any(type(number) not in (int, float) for number in (value if many else [value])):
                    raise ValueError(f"{name} = {value!r} is not a number")
        except (TypeError, ValueError) as error:
            where = f"its row {str(address)[:12]!r} in the table 'results'"
            raise StoreError(f"store {str(self.path)!r} was changed by hand: {where}: {error}") from None
        return Result(address, scene, measures, seconds, at)

    def owners(self) -> list[Owner]:
        """The processes that are at work now."""
        with self._told():
            return [owner for owner, silent in self._owners() if not silent]

    def lease(self, addresses: Sequence[str], owner: Owner) -> tuple[set[str], set[str]]:
        """Take what is free of ``addresses``: (what was taken, what has a result already)."""
        with self._told(), self._transaction():
            for other, silent in self._owners():
                if silent and other != owner:
                    self._drop(other)
            done = {row[0] for row in self._asked("SELECT address FROM results", addresses)}
            busy = {row[0] for row in self._asked("SELECT address FROM leases", addresses)}
            taken = [address for address in addresses if address not in done and address not in busy]
            self._sign(owner)
            rows = [(address, owner.name) for address in taken]
            self._connection.executemany("INSERT INTO leases (address, owner) VALUES (?, ?)", rows)
        return set(taken), done

    def add(self, results: Sequence[Result], owner: Owner, *, replace: bool = False) -> None:
        """Write results and give their leases back, all or nothing. One that is there stays, unless it is replaced."""
        now, other = time.time(), "REPLACE" if replace else "IGNORE"
        rows = [(r.address, _json(r.scene), _json(r.measures), r.seconds, now) for r in results]
        with self._told(), self._transaction():
            self._connection.executemany(f"INSERT OR {other} INTO results VALUES (?, ?, ?, ?, ?)", rows)
            given = [(r.address, owner.name) for r in results]
            self._connection.executemany("DELETE FROM leases WHERE address = ? AND owner = ?", given)

    def give_back(self, address: str, owner: Owner) -> None:
        """Give one lease back without a result."""
        with self._told(), self._transaction():
            self._connection.execute("DELETE FROM leases WHERE address = ? AND owner = ?", (address, owner.name))

    def renew(self, owner: Owner) -> None:
        """Say that the owner is alive."""
        with self._told(), self._transaction():
            self._sign(owner)

    def leave(self, owner: Owner) -> None:
        """Give all the owner's leases back, and up what an interrupt left half done."""
        with self._told():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        with self._told(), self._transaction():
            self._drop(owner)

    def _sign(self, owner: Owner) -> None:
        row = (owner.name, owner.host, owner.pid, owner.started, time.time())
        self._connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?)", row)

    def _drop(self, owner: Owner) -> None:
        self._connection.execute("DELETE FROM leases WHERE owner = ?", (owner.name,))
        self._connection.execute("DELETE FROM owners WHERE owner = ?", (owner.name,))

    def _owners(self) -> list[tuple[Owner, bool]]:
        """All that signed, each with whether it has ended or fallen silent."""
        now = time.time()
        rows = self._connection.execute("SELECT owner, host, pid, started, renewed FROM owners").fetchall()
        for row in rows:
            if not all(isinstance(value, kind) for value, kind in zip(row, OWNED, strict=True)):
                raise StoreError(f"store {str(self.path)!r} was changed by hand: {row} in the table 'owners'")
        found = [(Owner(*row[:4]), abs(now - row[4]) > SILENCE) for row in rows]
        return [(owner, silent or owner.gone()) for owner, silent in found]

    def _asked(self, question: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Rows of a question about addresses."""
        for begin in range(0, len(addresses), AT_ONCE):
            part = addresses[begin : begin + AT_ONCE]
            yield from self._connection.execute(f"{question} WHERE address IN ({','.join('?' * len(part))})", part)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing of it, with no writer beside it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")  # here: an interrupt may come while it waits
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise _sentence(error, self.path) from None


def _sentence(error: sqlite3.Error, path: Path) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"store {str(path)!r} is damaged and was left as it is: {error}")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(f"store {str(path)!r} was kept locked by another process for {PATIENCE:g} s: {error}")
    return StoreError(f"cannot write {str(path)!r}: {error}; what was written before is kept, and a new run goes on")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection without transactions of its own."""
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last results, and harms no others
    return connection


def _make(path: Path) -> None:
    """A new empty store, made beside its place and put there whole; another process's that is there first stays."""
    check_writable(path)
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex}{path.suffix}")
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.executescript(f"BEGIN; {TABLES} COMMIT;")
            connection.execute("PRAGMA journal_mode = WAL")
        temporary.chmod(0o644)
        with suppress(FileExistsError):
            os.link(temporary, path)
    except sqlite3.Error as error:
        raise StoreError(f"cannot write {str(path)!r}: {error}") from None
    except OSError as error:
        raise StoreError(f"cannot write {str(path)!r}: {error.strerror}") from None
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{temporary}{suffix}").unlink(missing_ok=True)


def _check_header(path: Path) -> None:
    """StoreError unless the file says that it is a store of this schema. SQLite does not touch the file for it."""
    try:
        inputs.size(path, sys.maxsize)  # a pipe would keep who opens it waiting
    except ValueError as error:
        raise StoreError(str(error)) from None
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise StoreError(f"cannot read {str(path)!r}: {error.strerror}") from None
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise StoreError(f"{str(path)!r} is no store of sweeps, or is damaged, and was left as it is")
    version, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))
    if application != APPLICATION:
        raise StoreError(f"{str(path)!r} is another program's SQLite file and was left as it is")
    if version != SCHEMA:
        raise StoreError(f"store {str(path)!r} is of version {version}, and this program reads version {SCHEMA}")


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """StoreError where the file's inside does not hold together."""
    found = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        reason = " ".join(str(found[0]).split()) if found else "no answer"
        raise StoreError(f"store {str(path)!r} is damaged and was left as it is: {reason}")


def _json(value: object) -> str:
    """The same text for the same value; what is not finite as Python writes it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@contextmanager
def unfinished(path: Path | None) -> Iterator[tuple[Store, Owner]]:
    """A store of what is measured for the file ``path``, beside it, until that is written at the block's end.

    Whatever ends the block before, the next one finds what was measured. Several processes may be in it at once: the
    last one that comes to the end removes the store, and so does one without a result. Without a file nothing is left.
    """
    if path is None:
        with tempfile.TemporaryDirectory() as folder, unfinished(Path(folder) / "trials") as kept:
            yield kept
        return
    place, ended = state_of(path), False
    with ExitStack() as stack:
        with alone(place):  # until this process has signed the store, so that no other removes it
            check_writable(place)
            store = stack.enter_context(closing(Store(place)))
            owner = stack.enter_context(at_work(store))
        try:
            yield store, owner
            ended = True
        finally:
            stack.close()
            with alone(place), suppress(StoreError):
                if place.exists() and not _needed(place, ended):
                    for suffix in ("", "-wal", "-shm"):
                        Path(f"{place}{suffix}").unlink(missing_ok=True)


def state_of(path: Path) -> Path:
    """Where what is measured for a file is kept until it is written."""
    return path.with_name(f".{path.name}.state")


def _needed(place: Path, ended: bool) -> bool:
    """Whether a process is at work on a store, or has left results there that another will go on from."""
    with closing(Store(place, reading=True)) as store:
        return bool(store.owners()) or not (ended or store.empty)


@contextmanager
def at_work(store: Store) -> Iterator[Owner]:
    """This process's leases, renewed by a thread of its own as long as the block lasts, and given back at its end."""
    owner, stop = Owner.here(), threading.Event()
    store.renew(owner)
    thread = threading.Thread(target=_renew, args=(store.path, owner, stop), daemon=True)
    thread.start()
    try:
        yield owner
    finally:
        stop.set()
        thread.join()
        with suppress(StoreError):  # the process's end gives them back too
            store.leave(owner)


def _renew(path: Path, owner: Owner, stop: threading.Event) -> None:
    while not stop.wait(RENEWAL):
        with suppress(StoreError, sqlite3.Error), closing(_connect(path, "rw")) as connection:
            row = (owner.name, owner.host, owner.pid, owner.started, time.time())
            connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?)", row)
