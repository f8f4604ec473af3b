"""Link, command, snippet and downloads of what is on the screen."""

import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from toy import distributions
from toy.distributions import carrying, strokes
from toy.scene import Scene
from toy.settings import flags
from toy.state import SLOTS, State, from_viewer
from toy.ui import charts, links, qr
from toy.ui.engine import engine
from toy.ui.lectures import LECTURES
from toy.ui.words import plain

LONG, TALL = 600, 160  # characters of a link above which it scrolls, within so many pixels


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
        st.caption(_about(state))
        frozen = st.toggle("Frozen until “Try it yourself” is pressed", key="share.frozen")
        link = _url(from_viewer(state, dict(state.ui) | {"freeze": frozen}))
        st.code(link, language=None, wrap_lines=True, height="content" if len(link) < LONG else TALL)
        qr.code(link, "share.qr")
        _lecture(state)
    with row.popover("Command", icon=":material/terminal:", key="share.command", **opens):
        st.caption("This picture. Add --format svg or pdf.")
        links.show_command(redraw(state, charts.dark()))
        for slot in SLOTS:
            st.caption(slot)
            links.show_command(command(state.scene(slot)))
            st.code(snippet(state.scene(slot)), language="python")


def _about(state: State) -> str:
    """What the link of a state opens, and what may be added to it."""
    on, restores = distributions.of(state.left.target).on, "This link restores the page."
    if strokes.is_drawing(on):
        restores = (
            "This link carries the drawing, and restores the page on any server and on the site."
            if carrying.carried(on)
            else "The drawing is too long for a link: this one opens on this server alone."
        )
    return f"{restores} Add &hide=knobs,layers,settings to hide controls, &embed=true for slides."


def _url(state: State) -> str:
    """The whole address of a state, with the drawing that it is of."""
    link, on = state.link(), distributions.of(state.left.target).on
    drawing = carrying.carried(on) if strokes.is_drawing(on) else ""
    return links.address() + (f"?{link}" if link else "") + (carrying.MARK + drawing if drawing else "")


def _lecture(state: State) -> None:
    """What a lecturer does for those who follow his page, and what they open."""
    lead = st.session_state.get("lead")
    if not lead or not LECTURES.tell(lead, state.link()):
        st.button(
            "Lead a lecture", on_click=_begin, width="stretch", help="You get a link: who opens it sees what you see."
        )
        if words := st.session_state.pop("lecture_refused", ""):
            st.warning(plain(words))
        return
    link = f"{links.address()}?lecture={lead.name}"
    st.caption("Your lecture: who opens this link sees what you see, as it changes.")
    st.code(link, language=None, wrap_lines=True)
    qr.code(link, "share.lecture", "QR code of the lecture's link")
    st.toggle(
        "Freeze what they see",
        LECTURES.frozen(lead),
        key="lecture.frozen",
        on_change=lambda: LECTURES.freeze(lead, st.session_state["lecture.frozen"]),
        help="You can turn what you like meanwhile: it is shown when you let go.",
    )
    st.button("End", on_click=LECTURES.end, args=(lead,), width="stretch")


def _begin() -> None:
    try:
        st.session_state.lead = LECTURES.begin(st.session_state.state.link())
    except ValueError as error:
        st.session_state.lecture_refused = str(error)


def publish(state: State) -> None:
    """Show those who follow what is on the screen, if anybody may."""
    if lead := st.session_state.get("lead"):
        LECTURES.tell(lead, state.link())


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
