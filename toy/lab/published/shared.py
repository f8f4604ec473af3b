"""Sources, weights, thresholds and measurements that several claims share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from toy import distributions
from toy.lab.claims import Lab

KARRAS = "Karras et al. 2024, arXiv:2406.02507"
KYNKAANNIEMI = "Kynkäänniemi et al. 2024, arXiv:2404.07724"
CFG, AUTOGUIDANCE = 4.0, 3.0
WEIGHTS = tuple({"w": w} for w in (1.5, 2.0, 3.0))  # among which the best is sought

POINT = 0.01
POINT_WHY = (
    "One percentage point is the share of true samples that is outside the 99% region by construction: a smaller "
    "change is less than what the truth itself leaves there."
)
TENTH = 0.1
TENTH_WHY = "A branch TV that is 0.1 larger means that a tenth of the samples more is on branches that have too many."
LENGTH = 0.005
LENGTH_WHY = "0.005 is about the thickness of the thinnest branches: a smaller distance does not leave a branch."
NATS = 0.1
NATS_WHY = "At 0.1 nats a sample, some thirty samples tell two densities apart with odds of 20 to 1."
SAME = 0.02
SAME_WHY = (
    "Two percentage points are less than half of what autoguidance takes off the shipped networks' outliers, 4.8 "
    "points: a smaller difference turns no conclusion that is drawn from the toy."
)
SHARE = "share of samples"

# What methods promise that are to keep what CFG loses: their samples against CFG's.
KEPT: dict[str, Any] = {
    "above": {"diversity": TENTH, "quality": -POINT, "alignment": -POINT},
    "unit": {"diversity": "branch TV", "quality": SHARE, "alignment": "probability"},
    "why": f"{TENTH_WHY} Quality and alignment count as kept where outliers rise, and the mean posterior of the class "
    f"falls, by less than a point. {POINT_WHY}",
}


def cfg(lab: Lab) -> dict[str, object]:
    """CFG at w = 4 by AB32@512; where little is trained, by one network for all seeds."""
    return {"w": CFG, "unconditional": "AB32@512#0" if lab.size.small else "AB32@512"}


def root_kept(lab: Lab, rule: str, **values: object) -> np.ndarray:
    """Samples on the root branch as a share of what the truth has there, [seeds]."""
    return lab.measure("root_share", rule, **values) / root_mass()


def root_mass() -> float:
    """True share of the root branch of class A."""
    tree = distributions.of("A")
    return float(tree.mass[tree.level == 0].sum())


def kept(lab: Lab, rule: str, *, against: Mapping[str, object], **values: object) -> dict[str, np.ndarray]:
    """By how much branch TV and outliers are smaller, and the mean posterior larger, than CFG's: the parts of KEPT."""

    def gain(measure: str) -> np.ndarray:
        return lab.measure(measure, "cfg", **against) - lab.measure(measure, rule, **values)

    return {"diversity": gain("branch_tv"), "quality": gain("outliers"), "alignment": -gain("alignment")}


def length(path: np.ndarray, sigmas: np.ndarray) -> float:
    """Mean length of the samples, seen from the middle of all data: what saturation is of an image."""
    return float(np.linalg.norm(path[-1].astype(float), axis=-1).mean())


def area(path: np.ndarray, sigmas: np.ndarray) -> float:
    """Square root of the determinant of the samples' covariance."""
    return float(np.sqrt(np.linalg.det(np.cov(path[-1].astype(float), rowvar=False))))


def traded(lab: Lab, rule: str, **values: object) -> tuple[np.ndarray, np.ndarray]:
    """Mean posterior of the class, and the area of the samples, [seeds] each."""
    return lab.measure("alignment", rule, **values), lab.statistic(area, rule, **values)
