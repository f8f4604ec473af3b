"""Long work that tells how far it is, a task after another, stepping back while others wait for pictures."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import streamlit as st
from cachetools import LRUCache

from toy.ui import links
from toy.ui.engine import Engine, engine
from toy.ui.words import plain

LOOK = 1.0  # seconds between looks at a task
PATIENCE = 10.0  # seconds for which a task goes on while nobody asks for it
KEPT = 32
Report = Callable[[str, float], None]


class GivenUp(Exception):
    """Nobody asks for it any more."""


@dataclass
class Task:
    """What is being done, and which share of it is done."""

    words: str = "waiting for its turn"
    share: float = 0.0
    asked: float = 0.0
    future: Future = field(default_factory=Future)


class Tasks:
    """All tasks of this server, by key."""

    def __init__(self, engine: Engine) -> None:
        """Tasks make way for ``engine``'s jobs."""
        self._engine = engine
        self._lock = threading.Lock()
        self._tasks: LRUCache = LRUCache(KEPT)
        self._pool = ThreadPoolExecutor(1, "task")

    def ask(self, key: Hashable, work: Callable[[Report], object]) -> Task:
        """The task of this key, begun where it is not; to be asked for again and again until its future is done."""
        with self._lock:
            task = self._tasks.get(key)
            if task is None or task.future.cancelled() or (task.future.done() and task.future.exception()):
                task = self._tasks[key] = Task(asked=time.monotonic())
                task.future = self._pool.submit(self._run, task, work)
            task.asked = time.monotonic()
            return task

    def _run(self, task: Task, work: Callable[[Report], object]) -> object:
        def report(words: str, share: float) -> None:
            task.words, task.share = words, min(max(share, 0.0), 1.0)
            if time.monotonic() - task.asked > PATIENCE:
                raise GivenUp
            self._engine.idle.wait(timeout=1.0)

        report("beginning", 0.0)
        return work(report)


@cache
def tasks(engine: Engine) -> Tasks:
    """The server's tasks."""
    return Tasks(engine)


def on_demand(
    label: str, name: Hashable, work: Callable[[Report], object], take: Callable[[Any], None], failed: str, **more: Any
) -> None:
    """A button that begins long work; then how far it is, until ``take`` is given what it gave and the page runs again.

    ``failed`` are the words before the sentence of a ValueError.
    """
    wanted = st.session_state.setdefault("on_demand", set())
    if name not in wanted:
        if st.button(label, **more):
            wanted.add(name)
            links.rerun()
        return

    def watch() -> None:
        task = tasks(engine()).ask(name, work)
        if not task.future.done():
            st.progress(task.share, plain(f"{task.words}: {task.share:.0%}"))
            return
        wanted.discard(name)
        try:
            take(task.future.result())
        except ValueError as error:
            st.warning(f"{failed}: {plain(error)}")
            return
        links.rerun()

    st.fragment(watch, run_every=LOOK)()
