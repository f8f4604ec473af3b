"""A drawing that a link names and carries, where the server does not have it: the browser is asked for it.

A server is never told what stands behind a link's '#'.
"""

import time
from typing import Any

import streamlit as st

from toy.ui import links
from toy.viewer.sources import VIEWER, bundle

READ = 15.0  # seconds for which it is said why a drawing was not taken


@st.cache_resource
def _component() -> Any:
    script = bundle(VIEWER / "carriedview.js")
    return st.components.v2.component("toy_carried", html="<i hidden></i>", js=script, isolate_styles=True)


def take() -> None:
    """Keep the drawing that the link names and carries; a run that has to ask for it ends here, and another follows."""
    memory = st.session_state
    words, until = memory.get("carried_refused", ("", 0.0))
    if time.monotonic() < until:
        links.refused(words)
    query, asked = " ".join(st.query_params.to_dict().values()), memory.setdefault("carried_asked", set())
    if "strokes-" not in query:
        return
    from toy.distributions import carrying, keeping  # what other pages need not wait for

    found = carrying.NAMED.search(query)
    if not found or (name := found[0]) in asked or keeping.kept(name):
        return
    said = _component()(key=f"carried.{name}", data=name, on_drawing_change=lambda: None).drawing
    if said is None:
        st.stop()
    asked.add(name)
    if said:
        try:
            carrying.take(str(said), name)
        except ValueError as error:
            memory["carried_refused"] = str(error), time.monotonic() + READ
    st.rerun()
