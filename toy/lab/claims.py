"""Claims put to the test, measured together, each with its verdict. Files of claims import what they need here."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toy.lab.claim import Claim, Effect, Part, claim, claims_of, sentence, verdict
from toy.lab.laboratory import FULL, QUICK, Lab, Record, Size
from toy.lab.store import Owner, Store
from toy.progress import Report

__all__ = [
    "FULL", "QUICK", "Claim", "Effect", "Findings", "Lab", "Outcome", "Size", "claim", "outcome", "parts_of",
    "published", "run",
]  # fmt: skip


def published() -> dict[str, Claim]:
    """The claims of the literature, by name."""
    from toy.lab.published import causes, outcomes

    return claims_of(outcomes) | claims_of(causes)


@dataclass(frozen=True)
class Outcome:
    """What became of a claim: its parts, over how many ``seeds``, with notes on choices that were made."""

    claim: Claim
    parts: tuple[Part, ...]
    seeds: int
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Of all parts together."""
        return verdict(self.parts)


@dataclass(frozen=True)
class Findings:
    """The outcomes of claims measured at one size, and the seconds that it took, trainings included."""

    size: Size
    outcomes: tuple[Outcome, ...]
    seconds: float = field(default=0.0, compare=False)


def run(
    claims: Sequence[Claim], size: Size = FULL, *, report: Report | None = None, kept: tuple[Store, Owner] | None = None
) -> Findings:
    """Put claims to the test. Networks that are not there are trained first, all in one go, and kept.

    Claims are called twice: first with NaN for every number, to learn all that has to be trained and sampled. What a
    store has ``kept`` is not measured again. ValueError names a claim that asks for what there is
    not, before anything is trained.
    """
    began = time.perf_counter()
    record = Record()
    record.planning = True
    for item in claims:
        lab = Lab(size, exact=item.exact, record=record)
        try:
            parts_of(item, item(lab), lab.seeds)
        except (Exception, SystemExit) as error:  # whatever a user's function may raise
            raise ValueError(f"claim {item.name!r} cannot be measured: {sentence(error)}") from None
    record.planning = False
    record.answer(record.planned, kept, report)
    outcomes = tuple(outcome(item, Lab(size, exact=item.exact, record=record)) for item in claims)
    return Findings(size, outcomes, time.perf_counter() - began)


def outcome(item: Claim, lab: Lab) -> Outcome:
    """Measure one claim. An error that numbers alone bring about leaves it undecided, with a note."""
    try:
        return Outcome(item, parts_of(item, item(lab), lab.seeds), lab.seeds, tuple(lab.notes))
    except (Exception, SystemExit) as error:  # after minutes of measuring: what the other claims found must not be lost
        blank = {part: np.full(lab.seeds, np.nan) for part in item.bounds}
        return Outcome(item, parts_of(item, blank, lab.seeds), lab.seeds, (f"failed: {sentence(error)}",))


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
