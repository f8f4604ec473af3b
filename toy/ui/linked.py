"""Widgets that keep themselves in the URL, with a visible note where a link asks for what there is not."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

import models
from toy import compare, distributions
from toy.settings import Choice, Flag, Knob, Refused, Setting, Several, text
from toy.state import check_density
from toy.ui import casting, links, numbers, targets
from toy.ui.words import plain

READ = 15.0  # seconds for which a note stays, whatever runs the page again meanwhile


def _note(key: str, words: str = "") -> None:
    """Say what a link asked for in vain, or what was said of it a moment ago."""
    notes = links.here().notes
    if words:
        notes[key] = (words, time.monotonic() + READ)
    said, until = notes.get(key, ("", 0.0))
    if time.monotonic() < until:
        links.refused(said)


def _field(key: str) -> str:
    """The key of a page's widget: no other page has the same."""
    return f"{links.here().page}/{key}"


def _recall(key: str, default: object, read: Callable[[str], object]) -> str:
    """The key of a widget that holds what the link says, else what was chosen before, else the default.

    A link's value for which ``read`` raises ValueError is named.
    """
    memory, field, refused = links.here(), _field(key), ""
    if memory.news(key):
        said = memory.seen.get(key)
        value = default
        if said is not None:
            try:
                value = read(said)
            except ValueError as error:
                words = str(error)[:400]
                named = isinstance(error, Refused) and said in words
                refused = words if named else f"{key} = {said[:80]}: {words}"
                value = memory.kept.get(key, default)
        memory.kept[key] = st.session_state[field] = value
    elif memory.usual[key] != default and memory.kept[key] == memory.usual[key]:
        memory.kept[key] = st.session_state[field] = default  # another method has another usual value
    _note(key, refused)
    memory.usual[key] = default
    st.session_state.setdefault(field, memory.kept[key])
    return field


def _tell(key: str, value: object, write: Callable[[Any], str] = str) -> Any:
    """Keep a value and, if it was changed, write it into the URL unless it is the default."""
    memory = links.here()
    said = None if value == memory.usual[key] else write(value)
    if value != memory.kept.get(key) or (said is not None and key not in memory.seen):
        memory.write(key, said)
    memory.kept[key] = value
    return value


def put(key: str, value: object) -> None:
    """Set what a widget shows, before it is drawn, as if it had been chosen there."""
    touched()
    st.session_state[_field(key)] = value


def touched() -> None:
    """A callback for every widget: the page runs because of it, not because the URL is another."""
    links.here().touched = True


def select(
    label: str, options: Sequence[str], key: str, default: str, title: Callable[[str], str] = str, **more: Any
) -> str:
    """A selectbox with titles on the screen and names in the URL parameter ``key``."""
    field = _recall(key, default, Choice(options, label, "", name=key).check)
    if st.session_state[field] not in options:  # there are others by now
        st.session_state[field] = default
    return _tell(key, st.selectbox(label, options, key=field, format_func=title, on_change=touched, **more))


def one(setting: Setting, options: Sequence[object], default: object = None) -> Any:
    """A value that a setting allows, of ``options``: a selectbox, kept in the URL parameter of its name."""
    usual = setting.default if default is None else default
    return setting.check(select(setting.label, list(map(text, options)), setting.name, text(usual), help=setting.help))


def target(default: str, label: str | None = "target class", key: str = "target") -> str:
    """A target, kept in the URL parameter ``key``; without a ``label`` the distribution alone is chosen."""
    setting = distributions.TargetChoice(distributions.targets(), label or "", "", "class", name=key)
    field = _recall(key, default, setting.check)

    def chosen(name: str) -> None:
        touched()
        try:
            st.session_state[field] = setting.check(name)
        except ValueError as error:
            _note(key, str(error))

    targets.choose(st.session_state[field], field, chosen, label=label, parameter=key)
    return _tell(key, st.session_state[field])


def density(role: str, key: str, default: str, *, optional: bool = False) -> str:
    """A selectbox of all densities that takes any name that is typed, kept in the URL parameter ``key``.

    A name that is not legal is refused in a sentence, and the last one that was stays. ``optional`` may be empty.
    """

    def read(name: str) -> str:
        if name or not optional:
            check_density(name)
        return name

    field = _recall(key, default, read)
    names = ([""] if optional else []) + models.names()
    chosen = st.session_state[field]
    names = names if chosen in names else [chosen, *names]
    called = casting.menu(names)
    value = st.selectbox(
        role,
        names,
        key=field,
        accept_new_options=True,
        on_change=touched,
        format_func=lambda name: called(name) or "none",
        help=f"The density that plays '{role}'. {casting.GRAMMAR}",
    )
    try:
        read(value or "")
    except ValueError as error:
        st.warning(f"Not taken: {plain(error)}")
        value = links.here().kept[key]
    return _tell(key, value or "")


def many(label: str, options: Sequence[str], key: str, default: Sequence[str], *, most: int = 100, **more: Any) -> Any:
    """A choice of several, or none, in the options' order, kept in the URL parameter ``key`` with commas."""
    setting = Several(options, label, "", most=most, ordered=True, name=key)
    field = _recall(key, [name for name in options if name in default], setting.check)
    widget = more.pop("widget", st.multiselect)
    chosen = widget(label, options, key=field, on_change=touched, **more)
    return _tell(key, [name for name in options if name in chosen], ",".join) if chosen else []


def flag(label: str, key: str) -> bool:
    """A checkbox, kept in the URL parameter ``key``."""
    field = _recall(key, False, Flag(label, "", name=key).check)
    return bool(_tell(key, st.checkbox(label, key=field, on_change=touched), text))


def number(knob: Knob, key: str, default: float | None = None) -> float:
    """A slider over a knob's range, kept in the URL parameter ``key``."""
    field = _recall(key, float(knob.default if default is None else default), replace(knob, name=key).check)
    value = st.slider(
        knob.label,
        float(knob.lo),
        float(knob.hi),
        step=float(knob.step),
        help=knob.help,
        key=field,
        on_change=touched,
    )
    return _tell(key, value, "{:g}".format)


def whole(knob: Knob, key: str) -> int:
    """A field for a whole number in a knob's range, kept in the URL parameter ``key``."""
    lo, hi = int(knob.lo), int(knob.hi)
    setting = replace(knob, name=key, whole=True)
    field = _recall(key, text(int(knob.default)), lambda said: text(setting.check(said)))
    typed, said = numbers.read(st.session_state[field], lo, hi, knob.label, whole=True)
    st.session_state[field] = links.here().kept[key] if typed is None else str(typed)
    value = _tell(key, st.text_input(knob.label, help=knob.help, key=field, on_change=touched))
    if said:
        st.warning(f"Not taken: {plain(said)}")
    return int(value)


def levels(label: str, key: str, options: Sequence[float], default: float, **more: Any) -> float:
    """A slider over listed values, kept in the URL parameter ``key``."""
    words = [f"{value:g}" for value in options]
    field = _recall(key, f"{default:g}", Choice(words, label, "", name=key).check)
    return float(_tell(key, st.select_slider(label, words, key=field, on_change=touched, **more)))


def hidden(key: str) -> str:
    """What the URL says of ``key``, without a widget; empty where it says nothing."""
    memory = links.here()
    memory.usual[key] = ""
    if memory.news(key):
        memory.kept[key] = memory.seen.get(key, "")
    return memory.kept[key]


def hide(key: str, value: str) -> None:
    """Have the URL say this of ``key``."""
    hidden(key)
    _tell(key, value)


def scores(default: str) -> str:
    """By which scores the roles are played, kept in the URL."""
    words = "in every role, in main alone or in the guides alone: no network makes errors there; a weak model stays "
    words += "learned, since being learned badly is its point"
    return select("Scores", compare.SCORES, "scores", default, help=f"exact {words}")
