"""Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis", their classifier guidance alone.

The abstract was read: guidance by the gradients of a classifier trades diversity for fidelity. Three Gaussians that
overlap stand in for images, the exact posterior for the classifier.
"""

from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import TENTH, traded


@claim(
    source="Dhariwal and Nichol 2021, arXiv:2105.05233",
    above={"surer of the class": TENTH, "in a smaller area": TENTH},
    unit={"surer of the class": "probability", "in a smaller area": "of the area"},
    exact=True,
    on="gaussians:distance=2",
    elsewhere=False,
    why="A tenth of the probability, or of the area, is a change that the eye sees.",
    limits="What a classifier that was trained does, whose gradients may be none that a person would see.",
)
def classifier_scale_trades_diversity_for_fidelity(lab: Lab) -> Effect:
    """Gradients of a classifier, scaled up, trade diversity for fidelity.

    The exact score of all classes with the posterior's gradient times 4, against times 1, which is the conditional
    score: by how much larger the mean posterior of the class is, and by what share the area of the samples is smaller,
    the square root of the determinant of their covariance.
    """
    (sure, area), (surer, smaller) = (traded(lab, "classifier_guidance", scale=v) for v in (1.0, 4.0))
    return {"surer of the class": surer - sure, "in a smaller area": 1 - smaller / area}
