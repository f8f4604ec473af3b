"""The Figures page."""

import time
from functools import partial
from typing import Any

import streamlit as st

import models
from toy import figures
from toy.guidance import RULES
from toy.scene import ROLE_DEFAULTS, SETTINGS, of_target
from toy.ui import casting, linked
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
    flags = [
        f"--{role} {density}"
        for role, density in dict(options.cast).items()
        if density != of_target(ROLE_DEFAULTS[role], options.target)
    ]
    flags += [f"--target {options.target}"] if options.target != "A" else []
    flags += [f"--{knob} {value:g}" for knob, value in dict(options.knobs).items()]
    flags += [
        f"--{name} {getattr(options, name)}"
        for name in ("n", "seed")
        if getattr(options, name) != getattr(figures.Options(), name)
    ]
    flags += [f"--view {view}"] if options.view else []
    flags += [f"--sigma {options.sigma:g}"] if options.sigma != figures.Options().sigma else []
    return " ".join(["python -m toy figure", name, *flags, f"--format {kind}"])


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
    for column, (kind, mime) in zip(columns, TYPES.items(), strict=False):
        column.download_button(
            kind.upper(),
            data=partial(render, name, options, kind),
            file_name=f"{name}.{kind}",
            mime=mime,
            on_click="ignore",
            width="stretch",
            icon=":material/download:",
        )
    st.code(command(name, options, "pdf", view), language="bash", wrap_lines=True)
