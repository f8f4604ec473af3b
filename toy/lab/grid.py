"""What is swept: a TOML file of axes, and their product as scenes. Every mistake in it is one sentence."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from models import zoo
from toy import inputs
from toy.guidance import RULES
from toy.metrics import METRICS
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene, chosen, knobs_of
from toy.schedules import SCHEDULES

MOST = 1_000_000  # combinations of one sweep
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
    sets: tuple[tuple[str, object], ...] = ()


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
    scene: tuple[tuple[str, object], ...]
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


def _templates(values: Iterable[tuple[str, object]]) -> set[str]:
    """Names of the axes that templates name."""
    return {word for _, value in values if isinstance(value, str) for word in WORD.findall(value)}


def _filling(axis: Axis) -> Axis:
    """An axis that templates name: its numbers and words fill these, and set nothing of their own."""
    values = (Value(v.label, tuple(pair for pair in v.sets if pair != (axis.name, v.label))) for v in axis.values)
    return Axis(axis.name, tuple(values))


def _known(given: Mapping[str, object], keys: Sequence[str], what: str) -> None:
    for key in given:
        if key not in keys:
            raise ValueError(f"unknown key {key!r}; {what} has: {', '.join(keys)}")


def _table(given: Mapping[str, object], key: str) -> dict[str, object]:
    found = given.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"{key} = {found!r} is not a table")
    return found


def _string(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} = {value!r} is not a string")
    return value


def _scalar(value: object, key: str) -> Label:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{key} = {value!r} is neither a string nor a number")
    if not isinstance(value, str) and not abs(value) <= 1e300:  # NaN and infinity, and integers of 400 digits
        raise ValueError(f"{key} = {value} is not finite, or not within 1e300")
    return value


def _measures(given: object) -> tuple[str, ...]:
    """The measures by name, in the registry's order: another order is the same sweep."""
    if given is None:
        return tuple(METRICS)
    if not isinstance(given, list) or not given:
        raise ValueError(f"metrics = {given!r} is not a list of names; have: {', '.join(METRICS)}")
    names = {METRICS[_string(name, "metrics")].name for name in given}
    return tuple(name for name in METRICS if name in names)


def _axis(name: str, given: object) -> Axis:
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


def _range(name: str, given: Mapping[str, object]) -> list[Label]:
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


def _value(axis: str, given: object) -> Value:
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


def _length(given: object) -> int:
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
