"""What the tests of the app share: links of strangers, the app's pages, a held engine, held work and a clock."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

import models
from toy.guidance import RULES
from toy.scene import STARTS
from toy.schedules import SCHEDULES
from toy.state import COUNTS, FLAGS, HIDEABLE, LAYOUTS, SHARED, SLOTS
from toy.ui.engine import Engine

ROOT = Path(__file__).parents[1]
FRAME = ROOT / "toy" / "ui" / "frame.py"


def _pages() -> dict[str, str]:
    """File and path in the URL of every page; the default page has none."""
    found = {}
    for call in re.findall(r"st\.Page\((.*?)\),?\n", FRAME.read_text(encoding="utf-8"), re.S):
        file = re.search(r'"([^"]+\.py)"', call)
        path = re.search(r'url_path="([^"]+)"', call)
        assert file is not None
        found[f"pages/{file[1]}"] = "" if "default=True" in call or path is None else path[1]
    return found


PAGES = _pages()
NAMES = models.names()

SIDED = ("rule", "schedule", "main", "weak", "w", "lo", "alpha", "n", "")
KEYS = [
    *SHARED,
    *FLAGS,
    *("hide", "layers", "layout", "view", "t", "speed", "language", "challenge", "embed", ""),
    *(f"{slot}.{name}" for slot in SLOTS for name in SIDED),
]
ODD = [
    "nan",
    "inf",
    "-1",
    "1e999",
    "0x10",
    "1,2",
    ",",
    "\x00",
    "²",
    "1_0",
    " 4 ",
    "None",
    "true",
    "<script>",
    "9" * 400,
    "outside<7,trunk>20.5",
]
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from([*ODD, *RULES, *SCHEDULES, *STARTS, *COUNTS, *LAYOUTS, *HIDEABLE, *NAMES[:3]]).map(str),
)
QUERIES = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=12)), WORDS, max_size=8)


def until(condition: Callable[[], object], seconds: float = 300) -> None:
    """Wait for something that another thread or process does, with fewer and fewer looks, which take its time."""
    end, pause = time.monotonic() + seconds, 0.02
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(pause)
        pause = min(1.2 * pause, 0.25)


class Blocked:
    """An engine whose worker is held until ``go`` is called."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.gate, self.held = threading.Event(), threading.Event()
        self.engine.submit("gate", self.wait, priority=-1)
        assert self.held.wait(60)

    def wait(self) -> None:
        self.held.set()
        assert self.gate.wait(60)

    def go(self) -> None:
        self.gate.set()


class Clock:
    """A clock that moves when it is told to: takes the place of a module's ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Gate:
    """Work that is held until the gate is opened."""

    def __init__(self) -> None:
        self.held, self.open = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.held.set()
        assert self.open.wait(60)
        return "done"
