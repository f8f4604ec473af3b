"""Widgets that keep themselves in the URL, with a visible note where a link asks for what there is not."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

import models
from toy.registry import Knob
from toy.state import check_density
from toy.ui import casting

READ = 15.0  # seconds for which a note stays, whatever runs the page again meanwhile


def _asked(key: str, legal: str, accept: Any) -> None:
    """Before a widget exists, look at what the link says of it."""
    if key in st.session_state or key not in st.query_params:
        _note(key)
        return
    value = st.query_params[key]
    _note(key, "" if accept(value) else f"{key} = {value[:80]} is not {legal}")


def _note(key: str, words: str = "") -> None:
    """Say what a link asked for in vain, or what was said of it a moment ago."""
    notes = st.session_state.setdefault("linked.notes", {})
    if words:
        notes[key] = (words, time.monotonic() + READ)
    said, until = notes.get(key, ("", 0.0))
    if time.monotonic() < until:
        st.warning(f"Not taken from the link: {said}")


def select(label: str, options: Sequence[str], key: str, default: str, **more: Any) -> str:
    """A selectbox bound to the URL parameter ``key``."""
    _asked(key, f"one of {', '.join(options)}", lambda value: value in options)
    return st.selectbox(label, options, index=list(options).index(default), key=key, bind="query-params", **more)


def titled(label: str, options: Sequence[str], key: str, default: str, title: Callable[[str], str], **more: Any) -> str:
    """A selectbox with titles on the screen and names in the URL, which a bound widget cannot tell apart."""

    def check(name: str) -> None:
        if name not in options:
            raise ValueError(f"it is not one of {', '.join(options)}")

    field = _recall(key, default, check)
    if st.session_state[field] not in options:  # another page's
        st.session_state[field] = default
    return _tell(key, st.selectbox(label, options, key=field, format_func=title, **more), default)


def density(role: str, key: str, default: str, *, optional: bool = False) -> str:
    """A selectbox of all densities that takes any name that is typed, kept in the URL parameter ``key``.

    A name that is not legal is refused in a sentence, and the last one that was stays. ``optional`` may be empty.
    """

    def check(name: str) -> None:
        if name or not optional:
            check_density(name)

    field = _recall(key, default, check)
    names = ([""] if optional else []) + models.names()
    chosen = st.session_state[field]
    options = names if chosen in names else [chosen, *names]
    value = st.selectbox(
        role,
        options,
        key=field,
        accept_new_options=True,
        format_func=lambda name: name or "none",
        help=f"The density that plays '{role}'. {casting.GRAMMAR}",
    )
    try:
        check(value or "")
    except ValueError as error:
        st.warning(f"Not taken: {error}")
        value = st.session_state.get(f"{key}.kept", default)
    return _tell(key, value or "", default)


def many(label: str, options: Sequence[str], key: str, default: Sequence[str], *, most: int = 100, **more: Any) -> Any:
    """A choice of several, in the options' order, kept in the URL parameter ``key`` with commas."""

    def check(text: str) -> None:
        wrong = [part for part in text.split(",") if part not in options]
        if wrong or len(text.split(",")) > most:
            raise ValueError(f"{', '.join(wrong) or 'so many'} is not 1 to {most} of {', '.join(options)}")

    field = _recall(f"{key}", ",".join(default), check)
    if isinstance(st.session_state[field], str):
        st.session_state[field] = st.session_state[field].split(",")
    widget = more.pop("widget", st.multiselect)
    chosen = widget(label, options, key=field, **more)
    ordered = [name for name in options if name in chosen]
    return _tell(key, ",".join(ordered), ",".join(default)).split(",") if ordered else []


def put(key: str, value: str) -> None:
    """Set what a density's or a choice's widget shows, before it is drawn."""
    st.session_state[f"{key}.field"] = value
    st.session_state[f"{key}.kept"] = value


def _recall(key: str, default: str, check: Callable[[str], None]) -> str:
    """The key of a widget that holds what the link says, else what was chosen before, else the default.

    A link's value that ``check`` refuses with ValueError is named.
    """
    memory, field, refused = st.session_state, f"{key}.field", ""
    said = st.query_params.get(key)
    if said is not None and said != memory.get(f"{key}.written"):
        memory[f"{key}.written"] = said
        try:
            check(said)
            memory[field] = said
        except ValueError as error:
            refused = f"{key} = {said[:80]}: {str(error)[:400]}"
    _note(key, refused)
    before = memory.get(f"{key}.default", default)
    if before != default and memory.get(field, memory.get(f"{key}.kept")) == before:
        memory[field] = default  # another method has another usual density
    memory[f"{key}.default"] = default
    memory.setdefault(field, memory.get(f"{key}.kept", default))
    return field


def _tell(key: str, value: str, default: str) -> str:
    """Keep a value and write it into the URL unless it is the default."""
    memory = st.session_state
    memory[f"{key}.kept"] = value
    if value != default:
        if st.query_params.get(key) != value:
            st.query_params[key] = value
        memory[f"{key}.written"] = value
    else:
        if key in st.query_params:
            del st.query_params[key]
        memory.pop(f"{key}.written", None)
    return value


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
        _note(key, f"{key} = {asked[:80]} is not a whole number from {lo} to {hi}")
    else:
        _note(key)
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
