"""What the site's pages load on demand: densities and targets, each a small pack of numbers."""

import re

import numpy as np

from toy import distributions, metrics
from toy.browser.numbers import bytes_of
from toy.browser.told import density_of
from toy.browser.traced import SHOWN
from toy.browser.truth import truth_of
from toy.state import DEFAULTS
from toy.viewer import computing
from toy.viewer.packing import Packed, pack, quantise

FINE = 1e-4  # of an outline's size


def slug(name: str) -> str:
    """A density's or a target's name as a file's."""
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)


def density(name: str) -> bytes:
    """The numbers of a density by the engine's name. ValueError, one sentence, for one that has no such numbers."""
    return pack(*bytes_of(density_of(name)))


def target(name: str) -> bytes:
    """What is known exactly of a target, and what is drawn of it; of the usual ones also what is asked at first."""
    floors = {} if distributions.of(name).on else {"floors": floors_of(name)}
    return pack({"truth": truth_of(name) | floors}, drawn(name))


def floors_of(name: str) -> dict[str, metrics.Values]:
    """What the measures give for as many true samples as the first picture and its previews have, by their number."""
    names = metrics.defined(SHOWN, name)
    return {str(n): metrics.floor(name, n, names) for n in (computing.PREVIEW, DEFAULTS["n"])}


def drawn(name: str) -> dict[str, Packed]:
    """A target's scenery; outlines without points that nobody sees, in 16 bits, each point from the one before."""
    scenery = computing.scenery(name)
    arrays: dict[str, Packed] = {**scenery}
    for key in [key for key in scenery if key.endswith(".starts")]:
        line = key.removesuffix(".starts")
        parts = [thinned(part) for part in np.split(scenery[line], scenery[key][1:])]
        arrays[line] = stepwise(np.concatenate(parts))
        arrays[key] = np.cumsum([0, *map(len, parts[:-1])]).astype(np.uint32)
    return arrays


def thinned(line: np.ndarray) -> np.ndarray:
    """A line [m, 2] without the points that it is as good without: none of those left out is ``FINE`` away from it."""
    reach = FINE * np.max(np.ptp(line, axis=0))
    kept = np.zeros(len(line), bool)
    kept[[0, -1]] = True
    open_parts = [(0, len(line) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        along, offset = line[last] - line[first], line[first + 1 : last] - line[first]
        length = float(np.hypot(*along))
        across = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0]) / length if length else np.hypot(*offset.T)
        farthest = int(np.argmax(across))
        if across[farthest] > reach:
            kept[first + 1 + farthest] = True
            open_parts += [(first, first + 1 + farthest), (first + 1 + farthest, last)]
    return line[kept]


def stepwise(line: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Points [m, 2] as 16-bit codes, first all x, then all y, each as the step from the one before: half the bytes."""
    codes, lo, hi = quantise(line)
    return np.diff(codes.T, axis=1, prepend=np.uint16(0)), lo, hi
