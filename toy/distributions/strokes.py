"""A drawing: each stroke of a brush is a chain of Gaussians of one class."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toy.distributions.distribution import LETTERS, Distribution, distribution, lines
from toy.distributions.keeping import keep, named
from toy.distributions.reading import LARGEST

FAMILY = "strokes"
HEAD = ["stroke", "class", "width", "x", "y"]
MOST_STROKES = 512  # the tree is 254
MOST_POINTS = 4096  # of all strokes
PIECES = 56  # of a class, about
ROUND = 64  # Gaussians of a class are four times so many: one drawing and the next share all programs
FINEST = 1e-3  # of a brush's width over the size of the drawing
AWAY = 1e-9  # of its way from the origin is the least that its size is taken for: beyond, points have no digits left


@dataclass(frozen=True, eq=False)
class Stroke:
    """A line through points ``at`` [m, 2] of one class, a letter; ``width`` is the standard deviation across."""

    label: str
    width: float
    at: np.ndarray


EXAMPLE = tuple(Stroke(label, 0.04, np.array([[-1, y], [1, y]])) for label, y in (("A", 0.5), ("B", -0.5)))


@distribution(source="this project", title="Drawing", name=FAMILY)
def drawn(table: str) -> Distribution:
    """Strokes of a brush, each with as much mass as it is long; a point alone is as long as it is wide.

    A mode is a straight piece of a stroke: three widths long, or a 56th of all that is drawn of its class.
    """
    strokes = read(table)
    length = dict.fromkeys((stroke.label for stroke in strokes), 0.0)
    for stroke in strokes:
        length[stroke.label] += _length(stroke)
    chains = [
        (stroke.label, _resampled(stroke, max(3 * stroke.width, length[stroke.label] / PIECES))) for stroke in strokes
    ]
    return lines(chains, width=[stroke.width for stroke in strokes]).rounded(ROUND)


def is_drawing(on: str) -> bool:
    """Whether a distribution of that name is a drawing that was kept."""
    return on.startswith(f"{FAMILY}-")


def store(strokes: Sequence[Stroke]) -> str:
    """Keep a drawing and return its distribution's name; ValueError says what is wrong with it."""
    return keep(FAMILY, _table(strokes))


def name_of(strokes: Sequence[Stroke]) -> str:
    """The name that a drawing is kept under; ValueError says what is wrong with it."""
    return named(FAMILY, _table(strokes))


def _table(strokes: Sequence[Stroke]) -> str:
    _check(strokes)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(HEAD)
    for i, stroke in enumerate(strokes):
        for x, y in np.asarray(stroke.at, float).tolist():
            write([i, stroke.label, repr(float(stroke.width)), repr(x + 0.0), repr(y + 0.0)])
    return out.getvalue()


def read(table: str) -> list[Stroke]:
    """The strokes of a drawing that was kept."""
    rows: dict[str, list[list[str]]] = {}
    for row in list(csv.reader(io.StringIO(table)))[1:]:
        rows.setdefault(row[0], []).append(row)
    return [
        Stroke(own[0][1], float(own[0][2]), np.array([[float(x), float(y)] for *_, x, y in own]))
        for own in rows.values()
    ]


def _check(strokes: Sequence[Stroke]) -> None:
    """ValueError, one sentence, where strokes are no distribution."""
    if not 1 <= len(strokes) <= MOST_STROKES:
        raise ValueError(f"a drawing has {len(strokes)} strokes, not from 1 to {MOST_STROKES}")
    shapes = [np.shape(stroke.at) for stroke in strokes]
    if any(len(shape) != 2 or shape[0] < 1 or shape[1] != 2 for shape in shapes):
        raise ValueError("a stroke of the drawing is no line of points in the plane")
    at = np.concatenate([np.asarray(stroke.at, float) for stroke in strokes])
    if len(at) > MOST_POINTS:
        raise ValueError(f"a drawing has {len(at)} points, more than {MOST_POINTS}")
    if not (np.abs(at) <= LARGEST).all():  # also NaN
        raise ValueError(f"a point of the drawing is not two finite numbers of at most {LARGEST:g}")
    size = max(np.max(np.ptp(at, axis=0)), AWAY * np.max(np.abs(at)))
    for stroke in strokes:
        if stroke.label not in tuple(LETTERS):
            raise ValueError(f"class {stroke.label!r} of a stroke is not a letter from {LETTERS[0]} to {LETTERS[-1]}")
        if not 1 / LARGEST <= stroke.width <= LARGEST:  # also NaN
            raise ValueError(f"width {stroke.width:g} of a stroke is not from {1 / LARGEST:g} to {LARGEST:g}")
        if stroke.width < FINEST * size:
            raise ValueError(f"width {stroke.width:g} of a stroke is not at least {FINEST:g} of the drawing's size")


def _length(stroke: Stroke) -> float:
    return float(np.linalg.norm(np.diff(stroke.at, axis=0), axis=1).sum())


def _resampled(stroke: Stroke, step: float) -> np.ndarray:
    """Points [m, 2] of a stroke in even steps along it; two for one that has no length, or comes back in one step."""
    at = stroke.at
    if _length(stroke) < stroke.width:
        return _dot(stroke)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(at, axis=0), axis=1))])
    places = np.linspace(0, along[-1], max(1, round(along[-1] / step)) + 1)
    even = np.stack([np.interp(places, along, at[:, i]) for i in (0, 1)], axis=1)
    even = even[np.append(True, np.linalg.norm(np.diff(even, axis=0), axis=1) > 0)]
    return even if len(even) > 1 else _dot(stroke)


def _dot(stroke: Stroke) -> np.ndarray:
    dot: np.ndarray = stroke.at.mean(axis=0) + np.array([[-0.5, 0], [0.5, 0]]) * stroke.width
    return dot
