"""Trainings started from the page: two at a time, each in its thread, stepping back while others wait for pictures."""

import atexit
import itertools
import re
import shlex
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import TracebackType

import numpy as np

from models import checkpoint, stored, training, zoo
from models.mlp import Predictor
from toy import distributions, scenes, views
from toy.captions import called
from toy.distributions.strokes import is_drawing
from toy.scene import Scene
from toy.ui.engine import Engine
from toy.ui.quota import QUOTA, Rate, Shelf

CHUNK = 16  # iterations between looks at the others: about a quarter of a second on two cores
AT_ONCE = 2  # trainings whose chunks run: one alone leaves a third of two cores idle
LIMIT = 8  # trainings that are running or waiting, over all visitors
DEMANDED = 4  # of these, as many at most because a name asks for them
RATE = 12, 60.0  # trainings that names of one session begin, within seconds
PATIENCE = 30.0  # seconds for which such a training goes on while nobody asks for it
LONGEST = 32  # characters of a kept model's name
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{LONGEST - 1}}}")
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
    net: Predictor | None = None
    name: str = ""  # the density that asks for it, if one does
    files: Mapping[int, Path] = field(default_factory=dict)  # where the network goes, by iteration
    asked: float = 0.0  # when it was last asked for
    session: Hashable = None  # who asked first
    going: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def ended(self) -> bool:
        """Whether it will not go on."""
        return self.status in ENDED

    @property
    def forgotten(self) -> bool:
        """Whether a name asked for it and nobody has asked for that since."""
        return bool(self.name) and time.monotonic() - self.asked > PATIENCE

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


class Crowded(ValueError):
    """Too many trainings are under way; a later try may do."""


class Turns:
    """So many places, given in the order in which they were asked for: nobody gets one twice while others wait."""

    def __init__(self, places: int) -> None:
        """All places are free."""
        self._tickets, self._free, self._next = itertools.count(), places, threading.Condition()

    def __enter__(self) -> None:
        """Wait for one's turn: for as many to have left as have come before, less the places."""
        with self._next:
            ticket = next(self._tickets)
            self._next.wait_for(lambda: ticket < self._free)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let the next one in."""
        with self._next:
            self._free += 1
            self._next.notify_all()


class Trainer:
    """All trainings of this server."""

    def __init__(self, engine: Engine) -> None:
        """Trainings make way for ``engine``'s jobs."""
        self.runs: dict[int, Run] = {}
        self._engine = engine
        self._numbers = itertools.count(1)
        self._turn = Turns(AT_ONCE)
        self._rate = Rate(*RATE)
        self._shelves: dict[Path, Shelf] = {}
        self._rehearsed: set[Hashable] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        atexit.register(self.close)
        self._lock = threading.RLock()

    def start(self, recipe: training.Recipe) -> Run:
        """Begin a training; ValueError where too many are under way."""
        return self._start(Run(next(self._numbers), recipe))

    def need(self, name: str, session: Hashable = None) -> Run | None:
        """The training that the density ``name`` waits for, begun where it is not; None where it can be loaded.

        The network is kept where ``zoo.load`` finds it, for everybody. A training that is not asked for again within
        half a minute is given up, and a network goes again when many others were asked for since. ValueError for a name
        that is not legal, and where too many are under way or were begun by this session.
        """
        absent = zoo.missing(name)
        shelf = self._shelf()
        if not absent:
            for path in zoo.paths(name):
                shelf.used(path)
            return None
        recipe = absent[0]
        steps = [step for step in stored.SNAPSHOTS if step < recipe.iterations] + [recipe.iterations]
        files = {step: stored.trained_path(replace(recipe, iterations=step)) for step in steps}
        with self._lock:
            for run in self.runs.values():
                if run.recipe == recipe and run.name and run.status not in ("done", "stopped"):
                    run.asked = time.monotonic()
                    return run
            waits = f"{called(name)} waits"
            self.leave_drawings(session, distributions.of(recipe.spec.classes).on)
            demanded = sum(bool(run.name) and not run.ended for run in self.runs.values())
            if demanded >= DEMANDED:
                raise Crowded(f"{demanded} densities are being trained on this server: {waits} for its turn")
            if not self._rate.allows(session):
                raise Crowded(f"{RATE[0]} trainings were begun here within {RATE[1]:.0f} s: {waits} for its turn")
            if shelf.full():
                raise Crowded(f"the networks in use fill this server's {QUOTA / 1e6:.0f} MB for them: {waits}")
            self._rate.begun(session)
            run = Run(next(self._numbers), recipe, name=name, files=files, asked=time.monotonic(), session=session)
            return self._start(run)

    def rehearse(self, names: Iterable[str]) -> None:
        """Compile what trains these densities, beside everything else, and each program once."""
        news = {_program(recipe): recipe for name in names for recipe in zoo.missing(name)}
        with self._lock:
            news = {program: recipe for program, recipe in news.items() if program not in self._rehearsed}
            self._rehearsed |= set(news)
            if news:
                self._begin("rehearsal", self._compile, list(news.values()))

    def _compile(self, recipes: Iterable[training.Recipe]) -> None:
        for recipe in recipes:
            if not self._closing:
                next(training.train(recipe, every=CHUNK))

    def leave_drawings(self, session: Hashable, on: str = "") -> None:
        """Stop what a session asked for on drawings that it has drawn on since: all but ``on``."""
        for run in list(self.runs.values()):
            drawing = distributions.of(run.recipe.spec.classes).on
            if run.name and run.session == session and is_drawing(drawing) and drawing != on:
                run.stop()

    def _shelf(self) -> Shelf:
        """Of the folder where networks are kept that are trained on demand."""
        folder = stored.trained_path(training.Recipe()).parent
        with self._lock:
            return self._shelves.setdefault(folder, Shelf(folder))

    def _start(self, run: Run) -> Run:
        with self._lock:
            under_way = sum(not other.ended for other in self.runs.values())
            if under_way >= LIMIT:
                raise Crowded(f"{under_way} trainings are under way on this server, of at most {LIMIT}: try later")
            ended = [number for number, other in self.runs.items() if other.ended]
            for number in ended[:-32]:
                del self.runs[number]
            self.runs[run.number] = run
            run.going.set()
            self._begin(f"training-{run.number}", self._work, run)
        return run

    def _begin(self, name: str, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given, name=name, daemon=True)
        self._threads = [*(old for old in self._threads if old.is_alive()), thread]
        thread.start()

    def close(self) -> None:
        """Stop all after the chunk in hand: a thread inside compiled code must not outlive the interpreter."""
        self._closing = True
        for run in self.runs.values():
            run.stop()
        for thread in self._threads:
            thread.join(timeout=60)

    def _work(self, run: Run) -> None:
        try:
            chunks = training.train(run.recipe, every=CHUNK)
            while run.status != "stopped":
                run.going.wait()
                # In turns; but the first chunk is compiled before it runs, which nobody has to wait for.
                with self._turn if run.step else nullcontext():
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
                if run.step in run.files:
                    command = f"python -m models.zoo {shlex.quote(run.name)}"
                    checkpoint.save(
                        run.files[run.step], run.net, run.recipe, step=run.step, loss=run.losses[-1], command=command
                    )
                    self._shelf().put(run.files[run.step])
                if run.forgotten:
                    run.stop()
        except Exception as error:  # shown on the page; the thread has nobody else to tell
            run.status, run.message = "failed", str(error)


def _program(recipe: training.Recipe) -> Hashable:
    """What of a recipe the compiled training of a chunk depends on."""
    return training.in_common(recipe), recipe.density().log_weights.shape


_KEEPING = threading.Lock()


def keep(run: Run, name: str) -> str:
    """Save what was trained so far under ``name``, or the first of NAME-2, NAME-3, ... that nobody has.

    Returns the density's name. ValueError where it cannot be saved.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"name {name!r} is not 1 to 32 letters, digits, '_', '-' or '.'")
    if run.net is None:
        raise ValueError("nothing has been trained yet")
    facts = {"step": run.step, "loss": run.losses[-1], "command": "Train page"}
    with _KEEPING:  # a class of sixty presses Keep at once, all with the same name
        taken = set(stored.kept())
        if len(taken) >= stored.KEPT_LIMIT:
            raise ValueError(f"{stored.KEPT_LIMIT} models are kept already, which is all that this server keeps")
        free = next(each for each in _names(name) if f"kept:{each}" not in taken)
        checkpoint.save(stored.kept_path(free), run.net, run.recipe, **facts)
    return f"kept:{free}"


def _names(name: str) -> Iterator[str]:
    yield name
    for i in itertools.count(2):
        yield f"{name[: LONGEST - len(f'-{i}')]}-{i}"


def picture(run: Run, n: int = 1024) -> bytes | None:
    """Samples of the network as it is now, as PNG; None before the first chunk."""
    if run.net is None:
        return None
    target = run.recipe.spec.classes
    scene = Scene.of("none", n=n, target=target, main=f"exact:{target}")
    frame = scenes.compute(
        scene, {"main": run.net.frozen()}, keep=False, floor=False, measures=("outliers", "branch_tv")
    )
    view = views.window("tree", target)
    values = frame.metrics
    title = f"iteration {run.step}: {values['outliers']:.1%} outside, branch TV {values['branch_tv']:.2f}"
    from toy import figures  # here: matplotlib would be a quarter of a second of every start

    return figures.encode(figures.particles(frame, view=view, title=title), "png", {"title": title})


@cache
def trainer(engine: Engine) -> Trainer:
    """The server's trainer."""
    return Trainer(engine)
