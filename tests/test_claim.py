"""What decides a claim: intervals alone, against thresholds that can decide."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy.lab.claim import FAILS, HOLDS, UNDECIDED, Bound, Part, claim, verdict
from toy.uncertainty import interval

FINITE = st.floats(-10, 10, allow_nan=False)
ORDER = (FAILS, UNDECIDED, HOLDS)


def part(values, **bound):
    return Part("", np.asarray(values, float), Bound(**bound))


# --- Verdicts ---------------------------------------------------------------------------------------------------------


def test_the_interval_is_students():
    mean, low, high = interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, low, high) == pytest.approx((2, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), rel=1e-6)


@given(low=FINITE, high=FINITE, lo=FINITE, hi=FINITE)
def test_a_verdict_is_about_the_whole_interval(low, high, lo, hi):
    low, high = sorted((low, high))
    lo, hi = sorted((lo, hi))
    found = Bound(lo, hi).verdict(low, high)
    points = np.linspace(low, high, 101)
    if found == HOLDS:
        assert ((lo < points) & (points < hi)).all()
    elif found == FAILS:
        assert ((points < lo) | (points > hi)).all()
    else:
        assert low <= lo <= high or low <= hi <= high


@given(st.lists(FINITE, min_size=2, max_size=6), FINITE, FINITE)
def test_a_higher_threshold_is_never_easier(values, one, other):
    easy, hard = sorted((one, other))
    assert ORDER.index(part(values, lo=hard).verdict) <= ORDER.index(part(values, lo=easy).verdict)
    assert ORDER.index(part(values, hi=easy).verdict) <= ORDER.index(part(values, hi=hard).verdict)


@given(st.lists(FINITE, min_size=2, max_size=6), FINITE)
def test_above_and_below_are_opposite(values, threshold):
    above, below = part(values, lo=threshold).verdict, part(values, hi=threshold).verdict
    assert ORDER.index(above) + ORDER.index(below) == 2


@given(st.lists(FINITE, min_size=2, max_size=6), st.floats(0.001, 10))
def test_within_is_above_and_below(values, t):
    both = verdict([part(values, lo=-t), part(values, hi=t)])
    within = part(values, lo=-t, hi=t).verdict
    assert (within == HOLDS) == (both == HOLDS)
    assert (within == FAILS) == (both == FAILS)


@given(FINITE, FINITE)
def test_one_seed_decides_nothing(value, threshold):
    found = part([value], lo=threshold)
    assert found.verdict == UNDECIDED
    assert "one seed" in found.note


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_lost_numbers_decide_nothing_and_are_counted(lost):
    found = part([5.0, lost, 5.0], lo=0)
    assert found.verdict == UNDECIDED
    assert found.note == "1 of 3 seeds gave no finite number"


def test_seeds_that_agree_exactly_decide_unless_they_are_the_threshold():
    assert part([1.0, 1.0], lo=0.5).verdict == HOLDS
    assert part([1.0, 1.0], lo=1.5).verdict == FAILS
    assert part([1.0, 1.0], lo=1.0).verdict == UNDECIDED


def test_all_parts_are_necessary():
    good, bad, open_ = part([1, 1], lo=0), part([1, 1], lo=2), part([-5, 5], lo=0)
    assert verdict([good, good]) == HOLDS
    assert verdict([good, open_]) == UNDECIDED
    assert verdict([good, open_, bad]) == FAILS


# --- The decorator ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({}, "needs above, below or within"),
        ({"above": 1, "below": 2}, "two thresholds"),
        ({"above": 1, "below": {"other": 2}}, "needs above, below or within"),
        ({"above": math.nan}, "threshold nan of claim 'mine' is not a finite number"),
        ({"above": "much"}, "threshold much of claim 'mine' is not a finite number"),
        ({"within": -0.1}, "within = -0.1 of claim 'mine' is not a number above 0"),
    ],
)
def test_thresholds_that_cannot_decide_are_refused(thresholds, message):
    with pytest.raises(ValueError, match=message):

        @claim(source="here", **thresholds)
        def mine(lab):
            """Something is so."""


def test_a_claim_needs_words_and_a_source():
    with pytest.raises(ValueError, match="claim 'mute' has no docstring"):

        @claim(source="here", above=0)
        def mute(lab):
            return 0

    with pytest.raises(ValueError, match="claim 'rumour' has no source"):

        @claim(source=" ", above=0)
        def rumour(lab):
            """Something is so."""
