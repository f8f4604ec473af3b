"""One's own points: a Gaussian at each of them, or, of many, at each cell of some."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np

from toy import inputs
from toy.distributions import reading
from toy.distributions.distribution import LETTERS, STANDARD_DEVIATION, Distribution, distribution
from toy.distributions.keeping import LONGEST, keep, text_of
from toy.registry import Knob

FAMILY = "points"
MOST = 4096  # Gaussians
PARTS = 8  # of them in a group
SMALLEST = 0.01  # of a class: a part with less of it is no mode
PIXELS = 1024  # a side of the grid on which connected parts are found
NARROWEST = 0.001
LOOKED_AT = 4096  # points that the usual bandwidth is worked out from, and of these so many are left out in turn:
LEFT_OUT = 512
FAR = 7  # bandwidths
DRAWS = 1024  # of the full kernel density, to measure what the reduction to ``MOST`` changes
BANDWIDTH = Knob(
    0,
    0.3,
    0.005,
    "bandwidth",
    f"standard deviation of the Gaussian at a point, where all together have {STANDARD_DEVIATION:g}; "
    "0: the one under which each point is likeliest given the others, at most Scott's",
)


@distribution(
    source="kernel density estimate, Parzen 1962; usual bandwidth after Duin 1976, IEEE Trans. Comput. C-25, 1175, "
    "and Scott 1992, Multivariate Density Estimation",
    title="Own points",
    name=FAMILY,
)
def points(table: str, *, bandwidth: Annotated[float, BANDWIDTH] = 0.0) -> Distribution:
    """A Gaussian of one bandwidth at each of one's own points; modes are the connected parts of each class.

    More than 4096 points are first halved again and again, each connected part across its longer side, to so many
    cells; a cell is one Gaussian of as much weight, at the mean, and eight neighbours share what they are wider for it.
    """
    return _kernels(read(table), bandwidth, MOST).rounded()


def store(data: bytes, name: str) -> str:
    """Keep the points of a file in the user's data folder.

    Args:
        data: The file's bytes: CSV, TSV, Parquet, NPY or NPZ.
        name: What messages call it.

    Returns:
        The distribution's name, as 'points-3f9c01ab23cd'.

    Raises:
        ValueError: What is wrong with the file, in a sentence.

    Example:
        >>> store(b"x,y\\n0,0\\n1,2", "mine.csv")
        Traceback (most recent call last):
        ValueError: cannot read points from 'mine.csv': it has 2 points, of at least 3
    """
    return keep(FAMILY, reading.table(data, name).text())


def given(file: str, on: str = FAMILY) -> str:
    """The name of the distribution of a file's points, which are kept, with the knobs of ``points:bandwidth=0.1``.

    ValueError, one sentence, for another distribution than ``points``, or says what is wrong with the file.
    """
    family, colon, knobs = on.partition(":")
    if family != FAMILY:
        raise ValueError(f"--points does not go with --on {on}, but with its own knobs: --on points:bandwidth=0.1")
    return store(inputs.data(file, reading.MOST_BYTES), file) + colon + knobs


@lru_cache(maxsize=8)
def read(text: str) -> reading.Table:
    """The points of a text that was kept."""
    return reading.table(text.encode(), FAMILY, most=LONGEST)


def _kernels(table: reading.Table, bandwidth: float, most: int) -> Distribution:
    at = table.at - table.at.mean(axis=0)
    spread = np.sqrt(at.var(axis=0).mean())
    width = spread * _ratio(bandwidth or usual_bandwidth(table))
    classes = [np.flatnonzero(table.label == c) for c in range(max(len(table.words), 1))]
    parts = [own[part] for own in classes for part in _parts(at[own], width)]
    groups = [_groups(at[part], _share(len(part), len(at), len(parts), most), width) for part in parts]
    modes = np.repeat(np.arange(len(parts)), [len(weights) for weights, _, _ in groups])
    weights, means, covariances = (np.concatenate(arrays) for arrays in zip(*groups, strict=True))
    return Distribution(
        labels=tuple(LETTERS[table.label[parts[mode][0]]] for mode in modes),
        weights=weights,
        means=means + table.at.mean(axis=0),
        covariances=covariances,
        mode=modes,
        words=table.letters,
    ).scaled()


def _ratio(bandwidth: float) -> float:
    """A bandwidth over the points' own standard deviation, of one over that of points and Gaussians together."""
    if not bandwidth >= NARROWEST:
        raise ValueError(f"bandwidth = {bandwidth:g} is neither 0, for the usual one, nor at least {NARROWEST:g}")
    return float(bandwidth / np.sqrt(STANDARD_DEVIATION**2 - bandwidth**2))


def _share(own: int, every: int, parts: int, most: int) -> int:
    """How many Gaussians a part has."""
    return own if every <= most else min(own, 1 + (most - parts) * own // every)


# --- The usual bandwidth ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def usual_bandwidth(table: reading.Table) -> float:
    r"""The bandwidth under which points are likeliest given the others of their class.

    Of 17 from Scott's (n^(-1/6) of the standard deviation; Silverman's is the same in two dimensions) down to a 16th
    of it; the unlikeliest 1% are not counted, nor are points in the same place. Of more than 4096 points as many are
    looked at, and what is found is narrowed as Scott's is by their number.

    Args:
        table: Points with their classes, as ``read`` gives them.

    Returns:
        In scaled units, two digits.

    Source:
        After Duin 1976, IEEE Trans. Comput. C-25, 1175, and Scott 1992, Multivariate Density Estimation.

    Example:
        >>> at = np.random.default_rng(0).normal(size=(64, 2))
        >>> usual_bandwidth(read("x,y\n" + "\n".join(f"{x},{y}" for x, y in at)))
        0.22
    """
    chosen = np.random.default_rng(0).permutation(len(table.at))[:LOOKED_AT]
    at, label = (table.at / np.sqrt(table.at.var(axis=0).mean()))[chosen], table.label[chosen]
    square = np.sum(np.square(at[:LEFT_OUT, None] - at), axis=-1)
    other = (label[:LEFT_OUT, None] == label) & (square > 0)
    square = np.where(other, square, np.inf)[other.any(axis=1)]
    nearest = square.min(axis=1, keepdims=True)
    likely, factors = [], np.geomspace(1, 1 / 16, 17)
    for variance in np.square(factors * len(at) ** (-1 / 6)):
        mass = np.sum(np.exp((nearest - square) / (2 * variance)), axis=1)
        each = np.sort(np.log(mass) - nearest[:, 0] / (2 * variance) - np.log(variance))
        likely.append(each[len(each) // 100 :].sum())
    ratio = factors[np.argmax(likely)] * len(table.at) ** (-1 / 6)
    return float(f"{STANDARD_DEVIATION * ratio / np.sqrt(1 + ratio**2):.2g}")


# --- Parts and groups -------------------------------------------------------------------------------------------------


def _parts(at: np.ndarray, width: float) -> list[np.ndarray]:
    """Indices of the points in each connected part of their 99% region, the largest first; others join the nearest.

    On a grid of pixels of half a width, or of a 1024th of the side: parts nearer than that are one. What has less than
    1% of all joins another too.
    """
    from scipy import ndimage  # slow to import, and rarely needed

    low, high = at.min(axis=0) - 4 * width, at.max(axis=0) + 4 * width
    pixel = max(width / 2, np.max(high - low) / PIXELS)
    cells = tuple(((at - low) / pixel).astype(int).T)
    density = np.zeros(((high - low) / pixel).astype(int) + 1)
    np.add.at(density, cells, 1)
    density = ndimage.gaussian_filter(density, width / pixel, mode="constant")
    falling = np.sort(density.ravel())[::-1]
    least = falling[np.searchsorted(np.cumsum(falling), 0.99 * falling.sum())]
    part, count = ndimage.label(density >= least, np.ones((3, 3)))
    mass = ndimage.sum_labels(density, part, np.arange(1, count + 1))
    enough = min(SMALLEST * density.sum(), mass.max())
    chosen = 1 + np.array([c for c in np.argsort(-mass, kind="stable") if mass[c] >= enough])
    nearest = ndimage.distance_transform_edt(~np.isin(part, chosen), return_distances=False, return_indices=True)
    of_point = part[tuple(nearest)][cells]
    return [found for c in chosen if len(found := np.flatnonzero(of_point == c))]


def _groups(at: np.ndarray, count: int, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [m, 2] as Gaussians in groups of eight: weights [g, 8], means [g, 8, 2], covariances [g, 2, 2].

    The last Gaussian stands in for what a last group lacks, and shares its weight with it.
    """
    cells = _halved(at, np.arange(len(at)), count)
    sizes = np.array(list(map(len, cells)))
    index = np.concatenate(cells)
    begin = np.cumsum(sizes) - sizes
    means = np.add.reduceat(at[index], begin) / sizes[:, None]
    around = at[index] - np.repeat(means, sizes, axis=0)
    squares = np.add.reduceat(around[:, :, None] * around[:, None], begin)
    first = np.arange(0, count, PARTS)
    within = np.add.reduceat(squares, first) / np.add.reduceat(sizes, first)[:, None, None]
    filled = np.minimum(np.arange(len(first) * PARTS), count - 1)
    weights = (sizes / np.bincount(filled))[filled].reshape(-1, PARTS)
    return weights, means[filled].reshape(-1, PARTS, 2), within + width**2 * np.eye(2)


def _halved(at: np.ndarray, index: np.ndarray, count: int) -> list[np.ndarray]:
    """Indices in ``count`` cells of as many points as can be, neighbours one after another."""
    if count == 1:
        return [index]
    axis = np.argmax(np.ptp(at[index], axis=0))
    index = index[np.argsort(at[index, axis], kind="stable")]
    middle = len(index) * (count // 2) // count
    return _halved(at, index[:middle], count // 2) + _halved(at, index[middle:], count - count // 2)


# --- What is told of it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """Of a distribution of points: how many, of which classes by letter, its bandwidth in scaled and in own units,
    how many Gaussians it is, and KL(all points || those), in nats with its standard error.
    """

    points: int
    words: dict[str, str]
    bandwidth: float
    own: float
    gaussians: int
    kl: float = 0.0
    error: float = 0.0

    def line(self, word: Callable[[str], str] = str) -> str:
        """In a line; ``word`` writes a class's."""
        classes = ", ".join(f"{letter} {word(own)}" for letter, own in self.words.items())
        many = f"{self.points:,} points" + (f" in {len(self.words)} classes ({classes})" if self.words else "")
        line = f"{many}; bandwidth {self.bandwidth:g}, in the file's units {self.own:.3g}"
        if self.gaussians == self.points:
            return line
        return f"{line}; as {self.gaussians:,} Gaussians, KL from all points {self.kl:.2g} ± {self.error:.1g} nats"


@lru_cache(maxsize=64)
def facts(on: str) -> Facts:
    """What is told of a distribution of points, by its name with its knobs or without.

    The reduction is measured with 1024 samples of all points, of one seed.
    """
    from scipy.spatial import KDTree  # slow to import, and rarely needed

    name, _, knob = on.partition(":bandwidth=")
    table = read(text_of(name))
    used = float(knob or 0) or usual_bandwidth(table)
    made = _kernels(table, used, MOST)
    known = len(table.at), table.letters, used, float(used * made.unit)
    if len(table.at) <= MOST:
        return Facts(*known, len(table.at))
    draw = np.random.default_rng(0)
    at = (table.at - made.origin) / made.unit
    x = at[draw.integers(len(at), size=DRAWS)] + used * draw.normal(size=(DRAWS, 2))
    weights, inverse = made.weights / made.weights.sum(), np.linalg.inv(made.covariances)
    every, fewer = np.empty(DRAWS), np.empty(DRAWS)
    for i, near in enumerate(KDTree(at).query_ball_point(x, FAR * used)):
        square = np.square(x[i] - at[near]).sum(axis=1)
        every[i] = np.log(np.exp(-square / (2 * used**2)).sum() / used**2 / len(at))
        away = x[i] - made.means
        square = np.einsum("gki,gij,gkj->gk", away, inverse, away)
        fewer[i] = np.log(np.sum(weights * np.exp(-square / 2) * np.sqrt(np.linalg.det(inverse))[:, None]))
    gap = every - fewer
    gap += np.expm1(-gap)  # of mean zero, and nearly as much the other way
    return Facts(*known, MOST, float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(DRAWS)))
