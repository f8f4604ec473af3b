"""A sweep's batches on a Dask cluster: any address of a scheduler, or worker processes on this machine.

The client leases, trains and stores; a worker runs a function of its arguments alone, and is sent the densities with
each batch, so that it needs this package but no shared disk. When a worker dies its batches go to another.
"""

import ast
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from toy.files import keep_compiled
from toy.lab.sweep import Batch, Outcome, cast_of, measure
from toy.scene import Scene

RETRIES = 3  # of a batch that failed, or whose workers died
WAITING = 30  # seconds for a scheduler to answer
LOCAL = re.compile(r"local:(\d{1,3})")
ADDRESS = re.compile(r"(\w[\w+.-]*)://\S+")
SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")  # that reach another process
MOST = max(8, 2 * (os.cpu_count() or 1))  # processes on this machine


def check(address: str) -> None:
    """ValueError unless it is a scheduler's address or local:N, and the packages for it are there."""
    local, remote = LOCAL.fullmatch(address), ADDRESS.fullmatch(address)
    if local and int(local[1]) > MOST:
        raise ValueError(f"cluster {address!r} is too many processes for this machine: local:1 to local:{MOST}")
    if remote and remote[1] not in SCHEMES:
        raise ValueError(f"cluster {address!r} is reached by none of: {', '.join(f'{s}://' for s in SCHEMES)}")
    if not (local and int(local[1]) >= 1) and not remote:
        raise ValueError(f"cluster {address!r} is neither a scheduler's address such as tcp://HOST:8786 nor local:N")
    _distributed()


@contextmanager
def cluster(address: str) -> Iterator["Cluster"]:
    """An executor for ``toy.lab.sweep.run`` at a scheduler's address, or on N processes of this machine by local:N.

    ValueError where nothing answers.
    """
    check(address)
    distributed = _distributed()
    local = LOCAL.fullmatch(address)
    if local:
        _check_guard()
    for name in ("distributed", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they report we raise, in one sentence
    with ExitStack() as stack:
        try:
            if local:
                with _deaf():
                    made = distributed.LocalCluster(
                        n_workers=int(local[1]),
                        threads_per_worker=1,
                        dashboard_address=None,
                        memory_limit=0,
                        silence_logs=logging.ERROR,
                    )
                client = stack.enter_context(distributed.Client(stack.enter_context(made), timeout=WAITING))
            else:
                client = stack.enter_context(distributed.Client(address, timeout=WAITING))
        except (
            OSError,
            TimeoutError,
            TypeError,
            ValueError,
            RuntimeError,
            ImportError,
        ) as error:  # Dask has no one kind
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"no cluster answers at {address!r}: {reason}") from None
        yield Cluster(client)


def _check_guard() -> None:
    """ValueError where a script starts a cluster at its top level: each process of it would run the script again."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    frame: FrameType | None = sys._getframe()
    while frame is not None and not (frame.f_code.co_name == "<module>" and frame.f_globals is vars(main)):
        frame = frame.f_back
    if path is None or frame is None:  # nothing to run again, or not from there
        return
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, ValueError, SyntaxError):
        return
    at = frame.f_lineno
    tests = [
        node.test for node in tree.body if isinstance(node, ast.If) and node.lineno <= at <= (node.end_lineno or at)
    ]
    if not any(isinstance(name, ast.Name) and name.id == "__name__" for test in tests for name in ast.walk(test)):
        raise ValueError(
            f"line {at} of {path!r} starts processes that would run it again: "
            'put what starts them under: if __name__ == "__main__":'
        )


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that are started here ignore Ctrl-C, which a terminal sends to all: the client ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _distributed() -> Any:
    """The package ``distributed``, needed here only; ValueError says where it comes from."""
    try:
        import distributed
    except ImportError:
        raise ValueError("a cluster needs Dask: pip install -r requirements-cluster.txt") from None
    return distributed


def measured(*given: Any) -> Outcome:
    """``toy.lab.sweep.measure`` on a worker, which keeps compiled programs as any process of ours does."""
    keep_compiled()
    return measure(*given)


class Cluster:
    """Measures on the workers of a ``distributed.Client``, however its cluster was made: dask-jobqueue, Kubernetes.

    Two batches wait for each worker, so that none is idle while a result travels.
    """

    def __init__(self, client: Any, work: Any = None) -> None:
        """Nothing is under way; ``work`` is what a worker calls in place of ``measured``."""
        self.client, self.together = client, False
        self._work = work or measured
        self._under_way: dict[Any, tuple[Batch, tuple[Any, ...], int]] = {}
        self._completed = _distributed().as_completed(loop=client.loop)

    def workers(self) -> int:
        """Batches that are measured at a time; at least one, while a cluster still grows."""
        with _told():
            return max(1, sum(self.client.nthreads().values()))

    def room(self) -> bool:
        """Whether fewer than two batches wait for each worker."""
        return len(self._under_way) < 2 * self.workers()

    def busy(self) -> bool:
        """Whether any is under way."""
        return bool(self._under_way)

    def submit(self, batch: Batch, measures: tuple[str, ...]) -> None:
        """Send a batch with its densities."""
        self._send(batch, ([scene.flat() for scene in batch.scenes.values()], cast_of(batch), measures), 0)

    def _send(self, batch: Batch, given: tuple[Any, ...], failures: int) -> None:
        with _told():
            future = self.client.submit(self._work, *given, pure=False, retries=RETRIES)
        self._under_way[future] = batch, given, failures
        self._completed.add(future)

    def finished(self) -> list[tuple[Batch, Outcome]]:
        """Wait for an outcome; [] where a batch whose workers died was sent again.

        ValueError where the cluster is lost, or where a batch fails again and again.
        """
        found = []
        for future in self._completed.next_batch():
            batch, given, failures = self._under_way.pop(future)
            try:
                with _told():
                    outcome = future.result()
            except _distributed().KilledWorker:
                if failures >= RETRIES:
                    raise ValueError(f"the workers that measured {_words(batch)} died, again and again") from None
                self._send(batch, given, failures + 1)
                continue
            self.together = outcome.together
            found.append((batch, outcome))
        return found


@contextmanager
def _told() -> Iterator[None]:
    """What Dask raises when its scheduler is gone, as one sentence."""
    try:
        yield
    except (OSError, CancelledError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"the cluster was lost ({reason}); what was measured before is kept") from None


def _words(batch: Batch) -> str:
    """The first scene of a batch, for messages."""
    scene: Scene = next(iter(batch.scenes.values()))
    return ", ".join(f"{name} = {value}" for name, value in scene.short().items())
