"""What decides a claim: t tests of its parts against their bounds, at levels that make a wrong verdict rare.

A part holds where its effect is shown to be within the bounds, and does not where it is shown to be outside, each by
one-sided t tests; else it is undecided. A claim holds where all its parts do, which needs no correction, and does not
where one does not, for which Holm's (1979) gives each part its share of the error. Where one may look several times, as
repetitions are added, each look has its share of it too (Bonferroni): so at most 2.5% of the claims whose effect is
at its bound are said to hold, and 2.5% not to, whenever one stops. The intervals that are shown are those of a look:
95% of the time the effect is in all of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from toy.uncertainty import CONFIDENCE, doubt, interval, needed, power

HOLDS, FAILS, UNDECIDED, NOTHING = "holds", "does not hold", "undecided", "nothing to gain"
ERROR = 1 - CONFIDENCE
POWER = 0.8  # for which the number of repetitions is told


@dataclass(frozen=True)
class Bound:
    """Where an effect must lie for a claim to hold: strictly between ``lo`` and ``hi``."""

    lo: float = -math.inf
    hi: float = math.inf

    def scaled(self, ratio: float) -> "Bound":
        """Both ends times a number above 0."""
        return Bound(self.lo * ratio, self.hi * ratio)

    def __str__(self) -> str:
        """As in a table: '> 0.01', '< 0.1', 'from -0.02 to 0.02'."""
        if math.isinf(self.hi):
            return f"> {self.lo:.3g}"
        return f"< {self.hi:.3g}" if math.isinf(self.lo) else f"from {self.lo:.3g} to {self.hi:.3g}"


@dataclass(frozen=True)
class Part:
    """What was measured of one part of a claim: ``values`` [seeds], and the bound that they are held against.

    The numbers are looked at once in up to ``looks`` times, and its failure is one of ``rivals`` that are tested.
    ``idle`` says why there is nothing to gain, where the numbers before are as good as true ones.
    """

    name: str
    values: np.ndarray
    bound: Bound
    unit: str = ""
    looks: int = 1
    rivals: int = 1
    idle: str = ""

    @property
    def level(self) -> float:
        """Of a one-sided test."""
        return ERROR / 2 / self.looks

    @cached_property
    def interval(self) -> tuple[float, float, float]:
        """Mean, and the ends of its interval: with others of the same part, at other looks, right in 95% of cases."""
        return interval(self.values, 1 - 2 * self.level)

    @cached_property
    def outside(self) -> float:
        """p-value of the effect being outside of the bounds."""
        return min(doubt(-self.values, -self.bound.lo), doubt(self.values, self.bound.hi))

    @cached_property
    def inside(self) -> float:
        """p-value of the effect being within the bounds."""
        return max(doubt(self.values, self.bound.lo), doubt(-self.values, -self.bound.hi))

    @property
    def verdict(self) -> str:
        """Of this part."""
        if self.inside <= self.level:
            return HOLDS
        if self.idle:
            return NOTHING
        return FAILS if self.outside <= self.level / self.rivals else UNDECIDED

    @property
    def decided(self) -> bool:
        """Whether more repetitions would change nothing: also where a number is lost, or all are the bound itself."""
        return self.verdict != UNDECIDED or not np.isfinite(self.values).all() or self._at_bound

    @property
    def _at_bound(self) -> bool:
        return len(self.values) > 1 and len({self.bound.lo, self.bound.hi, *self.values}) == 2

    @property
    def power(self) -> float:
        """Probability that as many repetitions decide, were effect and spread what they are here."""
        distance, level = self._clearance()
        return power(distance, len(self.values), level)

    @property
    def needed(self) -> float:
        """Repetitions that would decide with probability 80%, were effect and spread what they are here."""
        distance, level = self._clearance()
        return needed(distance, level, POWER)

    def _clearance(self) -> tuple[float, float]:
        """How far the mean is from the bound that it would have to be told from, in deviations; level of that test."""
        if len(self.values) < 2 or not np.isfinite(self.values).all():
            return math.nan, self.level
        mean, spread = float(self.values.mean()), float(self.values.std(ddof=1))
        distance = min(mean - self.bound.lo, self.bound.hi - mean)
        level = self.level if distance > 0 else self.level / self.rivals
        if spread == 0:
            return math.inf if distance else 0.0, level
        return abs(distance) / spread, level

    @property
    def note(self) -> str:
        """Why there is no interval, or none that decides, or nothing to gain; empty as a rule."""
        lost = int(np.sum(~np.isfinite(self.values)))
        if lost:
            return f"{lost} of {len(self.values)} seeds gave no finite number"
        if self._at_bound:
            return "every seed gives the threshold itself"
        if self.verdict == UNDECIDED and self.outside <= self.level:
            return f"outside, but not for sure as one of {self.rivals} parts"
        return "one seed has no interval" if len(self.values) == 1 else self.idle


def judged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of a claim, each with as many ``rivals`` as Holm's procedure gives it among these."""
    found, left = list(parts), len(parts)
    for i in sorted(range(len(parts)), key=lambda i: parts[i].outside):
        found[i] = replace(parts[i], rivals=left)
        left -= found[i].verdict == FAILS
    return tuple(found)


def verdict(parts: Sequence[Part]) -> str:
    """Of a claim whose parts are all necessary: holds if all do, does not if one does not.

    With nothing to gain for one, and no other undecided, there is nothing to gain.
    """
    found = {part.verdict for part in parts}
    if FAILS in found:
        return FAILS
    if found == {HOLDS}:
        return HOLDS
    return NOTHING if NOTHING in found and found <= {HOLDS, NOTHING} else UNDECIDED
