"""Galashov et al., "Learn to Guide Your Diffusion Model", their introductory example on a mixture of Gaussians.

Guidance corrects a model that is not perfect: weight makes a well-trained one worse and an under-trained one better.
The abstract and summaries were read, not the details of the mixture: three Gaussians, one a class, and what counts as
well or under-trained, are this project's reading. Their distance is an MMD of distances, which is the energy distance.
"""

from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import WEIGHTS

SOURCE = "Galashov et al. 2025, arXiv:2510.00815"
DISTANCE = "energy_distance"
SHIFT = 0.0006
WHY = "0.0006 is what it costs to move all samples of one of three Gaussians by a tenth of its standard deviation."


@claim(
    source=SOURCE,
    above={"exact scores, harm": SHIFT, "well-trained, harm": SHIFT, "under-trained, gain": SHIFT},
    unit="energy distance, in lengths",
    on="gaussians",
    why=WHY,
    limits="Which weight is best at which training, or anything about weights that depend on the noise level.",
)
def weight_hurts_the_well_trained_and_helps_the_under_trained(lab: Lab) -> Effect:
    """More guidance weight hurts a well-trained model and helps an under-trained one.

    Energy distance of the samples of CFG to true ones. Harm is that at w = 3 less that without guidance: with exact
    scores, and with networks of width 32 after 512 iterations in both roles. Gain is that without guidance less that at
    the best of w = 1.5, 2 and 3, for each seed the best for the others, after 64 iterations.
    """

    def cast(main: str, every: str) -> dict[str, str]:
        return {"main": main, "unconditional": every}

    exact, well, under = cast("exact:A", "exact:AB"), cast("A32@512", "AB32@512"), cast("A32@64", "AB32@64")
    return {
        "exact scores, harm": lab.measure(DISTANCE, "cfg", w=3.0, **exact)
        - lab.measure(DISTANCE, "cfg", w=1.0, **exact),
        "well-trained, harm": lab.measure(DISTANCE, "cfg", w=3.0, **well) - lab.measure(DISTANCE, "cfg", w=1.0, **well),
        "under-trained, gain": lab.measure(DISTANCE, "cfg", w=1.0, **under)
        - lab.best(DISTANCE, "cfg", WEIGHTS, **under),
    }


@claim(
    source=SOURCE,
    above=SHIFT,
    unit="energy distance, in lengths",
    exact=True,
    on="gaussians",
    why=WHY,
    limits="That trainings that are too short leave such a model: the share of other classes is set here.",
)
def weight_helps_a_model_that_mixes_classes(lab: Lab) -> Effect:
    """Guidance weight helps a conditional model that has not yet learnt to tell the classes apart.

    Another reading of under-trained, without networks: the main model is the exact density of class A with a fifth of
    the other classes in it, the unconditional one is exact. Energy distance of its samples to true ones of class A,
    less that of CFG at the best of w = 1.5, 2 and 3, for each seed the best for the others.
    """
    mixed = {"main": "exact:A~label_mixing=0.2"}
    return lab.measure(DISTANCE, "cfg", w=1.0, **mixed) - lab.best(DISTANCE, "cfg", WEIGHTS, **mixed)
