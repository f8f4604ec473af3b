"""Link, command, snippet and downloads of what is on the screen."""

import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from toy.scene import Scene
from toy.settings import flags
from toy.state import SLOTS, State
from toy.ui import charts
from toy.ui.engine import engine


def command(scene: Scene, verb: str = "metrics", extra: str = "") -> str:
    """The command line that makes a scene."""
    return " ".join(["python -m toy", verb, flags(scene.short()), *([extra] if extra else [])])


def redraw(state: State, dark: bool = False) -> str:
    """The command line that draws both sides: the same file as the page's own download."""
    link = state.link()
    return " ".join(
        ["python -m toy figure explore", *(["--link", shlex.quote(link)] if link else []), *["--dark"] * dark]
    )


def snippet(scene: Scene) -> str:
    """The Python lines that make a scene."""
    values = {name: value for name, value in scene.short().items() if name != "rule"}
    arguments = "".join(f", {name}={value!r}" for name, value in values.items())
    return (
        "import toy, models\n\n"
        f"scene = toy.Scene.of({scene.rule!r}{arguments})\n"
        "frame = toy.compute(scene, models.cast(scene.cast))\n"
        "print(frame.metrics)\n"
    )


def bar() -> None:
    """A quiet row beside the navigation."""
    with st.container(key="share", horizontal=True):
        _words()
        with st.popover("Download", icon=":material/download:", key="share.download", type="tertiary"):
            # Nothing that is opened or closed runs this again: a file that was just asked for would be lost.
            downloads(st.session_state.now)


@st.fragment
def _words() -> None:
    """Link and command. What the viewer changed meanwhile is read when one of them is opened."""
    state: State = st.session_state.state
    opens: dict[str, Any] = {"type": "tertiary", "on_change": "rerun"}
    row = st.container(key="words", horizontal=True)  # a fragment alone is a column
    with row.popover("Link", icon=":material/link:", key="share.link", **opens):
        st.caption(
            "This link restores the page. Add &hide=knobs,layers,settings to hide controls, &embed=true for slides."
        )
        st.code(_url(state), language=None, wrap_lines=True)
    with row.popover("Command", icon=":material/terminal:", key="share.command", **opens):
        st.caption("This picture. Add --format svg or pdf.")
        st.code(redraw(state, charts.dark()), language="bash", wrap_lines=True)
        for slot in SLOTS:
            st.caption(slot)
            st.code(command(state.scene(slot)), language="bash", wrap_lines=True)
            st.code(snippet(state.scene(slot)), language="python")


def _url(state: State) -> str:
    base, link = (st.context.url or "").split("?")[0], state.link()
    return f"{base}?{link}" if link else base


def downloads(now: Mapping[str, State]) -> None:
    """Files of what is on the screen, made when asked for: outside of the session, which they see through ``now``.

    They take their turn with everything else that is computed, and no more than the screen does.
    """
    from toy.ui import export
    from toy.viewer import cost

    dark = charts.dark()

    def made(name: str, make: Callable[[State, bool], bytes]) -> bytes:
        state, _ = cost.affordable(now["state"])
        return engine().get(("download", name, state.link(), dark), partial(make, state, dark), wait=120)

    for label, name, mime, make in export.CHOICES:
        st.download_button(
            label, data=partial(made, name, make), file_name=name, mime=mime, on_click="ignore", width="stretch"
        )
