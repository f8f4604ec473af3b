"""Trainings started from the page: one at a time, each in its thread, stepping back while others wait for pictures."""

import atexit
import itertools
import re
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from models import checkpoint, training, zoo
from models.mlp import EnergyMLP
from toy import figures, scenes
from toy.scenes import Scene
from toy.ui.engine import Engine

CHUNK = 16  # iterations between looks at the others: about a quarter of a second on two cores
LIMIT = 8  # trainings that are running or waiting, over all visitors
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
ENDED = ("done", "stopped", "failed")


@dataclass
class Run:
    """One training: its recipe, how far it is, and how it fares."""

    number: int
    recipe: training.Recipe
    status: str = "waiting"  # waiting, running, paused, done, stopped, failed
    step: int = 0
    losses: list[float] = field(default_factory=list)  # mean of each chunk
    message: str = ""
    net: EnergyMLP | None = None
    going: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def ended(self) -> bool:
        """Whether it will not go on."""
        return self.status in ENDED

    def pause(self) -> None:
        """Hold after the chunk in hand."""
        with self._lock:
            self.going.clear()
            if not self.ended:
                self.status = "paused"

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            if not self.ended:
                self.status = "waiting"
                self.going.set()

    def stop(self) -> None:
        """End it; what was trained so far can be kept."""
        with self._lock:
            if not self.ended:
                self.status = "stopped"
                self.going.set()

    def begin(self) -> bool:
        """Run the next chunk, unless it was paused or stopped meanwhile."""
        with self._lock:
            if self.status not in ("waiting", "running"):
                return False
            self.status = "running"
            return True


class Trainer:
    """All trainings of this server."""

    def __init__(self, engine: Engine) -> None:
        """Trainings make way for ``engine``'s jobs."""
        self.runs: dict[int, Run] = {}
        self._engine = engine
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._threads: list[threading.Thread] = []
        atexit.register(self.close)
        self._lock = threading.Lock()

    def start(self, recipe: training.Recipe) -> Run:
        """Begin a training; ValueError where too many are under way."""
        with self._lock:
            under_way = sum(not run.ended for run in self.runs.values())
            if under_way >= LIMIT:
                raise ValueError(f"{under_way} trainings are under way on this server, of at most {LIMIT}: try later")
            ended = [number for number, run in self.runs.items() if run.ended]
            for number in ended[:-32]:
                del self.runs[number]
            run = Run(next(self._numbers), recipe)
            self.runs[run.number] = run
        run.going.set()
        thread = threading.Thread(target=self._work, args=(run,), name=f"training-{run.number}", daemon=True)
        self._threads = [*(old for old in self._threads if old.is_alive()), thread]
        thread.start()
        return run

    def close(self) -> None:
        """Stop all after the chunk in hand: a thread inside compiled code must not outlive the interpreter."""
        for run in self.runs.values():
            run.stop()
        for thread in self._threads:
            thread.join(timeout=60)

    def _work(self, run: Run) -> None:
        try:
            chunks = training.train(run.recipe, every=CHUNK)
            while run.status != "stopped":
                run.going.wait()
                with self._turn:  # one at a time
                    self._engine.idle.wait(timeout=1.0)
                    if not run.begin():
                        continue
                    found = next(chunks, None)
                if found is None:
                    run.status = "done"
                    return
                state, losses = found
                values = np.asarray(losses)
                if not np.isfinite(values).all():
                    raise ValueError(f"the loss is not finite at iteration {int(state.step)}")
                run.net, run.step = state.ema, int(state.step)
                run.losses.append(float(values.mean()))
        except Exception as error:  # shown on the page; the thread has nobody else to tell
            run.status, run.message = "failed", str(error)


def keep(run: Run, name: str) -> str:
    """Save what was trained so far under ``name``; returns the density's name. ValueError where that cannot be."""
    if not NAME.fullmatch(name):
        raise ValueError(f"name {name!r} is not 1 to 32 letters, digits, '_', '-' or '.'")
    if run.net is None:
        raise ValueError("nothing has been trained yet")
    path = zoo.kept_path(name)
    if path.exists():
        raise ValueError(f"a model named {name!r} is kept already: choose another name")
    if len(zoo.kept()) >= zoo.KEPT_LIMIT:
        raise ValueError(f"{zoo.KEPT_LIMIT} models are kept already: delete some in {path.parent}")
    facts = {"step": run.step, "loss": run.losses[-1], "command": "Train page"}
    checkpoint.save(path, run.net, run.recipe, **facts)
    return f"kept:{name}"


def picture(run: Run, n: int = 1024) -> bytes | None:
    """Samples of the network as it is now, as PNG; None before the first chunk."""
    if run.net is None:
        return None
    target = run.recipe.spec.classes
    scene = Scene.of("none", n=n, target=target, main=f"exact:{target}")
    frame = scenes.compute(
        scene, {"main": run.net.frozen()}, keep=False, floor=False, measures=("outliers", "branch_tv")
    )
    view = scenes.VIEWS["tree" if target == "A" else "both"]
    values: dict[str, Any] = dict(frame.metrics)
    title = f"iteration {run.step}: {values['outliers']:.1%} outside, branch TV {values['branch_tv']:.2f}"
    return figures.encode(figures.particles(frame, view=view, title=title), "png", {"title": title})


@cache
def trainer(engine: Engine) -> Trainer:
    """The server's trainer."""
    return Trainer(engine)
