"""Zhao and Schwing, "Studying Classifier(-Free) Guidance From a Classifier-Centric Perspective", on their toy data.

Gaussians, one a class, and the tree. The abstract and summaries were read. Near a decision
boundary, where classes are entangled, is where the true posterior is from 0.1 to 0.9: this project's reading.
"""

from functools import partial

from toy.ends import entangled_at_the_end, entangled_on_the_way
from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import TENTH

SOURCE = "Zhao and Schwing 2025, arXiv:2503.10638"
ON = ("gaussians:classes=2", "tree")


@claim(
    source=SOURCE,
    above={"CFG": 0.5, "classifier guidance": 0.5, "CFG, more at w = 4 than at w = 2": 0.0},
    unit="of the unguided samples near the boundary",
    exact=True,
    on=ON,
    why="Pushed away are most of them: more than half.",
    limits="That both guidances are the same, which they are with exact scores, or what a learned classifier does.",
)
def guidance_pushes_samples_away_from_the_decision_boundary(lab: Lab) -> Effect:
    """Classifier and classifier-free guidance push samples away from the decision boundary, more with more weight.

    By how much fewer samples end near the boundary at weight 4 than at weight 1, as a share of the latter; and by how
    much fewer under CFG at w = 4 than at w = 2. 1024 samples a seed.
    """
    near = partial(entangled_at_the_end, target=lab.target)
    none, two, four = (lab.statistic(near, "cfg", w=w, n=1024) for w in (1.0, 2.0, 4.0))
    classifier = lab.statistic(near, "classifier_guidance", scale=4.0, n=1024)
    return {
        "CFG": 1 - four / none,
        "classifier guidance": 1 - classifier / none,
        "CFG, more at w = 4 than at w = 2": (two - four) / none,
    }


@claim(
    source=SOURCE,
    above={"w = 4": TENTH, "more at w = 4 than at w = 2": 0.0},
    unit="of the unguided points near the boundary",
    exact=True,
    on=ON,
    why="At high noise every point is near the boundary, whatever guides it: a tenth is much of what can change.",
    limits="Why they are pushed: with exact scores no model's error has a part in it.",
)
def guidance_turns_trajectories_away_from_the_decision_boundary(lab: Lab) -> Effect:
    """Guidance pushes the denoising trajectories, too, away from the decision boundaries of their noise levels.

    By how much fewer points of the trajectories of CFG, over all noise levels, are near the boundary of their level at
    w = 4 than at w = 1, and than at w = 2, as a share of those at w = 1. 512 samples a seed.
    """
    near = partial(entangled_on_the_way, target=lab.target)
    none, two, four = (lab.statistic(near, "cfg", w=w, n=512) for w in (1.0, 2.0, 4.0))
    return {"w = 4": 1 - four / none, "more at w = 4 than at w = 2": (two - four) / none}
