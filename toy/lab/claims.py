"""Claims put to the test, measured together, each with its verdict. Files of claims import what they need here."""

import importlib
import pkgutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toy import distributions
from toy.lab.claim import Claim, Effect, Part, claim, claims_of, sentence, verdict
from toy.lab.laboratory import FULL, QUICK, Lab, Record, Size
from toy.lab.store import Owner, Store
from toy.progress import Report

__all__ = [
    "FULL", "QUICK", "Claim", "Effect", "Findings", "Lab", "Outcome", "Size", "claim", "outcome", "papers",
    "parts_of", "published", "run",
]  # fmt: skip


def published() -> dict[str, Claim]:
    """The claims of the literature about the paper's tree, by name."""
    from toy.lab.published import causes, outcomes

    return claims_of(outcomes) | claims_of(causes)


def papers() -> dict[str, Claim]:
    """The claims of single papers on their own distributions, by name: each file in the folder is one paper."""
    from toy.lab.published import papers as folder

    names = [f"{folder.__name__}.{found.name}" for found in pkgutil.iter_modules(folder.__path__)]
    return {name: item for module in map(importlib.import_module, names) for name, item in claims_of(module).items()}


@dataclass(frozen=True)
class Outcome:
    """What became of a claim ``on`` a distribution: its parts, over how many ``seeds``, with notes on choices made."""

    claim: Claim
    parts: tuple[Part, ...]
    seeds: int
    notes: tuple[str, ...] = ()
    on: str = ""

    @property
    def verdict(self) -> str:
        """Of all parts together."""
        return verdict(self.parts)


@dataclass(frozen=True)
class Findings:
    """The outcomes of claims measured at one size, and the seconds that it took, trainings included.

    ``skipped`` says in a sentence each what has no meaning on a distribution that was asked for.
    """

    size: Size
    outcomes: tuple[Outcome, ...]
    seconds: float = field(default=0.0, compare=False)
    skipped: tuple[str, ...] = ()


def run(
    claims: Sequence[Claim],
    size: Size = FULL,
    *,
    on: Sequence[str] = (),
    report: Report | None = None,
    kept: tuple[Store, Owner] | None = None,
) -> Findings:
    """Put claims to the test, each on its own distributions, or ``on`` others. Networks that are not there are trained
    first, all in one go, and kept.

    Claims are called twice: first with NaN for every number, to learn all that has to be trained and sampled. What a
    store has ``kept`` is not measured again. ValueError names a claim that asks for what there is
    not, before anything is trained, and says so where no claim has a meaning on what was asked for.
    """
    began = time.perf_counter()
    record, wanted = Record(), []
    skipped: dict[str, list[str]] = {}
    record.planning = True
    for item in claims:
        places = item.places([distributions.canonical(name) for name in on])
        if not places:
            skipped[f"{item.name}, which is about {_listed(item.on)} alone"] = []
        for place in places:
            lab = Lab(size, exact=item.exact, record=record, on=place)
            try:
                parts_of(item, item(lab), lab.seeds)
            except (Exception, SystemExit) as error:  # whatever a user's function may raise
                where = f" on {place}" if place else ""
                raise ValueError(f"claim {item.name!r} cannot be measured{where}: {sentence(error)}") from None
            if lab.lacks and not lab.asked:
                skipped.setdefault(f"{item.name}, for want of {' and '.join(lab.lacks)} on ", []).append(place)
            else:
                wanted.append((item, place))
    sentences = tuple(words + _listed(places) for words, places in skipped.items())
    if not wanted and sentences:
        raise ValueError(f"nothing to measure on {_listed(on)}: {'; '.join(sentences)}")
    record.planning = False
    record.answer(record.planned, kept, report)
    outcomes = tuple(outcome(item, Lab(size, exact=item.exact, record=record, on=place)) for item, place in wanted)
    return Findings(size, outcomes, time.perf_counter() - began, sentences)


def _listed(places: Sequence[str]) -> str:
    """Distributions by name, in words."""
    return ", ".join(place or distributions.USUAL for place in places)


def outcome(item: Claim, lab: Lab) -> Outcome:
    """Measure one claim. An error that numbers alone bring about leaves it undecided, with a note.

    Parts that have no meaning on the laboratory's distribution are left out, with a note.
    """
    try:
        parts = parts_of(item, item(lab), lab.seeds)
    except (Exception, SystemExit) as error:  # after minutes of measuring: what the other claims found must not be lost
        blank = {part: np.full(lab.seeds, np.nan) for part in item.bounds}
        return Outcome(item, parts_of(item, blank, lab.seeds), lab.seeds, (f"failed: {sentence(error)}",), lab.on)
    lost = [part.name for part in parts if part.name and lab.lacks and np.isnan(part.values).all()]
    if lost:
        lab.notes.append(f"left out for want of {' and '.join(lab.lacks)}: {', '.join(lost)}")
    return Outcome(item, tuple(part for part in parts if part.name not in lost), lab.seeds, tuple(lab.notes), lab.on)


def parts_of(item: Claim, effect: Effect, seeds: int) -> tuple[Part, ...]:
    """The parts of an effect; ValueError unless they are those of the bounds, each [seeds]."""
    given = effect if isinstance(effect, Mapping) else {"": effect}
    if set(given) != set(item.bounds):
        have, want = (", ".join(names) or "none" for names in (given, item.bounds))
        raise ValueError(f"it returned the parts {have} where its thresholds are for {want}")
    found = []
    for name, bound in item.bounds.items():
        values = np.asarray(given[name], float)
        if values.shape != (seeds,):
            raise ValueError(f"it returned numbers of shape {values.shape} where one a seed makes {(seeds,)}")
        found.append(Part(name, values, bound, item.units[name]))
    return tuple(found)
