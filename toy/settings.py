"""One declaration for whatever can be set: what is legal, what it is unless one says otherwise, what it means.

A rule's knobs are declared by its signature, settings by the annotated fields of a dataclass (``declared``) or in a
table (``table``). From either come the check with its sentence of error, links and flags, and widgets.
"""

import math
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints


class Refused(ValueError):
    """A value that is not legal, in one sentence; ``names`` are the settings that it is about, the first gives way."""

    def __init__(self, words: str, *names: str) -> None:
        """Say why, and of what."""
        super().__init__(words)
        self.names = names


Turned = float | tuple[float, ...]  # what a knob is set to


class _Told:
    """What a person is told of a setting; each kind says in its own place."""

    label: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Setting(_Told):
    """Something that can be set, by its name; the kinds below say to what."""

    name: str = ""
    default: Any = None  # what ``check`` returns

    def check(self, value: object) -> Any:
        """Return the value, read from text where it is text; Refused names the value and what is allowed."""
        raise NotImplementedError

    @property
    def legal(self) -> str:
        """What is allowed, in words for a flag's help; empty where the help says it."""
        return ""

    def refused(self, value: object, allowed: str) -> Refused:
        """The sentence for a value that is not allowed."""
        return Refused(f"{self.name} = {value} is not {allowed}", self.name)


@dataclass(frozen=True)
class Knob(Setting):
    """A number that a user may turn, with its legal range ``lo <= value <= hi``; a vector has ``size`` of them.

    ``neutral`` is set on guidance weights: the value at which the rule does nothing. A schedule moves
    such a knob between its neutral and its set value. ``whole`` ones are int.
    """

    lo: float
    hi: float
    step: float
    label: str
    help: str
    neutral: float | None = None
    log: bool = False
    size: int = 0
    whole: bool = False

    @property
    def legal(self) -> str:
        """The range."""
        return f"{short(self.lo)} to {short(self.hi)}"

    @property
    def allowed(self) -> str:
        """What the value may be."""
        return f"{'a whole number' if self.whole else 'a number'} from {self.legal}"

    @property
    def parts(self) -> tuple[str, ...]:
        """A name for each number: the knob's own, or share1 to share32 of a vector ``share``."""
        return tuple(f"{self.name}{i + 1}" for i in range(self.size)) or (self.name,)

    def filled(self, number: float) -> Turned:
        """A value of the knob that is this number, everywhere."""
        return (number,) * self.size if self.size else number

    def within(self, number: float, digits: int = 6) -> float:
        """The legal number that is nearest, to so many digits."""
        return float(f"{min(max(number, self.lo), self.hi):.{digits}g}")

    def spelled(self, value: Turned) -> dict[str, float]:
        """The numbers of a value by ``parts``."""
        return dict(zip(self.parts, value if isinstance(value, tuple) else (value,), strict=True))

    def check(self, value: object) -> Any:
        """Return ``value`` as a number within the range, or a tuple of them; Refused names the value and the range.

        A vector is taken as a sequence or as text, its numbers separated by commas.
        """
        if not self.size:
            return self._number(self.name, value)
        numbers = listed(value) if isinstance(value, str) else value
        if not isinstance(numbers, Iterable) or len(numbers := tuple(numbers)) != self.size:
            many = len(numbers) if isinstance(numbers, tuple) else value
            words = f"{self.name} is {self.size} numbers separated by commas, not {many}"
            raise Refused(words, self.name)
        return tuple(map(self._number, self.parts, numbers))

    def take(self, values: dict[str, Any], usual: object) -> Any:
        """The knob's value of those by name, checked; they are taken out. A part says more than the whole."""
        whole = self.check(values.pop(self.name, usual))
        if not self.size:
            return whole
        return self.check([values.pop(part, number) for part, number in self.spelled(whole).items()])

    def _number(self, name: str, value: Any) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):  # the last: an integer of 400 digits
            number = math.nan
        if self.lo <= number <= self.hi and (not self.whole or number == int(number)):  # also catches NaN
            return int(number) if self.whole else number
        raise Refused(f"{name} = {value} is not {self.allowed}", name)


@dataclass(frozen=True)
class Choice(Setting):
    """One of ``options``, which may be a registry: they are looked at when asked. ``noun`` is what one is called."""

    options: Collection[object]
    label: str
    help: str
    noun: str = ""

    @property
    def legal(self) -> str:
        """The options."""
        return ", ".join(map(text, self.options))

    def check(self, value: object) -> Any:
        """Return the option that was named."""
        for option in self.options:
            if text(value) == text(option) and not isinstance(value, bool | list | tuple):
                return option
        if not all(isinstance(option, str) for option in self.options):
            raise self.refused(text(value), f"one of {self.legal}")
        if not isinstance(value, str):
            raise self.refused(value, "a word")
        raise Refused(f"unknown {self.noun or self.name} {text(value)!r}; have: {self.legal}", self.name)


@dataclass(frozen=True)
class Several(Setting):
    """Some of ``options``, 1 to ``most`` of them, as they are given or, where ``ordered``, as the options are."""

    options: Collection[str]
    label: str
    help: str
    noun: str = ""
    most: int = 100
    ordered: bool = False

    @property
    def legal(self) -> str:
        """The options."""
        return ", ".join(self.options)

    def check(self, value: object) -> list[str]:
        """Return a list."""
        parts = listed(value) if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
        for part in parts:
            if part not in self.options:
                raise Refused(f"unknown {self.noun or self.name} {str(part)!r}; have: {self.legal}", self.name)
        if not 1 <= len(parts) <= self.most:
            raise self.refused(text(value), f"1 to {self.most} of {self.legal}")
        return [option for option in self.options if option in parts] if self.ordered else parts


@dataclass(frozen=True)
class Flag(Setting):
    """On or off: 1 or 0 in links, where true and false are read too."""

    label: str
    help: str
    default: bool = field(default=False, kw_only=True)

    def check(self, value: object) -> bool:
        """Return a bool."""
        read = {"1": True, "true": True, "0": False, "false": False}
        if str(value).lower() not in read:
            raise self.refused(value, "0 or 1")
        return read[str(value).lower()]


@dataclass(frozen=True)
class Numbers(Setting):
    """A few numbers with a range each, ``form`` in words; ``named`` are values that have a name."""

    ranges: Sequence[tuple[float, float]]
    form: str
    label: str
    help: str
    named: Mapping[str, Sequence[float]] | None = None

    @property
    def legal(self) -> str:
        """The names and the form."""
        return ", ".join([*(self.named or ()), self.form])

    def check(self, value: Any) -> list[float]:
        """Return a list of floats."""
        if isinstance(value, str) and self.named and value in self.named:
            value = self.named[value]
        parts = value.split(",") if isinstance(value, str) else value
        try:
            numbers = [float(part) for part in parts]
        except (TypeError, ValueError, OverflowError):
            numbers = []
        within = (low <= number <= high for number, (low, high) in zip(numbers, self.ranges, strict=False))
        if len(numbers) != len(self.ranges) or not all(within):
            raise self.refused(text(value), self.legal)
        return numbers


@dataclass(frozen=True)
class Conditions(Setting):
    """Some conditions on numbers with a name each, 1 to ``most`` of them: NAME<NUMBER or NAME>NUMBER."""

    options: Collection[str]
    label: str
    help: str
    most: int = 4

    @property
    def legal(self) -> str:
        """The names and the form."""
        return f"1 to {self.most} of NAME<NUMBER or NAME>NUMBER, with {', '.join(self.options)}"

    def check(self, value: object) -> list[str]:
        """Return a list of texts, as they were written."""
        parts = listed(value) if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
        form = rf"(?:{'|'.join(self.options)})[<>][0-9]{{1,4}}(?:\.[0-9]{{1,4}})?"
        if not 1 <= len(parts) <= self.most or not all(re.fullmatch(form, str(part)) for part in parts):
            raise self.refused(text(value), self.legal)
        return [str(part) for part in parts]


@dataclass(frozen=True)
class Word(Setting):
    """Any text."""

    label: str
    help: str
    default: str = field(default="", kw_only=True)

    def check(self, value: object) -> str:
        """Return the text."""
        if not isinstance(value, str):
            raise self.refused(value, "a word")
        return value


# --- Declarations -----------------------------------------------------------------------------------------------------

S = TypeVar("S", bound=Setting)


def setting_of(hint: object, kind: type[S]) -> S | None:
    """The declaration of a kind that an annotation carries, if it does."""
    found = [part for part in get_args(hint) if isinstance(part, kind)] if get_origin(hint) is Annotated else []
    return found[0] if found else None


@cache
def declared(owner: type) -> Mapping[str, Setting]:
    """The settings of a dataclass by name: its annotated fields, with the fields' own defaults, which are checked."""
    hints, out = get_type_hints(owner, include_extras=True), {}
    for each in fields(owner):
        found = setting_of(hints[each.name], Setting)
        if found is not None:
            found = replace(found, name=each.name)
            usual = None if each.default in (MISSING, None) else found.check(each.default)
            out[each.name] = replace(found, default=usual)
    return out


def check(thing: Any) -> None:
    """Refuse the first field of a dataclass that its declaration does not allow; a text of a number is no number."""
    for name, setting in declared(thing.__class__).items():
        value = getattr(thing, name)
        if value is None and setting.default is None:
            continue
        if isinstance(setting, Knob) and not isinstance(value, (int,) if setting.whole else (int, float)):
            raise setting.refused(value, setting.allowed)
        setting.check(value)


def table(**settings: S) -> dict[str, S]:
    """Settings by name, each with its name."""
    return {name: replace(setting, name=name) for name, setting in settings.items()}


# --- Links and flags --------------------------------------------------------------------------------------------------


def text(value: object) -> str:
    """A value as it stands in a URL or a command: as short as it can be and still be read back the same."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | tuple):
        return ",".join(map(text, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def flags(values: Mapping[str, object]) -> str:
    """Values by name as a shell reads them."""
    return " ".join(f"--{name.replace('_', '-')} {shlex.quote(text(value))}" for name, value in values.items())


def short(value: float) -> str:
    """A bound as it is read: whole numbers with all their digits."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def listed(written: str) -> list[str]:
    """The parts of a text that are separated by commas."""
    return [part for part in map(str.strip, written.split(",")) if part]


def to_query(settings: Mapping[str, Setting], values: Mapping[str, object]) -> dict[str, str]:
    """A link's parameters: the values that are not the default, as text."""
    return {
        name: text(values[name])
        for name, setting in settings.items()
        if name in values and text(values[name]) != text(setting.default)
    }


def from_query(settings: Mapping[str, Setting], query: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """The values that a link gives, and one sentence for each that is not legal and for each that is not known."""
    values, notes = {}, []
    for name, value in query.items():
        try:
            if name not in settings:
                raise Refused(f"unknown parameter {name!r}", name)
            values[name] = settings[name].check(value)
        except Refused as error:
            notes.append(str(error))
    return values, notes
