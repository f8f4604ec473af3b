"""A live view on a page: mounted with a pack, heard, and answered in time with what there is. It knows no page."""

import time
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from concurrent.futures import wait
from functools import partial
from typing import Any

import streamlit as st

from toy.ui.engine import Busy, Engine, Work
from toy.viewer.sources import viewer_sources

EXPLORE, FIELDS, LEARN = "viewer", "fieldview", "learn"  # the views: their sources, and the keys of what they say
Session = MutableMapping[str | int, Any]  # what the server keeps of a visitor, as Streamlit does, by name
Collected = tuple[dict[str, Any], dict[str, str]]  # results, or in a sentence why there is none; words for the late
# An answer waits, in seconds: for what was not asked for before; where the viewer asked, which knows that it waits;
# for what was asked for before, and longer for each computation that waits, so that many do not ask all the time.
SOON, LIVE, PATIENT, LINE = 0.1, 0.5, 1.0, 0.25
SLICE = 0.05  # seconds between two looks at whether the visitor has chosen something else, and as much again for each
LOOKS = 4  # computations that wait: many who look all the time leave no processor to the workers


@st.cache_resource
def _component(view: str) -> Callable[..., object]:
    return st.components.v2.component(f"toy_{view}", **viewer_sources(view), isolate_styles=True)


def mount(view: str, pack: bytes) -> None:
    """Show a pack in a view of the page."""
    _component(view)(key=view, data=pack, on_request_change=lambda: None, on_ui_change=lambda: None)


def serve(view: str, settings: Callable[[object], object], answer: Callable[[object, bool], bytes]) -> None:
    """Hear a view and mount it with the answer.

    ``settings`` takes what the view says of itself when that is news; ``answer`` takes its last request, and whether
    that was not answered before.
    """
    memory, heard = st.session_state, f"{view}_heard"
    said = memory.get(view) or {}
    seen = memory.get(heard, {})
    ui, request = said.get("ui"), said.get("request")
    if ui and ui != seen.get("ui"):
        memory[heard] = seen = {**seen, "ui": ui}
        settings(ui)
    mount(view, answer(request, request is not None and request != seen.get("request")))
    memory[heard] = {**seen, "request": request}  # not before: a run that is cut short leaves it to the next


def asking(
    found: Engine,
    memory: Session,
    name: str,
    asked: object,
    *,
    live: bool,
    pause: Callable[[], object],
    least: float = 0.0,
) -> Callable[..., Collected]:
    """A function that collects works for the visitor of ``memory``, all by the time at which the answer goes out.

    That time follows from whether ``asked`` is what was asked for last under ``name``, but is at least so many seconds
    away; see ``patience``, ``collected``.
    """
    end = time.monotonic() + max(least, patience(found, memory, name, asked, live=live))
    return partial(collected, found, memory.setdefault("visitor", object()), end=end, pause=pause)


def patience(found: Engine, memory: Session, name: str, asked: object, *, live: bool) -> float:
    """Seconds that an answer may take: few for what is asked for the first time, since whoever asked will ask again.

    What was asked for last is kept in ``memory`` under ``name``; ``live`` is who knows by himself that he waits.
    """
    again, memory[name] = memory.get(name) == asked, asked
    return PATIENT + LINE * found.waiting if again else LIVE if live else SOON


def collected(
    found: Engine,
    visitor: Hashable,
    works: Mapping[str, Work],
    priority: int,
    kind: str = "",
    *,
    end: float,
    pause: Callable[[], object] = lambda: None,
) -> Collected:
    """Results that come before the time ``end``, or the sentence that says why there is none, and words for the rest.

    ``kind`` tells what one visitor asks for at the same time apart. ``pause`` is called again and again meanwhile.
    """
    try:
        futures = dict(zip(works, found.ask((visitor, kind), list(works.values()), priority=priority), strict=True))
    except Busy as error:
        return {}, dict.fromkeys(works, str(error))
    while (left := end - time.monotonic()) > 0:
        if not wait(futures.values(), min(left, SLICE * (1 + found.waiting / LOOKS))).not_done:
            break
        pause()
    results: dict[str, object] = {}
    late: dict[str, str] = {}
    for name, future in futures.items():
        if not future.done() or future.cancelled():
            late[name] = found.words(works[name], besides=works.values())
            continue
        try:
            results[name] = future.result()
        except ValueError as error:  # of a density that is found out only when it is made
            results[name] = str(error)
    return results, late
