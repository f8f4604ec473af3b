"""One registry for everything that can be chosen by name: rules, schedules, integrators, metrics.

A function's signature is its declaration. Positional names say what it needs, and those annotated with a role's type
are roles; keyword-only names are knobs, and a knob's annotation carries its range, step, label and help.
Sliders, command-line flags, URL keys, sweeps and the ranges that tests draw from are all made from it.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Knob:
    """A number that a user may turn, with its legal range ``lo <= value <= hi``; a vector has ``size`` of them.

    ``neutral`` is set on guidance weights: the value at which the rule does nothing. A schedule moves
    such a knob between its neutral and its set value.
    """

    lo: float
    hi: float
    step: float
    label: str
    help: str
    neutral: float | None = None
    log: bool = False
    name: str = ""
    default: Any = math.nan
    size: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """A name for each number: the knob's own, or share1 to share32 of a vector ``share``."""
        return tuple(f"{self.name}{i + 1}" for i in range(self.size)) or (self.name,)

    def filled(self, number: float) -> Any:
        """A value of the knob that is this number, everywhere."""
        return (number,) * self.size if self.size else number

    def spelled(self, value: Any) -> dict[str, float]:
        """The numbers of a value by ``parts``."""
        return dict(zip(self.parts, value if self.size else (value,), strict=True))

    def check(self, value: Any) -> Any:
        """Return ``value`` as a float within the range, or a tuple of them; ValueError names the value and the range.

        A vector is taken as a sequence or as text, its numbers separated by commas.
        """
        if not self.size:
            return self._number(self.name, value)
        numbers = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(numbers, Iterable) or len(numbers := tuple(numbers)) != self.size:
            many = len(numbers) if isinstance(numbers, tuple) else value
            raise ValueError(f"{self.name} is {self.size} numbers separated by commas, not {many}")
        return tuple(map(self._number, self.parts, numbers))

    def take(self, values: dict[str, Any], usual: Any) -> Any:
        """The knob's value of those by name, checked; they are taken out. A part says more than the whole."""
        whole = self.check(values.pop(self.name, usual))
        if not self.size:
            return whole
        return self.check([values.pop(part, number) for part, number in self.spelled(whole).items()])

    def _number(self, name: str, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):  # the last: an integer of 400 digits
            number = math.nan
        if not self.lo <= number <= self.hi:  # also catches NaN
            raise ValueError(f"{name} = {value} is not a number from {self.lo:g} to {self.hi:g}")
        return number


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A registered function: what it needs (``inputs``, with ``types``), what can be turned (``knobs``), its source.

    ``roles`` are the inputs that a density plays; ``ordered`` are two knobs of which the first is at most the second.
    Entries of a kind that has more to say are of a class of their own.
    """

    name: str
    title: str
    kind: str
    function: Callable[..., Any]
    source: str
    formula: str
    inputs: tuple[str, ...]
    types: Mapping[str, Any]
    roles: tuple[str, ...]
    knobs: Mapping[str, Knob]
    ordered: tuple[str, str] | None = None

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself."""
        return self.function(*args, **kwargs)


E = TypeVar("E", bound=Entry)
F = TypeVar("F", bound=Callable[..., Any])


class Registry(Mapping[str, E], Generic[E]):
    """Entries of one kind by name; ``registry[name]`` raises a KeyError-free, one-sentence ValueError."""

    def __init__(self, kind: str, entry: type[E], *, roles: tuple[Any, ...] = ()) -> None:
        """Start empty; ``kind`` is the word used in messages, such as 'rule', ``roles`` the annotations of roles."""
        self.kind = kind
        self._entry = entry
        self._roles = roles
        self._entries: dict[str, E] = {}

    def register(
        self, *, source: str, formula: str = "", title: str = "", name: str = "", **fields: Any
    ) -> Callable[[F], F]:
        """Return a decorator that registers a function under its own name and leaves it unchanged.

        ``title`` is the name for people, by default the function's name in words; ``fields`` are what else the
        entries of this registry have. TypeError for one that they do not have.
        """

        def decorate(function: F) -> F:
            key = name or function.__name__
            if key in self._entries:
                raise ValueError(f"{self.kind} {key!r} is registered twice")
            hints = get_type_hints(function, include_extras=True)
            inputs, types, knobs = [], {}, {}
            for parameter in inspect.signature(function).parameters.values():
                if parameter.kind is not parameter.KEYWORD_ONLY:
                    inputs.append(parameter.name)
                    types[parameter.name] = hints.get(parameter.name)
                    continue
                hint = hints.get(parameter.name)
                found = [a for a in get_args(hint) if isinstance(a, Knob)]
                if get_origin(hint) is not Annotated or not found:
                    raise TypeError(f"{self.kind} {key!r}: knob {parameter.name!r} needs an Annotated Knob")
                if parameter.default is parameter.empty:
                    raise TypeError(f"{self.kind} {key!r}: knob {parameter.name!r} needs a default")
                knob = replace(found[0], name=parameter.name)
                knobs[parameter.name] = replace(knob, default=knob.check(parameter.default))
            words = title or key.replace("_", " ").capitalize()
            self._entries[key] = self._entry(
                name=key,
                title=words,
                kind=self.kind,
                function=function,
                source=source,
                formula=formula,
                inputs=tuple(inputs),
                types=types,
                roles=tuple(role for role in inputs if types[role] in self._roles),
                knobs=knobs,
                **fields,
            )
            return function

        return decorate

    def __getitem__(self, name: str) -> E:
        """Return the entry; a ValueError lists the legal names."""
        try:
            return self._entries[name]
        except KeyError:
            raise ValueError(f"unknown {self.kind} {name!r}; have: {', '.join(self)}") from None

    def __contains__(self, name: object) -> bool:
        """Whether the name is registered."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        """Names in the order of registration."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Number of entries."""
        return len(self._entries)
