"""The one place where the app computes: a worker, its bounded queue, and what has been computed already.

Nothing here imports JAX at the top: ``prepare`` does, when its caller chooses.
"""

import atexit
import gc
import itertools
import queue
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from cachetools import LRUCache

PREVIEW, FULL, BACKGROUND = 0, 1, 2  # smaller goes first
QUEUE_LIMIT = 96
CACHE_BYTES = 256 * 2**20
SPARE_EVERY = 32  # jobs
REHEARSAL_DELAY = 2.5  # seconds


class Busy(Exception):
    """Too much is waiting already, or the answer did not come in time."""


@dataclass
class _Job:
    key: Hashable
    work: Callable[[], Any]
    priority: int
    number: int
    future: Future = field(default_factory=Future)
    waiters: int = 0
    wanted: bool = False  # worth doing even while nobody waits
    until: float = 0.0  # worth doing up to this time
    taken: bool = False  # by the worker


class Engine:
    """One worker thread for all visitors: the most urgent job first, the same job once, results kept by content."""

    def __init__(self, warm_up: Callable[[], Mapping[Hashable, Any] | None] | None = None) -> None:
        """Start the worker; ``warm_up`` is its first job, and ``ready`` is set when it is done.

        Results that it returns, by their keys, are kept like any other.
        """
        self.ready = threading.Event()
        self.failure = ""
        self.idle = threading.Event()  # set while nobody waits for a result
        # By priority, then age; a job that becomes more urgent stands here a second time.
        self._jobs: queue.PriorityQueue[tuple[int, int, _Job | None]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._waiting: dict[Hashable, _Job] = {}
        self._results: LRUCache = LRUCache(CACHE_BYTES, getsizeof=_size)
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, args=(warm_up,), name="engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def close(self) -> None:
        """Finish the job in hand and end: a thread inside compiled code must not outlive the interpreter."""
        self._closing = True
        self._jobs.put((-1, -1, None))
        self._thread.join(timeout=60)

    def get(self, key: Hashable, work: Callable[[], Any], *, priority: int = FULL, wait: float = 8.0) -> Any:
        """The result of ``work`` by its ``key``, from the cache or the worker; Busy where that takes too long.

        Work that is under way goes on, so that asking again finds it; work that nobody waits for any more is dropped.
        """
        job = self._enqueue(key, work, priority, waiters=1)
        try:
            return job.future.result(timeout=wait)
        except FutureTimeout:
            raise Busy(f"no answer within {wait:g} s") from None
        finally:
            with self._lock:
                job.waiters -= 1

    def submit(self, key: Hashable, work: Callable[[], Any], *, priority: int = FULL) -> Future:
        """Queue ``work`` unless its result is there or awaited already; Busy where the queue is full."""
        return self._enqueue(key, work, priority, wanted=True).future

    def lease(
        self, key: Hashable, work: Callable[[], Any], *, priority: int = BACKGROUND, seconds: float = 6.0
    ) -> Future:
        """Queue ``work`` for somebody who will ask again within ``seconds``; it is dropped when nobody does.

        The Future of dropped work is cancelled. Busy where the queue is full.
        """
        return self._enqueue(key, work, priority, until=time.monotonic() + seconds).future

    def _enqueue(
        self,
        key: Hashable,
        work: Callable[[], Any],
        priority: int,
        *,
        waiters: int = 0,
        wanted: bool = False,
        until: float = 0.0,
    ) -> _Job:
        with self._lock:
            job = self._waiting.get(key)
            if job is None:
                job = _Job(key, work, priority, next(self._numbers))
                if key in self._results:
                    job.future.set_result(self._results[key])
                    return job
                if len(self._waiting) >= QUEUE_LIMIT:
                    raise Busy(f"{len(self._waiting)} computations are waiting")
                self._waiting[key] = job
                self.idle.clear()
                self._jobs.put((priority, job.number, job))
            elif priority < job.priority and not job.taken:
                job.priority = priority
                self._jobs.put((priority, job.number, job))
            job.waiters += waiters
            job.wanted |= wanted
            job.until = max(job.until, until)
            return job

    def _run(self, warm_up: Callable[[], Mapping[Hashable, Any] | None] | None) -> None:
        try:
            self._results.update((warm_up and warm_up()) or {})
            self.ready.set()
        except Exception as error:  # shown on the page; without it the page would wait for ever
            self.failure = f"{type(error).__name__}: {error}"
            return
        while True:
            with self._lock:
                if not self._waiting:
                    self.idle.set()
            *_, job = self._jobs.get()
            if job is None or self._closing:
                return
            with self._lock:
                if job.taken:
                    continue
                job.taken = True
                if not job.waiters and not job.wanted and job.until < time.monotonic():
                    del self._waiting[job.key]
                    job.future.cancel()
                    continue
            try:
                result = job.work()
            except Exception as error:
                with self._lock:
                    self._waiting.pop(job.key, None)
                job.future.set_exception(error)
                continue
            with self._lock:
                self._waiting.pop(job.key, None)
                with suppress(ValueError):  # larger than the whole cache: handed over, not kept
                    self._results[job.key] = result
            job.future.set_result(result)
            if job.number % SPARE_EVERY == 0:
                spare_maps()


def spare_maps() -> None:
    """Keep a long-lived server from filling its memory maps with compiled programs."""
    from toy import files

    files.spare_maps()


def _size(value: Any) -> int:
    """Bytes of a result: of its arrays, in whatever they stand."""
    if isinstance(value, Mapping | tuple | list):
        return 1 + sum(map(_size, value.values() if isinstance(value, Mapping) else value))
    return max(1, getattr(value, "nbytes", 1024))


@cache
def _only() -> Engine:
    return Engine(warm_up)


_starting = threading.Lock()


def engine() -> Engine:
    """The app's engine, started on first use."""
    with _starting:  # visitors that come at once get the same
        return _only()


def is_ready() -> bool:
    """Whether the engine was started and is ready; asking does not start it."""
    return bool(_only.cache_info().currsize) and engine().ready.is_set()


def prepare() -> None:
    """Import what computing takes: for a server to do before it listens, since a thread that imports slows pages."""
    from toy.files import keep_compiled

    keep_compiled()
    import_module("toy.ui.explore")


def warm_up() -> Mapping[Hashable, Any]:
    """Load the default cast, compile and compute what the default page shows; previews follow later."""
    prepare()
    from toy.ui import explore, explorer

    shown = explorer.rehearse()
    # After the first page was drawn, which needs the processor for itself.
    threading.Timer(REHEARSAL_DELAY, explorer.rehearse, args=(explorer.PREVIEW,)).start()
    # Streamlit collects garbage after every run; what is loaded now stays, so it need not be looked at again.
    gc.collect()
    gc.freeze()
    return {explore.side_key(side.scene): side for side in shown}
