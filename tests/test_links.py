"""A link restores the state, and any link gives one and says what was not taken."""

import re
from dataclasses import replace

import pytest
from app_states import ALL_LAYERS, JSON, QUICK, in_order, states
from hypothesis import example, given
from hypothesis import strategies as st
from ui_helpers import NAMES, ODD, QUERIES

import models
from models.degradations import DEGRADATIONS
from toy import distributions
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scene import STARTS, Scene
from toy.schedules import SCHEDULES
from toy.state import (
    COUNTS,
    FLAGS,
    HIDEABLE,
    SHARED,
    SLOTS,
    VIEWER,
    State,
    check_density,
    from_viewer,
    parse,
)
from toy.viewer import sources
from toy.viewer.presets import PRESETS, opened


@QUICK
@given(states())
def test_a_link_restores_the_state(state):
    query = state.query()
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in query.items())
    assert parse(query) == (state, [])


def test_the_default_page_has_an_empty_link():
    assert State().query() == {}
    assert parse({}) == (State(), [])


def moved(state, slot, entry, name, value):
    """The state with one knob moved, and the knob that it pushes along."""
    pair = in_order(entry, dict(state.scene(slot).knobs) | {name: value}) if entry.ordered else {}
    return state.change(slot, **(pair if name in pair else {name: value}))


def single_changes():
    """Every control of either side, moved alone to another legal value."""
    start = State()
    for slot in SLOTS:
        names = {role: NAMES for rule in RULES.values() for role in rule.roles}
        for rule in RULES:
            state = replace(start, **{slot: Scene.of(rule, n=2048)})
            yield f"{slot}.rule={rule}", state
            for name, knob in RULES[rule].knobs.items():
                for value in (knob.lo, knob.hi, min(knob.lo + 3 * knob.step, knob.hi), knob.default):
                    yield f"{slot}.{rule}.{name}={value}", moved(state, slot, RULES[rule], name, value)
            for role in RULES[rule].roles:
                for density in names[role]:  # all where a role is met first, of any rule; then one
                    yield f"{slot}.{rule}.{role}={density}", state.change(slot, **{role: density})
                names[role] = NAMES[-1:]
        for schedule in SCHEDULES:
            for name, knob in SCHEDULES[schedule].knobs.items():
                for value in map(knob.filled, (knob.lo, knob.hi, min(knob.lo + 3 * knob.step, knob.hi))):
                    state = start.change(slot, schedule=schedule)
                    yield f"{slot}.{schedule}.{name}={value}", moved(state, slot, SCHEDULES[schedule], name, value)
            yield f"{slot}.{schedule}", start.change(slot, schedule=schedule)
    for name, values in {
        "n": COUNTS,
        "seed": (0, 1, 2**31 - 1),
        "steps": (8, 33, 256),
        "integrator": tuple(INTEGRATORS),
        "start": STARTS,
        "target": distributions.targets(),
        "sigma_max": (0.5, 17.5, 80),
        "sigma_min": (0.0005, 0.0155, 0.1),
        "rho": (1, 3.5, 20),
    }.items():
        for value in values:
            yield f"{name}={value}", start.change("left", **{name: value})
    for flag in FLAGS:
        for value in (True, False):
            yield f"{flag}={value}", replace(start, ui=((flag, value),))
    for layer in ALL_LAYERS:
        yield f"layers={layer}", replace(start, ui=(("layers", [layer]),))
    for name, value in (("layout", "swipe"), ("view", [0.45, 1.22, 0.3]), ("t", 12.37), ("speed", 0.25), *OWN_WORDS):
        yield f"{name}={value}", replace(start, ui=((name, value),))
    for story in PRESETS:
        yield f"story={story}", opened(story)
    for control in HIDEABLE:
        yield f"hide={control}", replace(start, hide=(control,))


def test_every_control_survives_the_link():
    lost = [name for name, state in single_changes() if parse(state.query()) != (state, [])]
    assert not lost


def test_what_is_shared_is_the_same_on_both_sides():
    state = parse({"n": "512", "seed": "3", "target": "B", "left.rule": "none", "sigma_max": "10"})[0]
    for name in SHARED:
        assert getattr(state.left, name) == getattr(state.right, name), name


@QUICK
@given(QUERIES)
@example({"left.w": "nan", "n": "513", "hide": "all", "view": "1,2", "no": "such"})
@example({"left.rule": "none", "left.w": "3"})
@example({"left.main": "A1@2"})
@example({"right.n": "512", "left.": "", "left.rule": ""})
def test_any_link_gives_a_state_and_says_what_was_not_taken(query):
    state, notes = parse(query)
    assert parse(state.query()) == (state, [])
    for slot in SLOTS:
        assert Scene.of(**state.scene(slot).flat()) == state.scene(slot)
        for _, name in state.scene(slot).cast:
            check_density(name)
            assert models.zoo.missing(name) or models.load(name)
    assert all(isinstance(note, str) and note and len(note) < 3000 for note in notes)
    known = {*SHARED, *VIEWER, "hide", "embed", "embed_options"}
    unknown = [key for key in query if key not in known and key.partition(".")[0] not in SLOTS]
    assert len(notes) >= len(unknown)


PIECES = st.sampled_from(
    [*"~=@#:,", "A64@4096", "AB32@512", "A1@2", "A9999@9", "B8@9999999", "exact:A", "exact:", "dns:", "kept:", "seed=",
     "/", "..", ".safetensors", *DEGRADATIONS, *ODD, "0.1", "2", "w="]
)  # fmt: skip
DENSITIES = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.sampled_from(models.zoo.examples()))


@QUICK
@given(DENSITIES, DENSITIES)
@example("~".join(["exact:A", *["blur=0.1"] * 9]), "dns:" * 50)
@example("A128@8192~subset=4096", "A129@512")
@example("A32@512~label_mixing=0.2~depth=16", "exact:AB~label_mixing=0.2")
@example("/etc/passwd.safetensors~depth=2", "kept:../../x~depth=2")
def test_any_name_in_a_link_is_a_density_or_a_sentence(left, right):
    state, notes = parse({"left.main": left, "right.weak": right})
    assert parse(state.query()) == (state, [])
    for slot, role, name in (("left", "main", left), ("right", "weak", right)):
        taken = dict(state.scene(slot).cast)[role] == name
        assert taken != any(note.startswith(f"{slot}.{role}") for note in notes)


def test_a_degraded_density_is_legal_in_a_link():
    for name in (*models.zoo.examples(), "exact:A~blur=0.05", "A24@256", "dns:exact:A,exact:AB"):
        state, notes = parse({"left.main": name})
        assert not notes
        assert dict(state.left.cast)["main"] == name
        assert parse(state.query()) == (state, [])


BAD_VALUES = [
    ("left.rule", "magic"),
    ("left.w", "nan"),
    ("left.w", "9"),
    ("right.w", "-1"),
    ("right.w", "three"),
    ("left.alpha", "0.5"),
    ("left.main", "A700@3"),
    ("left.main", "exact:C"),
    ("right.weak", "absent.safetensors"),
    ("left.schedule", "sometimes"),
    ("left.lo", "0.1"),
    ("n", "1000000"),
    ("n", "0"),
    ("n", "1.5"),
    ("seed", "-1"),
    ("steps", "7"),
    ("integrator", "leapfrog"),
    ("target", "C"),
    ("start", "middle"),
    ("sigma_max", "inf"),
    ("sigma_min", "-0.1"),
    ("rho", "0"),
    ("layers", "p1,p7"),
    ("layout", "three"),
    ("view", "0,0"),
    ("view", "0,0,-1"),
    ("t", "-1"),
    ("speed", "100"),
    ("quality", "yes"),
    ("hide", "everything"),
    ("language", "xx"),
    ("challenge", "outside<7,outside<<7"),
    ("challenge", "outside<7;alert(1)"),
    ("challenge", "beauty>1"),
    ("challenge", "trunk>12345"),
    ("challenge", "trunk>٣"),
    ("challenge", "outside<1,outside<2,outside<3,outside<4,outside<5"),
    ("colour", "red"),
]


OWN_WORDS = (("language", "ko"), ("challenge", ["outside<7", "mode_tv<0.13"]))
NO_SUCH = ("left.alpha=", "left.lo=", "colour=")


@pytest.mark.parametrize(("key", "value"), BAD_VALUES)
def test_a_bad_value_is_named_and_the_rest_is_taken(key, value):
    state, notes = parse({key: value, "left.unconditional": "exact:AB", "trails": "1"})
    assert state == parse({"left.unconditional": "exact:AB", "trails": "1"})[0]
    (note,) = notes
    # What the chosen rule does not have is named, whatever its value; else the value is.
    assert (key.rpartition(".")[2] if f"{key}=" in NO_SUCH else value.split(",")[-1]) in note


@QUICK
@given(states(), JSON)
def test_what_the_viewer_says_of_itself_is_never_trusted(state, said):
    told = from_viewer(state, said)
    assert (told.left, told.right, told.hide) == (state.left, state.right, state.hide)
    assert parse(told.query())[1] == []


def test_the_link_knows_every_setting_of_the_viewer():
    block = re.search(r"^const UI = \{(.*?)^\};", sources.bundle(), re.M | re.S)
    assert block is not None
    names = re.findall(r"^\s*(\w+):", block[1], re.M)
    assert {"layers", "quality", "layout"} <= set(names)
    assert set(names) <= set(VIEWER)
    for name in set(names) & set(FLAGS):
        usual = re.search(rf"\b{name}: (true|false)", block[1])
        assert usual is not None
        changed = usual[1] == "false"
        assert dict(from_viewer(State(), {name: changed}).ui) == {name: changed}, name
        assert dict(from_viewer(State(), {name: not changed}).ui) == {}, name
