"""Data that distributions are made of, kept by content in the user's data folder: ``points-3f9c01ab23cd``."""

import hashlib
import math
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from toy import inputs
from toy.files import alone, data_folder, put
from toy.settings import Refused

MOST_FILES = 2048  # each stroke that is added to a drawing makes another
MOST_BYTES = 2**28  # of all together
LONGEST = 2**25  # of one
AGAIN = {
    "points": "give their file again, on the page or with --points FILE",
    "strokes": "open a link that carries the drawing, or draw it again",
}
BY = {"points": "--points FILE", "strokes": "drawing on Explore"}
NAME = re.compile(r"[a-z_]+-[0-9a-f]{12}")


def path_of(name: str) -> Path:
    """Where the data of a name are, or would be; Refused where it is no such name."""
    if not NAME.fullmatch(name):
        family = name.partition("-")[0]
        words = f"it is {family}-ID, where ID are 12 digits 0-9a-f of data that were kept here, as {BY[family]} does"
        raise Refused(f"distribution {name!r} names no data: {words}", "distribution")
    return data_folder() / "data" / f"{name}.csv"


def named(family: str, text: str) -> str:
    """The name that data of a family are kept under."""
    return f"{family}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def keep(family: str, text: str) -> str:
    """Keep data for a family of distributions and return their name; the least recently used go, of more than fit."""
    data = text.encode()
    if len(data) > LONGEST:
        raise ValueError(f"{len(data)} bytes of {family} are more than {LONGEST}")
    name = named(family, text)
    path = path_of(name)
    with alone(path.parent):
        put(path, data)
        _make_room(path)
    return name


def kept(name: str) -> bool:
    """Whether data of that name are here."""
    return bool(NAME.fullmatch(name)) and path_of(name).is_file()


def used(name: str) -> None:
    """Data of that name are wanted: they are the last to go."""
    with suppress(FileNotFoundError):
        os.utime(path_of(name))


def text_of(name: str) -> str:
    """The data of a name; Refused, one sentence, where they are not here."""
    path = path_of(name)
    if not path.is_file():
        again = AGAIN.get(name.partition("-")[0], "make them again")
        raise Refused(f"{name} is of data that are not on this machine: {again}", "distribution")
    used(name)
    text = inputs.text(path, LONGEST)
    if not hashlib.sha256(text.encode()).hexdigest().startswith(name.rpartition("-")[2]):
        raise ValueError(f"{str(path)!r} is damaged: its content is not what its name says")
    return text


def number(address: str, work: Callable[[], float]) -> float:
    """A number that takes long, kept under the ``address`` of all that it follows from; what is damaged is made again.

    Where nothing can be kept it is worked out each time.
    """
    path = data_folder() / "numbers" / f"{address}.txt"
    with suppress(OSError, ValueError):
        found = float(path.read_text(encoding="utf-8"))
        if math.isfinite(found):
            os.utime(path)
            return found
    made = work()
    with suppress(OSError, ValueError), alone(path.parent):
        put(path, repr(made))
        _make_room(path)
    return made


def _make_room(newest: Path) -> None:
    """Remove the files that were used longest ago, but the newest, until the others fit."""
    files = [(found.stat(), found) for found in newest.parent.glob(f"[!.]*{newest.suffix}") if found != newest]
    number, size = 1, newest.stat().st_size
    for stat, path in sorted(files, key=lambda file: file[0].st_mtime, reverse=True):
        number, size = number + 1, size + stat.st_size
        if number > MOST_FILES or size > MOST_BYTES:
            path.unlink(missing_ok=True)
