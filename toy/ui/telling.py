"""What a visitor's browser is told, once, so that its own engine computes what the live views show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from toy import distributions
from toy.browser import told
from toy.distributions import strokes
from toy.scene import Scene
from toy.state import SLOTS
from toy.ui import live
from toy.ui.engine import FULL, Engine, Work
from toy.ui.live import Session


@dataclass(frozen=True)
class Told:
    """What goes into a pack: the header's ``engine`` and ``arrays``, and the kinds and names that are ``news``.

    Without an ``engine`` the browser does not compute it: for the reason ``why``, or that is found out ``later``.
    """

    engine: dict[str, object] | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    news: tuple[str, ...] = ()
    why: str = ""
    later: bool = False


def work_of(news: tuple[str, ...]) -> Work:
    """What the server's engine has to work out of it: programs, numbers and truths."""
    return Work(("told", news), partial(told.told, news))


def made(scenes: Mapping[str, Scene], memory: Session) -> None:
    """The browser of the visitor of ``memory`` has made itself what these scenes need of the drawing that they show."""
    on = distributions.of(scenes[SLOTS[0]].target).on
    if strokes.is_drawing(on):
        own = {word for word in told.needed(scenes.values()) if f"{on}/" in word}
        memory["told"] = memory.get("told", set()) | own


def tell(found: Engine, scenes: Mapping[str, Scene], memory: Session, *, anew: bool) -> Told:
    """What the visitor of ``memory`` is told of scenes by their names in a view.

    ``anew`` is a visitor who has forgotten what he was told.
    """
    before: set[str] = set() if anew else memory.setdefault("told", set())
    news = tuple(word for word in told.needed(scenes.values()) if word not in before)
    collect = live.asking(found, memory, "asked_told", news, live=True, pause=lambda: "told" in memory)
    results, late = collect({"told": work_of(news)}, FULL, "told")
    refused = next((words for words in results.values() if isinstance(words, str)), "")
    if late or refused:
        return Told(why=refused, later=not refused)
    lists, arrays = results["told"]
    memory["told"] = before | set(news)
    return Told(told.engine_of(scenes, lists, anew=anew), arrays, news)
