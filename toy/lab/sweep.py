"""Sweeps: a TOML file of axes becomes trials, each measured once and kept under the address of its content.

What is measured goes into a store as it comes, so that a run that was cut off, by whatever, goes on where it was, and
several processes share the work. ``look`` reads a sweep at any time, also while it runs.
"""

import csv
import hashlib
import itertools
import json
import math
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from models import zoo
from toy import inputs, scenes
from toy.densities import Density
from toy.files import replacing, spare_maps
from toy.guidance import RULES
from toy.lab.store import Owner, Result, Store, StoreError, at_work
from toy.metrics import METRICS
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene, chosen, knobs_of
from toy.schedules import SCHEDULES

VERSION = 1  # of what a trial's numbers mean: raised when the same scene would be measured otherwise
MOST = 1_000_000  # combinations of one sweep
AT_ONCE = 256  # trials of one batch
SECONDS = 1.0  # that a batch should take, so that results come often and little is lost
ENOUGH = 3  # programs that were compiled before their times count
POLL = 0.2  # seconds between looks at what other processes hold

CHOICES = ("rule", "schedule", "integrator", "target", "start")
ROLES = tuple(dict.fromkeys(role for rule in RULES.values() for role in rule.roles))
ENTRIES = (*RULES.values(), *SCHEDULES.values(), *INTEGRATORS.values())
KNOBS = tuple(dict.fromkeys(name for entry in ENTRIES for knob in entry.knobs.values() for name in knob.parts))
SCENE_VALUES = tuple(dict.fromkeys((*CHOICES, *ROLES, *KNOBS, *SETTINGS)))
KEYS = ("title", "metrics", "scene", "axes", "figure")
RANGE = ("from", "to", "count", "log")
DRAWN = ("x", "y", "line", "metric")
WORD = re.compile(r"\{(\w*)\}")

Label = str | int | float


# --- What a sweep is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Value:
    """One value of an axis: what it is called in tables and templates, and what it sets of a scene."""

    label: Label
    sets: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Axis:
    """A name and its values."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Point:
    """One combination of the axes' values, by their labels, and the scene that it gives."""

    at: tuple[Label, ...]
    scene: Scene


@dataclass(frozen=True)
class Sweep:
    """What is swept: the product of ``axes`` over the values ``scene``, measured by ``measures``.

    ``drawn`` says which axes its figure shows, and which metric. ``of_text`` and ``read`` make one, checked.
    """

    title: str
    scene: tuple[tuple[str, Any], ...]
    axes: tuple[Axis, ...]
    measures: tuple[str, ...]
    drawn: tuple[tuple[str, str], ...] = ()

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All combinations, the last axis fastest. ValueError says at which one what is wrong."""
        taken: set[str] = set()
        found = []
        for values in itertools.product(*(axis.values for axis in self.axes)):
            try:
                scene, names = self._scene(values)
            except ValueError as error:
                at = ", ".join(f"{a.name} = {v.label}" for a, v in zip(self.axes, values, strict=True))
                raise ValueError(f"at {at}: {error}" if at else str(error)) from None
            taken |= names
            found.append(Point(tuple(value.label for value in values), scene))
        for name in self._given():
            if name not in taken:
                have = ", ".join(sorted(taken))
                raise ValueError(f"no trial's rule, schedule or integrator takes {name!r}; they take: {have}")
        return tuple(found)

    def _given(self) -> list[str]:
        """All values of a scene that the sweep names."""
        sets = [name for axis in self.axes for value in axis.values for name, _ in value.sets]
        return list(dict.fromkeys([name for name, _ in self.scene] + sets))

    def _scene(self, values: Sequence[Value]) -> tuple[Scene, set[str]]:
        """The scene of a combination, and the names of the values that it takes; others are left out."""
        words = {axis.name: _text(value.label) for axis, value in zip(self.axes, values, strict=True)}
        given = dict(self.scene) | {name: v for value in values for name, v in value.sets}
        filled = {name: _filled(v, words) if isinstance(v, str) else v for name, v in given.items()}
        rule = str(filled.pop("rule", "none"))
        names = takes(rule, str(filled.get("schedule", "constant")), str(filled.get("integrator", "heun")))
        return Scene.of(rule, **{name: v for name, v in filled.items() if name in names}), names

    @cached_property
    def densities(self) -> tuple[str, ...]:
        """Names of all densities that play a role."""
        return tuple(dict.fromkeys(name for point in self.points for _, name in point.scene.cast))


def takes(rule: str, schedule: str, integrator: str) -> set[str]:
    """Names of the values that a scene with this rule, schedule and integrator takes."""
    knobs = knobs_of(chosen(rule, schedule, integrator)).values()
    return {*CHOICES, *SETTINGS, *RULES[rule].roles, *(name for knob in knobs for name in knob.parts)}


def _text(label: Label) -> str:
    """A label as it stands in a name: no needless digits."""
    return f"{label:.12g}" if isinstance(label, float) else str(label)


def _filled(text: str, words: Mapping[str, str]) -> str:
    return WORD.sub(lambda match: words[match[1]], text)


# --- TOML -------------------------------------------------------------------------------------------------------------


def read(path: str | Path) -> Sweep:
    """The sweep of a TOML file; ValueError names the file and the key that is wrong."""
    text = inputs.text(path)
    try:
        return of_text(text, title=Path(path).stem)
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from None


def of_text(text: str, *, title: str = "sweep") -> Sweep:
    """The sweep that a TOML text describes, with every scene and every density's name checked; nothing is trained.

    ``title`` is used where the text has none. ValueError, one sentence, names the key that is wrong.
    """
    given = inputs.toml(text)
    _known(given, KEYS, "a sweep")
    scene = tuple((name, _scalar(value, f"scene.{name}")) for name, value in _table(given, "scene").items())
    _check_count(math.prod(_length(values) for values in _table(given, "axes").values()))
    axes = [_axis(name, values) for name, values in _table(given, "axes").items()]
    words = _templates([*scene, *(pair for axis in axes for value in axis.values for pair in value.sets)])
    sweep = Sweep(
        _string(given.get("title", title), "title"),
        scene,
        tuple(_filling(axis) if axis.name in words else axis for axis in axes),
        _measures(given.get("metrics")),
        tuple((name, _string(value, f"figure.{name}")) for name, value in _table(given, "figure").items()),
    )
    _check(sweep, words)
    for name in sweep.densities:
        zoo.check(name)
    return sweep


def _templates(values: Iterable[tuple[str, Any]]) -> set[str]:
    """Names of the axes that templates name."""
    return {word for _, value in values if isinstance(value, str) for word in WORD.findall(value)}


def _filling(axis: Axis) -> Axis:
    """An axis that templates name: its numbers and words fill these, and set nothing of their own."""
    values = (Value(v.label, tuple(pair for pair in v.sets if pair != (axis.name, v.label))) for v in axis.values)
    return Axis(axis.name, tuple(values))


def _known(given: Mapping[str, Any], keys: Sequence[str], what: str) -> None:
    for key in given:
        if key not in keys:
            raise ValueError(f"unknown key {key!r}; {what} has: {', '.join(keys)}")


def _table(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = given.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"{key} = {found!r} is not a table")
    return found


def _string(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} = {value!r} is not a string")
    return value


def _scalar(value: Any, key: str) -> Label:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{key} = {value!r} is neither a string nor a number")
    if not isinstance(value, str) and not abs(value) <= 1e300:  # NaN and infinity, and integers of 400 digits
        raise ValueError(f"{key} = {value} is not finite, or not within 1e300")
    return value


def _measures(given: Any) -> tuple[str, ...]:
    """The measures by name, in the registry's order: another order is the same sweep."""
    if given is None:
        return tuple(METRICS)
    if not isinstance(given, list) or not given:
        raise ValueError(f"metrics = {given!r} is not a list of names; have: {', '.join(METRICS)}")
    names = {METRICS[_string(name, "metrics")].name for name in given}
    return tuple(name for name in METRICS if name in names)


def _axis(name: str, given: Any) -> Axis:
    if not name.isidentifier():
        raise ValueError(f"axis {name!r} is not a name of letters, digits and underscores")
    if name in METRICS or name in ("address", "seconds", "at"):
        raise ValueError(f"axis {name!r} has the name of a column that a table of results has anyway")
    if isinstance(given, dict):
        given = _range(name, given)
    if not isinstance(given, list) or not given:
        raise ValueError(f"axis {name!r} = {given!r} is neither a list of values nor a table of from, to and count")
    values = tuple(_value(name, value) for value in given)
    label, times = Counter(value.label for value in values).most_common(1)[0]
    if times > 1:
        raise ValueError(f"axis {name!r} has {label!r} {times} times")
    return Axis(name, values)


def _range(name: str, given: Mapping[str, Any]) -> list[Label]:
    """Evenly spaced values from ``from`` to ``to``, in the logarithm with ``log``; whole ones stay whole."""
    _known(given, RANGE, f"the range of axis {name!r}")
    for key in RANGE[:3]:
        if key not in given:
            raise ValueError(f"the range of axis {name!r} lacks {key!r}")
    ends = [_scalar(given[key], f"axes.{name}.{key}") for key in RANGE[:2]]
    count, log = given["count"], given.get("log", False)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise ValueError(f"axes.{name}.count = {count!r} is not a whole number from 1 to {MOST}")
    if not isinstance(log, bool):
        raise ValueError(f"axes.{name}.log = {log!r} is neither true nor false")
    low, high = (float(end) if isinstance(end, int | float) else math.nan for end in ends)
    if math.isnan(low) or math.isnan(high) or (log and min(low, high) <= 0):
        above = " above 0" if log else ""
        raise ValueError(f"axis {name!r} goes from {ends[0]!r} to {ends[1]!r}, which are not numbers{above}")
    spaced = np.geomspace(low, high, count) if log else np.linspace(low, high, count)
    numbers = [float(f"{value:.12g}") for value in spaced]
    whole = all(isinstance(end, int) for end in ends) and all(number.is_integer() for number in numbers)
    return [int(number) for number in numbers] if whole else list(numbers)


def _value(axis: str, given: Any) -> Value:
    """A value of an axis: what the scene's value of that name is, where there is one, or a table of several."""
    if not isinstance(given, dict):
        value = _scalar(given, f"axes.{axis}")
        return Value(value, ((axis, value),) if axis in SCENE_VALUES else ())
    sets = {key: _scalar(value, f"axes.{axis}.{key}") for key, value in given.items() if key != "label"}
    for key in sets:
        if key not in SCENE_VALUES:
            raise ValueError(f"axis {axis!r} sets {key!r}, which no scene has; have: label, {', '.join(SCENE_VALUES)}")
    if not sets:
        raise ValueError(f"axis {axis!r} has a table that sets nothing")
    words = ", ".join(_text(value) if key == "rule" else f"{key}={_text(value)}" for key, value in sets.items())
    return Value(_string(given.get("label", words), f"axes.{axis}.label"), tuple(sets.items()))


def _check(sweep: Sweep, words: set[str]) -> None:
    """ValueError where the parts do not go together, or make too much or illegal scenes."""
    names = [axis.name for axis in sweep.axes]
    for name, _ in sweep.scene:
        if name not in SCENE_VALUES:
            raise ValueError(f"scene.{name} is no value of a scene; have: {', '.join(SCENE_VALUES)}")
    scalar = {axis.name for axis in sweep.axes if any((axis.name, v.label) in v.sets for v in axis.values)}
    for name in scalar:
        if name in dict(sweep.scene):
            raise ValueError(f"{name!r} is both a value of [scene] and an axis")
    setters: dict[str, str] = {}
    for axis in sweep.axes:
        for name in {name for value in axis.values for name, _ in value.sets}:
            if setters.setdefault(name, axis.name) != axis.name:
                raise ValueError(f"the axes {setters[name]!r} and {axis.name!r} both set {name!r}")
    for word in sorted(words):
        if word not in names:
            have = ", ".join(names) or "none"
            raise ValueError(f"the template {{{word}}} names no axis; have: {have}")
    for axis in sweep.axes:
        if axis.name not in words and not any(value.sets for value in axis.values):
            raise ValueError(f"axis {axis.name!r} is not used: no value of a scene has its name, no template names it")
    _check_figure(sweep, names)
    _check_count(math.prod(len(axis.values) for axis in sweep.axes))


def _check_count(count: int) -> None:
    if count > MOST:
        raise ValueError(f"the axes have {count} combinations, more than {MOST}")


def _length(given: Any) -> int:
    """How many values an axis will have, before they are listed; 1 where that is not a number."""
    count = given.get("count") if isinstance(given, dict) else len(given) if isinstance(given, list) else 1
    return max(count, 1) if type(count) is int else 1


def _check_figure(sweep: Sweep, names: Sequence[str]) -> None:
    drawn = dict(sweep.drawn)
    _known(drawn, DRAWN, "[figure]")
    for key in ("x", "y", "line"):
        if key in drawn and drawn[key] not in names:
            raise ValueError(f"figure.{key} = {drawn[key]!r} is no axis; have: {', '.join(names)}")
    axes = [drawn[key] for key in ("x", "y", "line") if key in drawn]
    if len(set(axes)) < len(axes):
        raise ValueError(f"[figure] names an axis twice: {', '.join(axes)}")
    if "metric" in drawn and (drawn["metric"] not in sweep.measures or drawn["metric"] == "mass_by_depth"):
        have = ", ".join(name for name in sweep.measures if name != "mass_by_depth")
        raise ValueError(f"figure.metric = {drawn['metric']!r} is not measured as one number; have: {have}")


# --- Trials -----------------------------------------------------------------------------------------------------------


def addresses(sweep: Sweep) -> list[str]:
    """The address of each point: the SHA-256 of all that fixes its numbers, whatever the densities are called."""
    known = {name: zoo.identity(name) for name in sweep.densities}
    found: dict[Scene, str] = {}
    for point in sweep.points:
        if point.scene not in found:
            content = {
                "version": VERSION,
                "scene": point.scene.flat() | {role: known[name] for role, name in point.scene.cast},
                "measures": sweep.measures,
            }
            text = json.dumps(content, sort_keys=True, separators=(",", ":"))
            found[point.scene] = hashlib.sha256(text.encode()).hexdigest()
    return [found[point.scene] for point in sweep.points]


def trials(sweep: Sweep) -> dict[str, Scene]:
    """Every scene to be measured, once, by its address."""
    return dict(zip(addresses(sweep), (point.scene for point in sweep.points), strict=True))


def work(scene: Scene) -> int:
    """What the time of a trial goes with: points moved."""
    return scene.n * scene.steps


def program(scene: Scene) -> tuple[Any, ...]:
    """What scenes have in common that one compiled program measures, as far as names tell."""
    shapes = tuple(str(Name.parse(name).architecture()) for _, name in scene.cast)
    return (scene.rule, scene.schedule, scene.integrator, scene.n, scene.steps, scene.target, scene.start, shapes)


@dataclass(frozen=True)
class Batch:
    """Trials that are measured together: scenes by address, and their program."""

    program: tuple[Any, ...]
    scenes: Mapping[str, Scene]


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: measures of each scene, the seconds of all, and whether it ran on an accelerator."""

    measures: Sequence[Mapping[str, Any]]
    seconds: float
    together: bool = False


def measure(many: Sequence[Mapping[str, Any]], densities: Mapping[str, Density], measures: tuple[str, ...]) -> Outcome:
    """Measure scenes, given flat, with densities by name: a function of its arguments alone, for any process."""
    began = time.perf_counter()
    spare_maps()
    found = [Scene.of(**values) for values in many]
    casts = [{role: densities[name] for role, name in scene.cast} for scene in found]
    rows = scenes.measure_scenes(found, casts, measures)
    plain = [{name: np.asarray(value, float).tolist() for name, value in row.items()} for row in rows]
    return Outcome(plain, time.perf_counter() - began, jax.default_backend() != "cpu")


class Executor(Protocol):
    """Where batches are measured."""

    together: bool  # whether a batch should fill a device

    def workers(self) -> int:
        """How many batches are measured at a time."""
        ...

    def room(self) -> bool:
        """Whether it takes another batch now."""
        ...

    def busy(self) -> bool:
        """Whether it has any."""
        ...

    def submit(self, batch: Batch, measures: tuple[str, ...]) -> None:
        """Take a batch."""
        ...

    def finished(self) -> list[tuple[Batch, Outcome]]:
        """Wait until there is an outcome, and return what there is."""
        ...


class Here:
    """Measures in this process, one batch at a time."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.together = jax.default_backend() != "cpu"
        self._batch: tuple[Batch, tuple[str, ...]] | None = None

    def workers(self) -> int:
        """One."""
        return 1

    def room(self) -> bool:
        """Whether no batch waits."""
        return self._batch is None

    def busy(self) -> bool:
        """Whether one does."""
        return self._batch is not None

    def submit(self, batch: Batch, measures: tuple[str, ...]) -> None:
        """Keep the batch until ``finished`` is asked."""
        self._batch = batch, measures

    def finished(self) -> list[tuple[Batch, Outcome]]:
        """Measure the batch."""
        if self._batch is None:
            return []
        batch, measures = self._batch
        outcome = measure([scene.flat() for scene in batch.scenes.values()], cast_of(batch), measures)
        self._batch = None
        return [(batch, outcome)]


def cast_of(batch: Batch) -> dict[str, Density]:
    """The densities of a batch by name, each loaded once."""
    return {name: zoo.load(name) for scene in batch.scenes.values() for _, name in scene.cast}


# --- Running ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a run is: ``done`` of ``total`` trials, or of iterations while it is ``training``.

    ``found`` of them were there already. ``left`` is the remaining time in seconds, None where too little was measured.
    """

    done: int
    total: int
    found: int = 0
    left: float | None = None
    training: bool = False


Report = Callable[[Progress], None]


@dataclass
class Pace:
    """What was measured of the time that trials take, by program: its first batch, which compiles, apart."""

    first: dict[Any, tuple[float, float]] = field(default_factory=dict)
    rest: dict[Any, tuple[float, float]] = field(default_factory=dict)
    last: dict[Any, float] = field(default_factory=dict)

    def add(self, batch: Batch, seconds: float) -> None:
        """Take in a batch."""
        amount = float(sum(map(work, batch.scenes.values())))
        self.last[batch.program] = seconds / len(batch.scenes)
        if batch.program not in self.first:
            self.first[batch.program] = amount, seconds
            return
        before = self.rest.get(batch.program, (0.0, 0.0))
        self.rest[batch.program] = before[0] + amount, before[1] + seconds

    def left(self, amounts: Mapping[Any, float]) -> float | None:
        """Seconds for these amounts of work by program, on one worker; None where too little was measured."""
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
        return sum(
            amount * self.rate(name, usual) + start * (name not in self.first)
            for name, amount in amounts.items()
            if amount
        )

    def rate(self, name: Any, usual: float) -> float:
        """Seconds for a unit of work, ``usual`` where nothing better is known."""
        if name in self.rest:
            amount, seconds = self.rest[name]
            return seconds / amount
        if name in self.first:  # that compiled too
            amount, seconds = self.first[name]
            return min(seconds / amount, usual)
        return usual


@dataclass(frozen=True)
class Ran:
    """What a run did: trials in all, measured by it, and found or measured by other processes."""

    total: int
    computed: int
    found: int


class Pending:
    """The trials that a store lacks, by program, and how many of them are taken at a time."""

    def __init__(self, store: Store, owner: Owner, wanted: Mapping[str, Scene], most: int) -> None:
        """Ask the store what is done."""
        self.store, self.owner, self.most = store, owner, most
        self.pace = Pace()
        self.queues: dict[Any, deque[tuple[str, Scene]]] = {}
        self.held: list[tuple[str, Scene]] = []  # by other processes
        self.amounts: dict[Any, float] = {}  # of work that is not done
        done = store.done(wanted)
        self.found = len(done)
        for address, scene in wanted.items():
            if address not in done:
                self._queue(address, scene)
                name = program(scene)
                self.amounts[name] = self.amounts.get(name, 0.0) + work(scene)

    def _queue(self, address: str, scene: Scene) -> None:
        self.queues.setdefault(program(scene), deque()).append((address, scene))

    def take(self, together: bool) -> Batch | None:
        """Lease the next batch; None where nothing is free now."""
        for name, queue in self.queues.items():
            while queue:
                count = min(self.count(name, queue[0][1], together), len(queue))
                some = dict(queue.popleft() for _ in range(count))
                taken, done = self.store.lease(list(some), self.owner)
                for address in done:
                    self.found += 1
                    self.amounts[name] -= work(some[address])
                self.held += [(a, scene) for a, scene in some.items() if a not in taken and a not in done]
                if taken:
                    return Batch(name, {a: scene for a, scene in some.items() if a in taken})
        return None

    def again(self) -> bool:
        """Queue again what others held; whether there is any."""
        held, self.held = self.held, []
        for address, scene in held:
            self._queue(address, scene)
        return bool(held)

    def count(self, name: Any, scene: Scene, together: bool) -> int:
        """Trials of the next batch: as many as take ``SECONDS``, going by the last; on an accelerator what fills it."""
        seconds = self.pace.last.get(name)
        count = 1 if seconds is None else int(min(SECONDS / max(seconds, 1e-9), self.most))
        width = max(1, scenes.POINTS_AT_ONCE // scene.n) if together else 1
        return max(min(max(count // width, 1) * width, self.most), 1)

    def done(self, batch: Batch, outcome: Outcome) -> None:
        """Store the results of a batch."""
        share = outcome.seconds / len(batch.scenes)
        rows = zip(batch.scenes.items(), outcome.measures, strict=True)
        results = [Result(address, scene.flat(), values, share) for (address, scene), values in rows]
        self.store.add(results, self.owner)
        self.pace.add(batch, outcome.seconds)
        self.amounts[batch.program] -= sum(map(work, batch.scenes.values()))


def run(
    sweep: Sweep,
    path: str | Path,
    *,
    executor: Executor | None = None,
    report: Report | None = None,
    most: int = AT_ONCE,
) -> Ran:
    """Measure what the store at ``path`` lacks of a sweep; networks that are missing are trained first.

    Whatever ends it, what was measured is kept, and the next run goes on from there. Other processes may run the same
    sweep on the same store: each trial is measured by one of them, and all return when all is done. ``most`` limits the
    trials of a batch. StoreError where the store is damaged or cannot be written.
    """
    executor = executor or Here()
    with closing(Store(path)) as store, at_work(store) as owner:
        wanted = trials(sweep)
        done = store.done(wanted)
        lacking = [scene for address, scene in wanted.items() if address not in done]
        _train({name for scene in lacking for _, name in scene.cast}, store, owner, report)
        pending, computed = Pending(store, owner, wanted, most), 0

        def tell() -> None:
            if report:
                left = pending.pace.left(pending.amounts)
                left = None if left is None else left / executor.workers()
                report(Progress(pending.found + computed, len(wanted), pending.found, left))

        tell()
        while True:
            while executor.room() and (batch := pending.take(executor.together)):
                executor.submit(batch, sweep.measures)
            if executor.busy():
                for batch, outcome in executor.finished():
                    pending.done(batch, outcome)
                    computed += len(batch.scenes)
                    tell()
            elif pending.held:
                time.sleep(POLL)
            else:
                return Ran(len(wanted), computed, pending.found)
            if not executor.busy() and pending.again():
                tell()


def _train(names: Iterable[str], store: Store, owner: Owner, report: Report | None) -> None:
    """Train what the names lack, one process at a time: the next one finds it done."""
    names = sorted(names)

    def tell(done: int, total: int) -> None:
        if report:
            report(Progress(done, total, training=True))

    while any(zoo.missing(name) for name in names):
        taken, _ = store.lease([TRAINING], owner)
        if not taken:
            time.sleep(POLL)
            continue
        try:
            zoo.ensure_many(names, report=tell)
        finally:
            store.give_back(TRAINING, owner)


TRAINING = "training"  # leased as if it were a trial


# --- Reading ----------------------------------------------------------------------------------------------------------

Row = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """What a store has of a sweep now.

    ``rows`` are one for each point that is measured, in the sweep's order; ``done`` of ``total`` trials; ``at_work``
    processes; ``left`` seconds until the end at the rate of what was measured, None where nothing runs or was measured.
    """

    rows: list[Row]
    done: int
    total: int
    at_work: int
    left: float | None


def look(sweep: Sweep, path: str | Path) -> Look:
    """Read a sweep from a store without touching it, also while other processes write; nothing where there is none."""
    keys = addresses(sweep)
    scene_at = dict(zip(keys, (point.scene for point in sweep.points), strict=True))
    if not Path(path).exists():
        return Look([], 0, len(scene_at), 0, None)
    with closing(Store(path, reading=True)) as store:
        results, owners = store.results(scene_at), len(store.owners())
    rows = [row_of(sweep, p, results[key]) for p, key in zip(sweep.points, keys, strict=True) if key in results]
    spent = sum(result.seconds for result in results.values())
    amount = sum(work(scene_at[key]) for key in results)
    missing = sum(work(scene) for key, scene in scene_at.items() if key not in results)
    left = missing * spent / amount / owners if owners and amount else None
    return Look(rows, len(results), len(scene_at), owners, left)


def row_of(sweep: Sweep, point: Point, result: Result) -> Row:
    """A point as a row of a table: axes by their labels, the scene's other values, measures, seconds, address.

    A measure of several numbers has a column for each: ``mass_by_depth_0``.
    """
    labels = {axis.name: label for axis, label in zip(sweep.axes, point.at, strict=True)}
    row: Row = labels | {name: value for name, value in point.scene.flat().items() if name not in labels}
    for name in sweep.measures:
        if name not in result.measures:
            raise StoreError(f"the result {result.address[:12]!r} lacks {name!r}: its store was changed by hand")
        value = result.measures[name]
        row |= {f"{name}_{i}": v for i, v in enumerate(value)} if isinstance(value, list) else {name: value}
    return row | {"seconds": result.seconds, "at": result.at, "address": result.address}


EXPORTS = (".csv", ".parquet")


def check_export(path: str | Path) -> None:
    """ValueError unless a table can be exported there."""
    if Path(path).suffix not in EXPORTS:
        raise ValueError(f"the table {str(path)!r} does not end in {' or '.join(EXPORTS)}")


def export(rows: Sequence[Row], path: str | Path) -> None:
    """Write rows as CSV or Parquet, by the path's suffix, whole or not at all; what a rule does not take is empty.

    The time of storing is left out: the same trials give the same table but for the seconds they took.
    """
    check_export(path)
    columns = list(dict.fromkeys(name for row in rows for name in row if name != "at"))
    for last in ("seconds", "address"):
        if last in columns:
            columns.append(columns.pop(columns.index(last)))
    with replacing(path) as temporary:
        if Path(path).suffix == ".csv":
            with temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        data = {name: _column([row.get(name) for row in rows]) for name in columns}
        pq.write_table(pa.table(data), temporary)


def _column(values: list[Any]) -> list[Any]:
    """Values of one type: an axis may have words and numbers, and then all are words."""
    if any(isinstance(value, str) for value in values):
        return [None if value is None else _text(value) for value in values]
    return [float(v) if v is not None else v for v in values] if any(isinstance(v, float) for v in values) else values


def figure_of(sweep: Sweep, path: str | Path) -> Any:
    """The matplotlib Figure of what a store has of a sweep; StoreError where it has nothing."""
    from toy.figures.sweeps import sweep_figure

    rows = look(sweep, path).rows
    if not rows:
        raise StoreError(f"{str(path)!r} has no result of this sweep: run it first")
    drawn: dict[str, str] = dict(sweep.drawn)
    metric = drawn.pop("metric", "outliers" if "outliers" in sweep.measures else sweep.measures[0])
    names = [axis.name for axis in sweep.axes]
    return sweep_figure(rows, names, metric=metric, title=sweep.title, **drawn)


def default_store(spec: str | Path) -> Path:
    """Where the results of a spec's file go unless one says otherwise."""
    return Path("out") / "sweeps" / f"{Path(spec).stem}.sqlite"
