"""Bradley and Nakkiran, "Classifier-Free Guidance is a Predictor-Corrector", on Gaussians that have closed forms.

p(x|c) is N(c, 1) and c is N(0, 1), so p(x) is N(0, 2): class A of two Gaussians, and that class blurred by its own
standard deviation. For p(x|c = 0) at weight w, in the limit of small steps, the variance is 2^(1 − w) by the flow,
(2 − 2^(2 − 2w))/(2w − 1) by the stochastic sampler, and 2/(w + 1) in the gamma-powered density. The abstract was read;
the example and its variances are worked out again here, and are this project's reading.
"""

from functools import partial

import numpy as np

from toy import distributions, ends
from toy.figures.examples import by_ddim, by_ddpm, gamma_powered
from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import TENTH

SOURCE = "Bradley and Nakkiran 2024, arXiv:2408.09000"
ON = "gaussians:classes=2"
SPREAD = float(np.sqrt(distributions.distribution_of(ON).covariances[0, 0, 0]))  # of class A
W = 3.0
FLOW, STOCHASTIC, TILTED = (float(form(np.array(W))) for form in (by_ddim, by_ddpm, gamma_powered))
WHY = (
    "In closed form the variances are 0.25, 0.39 and 0.5 of that of p(x|c), the nearest two 29% apart. A tenth is "
    "well below that, and above the 3% that 256 steps of first order lose without guidance and the 1% to which 8192 "
    "samples tell a variance."
)
LIMITS = "Anything about other densities, or about few steps."


def variance_of(lab: Lab, integrator: str, w: float = W, **knobs: float) -> np.ndarray:
    """Under CFG by a sampler of 256 steps, [seeds]."""
    wide = f"exact:A~blur={SPREAD}"
    own, sampler = partial(ends.variance, spread=SPREAD), {"integrator": integrator, "steps": 256, "n": 8192}
    return lab.statistic(own, "cfg", w=w, unconditional=wide, **sampler, **knobs)


@claim(
    source=SOURCE,
    above={"stochastic over flow": TENTH, "gamma-powered over flow": TENTH, "gamma-powered over stochastic": TENTH},
    within={"control: no guidance": TENTH},
    unit="of the smaller variance; of the flow's for the control",
    exact=True,
    on=ON,
    elsewhere=False,
    why=WHY,
    limits=LIMITS,
)
def cfg_by_ddim_ddpm_and_the_gamma_powered_density_differ(lab: Lab) -> Effect:
    """CFG generates one distribution with DDIM, another with DDPM, and neither is the gamma-powered distribution.

    Variances at w = 3: of samples of the probability flow, which DDIM solves, by Heun's method; of samples of the
    stochastic sampler, which is DDPM's; and of p(x|c)^w p(x)^(1 − w) itself. By how much each exceeds the one before.
    The control is the stochastic sampler against the flow at w = 1.
    """
    flow, stochastic = variance_of(lab, "heun"), variance_of(lab, "ancestral")
    return {
        "stochastic over flow": stochastic / flow - 1,
        "gamma-powered over flow": TILTED / flow - 1,
        "gamma-powered over stochastic": TILTED / stochastic - 1,
        "control: no guidance": variance_of(lab, "ancestral", 1.0) / variance_of(lab, "heun", 1.0) - 1,
    }


@claim(
    source=SOURCE,
    within={"DDIM": TENTH, "DDPM": TENTH},
    unit="of the variance in closed form",
    exact=True,
    on=ON,
    elsewhere=False,
    why=WHY,
    limits=LIMITS,
)
def cfg_has_the_variances_of_the_closed_form(lab: Lab) -> Effect:
    """On Gaussians the variance under CFG is 2^(1 − w) of p(x|c)'s with DDIM, and (2 − 2^(2 − 2w))/(2w − 1) with DDPM.

    Variances of samples at w = 3, as in the claim before, over those of the closed form, less 1.
    """
    return {
        "DDIM": variance_of(lab, "heun") / FLOW - 1,
        "DDPM": variance_of(lab, "ancestral") / STOCHASTIC - 1,
    }


@claim(
    source=SOURCE,
    within={"weight 2w − 1": TENTH},
    above={"control: weight w": TENTH},
    unit="of the variance under CFG",
    exact=True,
    on=ON,
    elsewhere=False,
    why=f"{WHY} With the same weight in both, the closed form has the predictor-corrector's variance 50% larger.",
    limits="That more corrections, which follow the gamma-powered density of each noise level, do not do better.",
)
def cfg_with_ddpm_is_a_predictor_corrector(lab: Lab) -> Effect:
    """CFG with DDPM is a DDIM step of the conditional density and a Langevin step of the one powered by 2w − 1.

    Variance of samples of such a predictor-corrector with one correction a step, over that of CFG by the stochastic
    sampler at w = 3, less 1; the control is a corrector of weight w.
    """
    stochastic = variance_of(lab, "ancestral")

    def corrected(w: float) -> np.ndarray:
        return variance_of(lab, "predictor_corrector", w, corrections=1)

    return {"weight 2w − 1": corrected(2 * W - 1) / stochastic - 1, "control: weight w": corrected(W) / stochastic - 1}
