"""The Figures page."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

import models
from toy import figures
from toy.guidance import RULES
from toy.scene import ROLE_DEFAULTS, SETTINGS, of_target
from toy.settings import flags
from toy.ui import casting, linked, links
from toy.ui.engine import FULL, Busy, engine
from toy.ui.words import plain
from toy.views import VIEWS

TYPES = {"png": "image/png", "pdf": "application/pdf", "svg": "image/svg+xml"}
OWN = "the figure's own"


def render(name: str, options: figures.Options, kind: str, wait: float = 60) -> bytes:
    """The file of a figure, from the engine's cache or its worker; Busy where it takes more than ``wait`` seconds."""

    def work() -> bytes:
        for needed in figures.FIGURES[name].needs:
            models.ensure(needed)
        drawn = figures.draw(name, models.load, options)
        return figures.encode(drawn, kind, figures.caption(name, options))

    return engine().get(("figure", name, options, kind), work, priority=FULL, wait=wait)


def patiently(name: str, options: figures.Options) -> bytes:
    """The figure as a PNG, however long it takes; what it waits for is said meanwhile."""
    note = st.empty()  # also where Streamlit may stop this run
    while True:
        try:
            picture = render(name, options, "png", wait=4)
        except Busy:
            note.caption("Still being drawn. What takes long is done for one visitor after another.")
            time.sleep(1)
        else:
            note.empty()
            return picture


def command(name: str, options: figures.Options, kind: str, view: str) -> str:
    """The command line that writes the same file."""
    of, fresh = options.target, figures.Options()
    cast = {role: name for role, name in dict(options.cast).items() if name != of_target(ROLE_DEFAULTS[role], of)}
    said = {**cast, "target": of, **dict(options.knobs), "n": options.n, "seed": options.seed, "view": view}
    said |= {"sigma": options.sigma, "format": kind}
    usual = {"target": fresh.target, "n": fresh.n, "seed": fresh.seed, "sigma": fresh.sigma, "view": OWN}
    return f"python -m toy figure {name} {flags({k: v for k, v in said.items() if v != usual.get(k)})}"


def download(name: str, kind: str, data: Callable[[], bytes]) -> None:
    """A button that makes a file of a figure and gives it."""
    st.download_button(
        kind.upper(), data, f"{name}.{kind}", TYPES[kind], on_click="ignore", width="stretch",
        icon=":material/download:",
    )  # fmt: skip


def page() -> None:
    """Choose, look, download."""
    with st.sidebar:
        name = linked.select("Figure", list(figures.FIGURES), "figure", "fig1")
        entry = figures.FIGURES[name]
        st.caption(f"{entry.summary} After {entry.source}.")
        rules = [RULES[rule] for rule in entry.rules]
        roles = list(dict.fromkeys(role for rule in rules for role in rule.roles))
        if entry.on:
            target = "A"
            st.caption(f"It is about {plain(entry.on)} alone.")
        else:
            with st.expander("Distribution"):
                target = linked.target("A")
        cast = {role: linked.density(role, role, of_target(ROLE_DEFAULTS[role], target)) for role in roles}
        knobs: dict[str, float] = {}
        for knob in {knob.name: knob for rule in rules for knob in rule.knobs.values()}.values():
            if linked.flag(f"set {knob.label} for every method", f"set.{knob.name}"):
                knobs[knob.name] = linked.number(knob, knob.name)
        seed = linked.whole(SETTINGS["seed"], "seed")
        view = linked.select("view", [OWN, *VIEWS], "view", OWN)
        sigma = linked.levels("noise level of the close-ups", "sigma", [0.01, 0.02, 0.03, 0.05, 0.08, 0.15, 0.3], 0.03)
    chosen: dict[str, Any] = {"view": VIEWS[view]} if view != OWN else {}
    casting.hold(cast.items())
    options = figures.Options(cast=cast, knobs=knobs, seed=seed, sigma=sigma, target=target, **chosen)
    try:
        with st.spinner("drawing", show_time=True):
            picture = patiently(name, options)
    except ValueError as error:
        st.warning(plain(error))
        return
    st.image(picture, width="stretch", alt=entry.summary)
    columns = st.columns([1, 1, 1, 3])
    for column, kind in zip(columns, TYPES, strict=False):
        with column:
            download(name, kind, partial(render, name, options, kind))
    links.show_command(command(name, options, "pdf", view))
