"""Trials are measured once, by the processes that share a store: killed, by whatever, they are gone on with.

A process leases a batch of trials of one program, measures it, and stores the results. Processes need nothing but the
store to share the work, so that there is one way of it: a second one is started by hand, or by ``helpers``.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

import jax

from models import ensemble, runs, stored, zoo
from models.training import Recipe, in_common
from toy import scenes
from toy.lab import trial as trials
from toy.lab.store import Owner, Result, Store
from toy.lab.trial import Measurable, Program, Trial
from toy.metrics import Values
from toy.progress import Progress, Report

AT_ONCE = 256  # trials of one batch
SECONDS = 1.0  # that a batch should take, so that results come often and little is lost
ENOUGH = 3  # programs that were compiled before their times count
POLL = 0.2  # seconds between looks at what other processes hold
WORKERS = 2  # programs at a time: compiling keeps one core busy, and so does much of a small network's sampling
ONE = "NPROC"  # in the environment, by which XLA is told to use one thread: then programs are one at a time too
THREADS = "measuring"  # names the threads, which after an interrupt end by themselves


@dataclass(frozen=True)
class Ran:
    """What a run did: trials in all, measured by it, and found or measured by other processes."""

    total: int
    computed: int
    found: int


@dataclass(frozen=True)
class Batch:
    """Trials of one program that are measured together, by address."""

    program: Program
    trials: Mapping[str, Measurable]


def run(
    wanted: Mapping[str, Measurable],
    store: Store,
    owner: Owner,
    *,
    stage: str = "measuring",
    report: Report | None = None,
    most: int = AT_ONCE,
    command: str = "python -m models.zoo",
) -> Ran:
    """Measure what the store lacks of the trials, by address; networks that are missing are trained first.

    Whatever ends it, what was measured is kept. Other processes may do the same on the same store: each trial is
    measured by one of them, and all return when all is done. ``most`` limits the trials of a batch. StoreError where
    the store is damaged or cannot be written.
    """
    done = store.done(wanted)
    lacking = [trial for address, trial in wanted.items() if address not in done]
    train({name for trial in lacking for name in trial.names}, store, owner, report, command)
    pending, computed = Pending(store, owner, wanted, most), 0
    device = jax.default_backend() != "cpu"  # which one batch fills
    workers = 1 if device or os.environ.get(ONE) == "1" else WORKERS
    under_way: dict[Future[tuple[list[Values], float]], Batch] = {}

    def tell(note: str = "") -> None:
        if report:
            left = pending.pace.left(pending.amounts, workers)
            report(Progress(stage, pending.found + computed, len(wanted), pending.found, left, note))

    tell()
    pool = ThreadPoolExecutor(workers, THREADS)
    try:
        while True:
            while len(under_way) < workers and (batch := pending.take(device, under_way.values())):
                under_way[pool.submit(_timed, batch)] = batch
            if under_way:
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    batch = under_way.pop(future)
                    pending.done(batch, *future.result())
                    computed += len(batch.trials)
                    tell()
            elif pending.held:
                time.sleep(POLL)
            else:
                return Ran(len(wanted), computed, pending.found)
            if not under_way and pending.again():
                tell()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _timed(batch: Batch) -> tuple[list[Values], float]:
    began = time.perf_counter()
    return trials.measure(list(batch.trials.values())), time.perf_counter() - began


def train(
    names: Iterable[str], store: Store, owner: Owner, report: Report | None, command: str = "python -m models.zoo",
    recipes: Iterable[Recipe] = (), meanwhile: Callable[[], object] = lambda: None,
) -> None:  # fmt: skip
    """Train ``recipes`` and what the names lack, the networks of one program by one process: others find them done.

    ``meanwhile`` is what a process does first that finds other ones at all that is left.
    """
    names, recipes, waited, total = sorted(names), list(recipes), False, 0
    while wanted := missing(names, recipes):
        together, left = by_program(wanted), sum(one.iterations for one in ensemble.runs(wanted))
        total = total or left
        tell = report and partial(_of_all, report, total - left, total)
        program = next((each for each in together if store.lease([each], owner)[0]), None)
        if program is None:
            time.sleep(POLL) if waited else meanwhile()
            waited = True
            continue
        try:
            runs.train_many(together[program], command=command, report=tell)
        finally:
            store.give_back(program, owner)


def _of_all(report: Report, before: int, total: int, now: Progress) -> None:
    """Report one program's training as a part of all that was to be trained."""
    report(replace(now, done=before + now.done, total=total))


def by_program(recipes: Iterable[Recipe]) -> dict[str, list[Recipe]]:
    """Recipes by what is leased for them, as if it were a trial: what one compiled program, or few, can train."""
    found: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        found.setdefault(f"training {in_common(recipe)} of {recipe.spec.classes}", []).append(recipe)
    return found


def missing(names: Iterable[str], recipes: Iterable[Recipe]) -> list[Recipe]:
    """What has to be trained for names, and of recipes what is not kept, each once."""
    own = [recipe for recipe in recipes if not stored.trained_path(recipe).is_file()]
    return list(dict.fromkeys([*own, *(recipe for name in sorted(names) for recipe in zoo.missing(name))]))


@dataclass
class Pace:
    """What was measured of the time that trials take, by program: its first batch, which compiles, apart."""

    first: dict[Program, tuple[float, float]] = field(default_factory=dict)
    rest: dict[Program, tuple[float, float]] = field(default_factory=dict)
    last: dict[Program, float] = field(default_factory=dict)

    def add(self, batch: Batch, seconds: float) -> None:
        """Take in a batch."""
        amount = float(sum(trial.work for trial in batch.trials.values()))
        self.last[batch.program] = seconds / len(batch.trials)
        if batch.program not in self.first:
            self.first[batch.program] = amount, seconds
            return
        before = self.rest.get(batch.program, (0.0, 0.0))
        self.rest[batch.program] = before[0] + amount, before[1] + seconds

    def left(self, amounts: Mapping[Program, float], workers: int = 1) -> float | None:
        """Seconds for these amounts of work by program, each on one worker; None where too little was measured."""
        if not self.rest and len(self.first) < ENOUGH:  # what compiled tells little of what will not
            return None
        known = self.rest or self.first
        usual = sum(seconds for _, seconds in known.values()) / sum(amount for amount, _ in known.values())
        compiling = [
            max(seconds - amount * self.rate(name, usual), 0.0)
            for name, (amount, seconds) in self.first.items()
            if name in self.rest
        ]
        start = sum(compiling) / len(compiling) if compiling else 0.0
        each = [
            amount * self.rate(name, usual) + start * (name not in self.first)
            for name, amount in amounts.items()
            if amount
        ]
        return max(sum(each) / workers, *each, 0.0)

    def rate(self, name: Program, usual: float) -> float:
        """Seconds for a unit of work, ``usual`` where nothing better is known."""
        if name in self.rest:
            amount, seconds = self.rest[name]
            return seconds / amount
        if name in self.first:  # that compiled too
            amount, seconds = self.first[name]
            return min(seconds / amount, usual)
        return usual


class Pending:
    """The trials that a store lacks, by program, and how many of them are taken at a time."""

    def __init__(self, store: Store, owner: Owner, wanted: Mapping[str, Measurable], most: int) -> None:
        """Ask the store what is done."""
        self.store, self.owner, self.most = store, owner, most
        self.pace = Pace()
        self.queues: dict[Program, deque[tuple[str, Measurable]]] = {}
        self.held: list[tuple[str, Measurable]] = []  # by other processes
        self.others: set[Program] = set()  # that other processes are at
        self.amounts: dict[Program, float] = {}  # of work that is not done
        done = store.done(wanted)
        self.found = len(done)
        for address, trial in wanted.items():
            if address not in done:
                self._queue(address, trial)
                self.amounts[trial.program] = self.amounts.get(trial.program, 0.0) + trial.work

    def _queue(self, address: str, trial: Measurable) -> None:
        self.queues.setdefault(trial.program, deque()).append((address, trial))

    def take(self, device: bool, under_way: Iterable[Batch]) -> Batch | None:
        """Lease the next batch, of a program that is not ``under_way``; None where nothing is free now.

        Programs that other processes are at, and have compiled, come last.
        """
        busy = {batch.program for batch in under_way}
        for late in (False, True):
            for name, queue in self.queues.items():
                while queue and name not in busy and (name in self.others) == late:
                    count = min(self.count(name, queue[0][1], device), len(queue))
                    some = dict(queue.popleft() for _ in range(count))
                    taken, done = self.store.lease(list(some), self.owner)
                    for address in done:
                        self.found += 1
                        self.amounts[name] -= some[address].work
                    self.held += [(a, trial) for a, trial in some.items() if a not in taken and a not in done]
                    if taken:
                        return Batch(name, {a: trial for a, trial in some.items() if a in taken})
                    self.others.add(name)
        return None

    def again(self) -> bool:
        """Queue again what others held; whether there is any."""
        held, self.held = self.held, []
        for address, trial in held:
            self._queue(address, trial)
        return bool(held)

    def count(self, name: Program, trial: Measurable, device: bool) -> int:
        """Trials of the next batch: as many as take ``SECONDS``, going by the last; on an accelerator what fills it."""
        seconds = self.pace.last.get(name)
        count = 1 if seconds is None else int(min(SECONDS / max(seconds, 1e-9), self.most))
        width = max(1, scenes.POINTS_AT_ONCE // trial.scene.n) if device and isinstance(trial, Trial) else 1
        return max(min(max(count // width, 1) * width, self.most), 1)

    def done(self, batch: Batch, measures: list[Values], seconds: float) -> None:
        """Store the results of a batch."""
        share = seconds / len(batch.trials)
        rows = zip(batch.trials.items(), measures, strict=True)
        results = [Result(address, trial.described(), values, share) for (address, trial), values in rows]
        self.store.add(results, self.owner)
        self.pace.add(batch, seconds)
        self.amounts[batch.program] -= sum(trial.work for trial in batch.trials.values())


# --- Processes that share a store -------------------------------------------------------------------------------------


@contextmanager
def helpers(count: int, work: Callable[..., None], *given: object) -> Iterator[None]:
    """So many processes beside this one that call ``work(*given)``; what they have not done at the end is left undone.

    One that is killed, or fails, changes nothing: its leases are free again, and who has them next says what is wrong.
    """
    begin = [sys.executable, "-c", f"from {__name__} import _help; _help()"]  # and not the script that runs here
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    with tempfile.NamedTemporaryFile() as asked:
        asked.write(pickle.dumps((work, given)))
        asked.flush()
        processes = [  # each a group of its own: Ctrl-C, which a terminal sends to all, is this one's affair
            subprocess.Popen(
                [*begin, asked.name], stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=paths, process_group=0
            )
            for _ in range(count)
        ]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
                process.communicate()


def _help() -> None:
    """Work as long as the process that asked for it lives, and with it the pipe from there."""
    work, given = pickle.loads(Path(sys.argv[1]).read_bytes())

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    work(*given)
