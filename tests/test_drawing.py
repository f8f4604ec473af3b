"""A drawing on Explore: what its strokes become, what stands in while networks are trained, what is compiled for it."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_answers import Desk, law
from ui_helpers import Clock, until

import models
from models import training, zoo
from models.mlp import Spec
from models.training import Recipe
from toy import distributions, sampling, scenes
from toy.distributions import strokes
from toy.scene import Scene
from toy.state import State
from toy.ui import casting, explore
from toy.ui import trainer as trainers
from toy.ui.trainer import Trainer, trainer
from toy.viewer import computing
from toy.viewer.packing import unpack
from toy.viewer.requests import Request
from toy.viewer.sources import VIEWER


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of one's own, and no training that goes on."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setattr(Trainer, "_work", lambda self, run: None)


@pytest.fixture
def desk(monkeypatch):
    found = Desk(monkeypatch)
    yield found
    found.engine.close()


def pen(bend: float = 1.0, labels: str = "AB") -> dict:
    """A request as the viewer makes it after a stroke of each class."""
    lines = [
        (label, [(x, i + 0.3 * math.sin(bend * x)) for x in np.linspace(-1, 1, 30)]) for i, label in enumerate(labels)
    ]
    drawn = [{"label": label, "width": 0.05, "at": list(map(float, np.ravel(line)))} for label, line in lines]
    return {"seq": 1, "phase": "draw", "drawing": True, "strokes": drawn}


def after(raw: dict, state: State | None = None) -> State:
    """The state after a request."""
    state = state or State()
    return Request.of(raw, state).apply(state)


def test_strokes_take_the_distributions_place_on_both_sides():
    state = after(pen())
    on = distributions.of(state.left.target).on
    assert on.startswith("strokes-")
    assert state.left.target == state.right.target == f"{on}/A"
    assert dict(state.left.cast) == {"main": f"{on}/A64@4096", "unconditional": f"{on}/AB32@512"}
    first = distributions.distribution_of(on)
    np.testing.assert_allclose(first.unit * first.start[0] + first.origin, [-1, 0.3 * math.sin(-1)], atol=1e-6)
    # The class stays while it is drawn; the rest of what was chosen stays too.
    other = after(pen(2.0, "BC"), state.change("left", target=f"{on}/B", w=2.0))
    assert other.left.target.endswith("/B")
    assert dict(other.left.knobs)["w"] == 2.0
    assert after(pen(2.0, "C"), other).left.target.endswith("/C")


@pytest.mark.parametrize(
    "strokes", [None, [], "AB", [1], [{"label": "A", "width": 0.1}], [{"label": "A", "width": 0.1, "at": [1, 2, 3]}]]
)
def test_what_is_no_drawing_changes_nothing(strokes):
    assert after(pen() | {"strokes": strokes}) == State()


def test_a_drawing_that_is_refused_is_refused_in_a_sentence():
    far = pen() | {"strokes": [{"label": "A", "width": 1e-9, "at": [0, 0, 1, 1]}]}
    with pytest.raises(ValueError, match="width 1e-09 of a stroke is not at least"):
        after(far)


def test_the_viewer_draws_no_more_than_is_taken():
    most = re.search(r"MOST = \{ classes: (\d+), strokes: (\d+), points: (\d+) \}", (VIEWER / "strokes.js").read_text())
    classes, lines, points = map(int, most.groups())
    assert classes <= len(distributions.LETTERS)
    assert lines == strokes.MOST_STROKES
    assert points <= strokes.MOST_POINTS


# --- What stands in for networks --------------------------------------------------------------------------------------


@pytest.mark.computes  # the edge of the drawing, from many samples
def test_while_one_draws_exact_scores_answer_and_nothing_is_trained(desk):
    state = after(pen())
    answers: list[dict] = []

    def shown() -> bool:
        request = Request.of({"phase": "draw", "drawing": True}, state)
        answers.append(unpack(explore.answer(desk.engine, state, request, desk.memory, train=False))[0])
        return all(panel["shown"] for panel in answers[-1]["panels"])

    until(shown)
    law(answers[-1], state)
    left, right = answers[-1]["panels"]
    assert left["shown"]["caption"].startswith("CFG, w 4, exact scores, your drawing, class A")
    assert left["standing"]
    assert right["standing"]
    assert "~blur=" in right["shown"]["caption"]  # the exact density would guide by nothing
    assert left["pending"] == right["pending"] == casting.SOON
    assert answers[-1]["target"]["drawing"]
    assert trainer(desk.engine).runs == {}


def test_a_pause_trains_all_that_the_picture_needs(desk):
    state, found = after(pen()), trainer(desk.engine)
    for scene in (state.left, state.right):
        standing, waits = casting.standing(found, scene)
        assert standing == casting.so_far(scene) != scene
        assert waits.words.startswith("training your drawing, ")
    on = distributions.of(state.left.target).on
    assert {run.name for run in found.runs.values()} == {f"{on}/{net}" for net in ("A64@4096", "AB32@512", "A32@512")}


@pytest.mark.computes
def test_the_browser_is_told_when_to_ask_for_what_is_trained_after_a_pause(desk, monkeypatch):
    monkeypatch.setattr(explore, "engine", lambda: desk.engine)
    monkeypatch.setattr(explore, "time", clock := Clock())
    monkeypatch.setattr(explore, "_rehearse", lambda *_, **__: None)
    found, states = trainer(desk.engine), [State()]

    def asked(raw: dict, *, fresh: bool = True) -> dict:
        pack = explore.heard(raw, fresh, states[-1], desk.memory, lambda state, _: states.append(state), lambda: None)
        return unpack(pack)[0]

    first = asked(pen())
    assert first["again"] == 1000 * explore.PAUSE
    clock.now += explore.PAUSE - 0.5
    assert asked(pen(), fresh=False)["again"] == 500
    assert not found.runs
    clock.now += 0.5
    last = asked(pen(), fresh=False)
    assert "again" not in last
    assert last["busy"]
    assert len(found.runs) == 3


def test_with_the_pencil_in_hand_what_trains_a_drawing_is_compiled_once(desk, monkeypatch):
    monkeypatch.setattr(explore, "engine", lambda: desk.engine)
    compiled: list[Recipe] = []

    def train(recipe: Recipe, every: int) -> Iterator[None]:
        compiled.append(recipe)
        yield None

    monkeypatch.setattr(training, "train", train)
    for _ in range(2):
        explore._rehearse(State(), pictures=False)
    found = trainer(desk.engine)
    until(lambda: len(compiled) == 3)
    found.close()
    assert len(compiled) == 3
    assert not found.runs
    drawn = {name.partition("/")[2] for _, name in [*after(pen()).left.cast, *after(pen()).right.cast]}
    assert drawn == {
        f"{recipe.spec.classes.partition('/')[2]}{recipe.spec.width}@{recipe.iterations}" for recipe in compiled
    }
    programs = {trainers._program(recipe) for recipe in compiled}
    assert {trainers._program(zoo.missing(name)[0]) for _, name in after(pen()).right.cast} <= programs


def test_a_session_trains_for_its_last_drawing_alone(desk):
    found = trainer(desk.engine)
    one, two = (f"{distributions.of(after(pen(bend)).left.target).on}/A64@4096" for bend in (1.0, 2.0))
    before = found.need(one, "visitor"), found.need("A24@64", "visitor")
    others = found.need(one.replace("64@", "32@"), "another")
    found.need(two, "visitor")
    assert [run.status for run in before] == ["stopped", "waiting"]
    assert others.status == "waiting"


@pytest.mark.parametrize(
    ("there", "cast"),
    [
        ((), {"main": "exact:A", "weak": "exact:A~blur=0.05"}),
        (("A24@256",), {"main": "exact:A", "weak": "exact:A~blur=0.05"}),
        (("A24@256", "A8@256", "A24@512"), {"main": "A24@512", "weak": "A8@256"}),
        (("A24@256", "A8@512"), {"main": "A24@256", "weak": "A8@512"}),
    ],
)
def test_the_latest_state_of_each_network_stands_in(monkeypatch, there, cast):
    monkeypatch.setattr(zoo, "missing", lambda name: [] if name in there or name.startswith("exact:") else [name])
    scene = Scene.of("autoguidance", main="A24@1024", weak="A8@512")
    assert dict(casting.so_far(scene).cast) == cast


def test_nothing_stands_in_for_what_is_there_or_is_no_plain_network():
    for scene in (State().left, Scene.of("none", main="A24@64~depth=2")):
        assert casting.so_far(scene) is scene


# --- What is compiled -------------------------------------------------------------------------------------------------


def programs(state: State) -> tuple[int, ...]:
    """Programs that there are after a picture of a state, and an iteration on its data."""
    scene = replace(casting.so_far(state.left), n=64, steps=2)
    frame = scenes.compute(scene, models.cast(scene.cast), floor=False, measures=("outliers",))
    computing.positions(frame)
    list(training.train(Recipe(Spec(scene.target, 8, 1), iterations=1, batch=64)))
    return tuple(function._cache_size() for function in (sampling.trajectory, training.chunk))


def test_another_drawing_compiles_nothing():
    first, more = after(pen(1.0)), after(pen(3.0) | {"strokes": [*pen(3.0)["strokes"], *pen(4.0)["strokes"]]})
    known = programs(first)
    assert programs(more) == known
    assert computing.program(casting.so_far(first.left)) == computing.program(casting.so_far(more.left))


def test_a_network_remembers_no_classes_of_another_program():
    """What is trained first would give what is trained next its name, did its program know it."""
    for target in ("A", "AB"):
        recipe = Recipe(Spec(target, 8, 1), iterations=2, batch=64)
        *_, (state, _) = training.train(recipe)
        assert not [value for value in vars(state.ema).values() if isinstance(value, Spec | str) and value == target]


def test_a_first_stroke_of_one_class_leaves_each_role_its_meaning():
    """While there is one class it is main's and all at once; with the next one what is all is both again."""
    state = State().change("left", main="A8@64", unconditional="AB8@64")
    one = after(pen(labels="A"), state)
    two = after(pen(), one)
    on = distributions.of(two.left.target).on
    assert dict(two.left.cast) == {"main": f"{on}/A8@64", "unconditional": f"{on}/AB8@64"}
