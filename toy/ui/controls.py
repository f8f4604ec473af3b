"""The settings beside the viewer, made from the registry: a new rule or schedule appears here by itself."""

from typing import Any

import streamlit as st

import models
from toy import fractal
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scenes import SETTINGS, STARTS
from toy.schedules import SCHEDULES
from toy.state import COUNTS, SLOTS, State
from toy.ui.presets import PRESETS
from toy.ui.shell import save_state


def _set(key: str, value: Any) -> str:
    """Give a widget the State's value; the State, not the widget, is what counts."""
    st.session_state[key] = value
    return key


def _apply(slot: str, name: str, key: str) -> None:
    value = st.session_state[key]
    if value is not None:
        _change(slot, **{name: value})


def _change(slot: str, **values: Any) -> None:
    state: State = st.session_state.state
    try:
        save_state(state.change(slot, **values))
    except ValueError as error:
        st.session_state.notes = [str(error)]


def _choose_rule(slot: str, key: str) -> None:
    rule = st.session_state[key]
    # The new rule starts from its own defaults: a CFG weight means nothing to another rule.
    defaults = {name: knob.default for name, knob in RULES[rule].knobs.items()}
    _change(slot, rule=rule, **defaults)


def _select(label: str, options: list[str], value: str, slot: str, name: str, **more: Any) -> None:
    key = _set(f"control.{slot}.{name}", value)
    options = options if value in options else [value, *options]
    st.selectbox(label, options, key=key, on_change=_apply, args=(slot, name, key), **more)


def _number(name: str, state: State) -> None:
    knob = SETTINGS[name]
    value = getattr(state.left, name)
    whole = isinstance(value, int)
    kind: Any = int if whole else float
    key = _set(f"control.left.{name}", kind(value))
    st.number_input(
        knob.label,
        min_value=kind(knob.lo),
        max_value=kind(knob.hi),
        step=kind(knob.step),
        format="%d" if whole else "%g",
        help=knob.help,
        key=key,
        on_change=_apply,
        args=("left", name, key),
    )


def method(state: State, slot: str) -> None:
    """Rule, cast and schedule of one side."""
    scene = state.scene(slot)
    key = _set(f"control.{slot}.rule", scene.rule)
    st.selectbox(
        f"{slot.capitalize()} method",
        list(RULES),
        format_func=lambda name: RULES[name].title,
        key=key,
        on_change=_choose_rule,
        args=(slot, key),
        help=f"{scene.entry.summary} {scene.entry.formula}. Source: {scene.entry.source}",
    )
    with st.expander(f"Cast and schedule, {slot}"):
        for role, name in scene.cast:
            _select(role, models.names(), name, slot, role, help=f"the density that plays '{role}': exact, or trained")
        _select("schedule", list(SCHEDULES), scene.schedule, slot, "schedule", help=SCHEDULES[scene.schedule].summary)


def sampling(state: State) -> None:
    """What both sides share."""
    scene = state.left
    key = _set("control.left.n", scene.n)
    options = list(COUNTS) if scene.n in COUNTS else sorted({*COUNTS, scene.n})
    st.select_slider("particles", options, key=key, on_change=_apply, args=("left", "n", key))
    _number("seed", state)
    with st.expander("Sampler, both sides"):
        _select("integrator", list(INTEGRATORS), scene.integrator, "left", "integrator")
        _number("steps", state)
        _select("target class", list(fractal.CLASSES), scene.target, "left", "target", help="measured and started from")
        _select("start", list(STARTS), scene.start, "left", "start", help="exact smoothed density, or N(0, σ max²)")
        for name in ("sigma_max", "sigma_min", "rho"):
            _number(name, state)


def _choose_preset(key: str) -> None:
    name = st.session_state[key]
    if name:
        state: State = st.session_state.state
        save_state(PRESETS[name].state(state.hide))
        st.session_state.story = name


def presets() -> None:
    """Stories in one click, with one sentence each."""
    key = _set("control.preset", st.session_state.get("story"))
    names = list(PRESETS)
    st.selectbox(
        "Story", names, key=key, index=None, placeholder="Choose a story", on_change=_choose_preset, args=(key,)
    )
    story = st.session_state.get("story")
    if story:
        st.caption(PRESETS[story].sentence)


def reset() -> None:
    """Back to the default page."""
    st.session_state.story = None
    save_state(State(hide=st.session_state.state.hide))


def sidebar(state: State) -> None:
    """All settings."""
    with st.sidebar:
        presets()
        for slot in SLOTS:
            method(state, slot)
        sampling(state)
        st.button("Reset", on_click=reset, width="stretch", icon=":material/restart_alt:")
