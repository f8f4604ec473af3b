"""How the app starts: what is imported before the server listens, and what its engine does first."""

import gc
import time
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import streamlit as st

from toy.ui import engine as engines
from toy.ui import links
from toy.ui.engine import Engine, Work
from toy.ui.words import plain

if TYPE_CHECKING:
    from toy.viewer.computing import Side


def prepare() -> None:
    """Import what computing takes: for a server to do before it listens, since a thread that imports slows pages."""
    from toy.files import keep_compiled

    keep_compiled()
    import_module("toy.ui.explore")


def warm_up() -> Mapping[Work, "Side"]:
    """Load the default cast, compile and compute what the default page shows; previews follow later."""
    prepare()
    from toy.ui import explore
    from toy.viewer import computing

    shown = computing.rehearse()
    # What is loaded now stays: no collection of garbage need look at it again.
    gc.collect()
    gc.freeze()
    return {explore.work_of(side.scene): side for side in shown}


def rehearsals() -> list[Work]:
    """What browsers need to compute the default page themselves, and its previews for those that cannot."""
    from toy.browser import told
    from toy.ui import explore, telling
    from toy.viewer import computing

    needed = telling.work_of(tuple(told.needed(computing.usual())))
    return [needed, *(explore.work_of(scene) for scene in computing.usual(computing.PREVIEW))]


def engine() -> Engine:
    """The app's engine, which begins with the default page."""
    return engines.start(warm_up, rehearsals)


def await_engine(*, drawn: bool = False) -> None:
    """Return when the engine is ready; until then the page stays as drawn so far, and then runs again.

    A page that has ``drawn`` something in the meantime runs again also where the engine is ready by now.
    """
    found, began = engine(), time.monotonic()
    if found.ready.is_set() and not drawn:
        return
    note = st.empty()
    while not (found.failure or found.ready.wait(0.2)):  # every note is also where Streamlit may stop this run
        seconds = time.monotonic() - began
        note.caption(f"The engine is starting: its programs are compiled once. {seconds:.0f} s")
    if found.failure:
        st.error(f"The engine could not start. {plain(found.failure)}")
        st.stop()
    links.rerun()
