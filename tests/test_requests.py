"""What the viewer asks for is never trusted."""

import math
from dataclasses import replace

from app_states import QUICK, REQUESTS, states
from hypothesis import example, given

from toy.scene import knobs_of
from toy.state import (
    State,
    parse,
)
from toy.viewer import requests


@QUICK
@given(states(), REQUESTS)
@example(State(), {"knobs": {"left": {"w": 10**400}}, "sigma": 10**400, "box": [10**400, 0, 0, 0]})
@example(State().change("left", schedule="interval"), {"knobs": {"left": {"lo": 1, "hi": 0.5}}})
@example(State(), {"knobs": {"left": {"w": math.inf}}, "sigma": math.nan, "seq": True, "phase": ["drag"]})
def test_a_request_is_never_trusted(state, given_request):
    request = requests.Request.of(given_request, state)
    for slot, name, value in request.knobs:
        knob = knobs_of(state.scene(slot).entries)[name]
        assert knob.lo <= value <= knob.hi
    assert request.phase in requests.PHASES
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
    assert not refused or "is above" in refused or " of a stroke " in refused or " of the drawing " in refused
    assert parse(applied.query())[1] == []


def test_a_change_beside_the_view_stands_against_a_request_made_before_it():
    before = State().change("right", rule="cfg", w=3)
    state = before.change("left", w=2).change("right", rule="naive_truncation")
    said = {"knobs": {"left": {"w": 7}, "right": {"w": 7}}}
    request = requests.Request.of(said, before)
    assert {knob[:2] for knob in request.knobs} == {("left", "w"), ("right", "w")}
    assert request.after(before, state).knobs == ()
    assert request.after(before, before.change("left", seed=5)) == request
    assert request.after(before, before.change("left", w=2)).knobs == (("right", "w", 7.0),)
    assert request.after(None, before).knobs == ()


def test_a_request_moves_its_knobs_alone():
    state = State().change("right", schedule="interval")
    asked = {"knobs": {"left": {"w": 2.5}, "right": {"w": 99, "nothing": 1}}, "interval": {"right": [0.1, 0.7]}}
    applied = requests.Request.of(asked, state).apply(state)
    assert dict(applied.left.knobs)["w"] == 2.5
    assert dict(applied.right.knobs) == {"w": 8.0, "lo": 0.1, "hi": 0.7}
    assert replace(applied.left, knobs=()) == replace(state.left, knobs=())
