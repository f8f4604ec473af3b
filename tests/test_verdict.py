"""What decides a claim: intervals alone, and how often they decide wrongly, over parts and looks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy.lab.claim import Claim
from toy.lab.claims import Outcome
from toy.lab.verdict import ERROR, FAILS, HOLDS, NOTHING, POWER, UNDECIDED, Bound, Part, judged, verdict
from toy.uncertainty import doubt, interval, needed, power

FINITE = st.floats(-10, 10, allow_nan=False)
ORDER = (FAILS, UNDECIDED, HOLDS)


def part(values, **bound):
    return Part("", np.asarray(values, float), Bound(**bound))


def test_the_interval_is_students():
    mean, low, high = interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, low, high) == pytest.approx((2, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), rel=1e-6)


@given(st.lists(FINITE, min_size=2, max_size=6, unique=True), FINITE, FINITE, st.integers(1, 5))
def test_a_verdict_is_about_the_whole_interval(values, lo, hi, looks):
    lo, hi = sorted((lo, hi))
    found = replace(part(values, lo=lo, hi=hi), looks=looks)
    _, low, high = found.interval
    points = np.linspace(low, high, 101)
    if found.verdict == HOLDS:
        assert ((lo < points) & (points < hi)).all()
    elif found.verdict == FAILS:
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


def test_nothing_to_gain_is_no_failure():
    idle = replace(part([-1, -1.1], lo=0), idle="as good as true samples")
    assert (idle.verdict, idle.note, idle.decided) == (NOTHING, "as good as true samples", True)
    assert replace(part([1, 1.1], lo=0), idle="so").verdict == HOLDS
    good, bad, open_ = part([1, 1], lo=0), part([1, 1], lo=2), part([-5, 5], lo=0)
    assert verdict([good, idle]) == NOTHING
    assert verdict([good, idle, open_]) == UNDECIDED
    assert verdict([bad, idle]) == FAILS


def test_what_is_the_threshold_itself_is_not_looked_at_again():
    stuck = part([0.0, 0.0, 0.0], lo=0)
    assert (stuck.verdict, stuck.decided, stuck.note) == (UNDECIDED, True, "every seed gives the threshold itself")
    assert not part([0.0, 0.1, 0.0], lo=0).decided
    assert part([0.0, np.nan], lo=0).decided


# --- Error, over parts and looks --------------------------------------------------------------------------------------


def test_the_p_value_is_students():
    from scipy.stats import ttest_1samp

    values = np.random.default_rng(0).normal(0.4, 1, 7)
    assert doubt(values, 0.1) == pytest.approx(ttest_1samp(values, 0.1, alternative="greater").pvalue)
    assert doubt(-values, -0.1) == pytest.approx(ttest_1samp(values, 0.1, alternative="less").pvalue)


def test_a_failure_among_many_needs_more():
    alone = part([-1.0, -0.3, -0.9, -0.5], lo=0)  # p = .013
    assert alone.verdict == FAILS
    among = judged([alone, *[part([1.0, 1.1], lo=0)] * 4])[0]
    assert (among.verdict, among.note) == (UNDECIDED, "outside, but not for sure as one of 5 parts")
    # Of several that fail for sure each that is found leaves the others a larger share (Holm).
    shares = [each.rivals for each in judged([part([-9, -9.1], lo=0), part([-9, -9.2], lo=0), part([5, -5], lo=0)])]
    assert shares == [3, 2, 1]


LOOKS, PARTS, RUNS = 3, 3, 200
FIRST = 5


def looked(effects, spread, rng):
    """The verdict of a claim with these effects, held against 0, after up to three looks at ever more repetitions."""
    count = FIRST << (LOOKS - 1)
    values = rng.normal(np.array(effects)[:, None], spread, (len(effects), count))
    item = Claim("made", lambda lab: None, "here", dict.fromkeys(map(str, range(len(effects))), Bound(0)), {})
    found = None
    for look in range(LOOKS):
        some = [Part(str(i), own[: FIRST << look], Bound(0), looks=LOOKS) for i, own in enumerate(values)]
        found = Outcome(item, judged(some), FIRST << look).after(found)
        if found.decided:
            break
    return found


def test_wrong_verdicts_are_rare_looks_and_parts_included():
    """At their bounds parts are as hard to judge as can be: a verdict is wrong either way, in one of twenty claims."""
    rng = np.random.default_rng(2)
    most = ERROR * RUNS + 3 * math.sqrt(ERROR * RUNS)
    for effects in ([0.0] * PARTS, [0.0, 5.0, 5.0], [0.0]):
        verdicts = [looked(effects, 1.0, rng).verdict for _ in range(RUNS)]
        assert sum(found != UNDECIDED for found in verdicts) <= most
        for wrong in (HOLDS, FAILS):
            assert verdicts.count(wrong) <= most / 2 + 3


def test_all_looks_intervals_hold_the_effect():
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(RUNS):
        values = rng.normal(0, 1, FIRST << (LOOKS - 1))
        ends = [replace(part(values[: FIRST << look], lo=0), looks=LOOKS).interval[1:] for look in range(LOOKS)]
        missed += any(low > 0 or high < 0 for low, high in ends)
    assert missed <= ERROR * RUNS + 3 * math.sqrt(ERROR * RUNS)


def test_what_was_decided_is_not_looked_at_again():
    rng = np.random.default_rng(4)
    found = looked([5.0, 0.3, -5.0], 1.0, rng)
    assert [len(each.values) for each in found.parts][::2] == [FIRST, FIRST]
    assert len(found.parts[1].values) > FIRST
    assert (found.parts[0].verdict, found.parts[2].verdict, found.verdict) == (HOLDS, FAILS, FAILS)


# --- Power ------------------------------------------------------------------------------------------------------------


def test_power_is_how_often_it_is_decided():
    rng = np.random.default_rng(5)
    for distance, count, level in ((0.5, 20, 0.025), (1.5, 5, 0.00625)):
        draws = rng.normal(distance, 1, (4000, count))
        share = np.mean([doubt(values, 0) <= level for values in draws[:1000]])
        assert power(distance, count, level) == pytest.approx(share, abs=0.05)


@given(st.floats(0.1, 50), st.sampled_from([0.025, 0.00625]))
def test_as_many_as_are_needed_have_the_power_and_one_less_has_not(distance, level):
    count = needed(distance, level, POWER)
    assert power(distance, count, level) >= POWER
    assert count == 2 or power(distance, count - 1, level) < POWER


def test_no_number_is_needed_where_none_helps():
    assert math.isinf(needed(0.0, 0.025, POWER))
    assert math.isinf(needed(1e-6, 0.025, POWER))
    assert math.isnan(power(1.0, 1, 0.025))
    assert part([1.0, 1.0], lo=0).needed == 2
    assert part([0.0, 0.0], lo=0).power == pytest.approx(0.025)
    wide = part([-1.0, 1.0, 0.1], lo=0)
    assert wide.power < 0.1
    assert wide.needed > 100
