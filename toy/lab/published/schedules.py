"""Claims about weights that change along the run: schedules, intervals, and refinement that begins late.

Exact scores alone, so that what is seen is guidance's own doing. Of these papers the abstracts were read; their
measures are FID and others of images. How a statement is measured here, where high noise ends and low noise begins, and
the forms of schedules that an abstract does not give are this project's reading.
"""

import numpy as np

from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import (
    CFG,
    KEPT,
    KYNKAANNIEMI,
    NATS,
    NATS_WHY,
    POINT,
    POINT_WHY,
    SHARE,
    TENTH,
    TENTH_WHY,
    kept,
)

START = 5.0  # noise level at which every run begins
LOW, HIGH = 0.05, 0.3  # noise levels between which guidance is said to help

RISING = {"linear": "linear", "cosine": "cosine", "constant over decreasing": "linear_decreasing"}


@claim(
    source="Wang et al. 2024, arXiv:2404.13040",
    above=dict.fromkeys(RISING, NATS),
    unit="nats",
    exact=True,
    why=NATS_WHY,
    limits="What schedules do to the errors of learned models, or other weights than w = 4 on average.",
)
def rising_weights_beat_constant_ones(lab: Lab) -> Effect:
    """Weights that rise along the run improve on a constant weight, and those that fall are worse.

    KL(q || p) of the density q that the sampler draws from the true one, under CFG with exact scores at w = 4 on
    average over the steps: constant less rising, linearly and along a half cosine, and falling linearly less constant.
    """
    constant = lab.divergence("truth", "cfg", w=CFG)
    gains = {part: constant - lab.divergence("truth", "cfg", w=CFG, schedule=name) for part, name in RISING.items()}
    return gains | {"constant over decreasing": -gains["constant over decreasing"]}


@claim(
    source=KYNKAANNIEMI,
    above={"harmful at high noise": TENTH, "most of the harm": 0.5},
    within={"unnecessary at low noise, branch TV": 0.02, "unnecessary at low noise, outliers": POINT},
    unit={
        "harmful at high noise": "branch TV",
        "most of the harm": "of the branch TV that guidance costs",
        "unnecessary at low noise, branch TV": "branch TV",
        "unnecessary at low noise, outliers": SHARE,
    },
    exact=True,
    why=f"{TENTH_WHY} Unnecessary is what moves no more than two samples in a hundred to other branches, and less than "
    "a hundredth out of the data or back, the share of true samples that is outside by construction.",
    limits="What guidance at low noise does to the errors of learned models, which exact scores do not have.",
)
def guidance_harms_at_high_noise_and_is_unnecessary_at_low(lab: Lab) -> Effect:
    """Guidance is harmful at high noise levels and largely unnecessary at low ones.

    CFG with exact scores at w = 4. Harmful: branch TV with guidance for σ > 0.3 alone less that without guidance, and
    that as a share of what guidance at all levels adds. Unnecessary: branch TV and outliers with guidance at all levels
    less those with guidance for σ > 0.05 alone.
    """

    def guided(measure: str, lo: float) -> np.ndarray:
        return lab.measure(measure, "cfg", w=CFG, schedule="interval", lo=lo, hi=START)

    none, every = lab.measure("branch_tv"), lab.measure("branch_tv", "cfg", w=CFG)
    harm = guided("branch_tv", HIGH) - none
    return {
        "harmful at high noise": harm,
        "most of the harm": harm / (every - none),
        "unnecessary at low noise, branch TV": every - guided("branch_tv", LOW),
        "unnecessary at low noise, outliers": lab.measure("outliers", "cfg", w=CFG) - guided("outliers", LOW),
    }


@claim(
    source="Jin et al. 2025, arXiv:2509.22007",
    above={"diversity": TENTH, "quality": -POINT, "divergence": 0.0},
    unit={"diversity": "branch TV", "quality": SHARE, "divergence": "nats"},
    exact=True,
    why=f"{TENTH_WHY} Quality counts as kept where outliers rise by less than a point: {POINT_WHY} Of the divergence, "
    "which charges for both, any gain will do.",
    limits="Which place of the peak is best, or that it beats no guidance.",
)
def weights_that_peak_in_the_middle_improve_on_constant_ones(lab: Lab) -> Effect:
    """A weight that is strongest in the middle of the run improves both quality and diversity over a constant one.

    CFG with exact scores at w = 4 on average over the steps: by how much branch TV, outliers and KL(q || p), of the
    density q that the sampler draws from the true one, are smaller than under a constant weight.
    """
    peaked = {"w": CFG, "schedule": "middle_peaked"}
    return {
        "diversity": lab.measure("branch_tv", "cfg", w=CFG) - lab.measure("branch_tv", "cfg", **peaked),
        "quality": lab.measure("outliers", "cfg", w=CFG) - lab.measure("outliers", "cfg", **peaked),
        "divergence": lab.divergence("truth", "cfg", w=CFG) - lab.divergence("truth", "cfg", **peaked),
    }


@claim(
    source="Jin et al. 2025, arXiv:2509.22007",
    above={"early": TENTH, "early over late": TENTH},
    unit="branch TV",
    exact=True,
    why=TENTH_WHY,
    limits="That late guidance suppresses fine variation, which the exact classes hardly allow: they do not overlap.",
)
def early_guidance_erodes_diversity(lab: Lab) -> Effect:
    """It is strong guidance early in the run that erodes the global diversity of the samples.

    CFG with exact scores at w = 4 in the first half of the steps alone, and in the second half alone: branch TV less
    that without guidance, and the one less the other.
    """

    def half(lo: float, hi: float) -> np.ndarray:
        return lab.measure("branch_tv", "cfg", w=CFG, schedule="interval", lo=lo, hi=hi)

    middle = float(lab.scenes("cfg")[0].sigmas()[lab.size.steps // 2])
    early, late = half(middle, 5.0), half(0.0, middle)
    return {"early": early - lab.measure("branch_tv"), "early over late": early - late}


@claim(
    source="Moufad et al. 2025, arXiv:2505.21101",
    **KEPT,
    exact=True,
    limits="Other rounds than the integrator's usual two from σ = 1, or whether the tilted density is sampled.",
)
def gibbs_like_refinement_keeps_diversity(lab: Lab) -> Effect:
    """Refining samples of the conditional model by noise and CFG, in turn, keeps the diversity that CFG costs.

    Both at w = 4 with exact scores: by how much branch TV and outliers are smaller than under CFG's flow, and the mean
    posterior of the class larger.
    """
    return kept(lab, "cfg", against={"w": CFG}, w=CFG, integrator="gibbs")
