"""What the app is made of, without a browser: the state in the URL, requests, the engine, packs, shared links."""

import json
import math
import re
import shlex
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ui_helpers import NAMES, ODD, QUERIES, until

import models
from models.degradations import DEGRADATIONS
from toy import compare, fractal
from toy.__main__ import main, scene_of
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scenes import SETTINGS, STARTS, Scene
from toy.schedules import SCHEDULES
from toy.state import (
    COUNTS,
    FLAGS,
    HIDEABLE,
    LAYERS,
    LAYOUTS,
    SHARED,
    SLOTS,
    State,
    check_density,
    figure,
    from_viewer,
    of_link,
    parse,
)
from toy.ui import casting, explore, explorer, export, packing, share
from toy.ui import compare as comparing
from toy.ui import engine as engines
from toy.ui import trainer as trainers
from toy.ui.engine import BACKGROUND, FULL, PREVIEW, Busy, Engine
from toy.ui.presets import PRESETS
from toy.ui.tasks import Tasks
from toy.ui.trainer import Turns

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALL_LAYERS = [layer for group in LAYERS for layer in group]


# --- States and what is not one ---------------------------------------------------------------------------------------


def knob_value(knob):
    return st.floats(knob.lo, knob.hi)


def in_order(entry, values):
    """The two knobs of an entry of which one may not be above the other, as they may be."""
    names = entry.facts.get("ordered", ())
    return dict(zip(names, sorted(values[name] for name in names), strict=True))


@st.composite
def scenes(draw, shared=None):
    """Any scene that the app can show."""
    if shared is None:
        shared = draw(shared_settings())
    tilting = "tilt" in INTEGRATORS[shared["integrator"]].inputs  # then not every method goes with it
    rule = draw(st.sampled_from([name for name, rule in RULES.items() if "tilt" in rule.facts or not tilting]))
    schedule = "constant" if tilting else draw(st.sampled_from(list(SCHEDULES)))
    entries = (RULES[rule], SCHEDULES[schedule], INTEGRATORS[shared["integrator"]])
    values = {name: draw(knob_value(knob)) for entry in entries for name, knob in entry.knobs.items()}
    for entry in entries:
        values |= in_order(entry, values)
    values |= {role: draw(st.sampled_from(NAMES)) for role in RULES[rule].roles}
    return Scene.of(rule, schedule=schedule, **values, **shared)


@st.composite
def shared_settings(draw):
    """What both sides have in common."""
    values = {name: draw(knob_value(SETTINGS[name])) for name in ("sigma_max", "sigma_min", "rho")}
    return values | {
        "n": draw(st.sampled_from(COUNTS)),
        "seed": draw(st.integers(0, int(SETTINGS["seed"].hi))),
        "steps": draw(st.integers(int(SETTINGS["steps"].lo), int(SETTINGS["steps"].hi))),
        "integrator": draw(st.sampled_from(list(INTEGRATORS))),
        "start": draw(st.sampled_from(STARTS)),
        "target": draw(st.sampled_from(fractal.CLASSES)),
    }


def viewer_settings():
    """The viewer's own settings, as they stand in a State."""
    number = st.floats(-100, 100)
    options = {flag: st.booleans() for flag in FLAGS} | {
        "layout": st.sampled_from(LAYOUTS),
        "layers": st.lists(st.sampled_from(ALL_LAYERS), unique=True, min_size=1),
        "view": st.tuples(number, number, st.floats(1e-3, 100)).map(list),
        "t": st.floats(0, 1024),
        "speed": st.floats(0.1, 10),
    }
    return st.fixed_dictionaries({}, optional=options).map(lambda ui: tuple(sorted(ui.items())))


@st.composite
def states(draw):
    """Any state that a visitor can reach."""
    shared = draw(shared_settings())
    left, right = draw(scenes(shared=shared)), draw(scenes(shared=shared))
    hide = tuple(draw(st.lists(st.sampled_from(HIDEABLE), unique=True)))
    return State(left, right, draw(viewer_settings()), hide)


SIDES = st.sampled_from(SLOTS)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["w", "left", "drag", "release"]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(SIDES, st.sampled_from(["w", "lo"]), st.text(max_size=5)), inner, max_size=4),
    ),
    max_leaves=10,
)
KNOBS = st.dictionaries(
    st.sampled_from(["w", "lo", "hi", "gamma", "alpha", "x"]), st.one_of(JSON, st.floats(-1e6, 1e6))
)


def numbers(count):
    return st.lists(st.floats(), min_size=count, max_size=count)


REQUESTS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {},
        optional={
            "seq": JSON,
            "have": JSON,
            "phase": st.one_of(JSON, st.sampled_from(["drag", "release", "field", "probe"])),
            "knobs": st.one_of(JSON, st.dictionaries(SIDES, KNOBS)),
            "interval": st.one_of(JSON, st.dictionaries(SIDES, st.one_of(JSON, numbers(2)))),
            "sigma": st.one_of(JSON, st.floats()),
            "box": st.one_of(JSON, numbers(4)),
            "probe": st.one_of(JSON, numbers(2)),
            "layers": JSON,
        },
    ),
)


# --- The URL ----------------------------------------------------------------------------------------------------------


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
    pair = in_order(entry, dict(state.scene(slot).knobs) | {name: value}) if entry.facts.get("ordered") else {}
    return state.change(slot, **(pair if name in pair else {name: value}))


def single_changes():
    """Every control of either side, moved alone to another legal value."""
    start = State()
    for slot in SLOTS:
        for rule in RULES:
            state = replace(start, **{slot: Scene.of(rule, n=2048)})
            yield f"{slot}.rule={rule}", state
            for name, knob in RULES[rule].knobs.items():
                for value in (knob.lo, knob.hi, knob.lo + 3 * knob.step, knob.default):
                    yield f"{slot}.{rule}.{name}={value}", moved(state, slot, RULES[rule], name, value)
            for role in RULES[rule].roles:
                for density in NAMES:
                    yield f"{slot}.{rule}.{role}={density}", state.change(slot, **{role: density})
        for schedule in SCHEDULES:
            for name, knob in SCHEDULES[schedule].knobs.items():
                for value in (knob.lo, knob.hi, knob.lo + 3 * knob.step):
                    state = start.change(slot, schedule=schedule)
                    yield f"{slot}.{schedule}.{name}={value}", moved(state, slot, SCHEDULES[schedule], name, value)
            yield f"{slot}.{schedule}", start.change(slot, schedule=schedule)
    for name, values in {
        "n": COUNTS,
        "seed": (0, 1, 2**31 - 1),
        "steps": (8, 33, 256),
        "integrator": tuple(INTEGRATORS),
        "start": STARTS,
        "target": fractal.CLASSES,
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
    for name, value in (("layout", "swipe"), ("view", [0.45, 1.22, 0.3]), ("t", 12.37), ("speed", 0.25)):
        yield f"{name}={value}", replace(start, ui=((name, value),))
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
    known = {*SHARED, *FLAGS, "hide", "layers", "layout", "view", "t", "speed", "embed", "embed_options"}
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
    ("colour", "red"),
]


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
    block = re.search(r"^const UI = \{(.*?)^\};", packing.bundle(), re.M | re.S)
    assert block is not None
    names = re.findall(r"^\s*(\w+):", block[1], re.M)
    assert {"layers", "quality", "layout"} <= set(names)
    assert set(names) <= {*FLAGS, "layers", "layout", "view", "t", "speed"}
    for name in set(names) & set(FLAGS):
        usual = re.search(rf"\b{name}: (true|false)", block[1])
        assert usual is not None
        changed = usual[1] == "false"
        assert dict(from_viewer(State(), {name: changed}).ui) == {name: changed}, name
        assert dict(from_viewer(State(), {name: not changed}).ui) == {}, name


# --- Requests ---------------------------------------------------------------------------------------------------------


@QUICK
@given(states(), REQUESTS)
@example(State(), {"knobs": {"left": {"w": 10**400}}, "sigma": 10**400, "box": [10**400, 0, 0, 0]})
@example(State().change("left", schedule="interval"), {"knobs": {"left": {"lo": 1, "hi": 0.5}}})
@example(State(), {"knobs": {"left": {"w": math.inf}}, "sigma": math.nan, "seq": True, "phase": ["drag"]})
def test_a_request_is_never_trusted(state, given_request):
    request = explorer.Request.of(given_request, state)
    for slot, name, value in request.knobs:
        knob = explorer.live_knobs(state.scene(slot))[name]
        assert knob.lo <= value <= knob.hi
    assert request.phase in ("drag", "release", "field", "probe")
    assert 0 <= request.seq < 2**53
    assert 0 < request.sigma <= 100
    assert len(request.have) <= 64
    if request.box:
        assert request.box[0] < request.box[1]
        assert request.box[2] < request.box[3]
        assert all(abs(v) <= 1000 for v in request.box)
    if request.probe:
        assert all(abs(v) <= 1000 for v in request.probe)
    hash(request)
    try:
        applied, refused = request.apply(state), ""
    except ValueError as error:  # an interval upside down: the page says so and stays as it was
        applied, refused = state, str(error)
    assert not refused or "is above" in refused
    assert parse(applied.query())[1] == []


def test_a_request_moves_its_knobs_alone():
    state = State().change("right", schedule="interval")
    asked = {"knobs": {"left": {"w": 2.5}, "right": {"w": 99, "nothing": 1}}, "interval": {"right": [0.1, 0.7]}}
    applied = explorer.Request.of(asked, state).apply(state)
    assert dict(applied.left.knobs)["w"] == 2.5
    assert dict(applied.right.knobs) == {"w": 8.0, "lo": 0.1, "hi": 0.7}
    assert replace(applied.left, knobs=()) == replace(state.left, knobs=())


# --- The engine -------------------------------------------------------------------------------------------------------


class Blocked:
    """An engine whose worker is held until ``go`` is called."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.gate, self.held = threading.Event(), threading.Event()
        self.engine.submit("gate", self.wait, priority=-1)
        assert self.held.wait(10)

    def wait(self) -> None:
        self.held.set()
        assert self.gate.wait(60)

    def go(self) -> None:
        self.gate.set()


class Weighed:
    """A result of so many bytes."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


def test_the_same_key_is_computed_once():
    blocked, calls = Blocked(), []
    futures = [blocked.engine.submit("key", lambda: calls.append(1) or "done") for _ in range(5)]
    blocked.go()
    assert [future.result(10) for future in futures] == ["done"] * 5
    assert blocked.engine.get("key", lambda: pytest.fail("computed again")) == "done"
    assert calls == [1]


def test_many_visitors_share_one_computation():
    found, calls, answers = Engine(), [], []

    def visit():
        answers.append(found.get("key", lambda: calls.append(1) or len(calls), wait=20))

    threads = [threading.Thread(target=visit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [1] * 16


def test_the_most_urgent_goes_first():
    blocked, order = Blocked(), []
    for name, priority in (("a", BACKGROUND), ("b", FULL), ("c", PREVIEW), ("d", FULL), ("e", PREVIEW)):
        last = blocked.engine.submit(name, lambda name=name: order.append(name), priority=priority)
    end = blocked.engine.submit("end", lambda: None, priority=BACKGROUND + 1)
    blocked.go()
    end.result(10)
    assert last.done()
    assert order == ["c", "e", "b", "d", "a"]


def test_what_waits_in_the_background_goes_first_once_it_is_asked_for():
    blocked, order = Blocked(), []

    def work(name):
        return lambda: order.append(name) or name

    later = blocked.engine.submit("later", work("later"), priority=BACKGROUND)
    blocked.engine.submit("full", work("full"), priority=FULL)
    assert blocked.engine.submit("later", work("twice"), priority=PREVIEW) is later
    blocked.engine.submit("preview", work("preview"), priority=PREVIEW)
    # Less urgent than it is already: it stays where it is.
    blocked.engine.submit("preview", work("twice"), priority=BACKGROUND)
    end = blocked.engine.submit("end", lambda: None, priority=BACKGROUND + 1)
    blocked.go()
    end.result(10)
    assert order == ["later", "preview", "full"]
    assert blocked.engine.idle.wait(10)


def test_a_promoted_job_that_was_dropped_is_not_done_for_its_second_place():
    blocked, order = Blocked(), []
    for priority in (BACKGROUND, PREVIEW):
        with pytest.raises(Busy):
            blocked.engine.get("left", lambda: order.append("left"), priority=priority, wait=0.01)
    end = blocked.engine.submit("end", lambda: None, priority=BACKGROUND + 1)
    blocked.go()
    end.result(10)
    assert order == []
    assert blocked.engine.get("left", lambda: 7, wait=10) == 7


def test_a_full_queue_is_said(monkeypatch):
    monkeypatch.setattr(engines, "QUEUE_LIMIT", 3)
    blocked = Blocked()
    waiting = [blocked.engine.submit(k, lambda: None) for k in range(2)]
    with pytest.raises(Busy):
        blocked.engine.submit("one more", lambda: None)
    # What is awaited already does not count twice.
    assert blocked.engine.submit(0, lambda: None) is waiting[0]
    blocked.go()
    for future in waiting:
        future.result(10)
    assert blocked.engine.get("one more", lambda: 7, wait=10) == 7


def test_work_under_way_goes_on_when_its_visitor_gave_up():
    found, gate = Engine(), threading.Event()
    with pytest.raises(Busy):
        found.get("slow", lambda: gate.wait(60) and 42, wait=0.05)
    gate.set()
    assert found.get("slow", lambda: pytest.fail("computed again"), wait=10) == 42


def test_work_that_nobody_waits_for_is_dropped():
    blocked, calls = Blocked(), []
    with pytest.raises(Busy):
        blocked.engine.get("left", lambda: calls.append("left"), wait=0.01)
    kept = blocked.engine.submit("kept", lambda: calls.append("kept"))
    blocked.go()
    kept.result(10)
    assert calls == ["kept"]
    assert blocked.engine.get("left", lambda: 7, wait=10) == 7
    assert blocked.engine.idle.wait(10)


def test_what_is_leased_is_dropped_when_nobody_asks_again():
    blocked, calls = Blocked(), []
    left = blocked.engine.lease("left", lambda: calls.append("left"), seconds=0.01)
    kept = blocked.engine.lease("kept", lambda: calls.append("kept") or 7, seconds=0.01)
    assert blocked.engine.lease("kept", lambda: pytest.fail("twice"), seconds=60) is kept
    time.sleep(0.05)
    blocked.go()
    assert kept.result(10) == 7
    until(left.cancelled, 10)
    assert calls == ["kept"]
    assert blocked.engine.lease("left", lambda: 8).result(10) == 8


def test_a_failure_is_its_visitors_alone():
    found = Engine()
    with pytest.raises(ValueError, match="no such density"):
        found.get("bad", lambda: (_ for _ in ()).throw(ValueError("no such density")), wait=10)
    assert found.get("good", lambda: 1, wait=10) == 1
    assert found.get("bad", lambda: 2, wait=10) == 2


@pytest.mark.parametrize("held", [lambda a: a, lambda a: {"own": {"logp": (a, 0.0, 1.0)}}, lambda a: [{"a": a}, {}]])
def test_a_result_weighs_what_its_arrays_do(monkeypatch, held):
    monkeypatch.setattr(engines, "CACHE_BYTES", 10**6)
    found, computed = Engine(), []
    for key in (0, 1, 2, 2, 0):
        found.get(key, lambda key=key: computed.append(key) or held(np.zeros(400_000, np.uint8)), wait=10)
    assert computed == [0, 1, 2, 0]


def test_the_cache_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(engines, "CACHE_BYTES", 1000)
    found = Engine()
    computed = []

    def ask(key, size):
        return found.get(key, lambda: computed.append(key) or Weighed(size), wait=10)

    for key in range(5):
        ask(key, 300)
    ask(4, 300)
    ask(3, 300)
    assert computed == [0, 1, 2, 3, 4]
    ask(0, 300)
    assert computed == [0, 1, 2, 3, 4, 0]
    # Larger than all of it: handed over, and the others stay.
    assert ask("huge", 5000).nbytes == 5000
    ask(0, 300)
    ask("huge", 5000)
    assert computed == [0, 1, 2, 3, 4, 0, "huge", "huge"]


def test_ready_comes_after_the_warm_up_and_a_failed_one_is_told():
    gate = threading.Event()
    found = Engine(lambda: gate.wait(10) and None)
    assert not found.ready.is_set()
    gate.set()
    assert found.ready.wait(10)

    failed = Engine(lambda: (_ for _ in ()).throw(RuntimeError("no JAX")))
    for _ in range(100):
        if failed.failure:
            break
        threading.Event().wait(0.02)
    assert "no JAX" in failed.failure
    assert not failed.ready.is_set()
    with pytest.raises(Busy):
        failed.get("key", lambda: 1, wait=0.01)


# --- Long work --------------------------------------------------------------------------------------------------------


def test_turns_are_given_in_order():
    turns, order = Turns(), []

    def work(name):
        for _ in range(3):
            with turns:
                order.append(name)
                time.sleep(0.02)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(order[1:5]) == ["a", "a", "b", "b"]
    assert all(one != other for one, other in pairwise(order[1:5]))


def test_a_training_that_nobody_asks_for_any_more_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setattr(trainers, "PATIENCE", 0.2)
    found = trainers.Trainer(Engine())
    run = found.need("A8@8192~depth=1")
    assert found.need("A8@8192~depth=1") is run
    assert found.need("A64@4096") is None
    until(lambda: run.status == "stopped", 60)
    again = found.need("A8@8192~depth=1")
    assert again is not run
    monkeypatch.setattr(trainers, "DEMANDED", 1)
    with pytest.raises(trainers.Crowded, match="A9@64"):
        found.need("A9@64")
    found.close()


def test_a_task_tells_how_far_it_is_and_is_done_once():
    found, gate = Tasks(Engine()), threading.Event()

    def work(report):
        report("half", 0.5)
        gate.wait(10)
        return 7

    task = found.ask("key", work)
    until(lambda: task.share == 0.5, 10)
    assert found.ask("key", lambda report: pytest.fail("twice")) is task
    gate.set()
    assert task.future.result(10) == 7
    bad = found.ask("bad", lambda report: (_ for _ in ()).throw(ValueError("no")))
    assert str(bad.future.exception(10)) == "no"
    assert found.ask("bad", lambda report: 8).future.result(10) == 8


def test_trials_come_one_at_a_time_and_a_failed_one_is_said(monkeypatch):
    wanted = compare.trials(compare.chosen("none,cfg"), (1.0, 2.0), n=512, seeds=2, scores="exact")
    asked = []

    def measured(trial):
        asked.append(trial)
        if trial.strength == 2:
            raise ValueError("it diverged")
        return [{"trial": trial.key}]

    monkeypatch.setattr(comparing, "measure", measured)
    monkeypatch.setattr(comparing.metrics, "floor", lambda *_: {"outliers": 0.01})
    blocked, found = Blocked(), comparing.Table()
    assert found.advance(blocked.engine, wanted, 0.01) == wanted[0]
    assert not asked
    blocked.go()
    until(lambda: found.advance(blocked.engine, wanted, 1.0) is None, 20)
    assert asked == wanted
    assert list(found.rows) == [trial.key for trial in wanted[:2]]
    assert found.failures == {wanted[2].key: "it diverged"}


@pytest.mark.parametrize(
    ("name", "exact"),
    [("A64@4096", "exact:A"), ("AB32@512~dropout=0.1", "exact:AB"), ("exact:B~blur=0.1", "exact:B"),
     ("dns:A64@4096,AB64@4096~w=3", "dns:exact:A,exact:AB"), ("B8@64~depth=1", "exact:B")],
)  # fmt: skip
def test_every_density_has_an_exact_one(name, exact):
    assert casting.exact(name) == exact
    assert casting.is_exact(exact)
    assert not casting.is_exact(name)


# --- Packs ------------------------------------------------------------------------------------------------------------

SMALL = State().change("left", n=512)


@pytest.fixture(scope="module")
def sides():
    return {slot: explorer.side(SMALL.scene(slot)) for slot in SLOTS}


def test_a_pack_holds_what_the_viewer_draws(sides):
    header, arrays = packing.unpack(explorer.assemble(SMALL, sides, explorer.Request(seq=5)))
    assert (header["seq"], header["quality"], header["busy"], header["precomputed"]) == (5, "full", False, False)
    steps, n = SMALL.left.steps + 1, SMALL.left.n
    assert len(header["sigmas"]) == steps
    assert header["sigmas"][-1] == 0
    for slot in SLOTS:
        assert arrays[f"{slot}.positions"].shape == (steps, n, 2)
        assert arrays[f"{slot}.positions"].dtype == np.uint16
        assert header["arrays"][f"{slot}.positions"]["lo"] < header["arrays"][f"{slot}.positions"]["hi"]
        assert arrays[f"{slot}.outside"].shape == (steps, n)
        assert set(np.unique(arrays[f"{slot}.outside"])) <= {0, 1}
        assert arrays[f"{slot}.branch_gain"].shape == (127,)
        assert np.abs(arrays[f"{slot}.branch_gain"]).max() <= 3
    assert arrays["tree.segments"].shape == (254, 4)
    assert arrays["truth.positions"].shape == (n, 2)
    for classes in fractal.CLASSES:
        starts, points = arrays[f"outline.{classes}.starts"], arrays[f"outline.{classes}"]
        assert starts[0] == 0
        assert (np.diff(starts.astype(int)) > 0).all()
        assert starts[-1] < len(points)
    for found, slot in zip(header["panels"], SLOTS, strict=True):
        scene = SMALL.scene(slot)
        assert (found["slot"], found["rule"], found["n"]) == (slot, scene.rule, n)
        assert {knob["name"]: knob["value"] for knob in found["knobs"]} == dict(scene.knobs)
        assert found["formula"] == RULES[scene.rule].formula
        assert [row["key"] for row in found["metrics"]] == ["outliers", "branch_tv", "alignment"]
        assert all(0 <= row["goodness"] <= 1 for row in found["metrics"])


def test_positions_are_the_sampled_path(sides):
    from toy import scenes as computing

    scene = SMALL.left
    frame = computing.compute(scene, models.cast(scene.cast), floor=False)
    codes, lo, hi = sides["left"].arrays["positions"]
    scale = np.sqrt(frame.sigmas**2 + explorer.SIGMA_DATA**2)[:, None, None]
    seen = packing.dequantise(codes, lo, hi) * scale
    assert np.abs(seen - frame.path).max() <= 0.51 * (hi - lo) / 65535 * scale.max() + 1e-6
    assert frame.metrics["outliers"] == pytest.approx(sides["left"].arrays["outside"][-1].mean(), abs=1e-6)


def test_frames_that_the_viewer_has_are_not_sent_again(sides):
    whole = explorer.assemble(SMALL, sides, explorer.Request())
    header, arrays = packing.unpack(whole)
    again, rest = packing.unpack(explorer.assemble(SMALL, sides, explorer.Request(have=header["id"])))
    assert again["id"] == header["id"]
    assert not any(name.endswith(("positions", "outside", "branch_gain")) for name in rest)
    assert rest.keys() < arrays.keys()
    other = packing.unpack(explorer.assemble(SMALL, sides, explorer.Request(have="other")))[1]
    assert other.keys() == arrays.keys()


def test_the_name_of_frames_is_their_content(sides):
    def name(state):
        return explorer.identity(state.left, state.right)

    assert name(SMALL) == name(parse(SMALL.query())[0])
    others = [
        SMALL.change("left", w=4.5),
        SMALL.change("right", w=4.5),
        SMALL.change("left", seed=1),
        SMALL.change("right", weak="exact:A"),
    ]
    assert len({name(state) for state in (SMALL, *others)}) == 5
    assert name(replace(SMALL, ui=(("trails", True),))) == name(SMALL)


def test_layers_and_probe_are_sent_when_asked_for(sides):
    box, at, sigma = (-1.0, 1.6, -1.0, 1.6), (0.45, 1.22), 0.1
    request = explorer.Request(sigma=sigma, box=box, layers=("ratio",), probe=at)
    fields = {slot: explorer.field(SMALL.scene(slot), sigma, box) for slot in SLOTS}
    probes = [explorer.probe(SMALL.scene(slot), at, sigma) for slot in SLOTS]
    header, arrays = packing.unpack(explorer.assemble(SMALL, sides, request, fields=fields, probes=probes))
    assert header["field"]["box"] == list(box)
    assert header["field"]["sigma"] == sigma
    shape = tuple(header["field"]["shape"])
    for slot in SLOTS:
        for name in ("logp1", "logp0", "error"):
            assert arrays[f"{slot}.{name}"].shape == shape
        for name in ("main", "guide", "guided"):
            assert arrays[f"{slot}.arrows.{name}"].shape == arrays["arrows.at"].shape
    assert arrays["truth.logp"].shape == shape
    for entry, slot in zip(header["probe"]["panels"], SLOTS, strict=True):
        w = dict(SMALL.scene(slot).knobs)["w"]
        s1, s0, guided = (np.array(entry[name]) for name in ("s1", "s0", "guided"))
        np.testing.assert_allclose(guided, s1 + (w - 1) * (s1 - s0), rtol=1e-4, atol=1e-3)
    left, right = header["probe"]["panels"]
    assert left["truth"] == right["truth"]


def test_the_drawn_density_is_sent_on_the_true_ones_grid(sides):
    box = (-0.6, 1.4, -0.6, 1.4)
    request = explorer.Request.of({"sigma": 0.3, "box": list(box), "layers": ["drawn", "p9", 7]}, SMALL)
    assert request.layers == ("drawn",)
    fields = {slot: explorer.field(SMALL.scene(slot), 0.3, box) for slot in SLOTS}
    densities = {"left": explorer.drawn(SMALL.scene("left"), 0.3, box), "right": "there is none"}
    header, arrays = packing.unpack(
        explorer.assemble(SMALL, sides, request, fields=fields, densities=densities, note="")
    )
    assert header["note"] == "there is none"
    assert "right.logq" not in arrays
    logq, low, high = densities["left"]
    assert arrays["left.logq"].shape == arrays["truth.logp"].shape
    values = low + (high - low) * logq / 65535
    cell = np.prod([(box[1] - box[0]), (box[3] - box[2])]) / (explorer.RESOLUTION - 1) ** 2
    assert 0.5 < np.exp(values).sum() * cell < 1


def test_a_sampler_without_a_density_says_so_in_one_sentence():
    class Now:
        def get(self, key, work, **_):
            return work()

    scene = SMALL.change("left", integrator="ancestral").left
    said = explore._drawn(Now(), scene, 0.3, (-1.0, 1.0, -1.0, 1.0))
    assert "is stochastic and gives no exact log q" in said


def test_a_diverged_scene_is_still_a_pack():
    state = parse(
        {"left.rule": "naive_truncation", "left.gamma": "3", "start": "normal", "sigma_max": "80", "n": "512"}
    )[0]
    found = {slot: explorer.side(state.scene(slot)) for slot in SLOTS}
    header, _ = packing.unpack(explorer.assemble(state, found, explorer.Request()))
    json.dumps(header, allow_nan=False)


def test_the_shipped_scene_is_what_the_engine_computes():
    header, arrays = packing.unpack(packing.DEFAULT_PACK.read_bytes())
    now, computed = packing.unpack(explorer.default_pack())
    assert arrays.keys() == computed.keys()
    for name, array in computed.items():
        shipped = arrays[name]
        assert (shipped.dtype, shipped.shape) == (array.dtype, array.shape), name
        if array.dtype.kind == "f":
            np.testing.assert_allclose(shipped, array, atol=2e-2 if "gain" in name else 1e-5, err_msg=name)
            continue
        differing = np.abs(shipped.astype(int) - array.astype(int)) > (array.dtype == np.uint16)
        # Another processor rounds otherwise, and paths that part at a fork part for good.
        assert differing.mean() < 1e-3, name
    for some in (header, now):
        for entry in some["arrays"].values():
            entry.pop("offset", None)
        for entry in some["panels"]:
            entry.pop("ms")
            for row in entry["metrics"]:
                row.pop("text")
                row.pop("floor_text")
    same(header, now)
    assert header["precomputed"] is True


def same(one, other, path=""):
    """Equal, numbers within what rounding does."""
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for k, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{path}[{k}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-3, abs=2e-3), path
    else:
        assert one == other, path


# --- Stories, links, files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_every_story_is_a_state(name):
    preset = PRESETS[name]
    state = preset.state(("settings",))
    assert state.hide == ("settings",)
    assert parse(state.query()) == (state, [])
    assert preset.sentence.endswith(".")
    missing = {density for slot in SLOTS for _, density in state.scene(slot).cast} - set(NAMES)
    assert not missing


def scene_of_command(line: str) -> Scene:
    """The Scene that the command line makes of a line."""
    python, flag, package, verb, *args = shlex.split(line)
    assert (python, flag, package) == ("python", "-m", "toy")
    context = main.commands[verb].make_context(verb, args)
    assert isinstance(context, click.Context)
    other = ("as_json", "seeds", "logq")
    return scene_of(**{name: value for name, value in context.params.items() if name not in other})


@QUICK
@given(scenes())
def test_the_command_makes_the_same_scene(scene):
    assert scene_of_command(share.command(scene)) == scene


@QUICK
@given(scenes())
def test_the_snippet_makes_the_same_scene(scene):
    line = next(line for line in share.snippet(scene).splitlines() if line.startswith("scene = "))
    assert eval(line.removeprefix("scene = toy."), {"Scene": Scene}) == scene


@QUICK
@given(scenes(), st.data())
def test_the_command_draws_the_same_state(left, data):
    shared = {name: getattr(left, name) for name in SHARED}
    right = data.draw(scenes(shared))
    state = State(left, right, data.draw(viewer_settings()))
    python, flag, package, verb, name, *args = shlex.split(share.redraw(state))
    assert (python, flag, package, verb, name) == ("python", "-m", "toy", "figure", "explore")
    assert len(args) in (0, 2)
    link = args[1] if args else ""
    for text in (link, f"?{link}", f"http://127.0.0.1:8501/?{link}"):
        assert of_link(text) == state


def test_a_link_is_read_strictly():
    assert of_link("") == of_link("?") == of_link("http://127.0.0.1:8501/") == State()
    for text, words in [("left.w=99", ["left.w", "99", "8"]), ("hello", ["'hello'"]), ("n=7", ["n = 7", "512"])]:
        with pytest.raises(ValueError, match=words[0]) as caught:
            of_link(text)
        assert all(word in str(caught.value) for word in words)


def test_the_figure_shows_the_window_on_the_screen():
    whole, near = (of_link(f"n=512&left.main=exact:A&view={view}") for view in ("0.3,0.3,1.2", "0.45,1.22,0.3"))
    assert figure(whole, "svg") != figure(near, "svg")
    with pytest.raises(ValueError, match="bmp"):
        figure(whole, "bmp")


def test_the_snippet_runs(capsys):
    exec(share.snippet(SMALL.left), {})
    assert "outliers" in capsys.readouterr().out


MAGIC = {
    "png": b"\x89PNG",
    "svg": b"<?xml",
    "pdf": b"%PDF",
    "gif": b"GIF8",
    "html": b"<!doctype html>",
    "npz": b"PK",
    "csv": b"side,x,y",
}


@pytest.mark.parametrize("choice", export.CHOICES, ids=lambda choice: Path(choice[1]).suffix)
def test_every_download_is_such_a_file(choice):
    _, name, _, make = choice
    data = make(SMALL)
    assert data.startswith(MAGIC[name.rpartition(".")[2]])
    if name.endswith(".csv"):
        assert len(data.splitlines()) == 1 + 2 * SMALL.left.n
