"""A stroke is answered by the visitor's browser as the server answers it a moment later, and nothing is sent twice."""

from dataclasses import replace

import numpy as np
import pytest
from site_helpers import in_node
from ui_helpers import until

from toy import distributions
from toy.browser import told
from toy.captions import captions
from toy.state import SLOTS, State
from toy.ui import casting, explore
from toy.ui.engine import Engine
from toy.ui.sketch import sketch
from toy.ui.trainer import Trainer
from toy.viewer import packs
from toy.viewer.packing import unpack
from toy.viewer.requests import Request

pytestmark = pytest.mark.computes  # edges of drawings, from many samples each


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A data folder of one's own, and no training that goes on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path_factory.mktemp("data")))
        patch.setattr(Trainer, "_work", lambda self, run: None)
        yield


@pytest.fixture
def engine():
    found = Engine()
    yield found
    found.close()


def drawn(labels: str, bend: float = 1.0) -> list[dict]:
    """A stroke of each class, as the view says it."""
    line = [(x, round(0.3 * float(np.sin(bend * x)), 4)) for x in np.linspace(-1, 1, 9).round(4).tolist()]
    return [
        {"label": label, "width": 0.05, "at": [number for x, y in line for number in (x, y + i)]}
        for i, label in enumerate(labels)
    ]


def after(state: State, labels: str) -> State:
    return Request.of({"strokes": drawn(labels), "drawing": True}, state).apply(state)


def base(state: State) -> dict:
    """What the browser knows of a state, sketch and all."""
    shown = {slot: casting.so_far(state.scene(slot)) for slot in SLOTS}
    pack = packs.told_pack(state, shown, Request(), {}, {}, beside={"sketch": sketch(state)})
    return {"header": unpack(pack)[0], "scenes": {slot: told.scene_of(scene) for slot, scene in shown.items()}}


TREE = State()
CASES = {
    "one class": (TREE, "A"),
    "another one": (TREE, "C"),
    "two": (TREE, "AB"),
    "three": (TREE, "ABD"),
    "one more, from a drawing": (TREE, "AB", "ABC"),
    "one less, from a drawing": (TREE, "AB", "B"),
    "class B stays": (TREE.change("left", target="B"), "AB"),
    "all of them": (TREE.change("left", target="AB"), "AB"),
    "exact on both sides": (TREE.change("left", main="exact:A", unconditional="exact:AB"), "A"),
    "a negative": (TREE.change("left", rule="negative_prompt"), "ABC"),
    "a negative, of one class": (TREE.change("left", rule="negative_prompt"), "B"),
    "another rule, integrator and number": (TREE.change("right", rule="perp_neg", n=512, integrator="euler"), "AB"),
    "from the moons": (TREE.change("left", target="moons/B"), "AB"),
}


def before_and_last(name: str) -> tuple[State, str]:
    """What is shown before the last stroke of a case, and the classes of its drawing."""
    state, *before, last = CASES[name]
    for labels in before:
        state = after(state, labels)
    return state, last


@pytest.fixture(scope="module")
def found(folder):
    cases = [before_and_last(name) for name in CASES]
    given = [{"base": base(state), "strokes": drawn(labels)} for state, labels in cases]
    return dict(zip(CASES, in_node("sketch.mjs", given), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_browser_draws_what_the_server_would(name, found):
    state, labels = before_and_last(name)
    asked, made = after(state, labels), found[name]
    shown = {slot: casting.so_far(asked.scene(slot)) for slot in SLOTS}
    assert made["scenes"] == {slot: told.scene_of(scene) for slot, scene in shown.items()}
    titles = captions(*(asked.scene(slot) for slot in SLOTS), knobs=False)
    header = unpack(packs.told_pack(asked, shown, Request(), {}, {}))[0]
    for slot, title, panel, own in zip(SLOTS, titles, made["header"]["panels"], header["panels"], strict=True):
        assert panel["title"] == title
        assert panel["caption"] == own["caption"]
        assert panel["standing"] == own["standing"] == (shown[slot] != asked.scene(slot))
        assert panel["pending"] == (casting.SOON if panel["standing"] else "")
    close = {name: pytest.approx(header["target"][name]) for name in ("origin", "unit")}
    assert made["header"]["target"] == header["target"] | close
    assert made["header"]["layout"]["view"] == pytest.approx(header["layout"]["view"])
    assert made["header"]["lead"] == header["lead"]
    # It makes all that the engine needs of this drawing, or works it out with the target's truth.
    on = distributions.of(asked.left.target).on
    known = {f"exact:{each}" for each in (asked.left.target, f"{on}/{''.join(sorted(set(labels)))}")}
    needed = {word.partition(" ")[2] for word in told.needed(shown.values()) if word.startswith("densities ")}
    levels = dict(made["densities"])
    assert needed <= levels.keys() | known
    for identity, level in levels.items():
        assert level == pytest.approx(list(told.density_of(identity)["level"]))


@pytest.mark.parametrize("main", ["kept:mine", "A64@4096~dropout=0.1", "exact:A~label_mixing=0.2"])
def test_what_the_browser_cannot_make_is_no_sketch(main):
    state = State()
    cast = tuple((dict(state.left.cast) | {"main": main}).items())
    assert sketch(replace(state, left=replace(state.left, cast=cast))) is None


def test_a_knob_that_follows_the_target_is_the_servers():
    assert sketch(State().change("right", rule="cads")) is None


def heard(engine: Engine, memory: dict, state: State, **request: object) -> tuple[dict, dict]:
    """The pack that tells the browser what it needs."""
    packs_: list[tuple[dict, dict]] = []

    def is_told() -> bool:
        asked = Request.of({"phase": "tell", "local": True, "drawing": True, **request}, state)
        packs_.append(unpack(explore.answer(engine, state, asked, memory, train=False)))
        return "engine" in packs_[-1][0]

    until(is_told)
    return packs_[-1]


def test_a_stroke_that_the_browser_has_made_is_not_told_again(engine):
    memory: dict = {}
    before, _ = heard(engine, memory, State())
    assert before["sketch"]["some"]["left"]["pending"] == casting.SOON
    assert before["engine"]["truths"]
    state = after(State(), "AB")
    header, arrays = heard(engine, memory, state, made=True, seq=5)
    assert header["seq"] == 5
    assert header["target"]["name"] == state.left.target
    assert header["engine"]["densities"] == header["engine"]["truths"] == header["engine"]["programs"] == []
    assert not arrays
    assert header["busy"]
    assert [panel["pending"] for panel in header["panels"]] == [casting.SOON] * 2
    # Whoever has not, or has lost it, is told all.
    anew, arrays = heard(engine, memory, state, anew=True)
    assert {name for name, _ in anew["engine"]["truths"]} == {state.left.target}
    assert "tree.segments" in arrays
    other, _ = heard(engine, {}, state)
    assert other["engine"]["truths"]


def test_who_does_not_draw_is_told_no_sketch(engine):
    header, _ = heard(engine, {}, State(), drawing=False)
    assert "sketch" not in header


def test_what_is_no_drawing_is_never_thought_made(engine):
    memory: dict = {}
    header, _ = heard(engine, memory, State(), made=True)
    assert header["engine"]["truths"]
