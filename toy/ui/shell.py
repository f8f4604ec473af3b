"""What every page shares: style, the viewer component, waiting for the engine, the state in the URL."""

import time
from typing import Any

import streamlit as st

from toy.ui.engine import engine
from toy.ui.packing import viewer_sources

STYLE = """
<style>
.stMainBlockContainer { padding: 3.9rem 1.2rem 0.5rem 1.2rem; max-width: none; }
.stSidebar [data-testid="stSidebarUserContent"] { padding-top: 0.5rem; }
[data-testid="stStatusWidget"] { visibility: hidden; }
/* In the header's line, so that the pictures get the height. */
.st-key-share { position: fixed; top: 0.6rem; right: 1.2rem; width: auto; z-index: 999991; gap: 1rem; }
@media (max-width: 1000px) { /* icons alone, but a screen reader still says what they are */
  .st-key-share { gap: 0.5rem; }
  .st-key-share [data-testid="stPopoverButton"] p { position: absolute; width: 1px; clip-path: inset(50%); }
}
/* What a component draws is never out of date: it says itself what it waits for. */
.stElementContainer[data-stale="true"]:has(.stBidiComponent) { opacity: 1 !important; transition: none !important; }
</style>
"""

EMBEDDED = """
<style>
[data-testid="stHeader"], .stSidebar { display: none; }
.stMainBlockContainer { padding: 0.4rem 0.6rem; }
</style>
"""


def style() -> None:
    """Give the picture the room; in another page, all of it."""
    st.html(STYLE + EMBEDDED * embedded())


def embedded() -> bool:
    """Whether the link says ``embed=true``: the picture alone, for a slide or another page."""
    return bool(st.context.is_embedded)


VIEWER = "viewer"  # key of the Explore page's one viewer, before and after the engine is ready


@st.cache_resource
def _component() -> Any:
    return st.components.v2.component("toy_viewer", **viewer_sources(), isolate_styles=True)


def viewer(data: bytes, key: str) -> Any:
    """Mount the viewer with a pack."""
    return _component()(key=key, data=data, on_request_change=lambda: None, on_ui_change=lambda: None)


def asks_for_methods() -> bool:
    """Whether the URL names what either side shows: the shipped scene is then not what was asked for."""
    return any(key.startswith(("left.", "right.")) for key in st.query_params)


def await_engine() -> None:
    """Return when the engine is ready; until then the page stays as drawn so far, and then runs again."""
    found, began = engine(), time.monotonic()
    if found.ready.is_set():
        return
    note = st.empty()
    while not (found.failure or found.ready.wait(0.2)):  # every note is also where Streamlit may stop this run
        seconds = time.monotonic() - began
        note.caption(f"The engine is starting: its programs are compiled once. {seconds:.0f} s")
    if found.failure:
        st.error(f"The engine could not start. {found.failure}")
        st.stop()
    st.rerun()


def load_state() -> Any:
    """The visitor's State: from the URL when it was pasted or the browser went back, else as it was left."""
    from toy import state

    query = {key: st.query_params[key] for key in st.query_params}
    if not query and "state" in st.session_state:
        save_state(st.session_state.state)  # back from another page, whose URL knows nothing of this one
    elif "state" not in st.session_state or ("written" in st.session_state and query != st.session_state.written):
        new, st.session_state.notes = state.parse(query)
        _send_ui(new)
        _keep(new)
        st.session_state.written = query
    return st.session_state.state


def save_state(new: Any, *, by_viewer: bool = False) -> None:
    """Keep the State and write it into the URL; settings of the viewer that it did not report itself are sent to it."""
    if not by_viewer:
        _send_ui(new)
    _keep(new)
    query = new.query() | {key: st.query_params[key] for key in ("embed", "embed_options") if key in st.query_params}
    if query != {key: st.query_params[key] for key in st.query_params}:
        st.query_params.from_dict(query)
    st.session_state.written = query


def _keep(new: Any) -> None:
    st.session_state.state = new
    st.session_state.setdefault("now", {})["state"] = new  # for files, which are made outside of the session


def _send_ui(new: Any) -> None:
    old = st.session_state.get("state")
    if old is not None and old.ui != new.ui:
        st.session_state.ui_from = st.session_state.get("ui_from", 0) + 1


def show_notes() -> None:
    """Say once what the URL asked for and did not get."""
    notes = st.session_state.get("notes", [])
    if notes:
        st.warning(f"Not taken: {'; '.join(notes)}")
    st.session_state.notes = []
