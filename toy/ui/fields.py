"""The Fields page: what two densities say at one noise level, answered while the slider is still moving."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import streamlit as st

import models
from toy import figures
from toy.scene import Scene, default_cast
from toy.ui import casting, controls, linked, links, live
from toy.ui.engine import FULL, Busy, engine
from toy.ui.fieldpacks import Request, answer, home_of, rehearsals
from toy.ui.gallery import TYPES, download
from toy.viewer.look import OWN, Look, looked, parse


def _load() -> Look:
    """The Look from the URL when it was pasted or the browser went back, else as it was left; notes are shown once."""
    link, memory = links.here(), st.session_state
    fresh = [link.news(key) for key in OWN]
    if any(fresh):
        memory.fields_look, notes = parse(link.seen)
        memory.fields_link = memory.get("fields_link", 0) + 1
        links.refused(*notes)
    return memory.fields_look


def _save(look: Look) -> None:
    st.session_state.fields_look = look
    st.session_state.setdefault("fields_now", {})["look"] = look
    links.here().say(look.query(), OWN)


@st.fragment
def _panels_live(scene: Scene) -> None:
    memory = st.session_state

    def answered(given: object, fresh: bool) -> bytes:
        look, home = memory.fields_look, home_of(scene)
        request = Request.of(given, look, home) if fresh else Request.plain(look, home)
        linked_again = memory.get("fields_link", 0)
        return answer(engine(), scene, look, request, linked_again, memory, lambda: live.FIELDS in memory)

    live.serve(live.FIELDS, lambda ui: _save(looked(ui, memory.fields_look)), answered)


def page() -> None:
    """Choose a rule and a cast beside the panels; noise level, window, panels and arrows are chosen on them."""
    with st.sidebar:
        rule = linked.select("Method", controls.RULES_IN_ORDER, "rule", "autoguidance", controls.rule_title)
        densities = st.container()  # above the target that their usual ones follow, unless the link names main alone
        target = linked.target(_class_of(links.here().seen.get("main", "")))
        with densities:
            cast = {role: linked.density(role, role, name) for role, name in default_cast(rule, target).items()}
        st.caption("p₁ is the density of main, p₀ that of the guide: guidance climbs the ratio p₁/p₀.")
    _load()
    casting.hold(cast.items())
    scene = Scene.of(rule, target=target, **cast)
    _panels_live(scene)
    _bar(scene)
    with suppress(Busy):  # then the first drag compiles
        engine().prepare(rehearsals(scene))


def _class_of(name: str) -> str:
    """The class that a density is of; A where that cannot be told."""
    try:
        return models.zoo.classes_of(name)
    except ValueError:  # the page says why, where the density is loaded
        return "A"


@st.fragment
def _bar(scene: Scene) -> None:
    """Downloads of what is on the screen, by the code of the figures, and the command line."""
    # Files are made outside of the session: they get to see the Look through what both hold.
    now = st.session_state.setdefault("fields_now", {})
    now["look"] = st.session_state.fields_look
    save, code, _ = st.columns([1, 1, 3])
    with save.popover("Download", icon=":material/download:", width="stretch"):
        st.caption("p₁, p₀ and their ratio at the noise level and in the window on the screen.")
        for kind in TYPES:
            download("fields", kind, partial(_file, scene, kind, now))
    with code.popover("Snippet", icon=":material/terminal:", width="stretch", key="fields_code", on_change="rerun"):
        st.code(snippet(scene, st.session_state.fields_look), language="python")


def _options(scene: Scene, look: Look) -> figures.Options:
    return figures.Options(cast=scene.cast, sigma=look.sigma, view=look.window(home_of(scene)), target=scene.target)


def _file(scene: Scene, kind: str, now: Mapping[str, Look]) -> bytes:
    """The file, from the engine's cache or its worker, as the screen is when the button is pressed."""
    look, rule = now["look"], scene.rule
    options = _options(scene, look)

    def work() -> bytes:
        drawn = figures.fields(models.load, rule, options, with_arrows=look.arrows)
        return figures.encode(drawn, kind, {"title": "fields", "rule": rule, "sigma": f"{look.sigma:g}"})

    return bytes(engine().get(("fieldfile", rule, options, look.arrows, kind), work, priority=FULL, wait=60))


def snippet(scene: Scene, look: Look) -> str:
    """Python lines that draw the same figure."""
    window = look.window(home_of(scene))
    target = f"    target={scene.target!r},\n" if scene.target != "A" else ""
    arrows = "" if look.arrows else ", with_arrows=False"
    return (
        "import models\n"
        "from toy import figures\n"
        "from toy.views import View\n\n"
        f"options = figures.Options(\n    cast={dict(scene.cast)!r},\n    sigma={look.sigma:g},\n{target}"
        f"    view=View({window.x:g}, {window.y:g}, {window.half:g}),\n)\n"
        f"figure = figures.fields(models.load, {scene.rule!r}, options{arrows})\n"
        'figure.savefig("fields.pdf")\n'
    )
