"""Lines in the plane: the shapes that two-dimensional examples of generative models are usually shown on."""

from typing import Annotated

import numpy as np

from toy.distributions.distribution import Distribution, distribution, gaussians, lines
from toy.registry import Knob

SCIKIT = "after scikit-learn, Pedregosa et al. 2011, arXiv:1201.0490"
FFJORD = "after Grathwohl et al. 2018, arXiv:1810.01367"
Width = Annotated[float, Knob(0.01, 0.3, 0.01, "width", "standard deviation across a line, in units of the curve")]


def arc(middle: tuple[float, float], radius: float, begin: float, end: float, pieces: int) -> np.ndarray:
    """Points [pieces + 1, 2] on a part of a circle; angles in turns."""
    angle = 2 * np.pi * np.linspace(begin, end, pieces + 1)
    return np.array(middle) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def polar(radius: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Points [m, 2] by their radius and angle, in turns."""
    points: np.ndarray = radius[:, None] * np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)], axis=1)
    return points


@distribution(source=SCIKIT, title="Two moons")
def moons(*, width: Width = 0.08) -> Distribution:
    """Two half circles, each with an end in the middle of the other."""
    return lines([("A", arc((0, 0), 1, 0, 0.5, 16)), ("B", arc((1, 0.5), 1, 0.5, 1, 16))], width=width)


@distribution(source=SCIKIT)
def rings(*, width: Width = 0.06) -> Distribution:
    """A ring around another."""
    return lines([("A", arc((0, 0), 0.5, 0, 1, 16)), ("B", arc((0, 0), 1, 0, 1, 32))], width=width)


@distribution(source=FFJORD)
def spiral(*, width: Width = 0.05) -> Distribution:
    """Two arms that turn around each other."""
    t = np.sqrt(np.linspace(0.04, 1, 33))
    return lines([("A", polar(t, 1.25 * t)), ("B", polar(t, 1.25 * t + 0.5))], width=width)


@distribution(source=FFJORD)
def pinwheel(*, width: Width = 0.06) -> Distribution:
    """Five bent blades, a class each."""
    t = np.linspace(0.25, 1.25, 9)
    return lines([(label, polar(t, 0.2 * i + 0.12 * t)) for i, label in enumerate("ABCDE")], width=width)


@distribution(source=FFJORD)
def checkerboard(
    *, width: Annotated[float, Knob(0.1, 0.6, 0.05, "width", "spread of a square, in sides")] = 0.3
) -> Distribution:
    """The squares of a board of four by four, black ones and white ones, with soft edges."""
    at = [(x, y) for x in range(4) for y in range(4)]
    return gaussians(["AB"[(x + y) % 2] for x, y in at], np.array(at), width**2 * np.eye(2))


@distribution(source=SCIKIT, title="S-curve")
def s_curve(*, width: Width = 0.08) -> Distribution:
    """Two arcs that make an S, a class each."""
    return lines([("A", arc((0, 1), 1, 0, 0.75, 16)), ("B", arc((0, -1), 1, 0.25, -0.5, 16))], width=width)


@distribution(source=SCIKIT, title="Swiss roll")
def swiss_roll(*, width: Width = 0.05) -> Distribution:
    """A line rolled up, its inner half one class and its outer half another."""
    t = np.sqrt(np.linspace(0.1, 1, 41))
    points = polar(t, 1.5 * t)
    return lines([("A", points[:21]), ("B", points[20:])], width=width)


@distribution(source="after Chidambaram et al. 2024, arXiv:2409.13074", title="Two segments")
def segments(
    *,
    gap: Annotated[float, Knob(0, 4, 0.1, "gap", "between them, in lengths of one")] = 1.0,
    width: Annotated[float, Knob(0.01, 0.1, 0.01, "width", "softness of ends and sides, in lengths of one")] = 0.01,
) -> Distribution:
    """Two parts of a line, a class each, even along it: nearly the compact supports that theory reasons about."""
    x = gap / 2 + np.linspace(0, 1, 17)
    ends = {"A": x, "B": -x}
    return lines([(label, np.stack([at, 0 * at], axis=1)) for label, at in ends.items()], width=width)
