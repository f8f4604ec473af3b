"""A drawing within a link, behind all else that it says: ``#drawing=A,0.05,0,0,1,0.5;B,…``.

Each stroke is its class, its width and coordinates x, y, x, y, …; toy/site/web/drawings.js writes and reads the same.
"""

import re
from urllib.parse import unquote

import numpy as np

from toy.distributions.keeping import kept, text_of
from toy.distributions.strokes import FAMILY, Stroke, name_of, read, store
from toy.settings import text

MARK = "#drawing="
LONGEST = 8000  # characters of a drawing
NAMED = re.compile(rf"\b{FAMILY}-[0-9a-f]{{12}}\b")


def carried(on: str) -> str:
    """A drawing that was kept as a link carries it; empty where that would be too long."""
    parts = [
        ",".join([stroke.label, text(stroke.width), text(stroke.at.ravel().tolist())]) for stroke in read(text_of(on))
    ]
    written = ";".join(parts)
    return written if len(written) <= LONGEST else ""


def take(written: str, on: str) -> None:
    """Keep the drawing ``on`` that a link carries; ValueError, one sentence, where it carries none, or another one."""
    if len(written) > LONGEST:
        raise ValueError(f"a drawing in a link has {len(written)} characters, more than {LONGEST}")
    strokes = [_stroke(*part.split(",")) for part in unquote(written).split(";")]
    if (name := name_of(strokes)) != on:
        raise ValueError(f"the link names {on} and carries another drawing, {name}")
    store(strokes)


def take_from(link: str) -> str:
    """A link without the drawing that it carries, which is kept where it is not yet; ValueError as by ``take``."""
    rest, _, written = link.partition(MARK)
    if written and (named := NAMED.search(rest)) and not kept(named[0]):
        take(written, named[0])
    return rest


def _stroke(label: str, width: str = "", *at: str) -> Stroke:
    """A stroke as a link says it, whatever that is; what is no number is none."""
    pairs = np.reshape([_number(value) for value in at], (-1, 2)) if len(at) % 2 == 0 else np.empty((0, 2))
    return Stroke(label, _number(width), pairs)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
