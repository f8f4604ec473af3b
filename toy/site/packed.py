"""What the site's pages load on demand: densities and targets, each a small pack of numbers."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from models import zoo
from toy.browser.numbers import bytes_of, numbers_of
from toy.browser.truth import truth_of
from toy.state import COUNTS
from toy.viewer import computing
from toy.viewer.packing import pack, quantise


def slug(name: str) -> str:
    """A density's or a target's name as a file's."""
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)


def density(name: str) -> bytes:
    """The numbers of a density that can be loaded. ValueError, one sentence, for one that has no such numbers."""
    return pack(*bytes_of(numbers_of(zoo.load(name))))


def target(name: str, counts: Iterable[int] = COUNTS) -> bytes:
    """What is known exactly of a target, and what is drawn of it; outlines in 16 bits, each point from the one before."""
    arrays: dict[str, Any] = {}
    for key, array in computing.scenery(name).items():
        outline = key.startswith("outline.") and array.ndim == 2
        arrays[key] = stepwise(array) if outline else array
    return pack({"truth": truth_of(name, tuple(counts))}, arrays)


def stepwise(line: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Points [m, 2] as 16-bit codes, first all x, then all y, each as the step from the one before: half the bytes."""
    codes, lo, hi = quantise(line)
    return np.diff(codes.T, axis=1, prepend=np.uint16(0)), lo, hi
