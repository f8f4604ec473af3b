"""Widgets that keep themselves in the URL, with a visible note where a link asks for what there is not."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

import models
from toy.registry import Knob


def _asked(key: str, legal: str, accept: Any) -> None:
    """Before a widget exists, look at what the link says of it."""
    if key in st.session_state or key not in st.query_params:
        return
    value = st.query_params[key]
    if not accept(value):
        st.warning(f"Not taken from the link: {key} = {value[:80]} is not {legal}")


def select(label: str, options: Sequence[str], key: str, default: str, **more: Any) -> str:
    """A selectbox bound to the URL parameter ``key``."""
    _asked(key, f"one of {', '.join(options)}", lambda value: value in options)
    return st.selectbox(label, options, index=list(options).index(default), key=key, bind="query-params", **more)


def density(role: str, key: str, default: str) -> str:
    """A selectbox of all densities."""
    return select(role, models.names(), key, default, help=f"the density that plays '{role}': exact, or trained")


def number(knob: Knob, key: str, default: float | None = None) -> float:
    """A slider over a knob's range bound to the URL parameter ``key``."""

    def accept(value: str) -> bool:
        try:
            return bool(knob.lo <= float(value) <= knob.hi)
        except ValueError:
            return False

    _asked(key, f"a number from {knob.lo:g} to {knob.hi:g}", accept)
    value = knob.default if default is None else default
    return st.slider(
        knob.label,
        float(knob.lo),
        float(knob.hi),
        float(value),
        float(knob.step),
        help=knob.help,
        key=key,
        bind="query-params",
    )


def whole(knob: Knob, key: str) -> int:
    """A field for a whole number in a knob's range, kept in the URL parameter ``key``.

    Not bound by Streamlit itself, whose own reading of such a parameter fails on 'inf'.
    """
    lo, hi, default = int(knob.lo), int(knob.hi), int(knob.default)

    def accept(value: str) -> bool:
        return value.isascii() and value.isdecimal() and len(value) <= len(str(hi)) and lo <= int(value) <= hi

    field = f"{key}.field"
    asked = st.query_params.get(key, str(default))
    if field not in st.session_state and not accept(asked):
        st.warning(f"Not taken from the link: {key} = {asked[:80]} is not a whole number from {lo} to {hi}")
    value = int(
        st.number_input(knob.label, lo, hi, int(asked) if accept(asked) else default, help=knob.help, key=field)
    )
    if value != default:
        st.query_params[key] = str(value)
    elif key in st.query_params:
        del st.query_params[key]
    return value


def levels(label: str, key: str, options: Sequence[float], default: float, **more: Any) -> float:
    """A slider over listed values bound to the URL parameter ``key``."""
    words = [f"{value:g}" for value in options]
    _asked(key, f"one of {', '.join(words)}", lambda value: value in words)
    return float(st.select_slider(label, words, f"{default:g}", key=key, bind="query-params", **more))
