"""What every page shares: style, navigation, the state in the URL."""

from collections.abc import Sequence
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from toy.ui import links
from toy.ui.words import plain
from toy.viewer.sources import VIEWER, bundle

if TYPE_CHECKING:  # it takes JAX
    from toy.state import State

ICONS = {
    "": ":material/park:",
    "learn": ":material/school:",
    "fields": ":material/gradient:",
    "compare": ":material/show_chart:",
    "mechanism": ":material/troubleshoot:",
    "lab": ":material/science:",
    "train": ":material/model_training:",
    "figures": ":material/image:",
}
SPEAKING = ("", "learn", "fields")  # pages with a view, which speaks the language of the link
STYLE = """
<style>
.stMainBlockContainer { padding: 0.3rem 1.2rem 0.5rem; max-width: none; }
.stMain { scroll-padding-top: 2.8rem; }
.stSidebar [data-testid="stSidebarUserContent"] { padding-top: 0.5rem; }
[data-testid="stStatusWidget"] { visibility: hidden; }
div:has(> .st-key-unseen) { display: none; }
/* Its colours for parts of a command are too faint to be read. */
[data-testid="stCode"] .token { color: inherit !important; }
/* Of Streamlit's header nothing is left but the button that brings the settings back, for which the bar leaves room. */
.stAppHeader { height: 0; min-height: 0; background: none; }
[data-testid="stExpandSidebarButton"] { position: absolute; top: 0.5rem; left: 0.5rem; background: inherit; }
.stApp:has([data-testid="stExpandSidebarButton"]) .st-key-bar { padding-left: 2.2rem; }
/* Closing them must not need a pointer that hovers. */
[data-testid="stSidebarCollapseButton"] { visibility: visible !important; display: inline !important; }
/* One line where there is room for it, else as many as it takes: nothing lies over anything at any width. */
.st-key-bar { container-type: inline-size; align-items: center; gap: 0 0.8rem; }
.st-key-bar { min-height: 2.2rem; margin-bottom: -0.6rem; }
.st-key-share [data-testid="stPopoverButton"] { min-height: 2.2rem; }
.st-key-bar [data-testid="stLayoutWrapper"] { flex: 0 1 auto; width: auto; }
.st-key-bar > [data-testid="stLayoutWrapper"]:last-child { margin-left: auto; }
.st-key-bar .stHorizontalBlock { flex: 0 1 auto; gap: 0 0.2rem; align-items: center; }
.st-key-bar .stHorizontalBlock:is(.st-key-share, .st-key-words) { gap: 0 0.8rem; }
.st-key-pages .stPageLink a { padding: 0.2rem 0.4rem; margin: 0; gap: 0.3rem; }
.st-key-pages .stPageLink a[disabled] { background: color-mix(in srgb, currentColor 9%, transparent); cursor: default; }
.st-key-pages .stPageLink :is(a[disabled], a[disabled] *) { color: inherit; font-weight: 600; }
@container (max-width: 960px) { /* words alone */
  .st-key-pages a > span:first-child:not(:only-child) { display: none; }
  .st-key-share [data-testid="stPopoverButton"] [data-testid="stMarkdownContainer"] [data-testid="stIconMaterial"],
  .st-key-share [data-testid="stPopoverButton"] > div > span:first-child { display: none; }
}
/* What a component draws is never out of date: it says itself what it waits for. */
.stElementContainer[data-stale="true"]:has(.stBidiComponent) { opacity: 1 !important; transition: none !important; }
/* Streamlit's quiet and its coloured words are too faint to be read by everybody. */
[data-testid="stCaptionContainer"] { opacity: 0.85; }
[data-testid="stCaptionContainer"] :is(p, code, li), .stSlider [data-testid="stSliderThumbValue"] p,
.stButtonGroup button[data-selected="true"] p { color: inherit; }
[data-testid="stCaptionContainer"], .stSlider [data-testid="stSliderThumbValue"],
.stButtonGroup button[data-selected="true"] { color: inherit !important; }
/* Foreign words stand in code spans, which keep them words; within a message they look like its own. */
:is(.stAlert, .stProgress, .stHeading) code { font: inherit; color: inherit; background: none; padding: 0; }
.stAlert code { overflow-wrap: anywhere; }
/* A table that is wider than the page is read to its end. */
[data-testid="stTable"] { overflow-x: auto; }
[data-testid="stTable"] td { min-width: 4rem; }
</style>
"""
EMBEDDED = """
<style>
[data-testid="stHeader"], .stSidebar { display: none; }
.stMainBlockContainer { padding: 0.4rem 0.6rem; }
</style>
"""


_actions: ContextVar[DeltaGenerator] = ContextVar("actions")


def embedded() -> bool:
    """Whether the link says ``embed=true``: the picture alone, for a slide or another page."""
    return bool(st.context.is_embedded)


def begin(pages: Sequence[StreamlitPage], current: StreamlitPage) -> None:
    """The style of every page, and its first line: the pages, and room for what can be done with this one.

    In another page there is no such line: all the room is the picture's.
    """
    before = st.session_state.get("page")
    links.begin(current.url_path)
    _speak_as(before, current.url_path)
    st.html(STYLE + EMBEDDED * embedded())
    with st.container(key="unseen"):
        st.html(f'<script type="module">{_script()}</script>', unsafe_allow_javascript=True)
    if embedded():
        return
    with st.container(key="bar", horizontal=True):
        with st.container(key="pages", horizontal=True):
            for page in pages:
                found = links.of(page.url_path).seen  # as it was left
                st.page_link(page, icon=ICONS[page.url_path], disabled=page is current, query_params=found)
        _actions.set(st.container(key="actions", horizontal=True))


@cache
def _script() -> str:
    return bundle(VIEWER / "backpage.js")


def _speak_as(before: str | None, page: str) -> None:
    """Have a page's link say the language of the page that was left, where that said one and this one can speak it."""
    said = links.of(before).seen.get("language") if before in SPEAKING and before != page else None
    if said and page in SPEAKING and st.query_params.get("language") != said:
        st.query_params["language"] = said


def actions() -> DeltaGenerator:
    """The place beside the navigation for what can be done with a page."""
    return _actions.get()


def asks_for_methods() -> bool:
    """Whether the URL names what either side shows, or a language: the shipped scene is then not what was asked for."""
    return any(key.startswith(("left.", "right.", "language")) for key in st.query_params)


def load_state() -> "State":
    """The visitor's State: from the URL when it was pasted or the browser went back, else as it was left."""
    from toy import state

    query, link = links.said(), links.here()
    if "state" not in st.session_state or query != link.seen:
        new, st.session_state.notes = state.parse(query)
        _send_ui(new)
        _changed_beside()
        _keep(new)
        link.seen = query
    return st.session_state.state


def save_state(new: "State", *, by_viewer: bool = False, asked: bool = False) -> None:
    """Keep the State and write it into the URL; settings of the viewer that it did not report itself are sent to it.

    Unless the view ``asked`` for it, what its controls say is of the scene before; see ``Request.after``.
    """
    if not by_viewer:
        _send_ui(new)
        if not asked:
            _changed_beside()
    _keep(new)
    links.here().replace(new.query())


def _keep(new: "State") -> None:
    st.session_state.state = new
    st.session_state.setdefault("now", {})["state"] = new  # for files, which are made outside of the session


def _changed_beside() -> None:
    """To be told of every change that the view did not make, before it: how many there were, and the State before."""
    if "state" in st.session_state:
        st.session_state.beside = st.session_state.get("beside", 0) + 1
        st.session_state.state_before = st.session_state.state


def _send_ui(new: "State") -> None:
    old = st.session_state.get("state")
    if old is not None and old.ui != new.ui:
        st.session_state.ui_from = st.session_state.get("ui_from", 0) + 1


def show_notes() -> None:
    """Say once what the URL asked for and did not get."""
    notes = st.session_state.get("notes", [])
    if notes:
        st.warning(f"Not taken: {plain('; '.join(notes), 2000)}")
    st.session_state.notes = []
