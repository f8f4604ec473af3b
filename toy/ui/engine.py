"""The one place where the app computes: its workers, what waits for them, and what has been computed already.

Nothing here imports JAX at the top, so that a page can be drawn before.
"""

import atexit
import itertools
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from cachetools import LRUCache

PREVIEW, FULL, BACKGROUND = 0, 1, 2  # smaller goes first
QUEUE_LIMIT = 256
CACHE_BYTES = 256 * 2**20
SPARE_EVERY = 32  # jobs
REHEARSAL_DELAY = 2.5  # seconds
LEASE = 6.0  # seconds for which work is done for somebody who will ask again
ASKED = 30.0  # the same for what a visitor asked for last: longer than an answer waits behind sixty others
QUICK, COMPILING, LONG = "engine", "engine-compiling", "engine-long"  # the workers
T = TypeVar("T")


class Busy(Exception):
    """Too much is waiting already, or the answer did not come in time."""


@dataclass(frozen=True)
class Work:
    """Something to compute, known by its ``key``; ``program`` names what has to be compiled for it.

    Work without one, and ``heavy`` work, may take long whenever it is done. ``name`` is what a person calls the
    program.
    """

    key: Hashable
    do: Callable[[], object] = field(compare=False)
    program: Hashable = field(default=None, compare=False)
    name: str = field(default="", compare=False)
    heavy: bool = field(default=False, compare=False)


@dataclass
class _Job:
    work: Work
    priority: int
    number: int
    future: Future = field(default_factory=Future)
    waiters: int = 0
    wanted: bool = False  # worth doing even while nobody waits
    leases: dict[Hashable, float] = field(default_factory=dict)  # worth doing up to these times, by who asked
    taken: str = ""  # by this worker

    @property
    def order(self) -> tuple[int, int]:
        return self.priority, self.number

    @property
    def worth(self) -> bool:
        return bool(self.waiters) or self.wanted or max(self.leases.values(), default=0.0) >= time.monotonic()


class Engine:
    """Four workers for all visitors: the most urgent job first, the same job once, results kept by content.

    Two take what is compiled and light, one what has to be compiled first, one what may take long whenever it is done:
    nobody waits for another's new method, nor that for somebody's long measurement. Two, since what is computed leaves
    a core idle now and then.
    """

    def __init__(
        self,
        warm_up: Callable[[], Mapping[object, object] | None] | None = None,
        rehearsals: Callable[[], Iterable[Work]] | None = None,
    ) -> None:
        """Start the workers; ``warm_up`` is their first job, and ``ready`` is set when it is done.

        Results that it returns, by their keys or Work, are kept like any other. ``rehearsals`` are done a little
        later: after the first page was drawn, which needs the processor for itself.
        """
        self.ready = threading.Event()
        self.failure = ""
        self.idle = threading.Event()  # set while nobody waits for a result
        self._numbers = itertools.count()
        self._jobs: dict[Hashable, _Job] = {}
        self._programs: set[Hashable] = set()  # that are compiled
        self._results: LRUCache = LRUCache(CACHE_BYTES, getsizeof=_size)
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._closing = False
        self._first = threading.Thread(target=self._run, args=(warm_up,), name=QUICK, daemon=True)
        self._beside = [
            threading.Thread(target=self._work, args=(lane,), name=lane, daemon=True)
            for lane in (QUICK, COMPILING, LONG)
        ]
        self._later = threading.Timer(REHEARSAL_DELAY, self._rehearse, args=(rehearsals or (lambda: ()),))
        self._later.daemon = True
        self._first.start()
        atexit.register(self.close)

    def close(self) -> None:
        """Finish the jobs in hand and end: a thread inside compiled code must not outlive the interpreter."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._later.cancel()
        for thread in (self._first, *self._beside, self._later):
            if thread.ident is not None:  # was started
                thread.join(timeout=60)
        atexit.unregister(self.close)

    @property
    def waiting(self) -> int:
        """How many computations are not done."""
        return len(self._jobs)

    def get(
        self,
        key: Hashable,
        work: Callable[[], T],
        *,
        priority: int = FULL,
        wait: float = 8.0,
        program: Hashable = None,
    ) -> T:
        """The result of ``work`` by its ``key``, from the cache or a worker; Busy where that takes too long.

        Work that is under way goes on, so that asking again finds it; work that nobody waits for any more is dropped.
        """
        job = self._enqueue(Work(key, work, program), priority, waiters=1)
        try:
            return job.future.result(timeout=wait)
        except FutureTimeout:
            raise Busy(f"no answer within {wait:g} s") from None
        finally:
            with self._lock:
                job.waiters -= 1

    def submit(self, key: Hashable, work: Callable[[], object], *, priority: int = FULL) -> Future:
        """Queue ``work`` unless its result is there or awaited already; Busy where the queue is full."""
        return self._enqueue(Work(key, work), priority, wanted=True).future

    def lease(
        self, key: Hashable, work: Callable[[], object], *, priority: int = BACKGROUND, seconds: float = LEASE
    ) -> Future:
        """Queue ``work`` for somebody who will ask again within ``seconds``; it is dropped when nobody does.

        The Future of dropped work is cancelled. Busy where the queue is full.
        """
        return self._enqueue(Work(key, work), priority, lease=(None, seconds)).future

    def ask(
        self, visitor: Hashable, works: Sequence[Work], *, priority: int = FULL, seconds: float = ASKED
    ) -> list[Future]:
        """Lease all of ``works`` for a visitor, whose earlier asking is forgotten; Busy where the queue is full."""
        with self._lock:
            wanted = {work.key for work in works}
            for job in self._jobs.values():
                if job.work.key not in wanted:
                    job.leases.pop(visitor, None)
            return [self._enqueue(work, priority, lease=(visitor, seconds)).future for work in works]

    def prepare(self, works: Iterable[Work]) -> None:
        """Queue works for the sake of their programs, unless these are compiled; Busy where the queue is full."""
        for work in works:
            with self._lock:
                if work.program not in self._programs:
                    self._enqueue(work, BACKGROUND, wanted=True)

    def peek(self, key: Hashable) -> Any:
        """The result kept under a key; None where there is none."""
        with self._lock:
            return self._results.get(key)

    def words(self, work: Work, besides: Collection[Work] = ()) -> str:
        """What unfinished work waits for, for the person who asked for it and for ``besides``."""
        with self._lock:
            job = self._jobs.get(work.key)
            if job is None:
                return "computing"
            lane, own = self._lane(job), {other.key for other in besides}
            ahead = sum(
                other.order < job.order and other.worth
                for other in self._jobs.values()
                if other.work.key not in own and self._lane(other) == lane
            )
            if ahead and not job.taken:
                return f"waiting behind {ahead} other computation{'s' * (ahead > 1)}"
            if job.work.program is not None and not self._compiled(job):
                return f"compiling {work.name or 'a program'}: its first use takes some seconds"
            return "computing"

    def _compiled(self, job: _Job) -> bool:
        return job.work.program in self._programs

    def _lane(self, job: _Job) -> str:
        """The worker that a job is for."""
        if job.work.program is None or job.work.heavy:
            return LONG
        return job.taken or (QUICK if self._compiled(job) else COMPILING)

    def _enqueue(
        self,
        work: Work,
        priority: int,
        *,
        waiters: int = 0,
        wanted: bool = False,
        lease: tuple[Hashable, float] | None = None,
    ) -> _Job:
        with self._news:
            job = self._jobs.get(work.key)
            if job is None:
                job = _Job(work, priority, next(self._numbers))
                if work.key in self._results:
                    job.future.set_result(self._results[work.key])
                    return job
                if len(self._jobs) >= QUEUE_LIMIT:
                    self._drop_unwanted()
                if len(self._jobs) >= QUEUE_LIMIT:
                    raise Busy(f"{len(self._jobs)} computations are waiting")
                self._jobs[work.key] = job
                self.idle.clear()
            job.priority = min(job.priority, priority)
            job.waiters += waiters
            job.wanted |= wanted
            if lease:
                job.leases[lease[0]] = time.monotonic() + lease[1]
            self._news.notify_all()
            return job

    def _drop_unwanted(self) -> None:
        for job in [job for job in self._jobs.values() if not job.taken and not job.worth]:
            del self._jobs[job.work.key]
            job.future.cancel()

    def _take(self, lane: str) -> _Job | None:
        """The next job of a worker; None at the end."""
        with self._news:
            while not self._closing:
                mine = [job for job in self._jobs.values() if not job.taken and self._lane(job) == lane]
                if mine:
                    job = min(mine, key=lambda job: job.order)
                    job.taken = lane
                    if job.worth:
                        return job
                    del self._jobs[job.work.key]
                    job.future.cancel()
                    continue
                if not self._jobs:
                    self.idle.set()
                self._news.wait()
            return None

    def _start(self, warm_up: Callable[[], Mapping[object, object] | None] | None) -> bool:
        try:
            for known, result in ((warm_up and warm_up()) or {}).items():
                work = known if isinstance(known, Work) else Work(known, lambda: None)
                self._results[work.key] = result
                if work.program is not None:
                    self._programs.add(work.program)
        except Exception as error:  # shown on the page; without it the page would wait for ever
            self.failure = f"{type(error).__name__}: {error}"
            return False
        self.ready.set()
        return True

    def _run(self, warm_up: Callable[[], Mapping[object, object] | None] | None) -> None:
        if self._start(warm_up):
            with self._lock:
                if not self._closing:
                    for thread in (*self._beside, self._later):
                        thread.start()
            self._work(QUICK)

    def _work(self, lane: str) -> None:
        while (job := self._take(lane)) is not None:
            work = job.work
            try:
                result = work.do()
            except Exception as error:
                self._done(job)
                job.future.set_exception(error)
                self._spare()
                continue
            with self._news:
                self._done(job)
                if work.program is not None:
                    self._programs.add(work.program)
                    self._news.notify_all()  # what waited for it goes on beside this worker
                with suppress(ValueError):  # larger than the whole cache: handed over, not kept
                    self._results[work.key] = result
            job.future.set_result(result)
            if job.number % SPARE_EVERY == 0 or lane != QUICK:
                self._spare()

    def _done(self, job: _Job) -> None:
        with self._lock:
            del self._jobs[job.work.key]

    def _spare(self) -> None:
        """Keep a long-lived server from filling its memory with compiled programs."""
        if memory().spare():
            with self._lock:
                self._programs.clear()

    def _rehearse(self, rehearsals: Callable[[], Iterable[Work]]) -> None:
        with suppress(Busy):
            self.prepare(rehearsals())


def memory() -> ModuleType:
    """What bounds the memory; it needs JAX."""
    return import_module("toy.ui.memory")


def _size(value: object) -> int:
    """Bytes of a result: of its arrays, in whatever they stand."""
    if isinstance(value, Mapping | tuple | list):
        return 1 + sum(map(_size, value.values() if isinstance(value, Mapping) else value))
    return max(1, len(value) if isinstance(value, bytes) else getattr(value, "nbytes", 1024))


_starting = threading.Lock()
_started: list[Engine] = []  # the app's, once there is one


def start(
    warm_up: Callable[[], Mapping[Any, object] | None] | None = None,
    rehearsals: Callable[[], Iterable[Work]] | None = None,
) -> Engine:
    """The app's engine, started like this on first use."""
    with _starting:  # visitors that come at once get the same
        if not _started:
            _started.append(Engine(warm_up, rehearsals))
        return _started[0]


def engine() -> Engine:
    """The app's engine, as it was started."""
    return start()


def is_ready() -> bool:
    """Whether the engine was started and is ready; asking does not start it."""
    return bool(_started) and _started[0].ready.is_set()
