"""Chidambaram et al., "What does guidance do? A fine-grained analysis in a simple setting", in that setting.

Two disjoint classes of compact support on a line, here even segments whose ends are soft by a hundredth of their
length, and ½N(1, 1) + ½N(−1, 1). Theirs is the weight beyond the conditional score: w here is theirs plus 1. The
abstract was read, and others' notes on the theorems; which finite weights are large enough is this project's reading.
"""

from functools import partial

import numpy as np

from toy.ends import share_beyond
from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import SHARE, TENTH

SOURCE = "Chidambaram et al. 2024, arXiv:2409.13074"
SEGMENTS, GAUSSIANS = "segments", "gaussians:classes=2:distance=2"
LARGEST = 8.0  # that can be set


@claim(
    source=SOURCE,
    above={"w = 2 over none": 0.05, "w = 4 over w = 2": 0.05, "w = 8": 0.5},
    unit=SHARE,
    exact=True,
    on=SEGMENTS,
    elsewhere=False,
    why="The truth has a tenth of the samples there: half as much again is more, and half of all is 'mostly'.",
    limits="How fast it goes with the weight, which the theorem says for weights that are much larger.",
)
def guidance_samples_the_boundary_of_the_support(lab: Lab) -> Effect:
    """As the weight grows, guidance samples more heavily from the boundary of the conditional's support.

    Share of the samples of CFG beyond the last tenth of class A's segment, away from class B: at w = 2 less that
    without guidance, at w = 4 less that at w = 2, and at w = 8 as it is.
    """
    none, two, four, eight = (
        lab.statistic(partial(share_beyond, at=1.4, on=SEGMENTS), "cfg", w=w) for w in (1.0, 2.0, 4.0, LARGEST)
    )
    return {"w = 2 over none": two - none, "w = 4 over w = 2": four - two, "w = 8": eight}


@claim(
    source=SOURCE,
    above={"w = 5: beyond 2": 0.5, "w = 8: beyond √7": 0.5},
    below={"w = 5: on the other side": 0.01},
    unit=SHARE,
    exact=True,
    on=GAUSSIANS,
    elsewhere=False,
    why="'With high probability' is more than half, and less than a hundredth on the other side. Of N(1, 1) itself 16% "
    "are beyond 2, 5% beyond √7 and 16% below 0.",
    limits="The rates of the theorem, of which these weights are no limit.",
)
def guidance_moves_gaussians_into_the_tail(lab: Lab) -> Effect:
    """For ½N(1, 1) + ½N(−1, 1) guidance to the first puts samples beyond √w and hardly any below 0.

    Shares of the samples of CFG. The theorem's weight is ours less 1: places are √4 at w = 5 and √7 at w = 8.
    """

    def share(w: float, at: float) -> np.ndarray:
        return lab.statistic(partial(share_beyond, at=at, on=GAUSSIANS), "cfg", w=w)

    return {
        "w = 5: beyond 2": share(5.0, 2.0),
        "w = 8: beyond √7": share(LARGEST, 7**0.5),
        "w = 5: on the other side": 1 - share(5.0, 0.0),
    }


@claim(
    source=SOURCE,
    above={"over no guidance": TENTH, "over exact scores": TENTH},
    unit=SHARE,
    on=SEGMENTS,
    elsewhere=False,
    why="A tenth of the samples is ten times what the truth has outside its 99% region.",
    limits="That smaller errors leave it at the same weight: the theorem takes one as large as the error needs.",
)
def large_weights_leave_the_support_of_a_learned_model(lab: Lab) -> Effect:
    """With any error of the scores a large enough weight samples away from the support.

    Share of samples outside the true 99% region of class A under CFG at w = 8, the largest that can be set, with
    A32@512 and AB32@512: less that without guidance, and less that with exact scores in both roles at w = 8.
    """
    learned = {"main": "A32@512", "unconditional": "AB32@512"}
    exact = {"main": "exact:A", "unconditional": "exact:AB"}
    none, large, true = (
        lab.measure("outliers", "cfg", w=w, **cast)
        for w, cast in ((1.0, learned), (LARGEST, learned), (LARGEST, exact))
    )
    return {"over no guidance": large - none, "over exact scores": large - true}
