"""What is asked and what is shown: numbers and particles are never told as those of other knobs."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ui_helpers import until

from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.state import COUNTS, SLOTS, State, parse
from toy.ui import explore, export, share
from toy.ui.engine import Engine
from toy.viewer import computing, cost, requests
from toy.viewer.packing import unpack


class Desk:
    """An engine whose computations are made up: those of a rule in ``held`` do not end before the gate is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self.gate, self.held = Engine(), threading.Event(), set()
        self.memory: dict = {}
        monkeypatch.setattr(computing, "side", self.side)

    def side(self, scene: Scene) -> computing.Side:
        if scene.rule in self.held:
            assert self.gate.wait(60)
        points = np.zeros((scene.steps + 1, scene.n, 2), np.uint16)
        arrays = {
            "positions": (points, 0.0, 1.0),
            "outside": points[..., 0].astype(np.uint8),
            "branch_gain": np.zeros(127, np.float32),
        }
        numbers = {"outliers": dict(scene.knobs).get("w", 0.0) / 100, "branch_tv": 0.5, "alignment": 0.5}
        return computing.Side(scene, arrays, numbers, numbers)

    def answer(self, state: State, **request: object) -> dict:
        """The header of one answer."""
        return unpack(explore.answer(self.engine, state, requests.Request(**request), self.memory))[0]

    def settled(self, state: State) -> dict:
        """The header of the answer that waits for nothing."""
        answers: list[dict] = []
        until(lambda: answers.append(self.answer(state)) or not answers[-1]["busy"])
        return answers[-1]


@pytest.fixture
def desk(monkeypatch):
    found = Desk(monkeypatch)
    yield found
    found.gate.set()
    found.engine.close()


def law(header: dict, state: State) -> None:
    """What holds of every answer."""
    for panel, slot in zip(header["panels"], SLOTS, strict=True):
        asked, shown = state.scene(slot), panel["shown"]
        assert panel["rule"] == asked.rule
        assert {knob["name"]: knob["value"] for knob in panel["knobs"]}.items() <= dict(asked.knobs).items()
        if shown is None:
            assert panel["pending"]
            assert panel["measured"] is None
            continue
        same = shown["title"] == asked.entry.title and shown["knobs"] == dict(asked.knobs)
        assert same or panel["pending"]
        # the numbers are those of what is shown
        assert panel["measured"]["values"]["outliers"] == shown["knobs"].get("w", 0.0) / 100
    assert header["busy"] == any(panel["pending"] for panel in header["panels"])


def test_what_is_late_is_said_under_the_title_of_what_was_asked(desk):
    before = State()
    settled = desk.settled(before)
    desk.held = {"cads"}
    asked = before.change("left", rule="cads")
    late = desk.answer(asked)
    law(late, asked)
    left, right = late["panels"]
    assert left["rule"] == "cads"
    assert left["pending"].startswith("compiling CADS")
    assert left["shown"]["caption"] == "CFG, w 4"
    assert right["pending"] == ""
    assert late["id"] == settled["id"]  # the picture before, as a whole
    desk.gate.set()
    done = desk.settled(asked)
    law(done, asked)
    assert done["id"] != settled["id"]


def test_where_nothing_was_shown_before_words_stand_alone(desk):
    desk.held = {"cads"}
    asked = State().change("right", rule="cads")
    header = desk.answer(asked)
    law(header, asked)
    assert header["panels"][1]["shown"] is None


def test_sides_of_different_noise_never_stand_beside_each_other(desk):
    before = State()
    settled = desk.settled(before)
    desk.held = {"autoguidance"}
    asked = before.change("left", seed=7)
    header = {}
    until(lambda: header.update(desk.answer(asked)) or header["panels"][0]["pending"] == "waiting for the other panel")
    law(header, asked)
    assert header["id"] == settled["id"]
    assert header["panels"][1]["pending"]
    desk.gate.set()
    law(desk.settled(asked), asked)


def test_a_drag_shows_what_it_asks_with_fewer_particles(desk):
    desk.settled(State())
    asked = State().change("left", w=2)
    answers = []
    until(lambda: answers.append(desk.answer(asked, seq=1, phase="drag")) or not answers[-1]["busy"])
    law(answers[-1], asked)
    assert (answers[-1]["quality"], answers[-1]["panels"][0]["n"]) == ("preview", computing.PREVIEW)


# --- What a link may cost ---------------------------------------------------------------------------------------------

EVER = "exact:A~subset=4096"


def test_a_scene_that_takes_too_long_is_shown_with_fewer_particles_and_says_so(desk):
    asked, notes = parse({"n": "8192", "steps": "256", "right.weak": EVER})
    assert not notes
    header = desk.settled(asked)
    assert "n = 8192 with 256 steps takes about" in header["note"]
    assert header["panels"][0]["n"] < 8192
    assert header["quality"] == "full"
    law(header, asked)


LINKS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from([*map(str, COUNTS)]),
        "steps": st.integers(8, 256).map(str),
        "integrator": st.sampled_from([*INTEGRATORS]),
        "left.rule": st.sampled_from(["cfg", "characteristic_guidance", "answer", "none"]),
        "left.main": st.sampled_from([EVER, "exact:AB", "A64@4096", "A128@512~depth=8", "exact:A~label_mixing=0.2"]),
        "right.weak": st.sampled_from([EVER, "dns:exact:A,exact:AB", "A16@256"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(LINKS)
@example({"n": "8192", "steps": "256", "left.main": EVER, "left.rule": "characteristic_guidance"})
def test_no_link_costs_more_than_the_limit_or_the_least_scene_does(query):
    state, _ = parse(query)
    affordable, note = cost.affordable(state)
    least = replace(state.left, n=COUNTS[0], steps=min(state.left.steps, cost.SHORTEST))
    allowed = max(cost.MOST, cost.seconds(least), cost.seconds(replace(state.right, n=least.n, steps=least.steps)))
    for slot in SLOTS:
        assert cost.seconds(affordable.scene(slot)) <= allowed
        assert replace(affordable.scene(slot), n=state.left.n, steps=state.left.steps) == state.scene(slot)
    assert bool(note) == (affordable != state)
    assert affordable.left.n == affordable.right.n
    assert affordable.left.steps == affordable.right.steps


def test_what_people_usually_ask_for_is_never_shrunk():
    for query in (
        {},
        {"n": "8192"},
        {"n": "8192", "steps": "256"},
        {"n": "4096", "left.main": "exact:A", "steps": "64"},
    ):
        state, notes = parse(query)
        assert not notes
        assert cost.affordable(state) == (state, "")


def test_costs_are_estimated_before_anything_is_loaded(monkeypatch):
    state, _ = parse({"right.weak": "exact:A~subset=256"})
    monkeypatch.setattr("models.zoo.load", lambda name: pytest.fail(f"{name} was loaded"))
    unknown = replace(state.right, cast=(("main", "A100@100"), ("weak", "kept:anything")))
    small = replace(state.right, cast=(("main", "A16@100"), ("weak", "A16@256~subset=4096")))
    assert cost.seconds(unknown) > cost.seconds(state.right) > cost.seconds(small) > 0


def test_a_download_costs_no_more_than_the_screen_and_waits_for_its_turn(desk, monkeypatch):
    asked, _ = parse({"n": "8192", "steps": "256", "right.weak": EVER})
    made, buttons = [], []
    monkeypatch.setattr(share, "engine", lambda: desk.engine)
    choice = ("Samples, CSV", "guidance.csv", "text/csv", lambda state, dark: made.append(state) or b"x,y")
    monkeypatch.setattr(export, "CHOICES", (choice,))
    monkeypatch.setattr(share.st, "download_button", lambda label, data, **_: buttons.append(data))
    share.downloads({"state": asked})
    assert made == []  # until somebody presses it
    assert [buttons[0](), buttons[0]()] == [b"x,y", b"x,y"]
    assert made == [cost.affordable(asked)[0]]


def test_what_was_asked_before_a_change_beside_the_view_does_not_undo_it(desk, monkeypatch):
    """A reset and a knob let go of just before it may come in one run."""
    monkeypatch.setattr(explore, "engine", lambda: desk.engine)
    state, saved = State().change("left", w=7), []
    desk.memory |= {"beside": 1, "state_before": state}

    def heard(**given: object) -> dict:
        said = {"phase": "release", "seq": len(saved) + 1, "knobs": {"left": {"w": 7}}, **given}
        pack = explore.heard(said, True, State(), desk.memory, lambda new, _: saved.append(new), lambda: None)
        return unpack(pack)[0]

    assert heard(beside=0)["beside"] == 1
    assert dict(saved[-1].left.knobs)["w"] == 4
    heard(beside=1)
    assert dict(saved[-1].left.knobs)["w"] == 7
    heard(beside=5)
    assert dict(saved[-1].left.knobs)["w"] == 4, "of another visit"
