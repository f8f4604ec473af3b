"""The mixtures of few Gaussians that papers on guidance reason about."""

from typing import Annotated

import numpy as np

from toy.distributions.curves import polar
from toy.distributions.distribution import LETTERS, Distribution, distribution, gaussians
from toy.registry import Knob

Narrow = Annotated[float, Knob(0.05, 1, 0.05, "anisotropy", "standard deviation towards the others, over that across")]
Classes = Annotated[int, Knob(2, len(LETTERS), 1, "classes", "number of classes", whole=True)]


@distribution(
    source="after Bradley and Nakkiran 2024, arXiv:2408.09000, and Chidambaram et al. 2024, arXiv:2409.13074",
    title="Gaussians, one a class",
    name="gaussians",
)
def one_a_class(
    *,
    distance: Annotated[float, Knob(0.5, 20, 0.1, "distance", "between neighbours, in standard deviations")] = 4.0,
    anisotropy: Narrow = 1.0,
    weight: Annotated[float, Knob(0.05, 0.95, 0.05, "P(A)", "probability of class A among all")] = 0.5,
    classes: Classes = 3,
) -> Distribution:
    """A Gaussian for each class, on a line for two of them and on a circle for more."""
    angle = np.arange(classes) / classes
    means = polar(np.full(classes, distance / (2 * np.sin(np.pi / classes))), angle)
    u = polar(np.ones(classes), angle)
    along = np.einsum("gi,gj->gij", u, u)
    weights = np.array([weight, *[(1 - weight) / (classes - 1)] * (classes - 1)])
    return gaussians(tuple(LETTERS[:classes]), means, anisotropy**2 * along + (np.eye(2) - along), weights)


@distribution(source="after Metz et al. 2016, arXiv:1611.02163", title="Eight Gaussians")
def eight_gaussians(
    *, width: Annotated[float, Knob(0.02, 0.4, 0.01, "width", "standard deviation over the circle's radius")] = 0.1
) -> Distribution:
    """Eight Gaussians on a circle, those of two classes in turn."""
    return gaussians("ABABABAB", polar(np.ones(8), np.arange(8) / 8), width**2 * np.eye(2))


@distribution(source="after Kaiser et al. 2024, arXiv:2411.10257", title="Delta points")
def deltas(
    *,
    classes: Classes = 2,
    points: Annotated[int, Knob(1, 16, 1, "points", "points a class", whole=True)] = 3,
    width: Annotated[float, Knob(0.001, 0.1, 0.001, "width", "standard deviation of a point", log=True)] = 0.01,
) -> Distribution:
    """A few points, as narrow as one likes."""
    places = np.random.default_rng(0).normal(size=(classes * points, 2))
    return gaussians(tuple(LETTERS[:classes]) * points, places, width**2 * np.eye(2))
