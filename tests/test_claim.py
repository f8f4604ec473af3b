"""What a claim must say before it is measured: words, a source, thresholds that can decide."""

import math

import pytest

from toy.lab.claim import claim

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
