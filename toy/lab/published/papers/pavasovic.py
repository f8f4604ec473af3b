"""Pavasovic et al., "Classifier-Free Guidance: From High-Dimensional Analysis to Generalized Guidance Forms".

Two isotropic Gaussians N(±m, 1) in d dimensions, |m|² = d. All that tells the classes apart lies along m, where the
scores are those of one dimension; across it nothing is guided. So d dimensions are a plane whose centres are 2√d
apart: 2 for one dimension, 20 for a hundred. The theory is of the reverse diffusion, which noise drives, so that the
sampler is the stochastic one. Abstracts of both versions were read; weights, and that a hundred is high, are this
project's reading.
"""

from functools import partial

import numpy as np

from toy import distributions
from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import TENTH

SOURCE = "Pavasovic et al. 2025, arXiv:2502.07849"
LOW, HIGH = "gaussians:classes=2:distance=2", "gaussians:classes=2:distance=20"
W = 3.0
PARTS = ("overshoot of the mean", "loss of variance")
UNIT = {PARTS[0]: "standard deviations of the class", PARTS[1]: "of the variance without guidance"}


def place(path: np.ndarray, sigmas: np.ndarray, *, on: str) -> float:
    """Mean of the samples along the line of the centres, in standard deviations of a class."""
    return float(path[-1, :, 0].astype(float).mean() * distributions.distribution_of(on).unit)


def spread(path: np.ndarray, sigmas: np.ndarray) -> float:
    """Variance of the samples along the line of the centres."""
    return float(path[-1, :, 0].astype(float).var())


def distortion(lab: Lab) -> Effect:
    """What CFG does to the mean and the variance along the line of the centres."""
    sampler = {"integrator": "ancestral", "steps": 256}
    none, guided = (
        [lab.statistic(one, "cfg", w=w, **sampler) for one in (partial(place, on=lab.on), spread)] for w in (1.0, W)
    )
    return dict(zip(PARTS, (guided[0] - none[0], 1 - guided[1] / none[1]), strict=True))


@claim(
    source=SOURCE,
    above=dict.fromkeys(PARTS, TENTH),
    unit=UNIT,
    exact=True,
    on=LOW,
    elsewhere=False,
    why="A tenth of a standard deviation, or of the variance, is several times what 8192 samples leave uncertain.",
    limits="How large either is as a function of dimension and weight, which the paper works out.",
)
def cfg_overshoots_in_low_dimension(lab: Lab) -> Effect:
    """In low dimension CFG overshoots the mean of the class and reduces its variance.

    One dimension: ½N(1, 1) + ½N(−1, 1), with exact scores. By how much the mean of the samples of CFG at w = 3 is
    farther from the other class than that without guidance, and by what share their variance is smaller. Stochastic
    sampler, 256 steps.
    """
    return distortion(lab)


@claim(
    source=SOURCE,
    within=dict.fromkeys(PARTS, TENTH),
    unit=UNIT,
    exact=True,
    on=HIGH,
    elsewhere=False,
    why="What would count as a distortion in one dimension: a tenth of a standard deviation, or of the variance.",
    limits="Anything about the probability flow, which carries a displacement along where noise would forget it.",
)
def distortions_of_cfg_vanish_in_high_dimension(lab: Lab) -> Effect:
    """In high dimension CFG reproduces the distribution of the class: neither mean nor variance are distorted.

    As in one dimension, for a hundred: centres 20 standard deviations apart.
    """
    return distortion(lab)
