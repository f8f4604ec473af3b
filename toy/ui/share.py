"""Link, command, snippet and downloads of what is on the screen."""

import shlex
from functools import partial

import streamlit as st

from toy.scenes import Scene
from toy.ui.state import State, text


def command(scene: Scene, verb: str = "metrics", extra: str = "") -> str:
    """The command line that makes a scene."""
    flags = [f"--{name.replace('_', '-')} {shlex.quote(text(v))}" for name, v in scene.short().items()]
    return " ".join(["python -m toy", verb, *flags, *([extra] if extra else [])])


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


def bar(state: State) -> None:
    """A quiet row under the viewer."""
    link, code, save, _ = st.columns([1, 1, 1, 3])
    with link.popover("Link", icon=":material/link:", width="stretch"):
        st.caption(
            "This link restores the page. Add &hide=knobs,layers,settings to hide controls, &embed=true for slides."
        )
        st.code(_url(state), language=None, wrap_lines=True)
    with code.popover("Command", icon=":material/terminal:", width="stretch"):
        for slot in ("left", "right"):
            st.caption(slot)
            st.code(command(state.scene(slot)), language="bash", wrap_lines=True)
            st.code(snippet(state.scene(slot)), language="python")
    with save.popover("Download", icon=":material/download:", width="stretch"):
        downloads(state)


def _url(state: State) -> str:
    from urllib.parse import urlencode

    base = (st.context.url or "").split("?")[0]
    query = urlencode(state.query(), safe=",:@#")
    return f"{base}?{query.replace('#', '%23')}" if query else base


def downloads(state: State) -> None:
    """Files of what is on the screen, made when asked for."""
    from toy.ui import export

    for label, name, mime, make in export.CHOICES:
        st.download_button(
            label, data=partial(make, state), file_name=name, mime=mime, on_click="ignore", width="stretch"
        )
