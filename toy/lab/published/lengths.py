"""Claims about what CFG does to the length of predictions, which in images is saturation and exposure.

Exact scores alone. Of these papers the abstracts were read. What saturation is of an image, the length of a sample is
here, seen from the middle of all data: this project's reading.
"""

import numpy as np

from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import CFG, POINT, TENTH, length

BARE = {"cap": 10.0, "momentum": 0.0}  # APG without its other two parts: what is capped here is longer than any


@claim(
    source="Sadat et al. 2024, arXiv:2410.02416",
    above={"CFG lengthens": TENTH, "most is of the parallel part": 0.5},
    unit={"CFG lengthens": "of the length without guidance", "most is of the parallel part": "of what CFG adds"},
    exact=True,
    why="A tenth of the length is what one sees. Primarily is more than half.",
    limits="Whether length is to an image what it is here: the middle of all data is nothing that one sees.",
)
def the_parallel_component_oversaturates(lab: Lab) -> Effect:
    """It is primarily the part of CFG's update along the prediction that causes oversaturation.

    Mean length of samples with exact scores at w = 4: by what share CFG makes them longer than without guidance, and
    what share of that is missing where the part of the difference along the denoised point is left out (η = 0).
    """
    none, full, across = (
        lab.statistic(length, "adaptive_projected_guidance", w=w, parallel=parallel, **BARE)
        for w, parallel in ((1.0, 1.0), (CFG, 1.0), (CFG, 0.0))
    )
    added: np.ndarray = full - none
    return {"CFG lengthens": added / none, "most is of the parallel part": (full - across) / added}


@claim(
    source="Lin et al. 2023, arXiv:2305.08891",
    above={"CFG lengthens": TENTH, "most of it is gone": 0.5},
    unit={"CFG lengthens": "of the length without guidance", "most of it is gone": "of what CFG adds"},
    exact=True,
    why="A tenth of the length is what one sees. Prevented is most of it.",
    limits="What the rescaling does to the branches, or to standard deviations over an image's values.",
)
def rescaling_prevents_overexposure(lab: Lab) -> Effect:
    """Rescaling the guided prediction to the length of the conditional one prevents over-exposure.

    Mean length of samples with exact scores at w = 7.5: by what share CFG makes them longer than without guidance, and
    what share of that is gone with φ = 0.7.
    """
    none, full = (lab.statistic(length, "cfg", w=w) for w in (1.0, 7.5))
    rescaled = lab.statistic(length, "rescaled_cfg", w=7.5, phi=0.7)
    return {"CFG lengthens": full / none - 1, "most of it is gone": (full - rescaled) / (full - none)}


@claim(
    source="Jin et al. 2025, arXiv:2506.11039",
    above={"CFG lengthens": TENTH, "most of it is gone": 0.5, "alignment": -POINT},
    unit={
        "CFG lengthens": "of the length without guidance",
        "most of it is gone": "of what CFG adds",
        "alignment": "probability",
    },
    exact=True,
    why="A tenth of the length is what one sees, constrained is most of it, and a hundredth of the probability is as "
    "much as one does not see.",
    limits="What turning does to the branches, or to colours.",
)
def turning_the_prediction_keeps_lengths_and_alignment(lab: Lab) -> Effect:
    """Guidance that turns the prediction, and leaves its length, stops CFG's growth of norms and stays as aligned.

    Mean length of samples with exact scores at w = 4: by what share CFG makes them longer than without guidance, and
    what share of that is gone under angle-domain guidance; mean posterior of the class less that under CFG.
    """
    none, full = (lab.statistic(length, "cfg", w=w) for w in (1.0, CFG))
    turned = lab.statistic(length, "angle_domain_guidance", w=CFG)
    return {
        "CFG lengthens": full / none - 1,
        "most of it is gone": (full - turned) / (full - none),
        "alignment": lab.measure("alignment", "angle_domain_guidance", w=CFG) - lab.measure("alignment", "cfg", w=CFG),
    }
