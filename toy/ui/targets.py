"""Widgets that choose a target: a distribution, its knobs, some of its classes."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from toy import distributions
from toy.settings import text
from toy.ui import links, uploading
from toy.ui.glossary import meaning


def choose(
    target: str,
    key: str,
    chosen: Callable[[str], None],
    *,
    label: str | None = "target class",
    parameter: str = "target",
) -> None:
    """Show a target as widgets; ``chosen`` is called with another one, or with what was typed and is none.

    ``parameter`` is the URL's: where that names points that are not here, their file is asked for. Without a ``label``
    there is no menu of classes.
    """
    known = distributions.of(target)
    name = (known.on or distributions.USUAL).partition(":")[
        0
    ]  # of the distribution without its knobs: a family, or own points
    entry, values = distributions.entry_of(name), distributions.knobs_of(known.on or distributions.USUAL)

    def taken(name: str) -> None:
        chosen(distributions.targets(name)[0])

    if uploading.unknown(links.said().get(parameter, ""), taken):
        st.divider()

    def widget(name: str, value: object) -> dict[str, Any]:
        field = f"{key}.{name}"
        st.session_state[field] = value  # the target, not the widget, is what counts
        return {"key": field, "on_change": _apply, "args": (name, field, target, chosen)}

    st.selectbox(
        "distribution",
        list(dict.fromkeys([*distributions.families(), name])),
        format_func=lambda name: distributions.entry_of(name).title,
        help=f"{meaning('distribution')} {entry.summary} Source: {entry.source}",
        **widget("family", name),
    )
    if words := uploading.said(target):
        st.caption(words)
    for name, knob in entry.knobs.items():
        words = f"{knob.help}, {knob.legal}"
        st.text_input(f"{entry.title.lower()}: {knob.label}", help=words, **widget(name, text(values[name])))
    options = distributions.targets(known.on)
    if label is not None:
        st.selectbox(
            label,
            options if target in options else [target, *options],
            format_func=lambda name: distributions.of(name).words,
            help=meaning("target"),
            **widget("target", target),
        )
    with st.popover("Own points", icon=":material/upload:", width="stretch"):
        uploading.uploader(taken, key=f"{key}.points")


def _apply(name: str, field: str, target: str, chosen: Callable[[str], None]) -> None:
    value, known = st.session_state[field], distributions.of(target)
    if name == "target":
        chosen(value)
        return
    if name == "family":
        chosen(distributions.targets("" if value == distributions.USUAL else value)[0])
        return
    family, *items = known.on.split(":")
    kept = [item for item in items if item.partition("=")[0] != name]
    changed = ":".join([family, *kept, f"{name}={str(value).strip()}"])
    try:
        fewer = known.classes if set(known.classes) <= set(distributions.distribution_of(changed).classes) else "A"
    except ValueError:
        fewer = known.classes  # whoever is told says what is wrong
    chosen(f"{changed}/{fewer}")
