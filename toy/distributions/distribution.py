"""What a distribution is: Gaussians in modes, and a class of each mode. Everything about it is then exact."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from toy.registry import Entry, Registry

LETTERS = "ABCDEFGHIJKLMNOP"  # the classes, at most 16
STANDARD_DEVIATION = 0.5  # of either coordinate, root mean square: sigma_data of Karras et al. 2022, arXiv:2206.00364
PARTS = 4  # Gaussians of a piece of a line


@dataclass(frozen=True, eq=False, kw_only=True)
class Distribution:
    """A Gaussian mixture in 2D, of one or more classes.

    ``weights`` [groups, parts] (of any scale), ``means`` [groups, parts, 2], ``covariances`` [groups, 2, 2];
    ``labels`` the class of each group, a letter. A group is a mode, unless ``mode`` [groups] gives the mode of each:
    samples are counted by modes. ``level`` [modes] is the depth of each mode in a hierarchy, where there is one.
    ``start``, ``end`` [modes, 2] and ``thickness`` [modes], a standard deviation, are what a mode is drawn as, where it
    is a line. ``words`` name classes for people. ``far`` is the log-density, in nats, below which a sample is far from
    everything; by default 8 nats below the edge of the 99% region. ``thresholds`` by target and mass, and ``regions``
    by target, are what ``targets`` would work out, where that was done before. A point x was ``origin + unit * x``
    before it was scaled.
    """

    labels: tuple[str, ...]
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    mode: np.ndarray | None = None
    level: np.ndarray | None = None
    start: np.ndarray | None = None
    end: np.ndarray | None = None
    thickness: np.ndarray | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    far: float | None = None
    thresholds: Mapping[tuple[str, float], float] = field(default_factory=dict)
    regions: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    origin: np.ndarray = field(default_factory=lambda: np.zeros(2))
    unit: float = 1.0

    @property
    def classes(self) -> str:
        """The letters of all classes."""
        return "".join(sorted(set(self.labels)))

    @property
    def modes(self) -> np.ndarray:
        """The mode of each group, [groups]."""
        return np.arange(len(self.labels)) if self.mode is None else self.mode

    def of(self, classes: str) -> np.ndarray:
        """Mask of the groups that belong to the chosen classes, [groups]."""
        return np.array([label in classes for label in self.labels])

    def scaled(self) -> "Distribution":
        """Moved and scaled as a whole to mean 0 and ``STANDARD_DEVIATION``, so that noise levels and views fit it."""
        weights = self.weights / self.weights.sum()
        middle = np.einsum("gk,gki->i", weights, self.means)
        around = np.square(self.means - middle).sum(axis=-1) + np.trace(self.covariances, axis1=1, axis2=2)[:, None]
        scale = STANDARD_DEVIATION / np.sqrt(np.sum(weights * around) / 2)

        def moved(points: np.ndarray | None) -> np.ndarray | None:
            return None if points is None else (points - middle) * scale

        return replace(
            self,
            means=(self.means - middle) * scale,
            covariances=self.covariances * scale**2,
            start=moved(self.start),
            end=moved(self.end),
            thickness=None if self.thickness is None else self.thickness * scale,
            origin=middle,
            unit=1 / scale,
        )

    def rounded(self, multiple: int = 0) -> "Distribution":
        """The same, with a round number of groups of each class: the last one again, all sharing its weight.

        Programs are compiled for the shapes of a mixture: so data of about as many points take the same ones. It is at
        most a quarter more to compute, unless it is to be a ``multiple`` of some number.
        """
        index = []
        for letter in self.classes:
            own = np.flatnonzero(self.of(letter))
            step = multiple or 2 ** max(0, (len(own) - 1).bit_length() - 3)
            index += [*own, *[own[-1]] * (-len(own) % step)]
        return replace(
            self,
            labels=tuple(self.labels[i] for i in index),
            weights=self.weights[index] / np.bincount(index)[index][:, None],
            means=self.means[index],
            covariances=self.covariances[index],
            mode=self.modes[index],
        )


DISTRIBUTIONS = Registry("distribution", Entry)
distribution = DISTRIBUTIONS.register


def lines(lines: Iterable[tuple[str, np.ndarray]], *, width: float | Sequence[float]) -> Distribution:
    """Lines of some classes, scaled: a mode for each piece of one, with as much mass as it is long.

    Args:
        lines: Pairs of a class, a letter, and the points of its line [m, 2].
        width: Standard deviation across, in their units, of all or of each.

    Returns:
        Four Gaussians a piece, moved and scaled to mean 0 and a standard deviation of 0.5.

    Example:
        >>> cross = lines([("A", [(-1, 0), (1, 0)]), ("B", [(0, -1), (0, 1)])], width=0.1)
        >>> cross.classes, cross.means.shape, round(float(cross.unit), 2)
        ('AB', (2, 4, 2), 0.93)
    """
    lines = list(lines)
    labels, start, end, widths = [], [], [], []
    for (label, points), own in zip(lines, np.broadcast_to(width, len(lines)), strict=True):
        points = np.asarray(points, float)
        labels += [label] * (len(points) - 1)
        start += list(points[:-1])
        end += list(points[1:])
        widths += [own] * (len(points) - 1)
    first, last, across = np.array(start), np.array(end), np.array(widths)
    length = np.linalg.norm(last - first, axis=1)
    u = (last - first) / length[:, None]
    along = np.einsum("gi,gj->gij", u, u)
    at = (np.arange(PARTS) + 0.5) / PARTS
    # Neighbours two thirds of their distance apart add up to a density that is level along the line.
    spread = np.maximum(2 / 3 * length / PARTS, across)[:, None, None]
    return Distribution(
        labels=tuple(labels),
        weights=np.repeat(length[:, None], PARTS, axis=1),
        means=first[:, None] + at[:, None] * (last - first)[:, None],
        covariances=spread**2 * along + np.square(across)[:, None, None] * (np.eye(2) - along),
        start=first,
        end=last,
        thickness=across,
    ).scaled()


def gaussians(
    labels: Sequence[str], means: np.ndarray, covariances: np.ndarray, weights: np.ndarray | None = None
) -> Distribution:
    """Gaussians of some classes, scaled, each a mode.

    Args:
        labels: The class of each, a letter.
        means: In any unit, [m, 2].
        covariances: Of all, [2, 2], or of each, [m, 2, 2].
        weights: Of any scale, [m]; by default equal.

    Returns:
        Moved and scaled to mean 0 and a standard deviation of 0.5.

    Example:
        >>> pair = gaussians("AB", [(0, 0), (3, 4)], np.eye(2))
        >>> print(pair.means[:, 0])
        [[-0.37 -0.49]
         [ 0.37  0.49]]
    """
    means = np.asarray(means, float)
    covariances = np.broadcast_to(covariances, (len(means), 2, 2)).astype(float)
    variances, vectors = np.linalg.eigh(covariances)
    # Drawn two standard deviations wide to all sides, in length as across; a line of no length would not be drawn.
    across, along = np.sqrt(variances).T
    reach = np.maximum(2 * (along - across), 0.01 * across)[:, None] * vectors[:, :, 1]
    return Distribution(
        labels=tuple(labels),
        weights=np.ones((len(means), 1)) if weights is None else np.asarray(weights, float)[:, None],
        means=means[:, None],
        covariances=covariances,
        start=means - reach,
        end=means + reach,
        thickness=across,
    ).scaled()
