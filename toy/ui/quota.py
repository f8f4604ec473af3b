"""Bounds on what visitors cause: bytes of networks that links name, and how many of them are begun at a time."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path

from toy.files import put

QUOTA = 256e6  # bytes
IN_USE = 900.0  # seconds after it was last asked for
LIST = ".by-links"


class Shelf:
    """Files that were made because a link asked for them; the least recently used go when they exceed the quota.

    Only files on the shelf's own list are ever removed: what a person or a sweep trained lies in the same folder.
    """

    def __init__(self, folder: Path, *, most: float = QUOTA, now: Callable[[], float] = time.monotonic) -> None:
        """The shelf of a folder, with what earlier servers put there."""
        self._list, self._most, self._now = folder / LIST, most, now
        self._used: dict[Path, float] = {}
        self._lock = threading.Lock()

    def used(self, path: Path) -> None:
        """A visitor asks for what is in this file."""
        with self._lock:
            if path.parent == self._list.parent:
                self._used[path] = self._now()

    def put(self, path: Path) -> None:
        """A file was written; others go where there is no room for it, but none that is in use."""
        with self._lock:
            self._used[path] = self._now()
            on_list = {**dict.fromkeys(self._files()), path: None}
            sizes = {other: other.stat().st_size for other in on_list if other.exists()}
            total, limit = sum(sizes.values()), self._now() - IN_USE
            for other in sorted(sizes, key=self._age):
                if total > self._most and self._used.get(other, -1.0) < limit:
                    other.unlink(missing_ok=True)
                    self._used.pop(other, None)
                    total -= sizes.pop(other)
            put(self._list, "".join(f"{other.name}\n" for other in sizes))

    def full(self) -> bool:
        """Whether the quota is used up by files that are in use."""
        with self._lock:
            limit, total = self._now() - IN_USE, 0
            for path in self._files():
                with suppress(OSError):
                    total += path.stat().st_size if self._used.get(path, -1.0) >= limit else 0
            return total >= self._most

    def _files(self) -> list[Path]:
        try:
            names = self._list.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return []
        return [self._list.parent / name for name in names if name and "/" not in name and not name.startswith(".")]

    def _age(self, path: Path) -> tuple[float, float]:
        """Sorts by last use; those that nobody has asked this server for come first, by when they were written."""
        return self._used.get(path, -1.0), path.stat().st_mtime


class Rate:
    """So many beginnings in so many seconds, each session by itself."""

    def __init__(self, most: int, seconds: float, *, now: Callable[[], float] = time.monotonic) -> None:
        """At most ``most`` within any ``seconds``."""
        self._most, self._seconds, self._now = most, seconds, now
        self._begun: defaultdict[Hashable, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def allows(self, session: Hashable) -> bool:
        """Whether a session may begin another."""
        with self._lock:
            self._forget()
            return session not in self._begun or len(self._begun[session]) < self._most

    def begun(self, session: Hashable) -> None:
        """A session began one."""
        with self._lock:
            self._begun[session].append(self._now())

    def _forget(self) -> None:
        """What is long ago, and sessions that have done nothing since."""
        for session, times in list(self._begun.items()):
            while times and times[0] <= self._now() - self._seconds:
                times.popleft()
            if not times:
                del self._begun[session]
