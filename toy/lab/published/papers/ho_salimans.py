"""Ho and Salimans, "Classifier-Free Diffusion Guidance", on the three Gaussians of its Figure 2.

Three isotropic Gaussians, a class each, here two standard deviations apart so that they overlap. The figure shows the
guided density; the claim is about what the sampler draws.
"""

from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import TENTH, traded

SOURCE = "Ho and Salimans 2022, arXiv:2207.12598"


@claim(
    source=f"{SOURCE}, Figure 2",
    above={
        "surer, w = 2 over none": TENTH,
        "surer, w = 4 over w = 2": 0.0,
        "smaller, w = 2 over none": TENTH,
        "smaller, w = 4 over w = 2": TENTH,
    },
    unit={
        "surer, w = 2 over none": "probability",
        "surer, w = 4 over w = 2": "probability",
        "smaller, w = 2 over none": "of the area",
        "smaller, w = 4 over w = 2": "of the area",
    },
    exact=True,
    on="gaussians:distance=2",
    elsewhere=False,
    why="A tenth of the probability, or of the area, is a change that the eye sees in such a figure. Of a probability "
    "that is near 1 already any more will do.",
    limits="What it costs a class of several modes, or anything about learned models.",
)
def guidance_trades_variation_for_confidence(lab: Lab) -> Effect:
    """Each conditional moves away from the other classes and concentrates in a smaller region as guidance grows.

    CFG with exact scores. Surer: by how much larger the mean posterior of the class is. Smaller: by what share the area
    of the samples is, the square root of the determinant of their covariance.
    """
    surer, smaller = zip(*(traded(lab, "cfg", w=w) for w in (1.0, 2.0, 4.0)), strict=True)
    return {
        "surer, w = 2 over none": surer[1] - surer[0],
        "surer, w = 4 over w = 2": surer[2] - surer[1],
        "smaller, w = 2 over none": 1 - smaller[1] / smaller[0],
        "smaller, w = 4 over w = 2": 1 - smaller[2] / smaller[1],
    }
