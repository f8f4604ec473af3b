"""A density's name as a value: what it starts from, and what is done to that from left to right.

A name is ``BASE~kind=value~kind=value…``. A base is ``exact:A``, a network such as ``A64@4096`` or ``A64@4096#1``
(classes, width, iterations, seed; of another distribution than the tree ``moons/A64@4096``), ``kept:NAME`` of the
user's own, the path of a ``.safetensors`` file, or ``kind:PART,PART``, which is fitted to samples of other bases. What
follows a kind up to the next one belongs to it: ``~seed=3`` chooses its random draw (0 where it is not said), and a
kind with several knobs takes the others by name.

Here names are read and changed; ``models.zoo`` makes densities of them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, get_type_hints

import jax

from toy import distributions
from toy.densities import Density
from toy.distributions.keeping import NAME, kept
from toy.registry import Entry, Knob, Registry

DEGRADATIONS = Registry("degradation", Entry)
FITTED = Registry("fitted density", Entry, roles=(Density,))  # bases that are made of samples: ``dns:MAIN,ALL``

TARGET = rf"(?:[a-z][\w.:=+-]*/)?{distributions.CLASSES.pattern}"
NETWORK = re.compile(rf"(?P<classes>{TARGET})(?P<width>\d{{1,4}})@(?P<iterations>\d{{1,7}})(?:#(?P<seed>\d{{1,9}}))?")
ITEM = re.compile(r"~(?=[a-z_0-9]+=)")
PARTS = re.compile(r"(?!exact:|kept:)([a-z_]{2,}):(.*,.*)")
MOST = 8  # kinds in one name
SEED = Knob(0, 2**31 - 1, 1, "seed", "seed of the random draw", name="seed", default=0)


@dataclass(frozen=True)
class Network:
    """What a network's name says: the classes it was trained on, its width, its iterations, and its seed if any."""

    classes: str
    width: int
    iterations: int
    seed: int | None


@dataclass(frozen=True)
class Name:
    """A density's name: its ``base`` and the ``items`` after it, ``key=value`` each, as they were written."""

    base: str
    items: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> "Name":
        """Take a name apart; ValueError where what follows the base is not ``~key=value``.

        >>> Name.parse("A64@4096~dropout=0.1~seed=3")
        Name(base='A64@4096', items=('dropout=0.1', 'seed=3'))
        """
        return _parsed(text, tuple(map(kept, NAME.findall(text))))

    def __str__(self) -> str:
        """The name as it is written."""
        return "~".join((self.base, *self.items))

    # --- The base

    @cached_property
    def fitted(self) -> str:
        """The kind of density that is fitted to samples of the parts; empty for any other base."""
        prefix = self.base.partition(":")[0]
        found = PARTS.fullmatch(self.base) and not self.base.endswith(".safetensors")  # a path may look like it
        return prefix if found or prefix in FITTED else ""

    @cached_property
    def parts(self) -> "tuple[Name, ...]":
        """The names that a fitted density is made of."""
        return tuple(Name(part) for part in self.base.partition(":")[2].split(",")) if self.fitted else ()

    @cached_property
    def distribution(self) -> str | None:
        """The target whose exact density the base is: 'A' of ``exact:A``, 'moons/A' of ``exact:moons/A``."""
        return self.base.removeprefix("exact:") if self.base.startswith("exact:") else None

    @cached_property
    def network(self) -> Network | None:
        """The network that the base names; None for the others, a kept one or a file's too."""
        found = NETWORK.fullmatch(self.base)
        if not (found and distributions.is_target(found["classes"])):
            return None
        seed = None if found["seed"] is None else int(found["seed"])
        return Network(distributions.of(found["classes"]).name, int(found["width"]), int(found["iterations"]), seed)

    @cached_property
    def kept(self) -> str:
        """The user's own name of a network that was kept: 'NAME' of ``kept:NAME``; empty for the others."""
        return self.base.removeprefix("kept:") if self.base.startswith("kept:") else ""

    @cached_property
    def is_file(self) -> bool:
        """Whether the base is the path of a file."""
        return self.base.endswith(".safetensors") and not self.fitted

    @cached_property
    def is_network(self) -> bool:
        """Whether the base is a network of any kind: its log-density is known up to a constant."""
        return self.network is not None or bool(self.kept) or self.is_file

    @cached_property
    def is_learned(self) -> bool:
        """Whether a network takes part in it."""
        return self.is_network or any(part.is_learned for part in self.parts)

    @cached_property
    def is_exact(self) -> bool:
        """Whether it is an exact density as it is, or fitted to such as one usually does."""
        return not self.items and (self.distribution is not None or (bool(self.parts) and not self.is_learned))

    @cached_property
    def classes(self) -> str | None:
        """The target that it is of, as 'A' or 'moons/AB', a fitted one its last part's; None where a file says it."""
        if self.parts:
            return self.parts[-1].classes
        return self.network.classes if self.network else self.distribution

    # --- Other names made of it

    def exact(self, classes_of: Callable[[str], str] | None = None) -> "Name":
        """The exact density of the same classes, with nothing done to it; for a fitted one fitted to such.

        ``classes_of`` says the classes where the name does not; ValueError without it.

        >>> str(Name.parse("dns:A64@4096,AB32@512").exact())
        'dns:exact:A,exact:AB'
        """
        if self.parts:
            return Name(f"{self.fitted}:{','.join(str(part.exact(classes_of)) for part in self.parts)}")
        classes = self.classes or (classes_of and classes_of(str(self)))
        if not classes:
            raise ValueError(f"density {str(self)!r} does not tell its classes, so it has no exact counterpart")
        return Name(f"exact:{classes}")

    def of_target(self, target: str) -> "Name":
        """A name for target A as it is for another: 'A32@512' is 'B32@512' for B, 'B64@4096' is 'A64@4096'.

        For both classes A becomes AB, and B, which is no other class then, stays. ValueError for an unknown target.
        """

        def moved(part: Name) -> str:
            if part.classes is None:
                return part.base
            before, _, after = part.base.partition(part.classes)
            return f"{before}{distributions.counterpart(part.classes, target)}{after}"

        return self._each(moved)

    def after(self, iterations: int) -> "Name":
        """The same network after another number of iterations."""
        before, at, rest = self.base.partition("@")
        return replace(self, base=f"{before}{at}{re.sub('[0-9]+', str(iterations), rest, count=1)}")

    def of_distribution(self, on: str, classes: str | None = None) -> "Name":
        """The name on another distribution: the same classes where it has them, else all that it has, or the first.

        ``classes`` say which, where the ones before do not: of a single class, which is all there is.
        """
        every = distributions.targets(on)

        def moved(part: Name) -> str:
            if part.classes is None:
                return part.base
            known = distributions.of(part.classes)
            same = every[0].removesuffix("A") + known.classes
            whole = known.classes == known.all.classes
            new = classes or (every[-1] if whole else same if distributions.is_target(same) else every[0])
            return part.base.replace(part.classes, new, 1)

        return self._each(moved)

    def seeded(self, seed: int) -> "Name":
        """The name for one seed: networks without a seed get it, ``{i}`` becomes it; a file's path stays.

        >>> str(Name.parse("A64@4096~dropout=0.1~seed={i}").seeded(2))
        'A64@4096#2~dropout=0.1~seed=2'
        """
        if self.is_file:
            return self

        def own(part: Name) -> str:
            return f"{part.base}#{seed}" if part.network and part.network.seed is None else part.base

        return Name.parse(str(self).replace("{i}", str(seed)))._each(own)

    def architecture(self) -> "Name":
        """The name without iterations of its networks and any seeds: what the shapes of its arrays follow from.

        >>> str(Name.parse("A64@4096#2~dropout=0.1~seed=12").architecture())
        'A64~dropout=0.1'
        """
        found = self._each(lambda part: part.base.partition("@")[0] if part.network else part.base)
        return replace(found, items=tuple(item for item in self.items if not item.startswith("seed=")))

    def _each(self, base: "Callable[[Name], str]") -> "Name":
        """With another base, made of this one, or of each part of a fitted one."""
        bases = f"{self.fitted}:{','.join(map(base, self.parts))}" if self.parts else base(self)
        return replace(self, base=bases)

    # --- What is done to it

    @cached_property
    def fit(self) -> "Step | None":
        """The knobs of a fitted base; None for any other. ValueError as ``steps``."""
        return self._steps[0]

    @cached_property
    def steps(self) -> "tuple[Step, ...]":
        """The degradations from left to right; ValueError, one sentence, says which is not legal and what is."""
        return self._steps[1]

    @cached_property
    def _steps(self) -> "tuple[Step | None, tuple[Step, ...]]":
        return _steps(self.items, self.fitted if self.fitted in FITTED else None)


@dataclass(frozen=True)
class Step:
    """One kind of a name with its knobs, in the order of its signature, and the seed of its draw."""

    kind: str
    knobs: tuple[tuple[str, float], ...]
    seed: int = 0

    @property
    def entry(self) -> Entry:
        """The function."""
        return _entry(self.kind)

    @property
    def trains(self) -> bool:
        """Whether a network has to be trained for it."""
        return not {"data", "spec", "recipe"}.isdisjoint(self.entry.inputs)

    @property
    def neutral(self) -> bool:
        """Whether it changes nothing at this value."""
        name, value = self.knobs[0]
        return value == self.entry.knobs[name].neutral

    @property
    def gives(self) -> type:
        """What it returns."""
        kind: type = get_type_hints(self.entry.function)["return"]
        return kind

    def __str__(self) -> str:
        """The step as it stands in a name, always the same for the same values."""
        (_, value), *others = self.knobs
        written = [f"{self.kind}={_text(value)}"]
        written += [f"{name}={_text(v)}" for name, v in others if v != self.entry.knobs[name].default]
        return "~".join([*written, *([f"seed={self.seed}"] if self.seed else [])])

    def __call__(self, **given: Any) -> Any:
        """Apply it to what is ``given`` by the names of its inputs; the key is made from the seed."""
        given["key"] = jax.random.key(self.seed) if "key" in self.entry.inputs else None
        return self.entry(*(given[name] for name in self.entry.inputs), **dict(self.knobs))


def steps_of(text: str) -> tuple[Step, ...]:
    """The steps of ``kind=value~kind=value…``; ValueError as ``Name.steps``."""
    return _steps(text.split("~"), None)[1] if text else ()


def _steps(items: Sequence[str], base: str | None) -> tuple[Step | None, tuple[Step, ...]]:
    """The knobs of a fitted base and the steps after it, from ``key=value`` texts."""
    groups: list[tuple[str, dict[str, str]]] = [(base, {})] if base else []
    for item in items:
        key, _, value = item.partition("=")
        if groups and key in _options(groups[-1][0]):
            kind, given = groups[-1]
            if key in given:
                raise ValueError(f"{key} is given twice to {kind}")
            given[key] = value
        elif key in DEGRADATIONS:
            groups.append((key, {next(iter(DEGRADATIONS[key].knobs)): value}))
        elif groups:
            takes = ", ".join(_options(groups[-1][0])) or "nothing else"
            raise ValueError(
                f"{item!r} is no degradation and does not go with {groups[-1][0]}, which takes {takes}; "
                f"degradations: {', '.join(DEGRADATIONS)}"
            )
        else:
            DEGRADATIONS[key]  # raises
    if len(groups) > MOST:
        raise ValueError(f"{len(groups)} degradations in one name are more than {MOST}")
    steps = [_step(kind, given) for kind, given in groups]
    return (steps[0], tuple(steps[1:])) if base else (None, tuple(steps))


def _entry(kind: str) -> Entry:
    return (DEGRADATIONS if kind in DEGRADATIONS else FITTED)[kind]


def _options(kind: str) -> tuple[str, ...]:
    """What may follow a kind and belongs to it: its further knobs, and the seed where it draws."""
    entry = _entry(kind)
    knobs = tuple(entry.knobs)[1 if kind in DEGRADATIONS else 0 :]
    return (*knobs, *(["seed"] if not {"key", "x"}.isdisjoint(entry.inputs) else []))


def _step(kind: str, given: Mapping[str, str]) -> Step:
    entry = _entry(kind)
    first = next(iter(entry.knobs)) if kind in DEGRADATIONS else None
    knobs = []
    for name, knob in entry.knobs.items():
        shown = replace(knob, name=kind if name == first else name)
        knobs.append((name, _number(shown, given.get(name, knob.default))))
    return Step(kind, tuple(knobs), int(_number(SEED, given.get("seed", 0))))


def _number(knob: Knob, value: object) -> float:
    """The value within the knob's range; a whole number where the knob's step is 1."""
    number = knob.check(value)
    if knob.step == 1 and number != int(number):
        raise ValueError(f"{knob.name} = {value} is not a whole number")
    return int(number) if knob.step == 1 else number


def _text(value: float) -> str:
    return repr(value).removesuffix(".0")


@lru_cache(maxsize=4096)
def _parsed(text: str, known: tuple[bool, ...]) -> Name:
    """A name taken apart; what it says of itself holds while the data that it is of are ``known`` here, or are not."""
    if text.endswith(".safetensors") and text.partition(":")[0] not in FITTED:  # a path may have anything in it
        return Name(text)
    base, *items = ITEM.split(text)
    if "~" in base and not base.endswith(".safetensors"):
        wrong = base[base.index("~") :]
        raise ValueError(f"{wrong!r} in density {text!r} is not ~kind=value; kinds: {', '.join(DEGRADATIONS)}")
    return Name(base, tuple(items))
