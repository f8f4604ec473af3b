"""Galashov et al., "Learn to Guide Your Diffusion Model", their introductory example on a mixture of Gaussians.

Guidance corrects a model that is not perfect: weight makes a well-trained one worse and an under-trained one better.
The abstract and summaries were read, not the details of the mixture: three Gaussians, one a class, and what counts as
well or under-trained, are this project's reading. Their distance is an MMD of distances, which is the energy distance.
"""

from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import WEIGHTS

SHIFT = 0.0006


@claim(
    source="Galashov et al. 2025, arXiv:2510.00815",
    above={"exact scores, harm": SHIFT, "well-trained, harm": SHIFT, "under-trained, gain": SHIFT},
    unit="energy distance, in lengths",
    on="gaussians",
    why="0.0006 is what it costs to move all samples of one of three Gaussians by a tenth of its standard deviation.",
    limits="Which weight is best at which training, or anything about weights that depend on the noise level.",
)
def weight_hurts_the_well_trained_and_helps_the_under_trained(lab: Lab) -> Effect:
    """More guidance weight hurts a well-trained model and helps an under-trained one.

    Energy distance of the samples of CFG to true ones. Harm is that at w = 3 less that without guidance: with exact
    scores, and with networks of width 32 after 4096 iterations (with --quick 512) in both roles. Gain is that without
    guidance less that at the best of w = 1.5, 2 and 3, for each seed the best for the others, after 64 iterations.
    """

    def cast(main: str, every: str) -> dict[str, str]:
        return {"main": main, "unconditional": every}

    exact, under = cast("exact:A", "exact:AB"), cast("A32@64", "AB32@64")
    well = cast("A32@512", "AB32@512") if lab.size.small else cast("A32@4096", "AB32@4096")
    distance = "energy_distance"
    return {
        "exact scores, harm": lab.measure(distance, "cfg", w=3.0, **exact)
        - lab.measure(distance, "cfg", w=1.0, **exact),
        "well-trained, harm": lab.measure(distance, "cfg", w=3.0, **well) - lab.measure(distance, "cfg", w=1.0, **well),
        "under-trained, gain": lab.measure(distance, "cfg", w=1.0, **under)
        - lab.best(distance, "cfg", WEIGHTS, **under),
    }
