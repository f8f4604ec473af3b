"""The settings beside the viewer, made from the registry: a new rule or schedule appears here by itself."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import streamlit as st

import models
from toy import distributions
from toy.guidance import RULES
from toy.names import Name
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, STARTS, Scene, default_cast
from toy.schedules import SCHEDULES
from toy.state import COUNTS, SLOTS, State, check_density, text
from toy.ui import casting, numbers, targets
from toy.ui.glossary import meaning
from toy.ui.shell import save_state
from toy.viewer.presets import PRESETS, opened


def guides(rule: str) -> list[str]:
    """The roles of a rule besides main."""
    return [role for role in RULES[rule].roles if role != "main"]


def rule_title(rule: str) -> str:
    """A rule's name for people, with what it guides by."""
    return " · ".join(filter(None, (RULES[rule].title, ", ".join(guides(rule)))))


def integrator_title(name: str) -> str:
    """An integrator's name for people, with what tells it apart."""
    entry = INTEGRATORS[name]
    return f"{entry.title} · stochastic" if entry.stochastic else entry.title


def _place(rule: str) -> tuple:
    return len(guides(rule)), guides(rule)[:1] != ["unconditional"], guides(rule)


RULES_IN_ORDER = sorted(RULES, key=_place)  # by what they guide by


def _key(name: str) -> str:
    """The key of a widget, another one after ``renew``."""
    return f"control{st.session_state.get('renewed', '')}.{name}"


def renew() -> None:
    """Have all widgets made anew, where something else than they has changed the settings.

    A browser sends what its widgets hold along with all that it says, and it may say something before it has seen what
    they hold by now. Of widgets of the same keys that were a visitor's choice, which would undo the change.
    """
    st.session_state.renewed = st.session_state.get("renewed", 0) + 1


def _widget(key: str, changed: Callable[..., None], *about: object) -> dict[str, Any]:
    """Arguments of a widget: its key, and to call ``changed`` with ``about`` and the key when something is chosen."""
    return {"key": key, "on_change": _heard, "args": (changed, key, *about)}


def _heard(changed: Callable[..., None], key: str, *about: object) -> None:
    """What a browser says of a widget counts unless that was made anew since."""
    if key.startswith(_key("")):
        changed(*about, key)


def _set(name: str, value: object) -> str:
    """Give a widget the State's value, and return its key; the State, not the widget, is what counts."""
    key = _key(name)
    st.session_state[key] = value
    return key


def _apply(slot: str, name: str, key: str) -> None:
    value = st.session_state[key]
    if value is not None:
        _change(slot, **{name: value})


def _change(slot: str, **values: Any) -> None:
    state: State = st.session_state.state
    try:
        for name in set(values) & set(state.scene(slot).entry.roles):
            check_density(values[name])
        save_state(state.change(slot, **values))
    except ValueError as error:
        st.session_state.notes = [str(error)]


def _choose_rule(slot: str, key: str) -> None:
    rule = st.session_state[key]
    # The new rule starts from its own defaults: a CFG weight means nothing to another rule.
    defaults = {name: knob.default for name, knob in RULES[rule].knobs.items()}
    _change(slot, rule=rule, **defaults)


def _select(scene: Scene, slot: str, name: str, options: Iterable[str], help: str, title: Callable = str) -> None:
    widget = _widget(_set(f"{slot}.{name}", getattr(scene, name)), _apply, slot, name)
    st.selectbox(name, list(options), format_func=title, help=f"{meaning(name)} {help}", **widget)


def _density(role: str, name: str, slot: str) -> None:
    """The density that plays a role: one of the list, or any that is typed."""
    key = _set(f"{slot}.{role}", name)
    names = models.names(distributions.of(st.session_state.state.scene(slot).target).on)
    names = names if name in names else [name, *names]
    st.selectbox(
        role,
        names,
        format_func=casting.menu(names),
        **_widget(key, _apply, slot, role),
        accept_new_options=True,
        help=f"{meaning('main' if role == 'main' else 'guide')} {casting.GRAMMAR}",
    )


def _exact(state: State, slot: str) -> None:
    """Exact or learned, for each role that is usually learned."""
    scene = state.scene(slot)
    roles = [role for role, _ in scene.cast if role in casting.switchable(scene.rule)]
    now = [role for role in roles if Name.parse(dict(scene.cast)[role]).is_exact]
    key = _set(f"{slot}.exact", now)
    st.pills(
        f"Exact scores, {slot}",
        roles,
        selection_mode="multi",
        **_widget(key, _switch, slot),
        help=f"Pressed: exact. {meaning('exact', 'learned')}",
    )


def _switch(slot: str, key: str) -> None:
    state: State = st.session_state.state
    learned = st.session_state.setdefault("learned", {})  # to go back to
    scene = state.scene(slot)
    usual, values = default_cast(scene.rule, scene.target), {}
    for role, name in scene.cast:
        wanted = role in st.session_state[key]
        if role in casting.switchable(scene.rule) and wanted != Name.parse(name).is_exact:
            if wanted:
                learned[slot, scene.target, role] = name
            values[role] = casting.exact(name) if wanted else learned.get((slot, scene.target, role), usual[role])
    _change(slot, **values)


def _number(knob: Knob, value: float, slot: str = "left") -> None:
    key = _set(f"{slot}.{knob.name}", text(value))
    st.text_input(knob.label, help=knob.help, **_widget(key, _apply_number, slot, knob, value))


def _apply_number(slot: str, knob: Knob, before: float, key: str) -> None:
    value, said = numbers.read(st.session_state[key], knob.lo, knob.hi, knob.label, whole=isinstance(before, int))
    if value is not None:
        _change(slot, **{knob.name: value})
    if said:
        st.session_state.notes = [said]


def _apply_numbers(slot: str, knob: Knob, key: str) -> None:
    try:
        value = knob.check(st.session_state[key])
    except ValueError as error:
        st.session_state.notes = [str(error)]
    else:
        _change(slot, **{knob.name: value})


def _numbers(knob: Knob, value: Sequence[float], slot: str) -> None:
    """A vector as one field."""
    key = _set(f"{slot}.{knob.name}", ", ".join(map(text, value)))
    st.text_input(
        f"{knob.label}, {knob.size} numbers",
        help=f"{knob.help}; from {knob.lo:g} to {knob.hi:g}, separated by commas",
        **_widget(key, _apply_numbers, slot, knob),
    )


def _fold(title: str, make: Callable[..., None], *about: object) -> None:
    """A part of the settings, made when it is opened: it takes a browser as long as half of the pictures."""
    fold = st.expander(title, key=f"fold.{title}", on_change="rerun")
    if fold.open:
        with fold:
            make(*about)


def method(state: State, slot: str) -> None:
    """Rule, cast and schedule of one side."""
    scene = state.scene(slot)
    key = _set(f"{slot}.rule", scene.rule)
    st.selectbox(
        f"{slot.capitalize()} method",
        RULES_IN_ORDER,
        format_func=rule_title,
        **_widget(key, _choose_rule, slot),
        help=f"{scene.entry.summary} {scene.entry.formula}. Source: {scene.entry.source}",
    )
    if scene.advice:
        st.caption(scene.advice)
    _exact(state, slot)
    _fold(f"Cast and schedule, {slot}", _cast_and_schedule, scene, slot)


def _cast_and_schedule(scene: Scene, slot: str) -> None:
    for role, name in scene.cast:
        _density(role, name, slot)
    schedule = SCHEDULES[scene.schedule]
    words = f"{schedule.summary} {schedule.formula}"
    _select(scene, slot, "schedule", SCHEDULES, words, lambda name: SCHEDULES[name].title)
    values = dict(scene.knobs)
    for entry in scene.entries[1:]:
        for name, knob in entry.knobs.items():
            (_numbers if knob.size else _number)(knob, values[name], slot)


def sampling(state: State) -> None:
    """What both sides share."""
    scene = state.left
    key = _set("left.n", scene.n)
    options = list(COUNTS) if scene.n in COUNTS else sorted({*COUNTS, scene.n})
    st.select_slider("particles", options, **_widget(key, _apply, "left", "n"), help=meaning("n"))
    _number(SETTINGS["seed"], scene.seed)
    _fold("Distribution, both sides", _distribution, scene)
    _fold("Sampler, both sides", _sampler, scene)


def _distribution(scene: Scene) -> None:
    key = _key("left.target")
    targets.choose(scene.target, key, partial(_heard, lambda target, _: _change("left", target=target), key))


def _sampler(scene: Scene) -> None:
    entry = INTEGRATORS[scene.integrator]
    _select(scene, "left", "integrator", INTEGRATORS, f"{entry.summary} {entry.source}", integrator_title)
    _number(SETTINGS["steps"], scene.steps)
    _select(scene, "left", "start", STARTS, "Exact smoothed density, or N(0, σ max²).")
    for name in ("sigma_max", "sigma_min", "rho"):
        _number(SETTINGS[name], getattr(scene, name))


def _choose_story(key: str) -> None:
    name = st.session_state[key]
    if name:
        save_state(opened(name).beside(st.session_state.state))


def stories() -> None:
    """Stories in one click. What one says stands above the pictures, for as long as they are its own."""
    key = _set("story", None)
    st.selectbox(
        "Story",
        list(PRESETS),
        index=None,
        placeholder="Choose a story",
        format_func=lambda name: PRESETS[name].title,
        **_widget(key, _choose_story),
    )


def reset() -> None:
    """Back to the default page."""
    save_state(State().beside(st.session_state.state))


def sidebar(state: State) -> None:
    """All settings."""
    with st.sidebar:
        stories()
        for slot in SLOTS:
            method(state, slot)
        sampling(state)
        st.button("Reset", on_click=reset, width="stretch", icon=":material/restart_alt:")
