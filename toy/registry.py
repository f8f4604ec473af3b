"""One registry for everything that can be chosen by name: rules, schedules, integrators, metrics.

A function's signature is its declaration. Positional names say what it needs, and those annotated with a role's type
are roles; keyword-only names are knobs, and a knob's annotation carries its range, step, label and help.
Sliders, command-line flags, URL keys, sweeps and the ranges that tests draw from are all made from it.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, get_type_hints

from toy.settings import Knob, Refused, setting_of


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
    types: Mapping[str, object]
    roles: tuple[str, ...]
    knobs: Mapping[str, Knob]
    ordered: tuple[str, str] | None = None

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Call the function itself."""
        return self.function(*args, **kwargs)


E = TypeVar("E", bound=Entry)
F = TypeVar("F", bound=Callable[..., object])


class Registry(Mapping[str, E], Generic[E]):
    """Entries of one kind by name; ``registry[name]`` raises a KeyError-free, one-sentence ValueError."""

    def __init__(self, kind: str, entry: type[E], *, roles: tuple[object, ...] = ()) -> None:
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
                found = setting_of(hint, Knob)
                if found is None:
                    raise TypeError(f"{self.kind} {key!r}: knob {parameter.name!r} needs an Annotated Knob")
                if parameter.default is parameter.empty:
                    raise TypeError(f"{self.kind} {key!r}: knob {parameter.name!r} needs a default")
                knob = replace(found, name=parameter.name)
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

    def remove(self, name: str) -> None:
        """Take an entry out again, so that a notebook may define its function anew."""
        self._entries.pop(self[name].name)

    def __getitem__(self, name: str) -> E:
        """Return the entry; a ValueError lists the legal names."""
        try:
            return self._entries[name]
        except KeyError:
            raise Refused(f"unknown {self.kind} {name!r}; have: {', '.join(self)}", self.kind) from None

    def __contains__(self, name: object) -> bool:
        """Whether the name is registered."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        """Names in the order of registration."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Number of entries."""
        return len(self._entries)
