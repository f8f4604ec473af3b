"""Statements about guidance as functions that measure what would decide them.

A claim is one function of a ``Lab``. It returns its effect, one number a seed, [seeds], or, where several parts are all
necessary, such numbers by part. The decorator says whose statement it is and where the effect must lie for it to hold;
the docstring's first sentence is the statement, the rest how it is measured. ``toy.lab.verdict`` says what decides.
"""

import importlib.util
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from toy import distributions
from toy.lab.verdict import Bound
from toy.settings import Refused

if TYPE_CHECKING:
    from toy.lab.laboratory import Lab

Effect = np.ndarray | Mapping[str, np.ndarray]


# --- Claims -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A statement, who made it, and the function that measures the effect which decides it.

    ``bounds`` by part; a claim of one part calls it ''. ``why`` argues the bounds, ``limits`` says what a verdict does
    not say. ``exact``: every role is played by an exact density, and the seeds are of sampling alone. ``on`` are the
    distributions that it is measured on unless another is asked for, '' the tree; without ``elsewhere`` it means
    nothing on another. The thresholds of the parts that are ``lengths`` are in the scale of each distribution.
    ``guides`` of each main model are enough for it, where a full run has more.
    """

    name: str
    function: Callable[["Lab"], Effect]
    source: str
    bounds: Mapping[str, Bound]
    units: Mapping[str, str]
    exact: bool = False
    why: str = ""
    limits: str = ""
    on: tuple[str, ...] = ("",)
    elsewhere: bool = True
    guides: int | None = None
    lengths: tuple[str, ...] = ()

    def places(self, wanted: Sequence[str] = ()) -> list[str]:
        """The distributions that it is measured on, where these are ``wanted``."""
        return [on for on in wanted if self.elsewhere or on in self.on] if wanted else list(self.on)

    def at(self, on: str) -> "Claim":
        """As it is judged on a distribution: a length there is to its thinnest Gaussian what it is to the tree's."""
        if not (on and self.lengths):
            return self
        ratio = distributions.of(f"{on}/A").thinnest / distributions.of("A").thinnest
        scaled = {part: self.bounds[part].scaled(ratio) for part in self.lengths}
        words = f"Lengths are {ratio:.3g} times those of the tree, as the thinnest Gaussian of {on} is to the tree's."
        return replace(self, bounds={**self.bounds, **scaled}, why=f"{self.why} {words}")

    @property
    def statement(self) -> str:
        """First paragraph of the docstring."""
        return " ".join(self._paragraphs()[0].split())

    @property
    def method(self) -> str:
        """The rest of it: how the effect is measured."""
        return "\n\n".join(" ".join(text.split()) for text in self._paragraphs()[1:])

    def _paragraphs(self) -> list[str]:
        return (inspect.getdoc(self.function) or "").split("\n\n")

    def __call__(self, lab: "Lab") -> Effect:
        """Call the function itself."""
        return self.function(lab)


Threshold = float | Mapping[str, float]


def claim(
    *,
    source: str,
    above: Threshold | None = None,
    below: Threshold | None = None,
    within: Threshold | None = None,
    unit: str | Mapping[str, str] = "",
    exact: bool = False,
    why: str = "",
    limits: str = "",
    on: str | Sequence[str] = distributions.USUAL,
    elsewhere: bool = True,
    guides: int | None = None,
    lengths: Sequence[str] = (),
) -> Callable[[Callable[["Lab"], Effect]], Claim]:
    """Return a decorator that makes a claim of a function of a Lab.

    The effect must lie ``above`` a number, ``below`` one, or ``within`` ± one; for a claim of several parts give a
    mapping from the names of its parts. Set the threshold before looking, and say in ``why`` where it comes from. It is
    measured ``on`` the tree, or the distributions that are named; ``elsewhere`` too where that is asked for, with the
    thresholds of parts that are ``lengths`` in the scale there. Where guides are much to train, or there are none, say
    how many ``guides`` of each main model are enough.
    """

    def decorate(function: Callable[["Lab"], Effect]) -> Claim:
        name = function.__name__
        bounds = _bounds(name, above, below, within)
        if not (inspect.getdoc(function) or "").strip():
            raise ValueError(f"claim {name!r} has no docstring, whose first sentence is the statement")
        if not source.strip():
            raise ValueError(f"claim {name!r} has no source")
        units = {part: unit if isinstance(unit, str) else unit.get(part, "") for part in bounds}
        for part in lengths:
            if part not in bounds:
                raise ValueError(f"claim {name!r} has no threshold for part {part!r}, which is said to be a length")
        places = tuple(distributions.canonical(place) for place in ([on] if isinstance(on, str) else on))
        given = (exact, why, limits, places, elsewhere, guides, tuple(lengths))
        return Claim(name, function, source, bounds, units, *given)

    return decorate


def _bounds(name: str, above: Threshold | None, below: Threshold | None, within: Threshold | None) -> dict[str, Bound]:
    """The bounds by part; ValueError unless every part has one threshold, a finite number."""
    kinds: tuple[tuple[Threshold | None, Callable[[float], Bound]], ...] = (
        (above, lambda t: Bound(lo=t)),
        (below, lambda t: Bound(hi=t)),
        (within, lambda t: Bound(-t, t)),
    )
    found: dict[str, Bound] = {}
    for given, bound in kinds:
        for part, number in (given if isinstance(given, Mapping) else {} if given is None else {"": given}).items():
            if part in found:
                raise ValueError(f"claim {name!r} has two thresholds for part {part!r}")
            if not _is_finite(number):
                raise ValueError(f"threshold {number} of claim {name!r} is not a finite number")
            found[part] = bound(float(number))
            if found[part].lo >= found[part].hi:
                raise ValueError(f"within = {number} of claim {name!r} is not a number above 0")
    if not found or ("" in found and len(found) > 1):
        raise ValueError(f"claim {name!r} needs above, below or within: one number, or numbers by the names of parts")
    return found


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and math.isfinite(number)


def claims_of(module: ModuleType) -> dict[str, Claim]:
    """The claims that a module makes, by name, in its order; not those that it imports."""
    found = [item for item in vars(module).values() if isinstance(item, Claim)]
    return {item.name: item for item in found if item.function.__module__ == module.__name__}


def load(path: str | Path) -> dict[str, Claim]:
    """The claims in a Python file, which is run; ValueError, one sentence, where that fails or there is none."""
    path = Path(path)
    if not (path.is_file() and path.suffix == ".py"):
        raise ValueError(f"claims file {str(path)!r} is no Python file that exists")
    spec = importlib.util.spec_from_file_location(f"claims_in_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's file may raise
        raise ValueError(f"claims file {str(path)!r} failed: {sentence(error)}") from None
    found = claims_of(module)
    if not found:
        raise ValueError(f"claims file {str(path)!r} has no claim: a function of a Lab under @claim(...)")
    return found


def chosen(names: Sequence[str], have: Mapping[str, Claim]) -> list[Claim]:
    """Claims by name, all without names; ValueError lists what there is."""
    for name in names:
        if name not in have:
            raise ValueError(f"unknown claim {name!r}; have: {', '.join(have)}")
    return [have[name] for name in dict.fromkeys(names)] if names else list(have.values())


ARXIV = re.compile(r"\d{4}\.\d{5}")


def of_paper(text: str, have: Mapping[str, Claim]) -> list[str]:
    """Names of the claims whose source is a paper, by its arXiv number; ValueError lists what papers there are."""
    papers = {name: ARXIV.findall(item.source) for name, item in have.items()}
    wanted = ARXIV.search(text)
    found = [name for name, numbers in papers.items() if wanted and wanted[0] in numbers]
    if not found:
        known = ", ".join(sorted({number for numbers in papers.values() for number in numbers}))
        raise ValueError(f"no claim is of paper {text!r}; have, by arXiv number: {known}")
    return found


def sentence(error: BaseException) -> str:
    """An error in one line, with its kind where that says more."""
    lines = str(error).splitlines() or [""]
    return lines[0] if type(error) in (ValueError, Refused) else f"{type(error).__name__}: {lines[0]}"
