"""The Fields page: links, requests that nobody can be trusted with, answers, and the page itself."""

import json
import math
import time
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_runner import engine
from streamlit.testing.v1 import AppTest
from ui_helpers import FRAME, ODD, ROOT, until

import models
from toy import figures
from toy import views as rooms
from toy.scene import Scene
from toy.ui import fieldpacks, fields, linked, telling
from toy.ui.engine import Busy
from toy.ui.fieldpacks import Request, answer, home_of
from toy.viewer import look as looks
from toy.viewer.look import Look, looked, parse
from toy.viewer.packing import unpack
from toy.viewer.sources import viewer_sources

SCENE = Scene.of("cfg")
HOME = home_of(SCENE)
VIEWS = st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(looks.HALF_MIN, looks.HALF_MAX))
LOOKS = st.builds(
    lambda sigma, view, panels, arrows: looked(
        {"sigma": sigma, "view": view and list(view), "panels": sorted(panels), "arrows": arrows}, Look()
    ),
    st.floats(looks.SIGMA.lo, looks.SIGMA.hi),
    st.none() | VIEWS,
    st.sets(st.sampled_from(looks.PANELS), min_size=1),
    st.booleans(),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


class Now:
    """An engine that computes at once, or has no time."""

    waiting = 0

    def __init__(self, busy=False):
        self.busy, self.keys = busy, []

    def ask(self, visitor, works, **_):
        """The results, or Busy."""
        self.keys += [work.key for work in works]
        if self.busy:
            raise Busy("96 computations are waiting")
        futures = [Future() for _ in works]
        for future, work in zip(futures, works, strict=True):
            future.set_result(work.do())
        return futures


@pytest.fixture
def coarse(monkeypatch):
    """Grids small enough for a test."""
    monkeypatch.setattr(fieldpacks, "FINE", 12)
    monkeypatch.setattr(fieldpacks, "COARSE", 6)
    monkeypatch.setattr(fieldpacks, "ARROWS", 3)


# --- Links ------------------------------------------------------------------------------------------------------------


@given(LOOKS)
def test_a_link_restores_the_look(look):
    assert parse(look.query()) == (look, [])
    assert json.loads(json.dumps(look.flat())) == look.flat()


def test_the_default_needs_no_parameters():
    assert Look().query() == {}
    assert parse({}) == (Look(), [])


@pytest.mark.parametrize("key", looks.OWN)
@pytest.mark.parametrize("value", ["", "-1", "1e999", "p9", "5,5", "0,0,0", "1000,0,1", "maybe", *ODD])
def test_what_is_not_legal_is_named(key, value):
    legal = {("arrows", "true"), ("sigma", " 4 ")}
    look, notes = parse({key: value})
    if (key, value) in legal:
        assert not notes
    else:
        assert look == Look()
        assert len(notes) == 1
        named = value.partition(",")[0].strip()[:80]
        assert named in notes[0] or repr(named) in notes[0] or repr(value) in notes[0]
        assert notes[0].startswith((f"{key} = ", "unknown panel ", "unknown language "))


def test_named_views_are_links_too():
    look, notes = parse({"view": "closeup"})
    assert look.view == (0.45, 1.22, 0.3)
    assert not notes


# --- What the component says ------------------------------------------------------------------------------------------


@given(JUNK | st.dictionaries(st.sampled_from([*looks.OWN, "box", "probe", "seq", "phase", "have"]), JUNK))
def test_no_value_of_the_component_breaks_the_page(given_):
    look = looked(given_, Look())
    assert looks.SIGMA.lo <= look.sigma <= looks.SIGMA.hi
    assert parse(look.query())[1] == []
    request = Request.of(given_, look, HOME)
    assert looks.SIGMA.lo <= request.sigma <= looks.SIGMA.hi
    left, right, bottom, top = request.box
    assert left < right
    assert bottom < top
    assert max(map(abs, request.box)) <= 1000
    assert request.seq >= 0
    assert request.phase in ("drag", "release", "probe")
    assert request.probe is None or all(math.isfinite(v) for v in request.probe)


def test_a_request_is_taken_as_it_was_meant():
    given_ = {"seq": 7, "phase": "drag", "sigma": 0.25, "box": [0, 1, 0, 1], "have": True, "probe": [0.5, 0.25]}
    request = Request.of(given_, Look(), HOME)
    assert request == Request(0.25, (0, 1, 0, 1), 7, "drag", scenery=False, field=True, probe=(0.5, 0.25))
    plain = Request.of(None, Look(), HOME)
    assert plain == Request.plain(Look(), HOME)
    assert plain.box == (-1.02, 1.62, -1.02, 1.62)


# --- Answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["cfg", "autoguidance", "cfg_autoguidance"])
def test_an_answer_holds_what_the_scene_says(coarse, rule):
    scene = Scene.of(rule)
    request = Request(0.25, (0.0, 1.0, 0.0, 1.0), seq=3, probe=(0.4, 0.6))
    header, arrays = unpack(answer(Now(), scene, Look(), request))
    assert header["seq"] == 3
    assert header["field"]["shape"] == [12, 12]
    cast = models.cast(scene.cast)
    want = rooms.fields(scene, cast, sigma=0.25, box=request.box, resolution=12, arrows=3)
    names = [("left.logp1", "logp1"), ("left.logp0", "logp0"), ("truth.logp", "truth"), ("left.arrows.guide", "guide")]
    for sent, made in names:
        np.testing.assert_array_equal(arrays[sent], want[made])
    assert "outline.A" in arrays
    (probe,) = header["probe"]["panels"]
    assert np.isfinite([*probe["s1"], *probe["s0"], *probe["guided"], *probe["truth"]]).all()
    assert header["names"]["main"] == dict(scene.cast)["main"]
    assert 0.5 in header["rows"]


def test_a_drag_is_coarse_and_asks_the_cache_under_another_name(coarse):
    found = Now()
    boxes = (0.0, 1.0, 0.0, 1.0)
    for phase, side in (("drag", 6), ("release", 12)):
        header, arrays = unpack(answer(found, SCENE, Look(), Request(0.1, boxes, phase=phase, scenery=False)))
        assert header["field"]["shape"] == [side, side]
        assert not any(name.startswith("outline.") for name in arrays)
    assert len(set(found.keys)) == 2


def test_the_threshold_is_that_of_the_99_percent_region(coarse):
    header, _ = unpack(answer(Now(), SCENE, Look(), Request(0.1, (0.0, 1.0, 0.0, 1.0), scenery=False)))
    from toy import distributions

    assert header["field"]["threshold"] == pytest.approx(distributions.threshold("A", sigma=0.1), abs=0.1)


def test_a_busy_server_says_so_and_still_sends_the_scenery():
    header, arrays = unpack(answer(Now(busy=True), SCENE, Look(), Request.plain(Look(), HOME)))
    assert header["busy"]
    assert header["pending"] == "96 computations are waiting"
    assert header["field"] is None
    assert "outline.A" in arrays


def test_why_and_whether_the_browser_is_told_later_is_said(monkeypatch, coarse):
    request = Request(0.1, (0.0, 1.0, 0.0, 1.0), seq=1, local=True)
    for why in ("", "Blur is no network"):
        monkeypatch.setattr(telling, "tell", lambda *_, why=why, **__: telling.Told(why=why, later=not why))
        header, _ = unpack(answer(Now(), SCENE, Look(), request))
        assert header["later"] == (not why)
        assert header["note"] == ("Computed by the server: Blur is no network." if why else "")


def test_the_component_is_bundled():
    sources = viewer_sources("fieldview")
    assert "data-toy-fields" in sources["html"]
    assert ".tv-chip" in sources["css"]
    assert ".tf-row" in sources["css"]
    assert "import " not in "\n".join(line for line in sources["js"].splitlines() if line.startswith("import"))
    assert sources["js"].count("export default") == 1


def test_the_snippet_draws_the_same_figure():
    look = Look(sigma=0.08, view=(0.45, 1.22, 0.3), arrows=False)
    text = fields.snippet(SCENE, look)
    names: dict = {}
    exec("\n".join(text.splitlines()[:-2]), names)
    assert names["options"] == fields._options(SCENE, look)
    assert isinstance(names["options"], figures.Options)


# --- The page ---------------------------------------------------------------------------------------------------------


def opened(**query: str) -> AppTest:
    """The page as somebody sees it who follows a link."""
    engine()
    at = AppTest.from_file(str(FRAME), default_timeout=300)
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page(str(ROOT / "pages" / "fields.py"))
    return at.run()


def shown(at: AppTest):
    """Header and arrays that the component was sent."""
    assert not at.exception, [element.value for element in at.exception]
    (component,) = at.get("bidi_component")
    return unpack(component.proto.bytes)


def settled(at: AppTest):
    """Header and arrays of the answer that waits for nothing, asked for again and again as the component does."""
    while (found := shown(at))[0]["busy"]:
        at.run()
    return found


def test_the_page_shows_fields_and_says_meanwhile_what_it_waits_for():
    at = opened()
    header, _ = shown(at)
    assert header["field"] or header["pending"]
    header, arrays = settled(at)
    assert header["pending"] == ""
    assert header["field"]["shape"] == [128, 128]
    assert header["field"]["sigma"] == 0.03
    assert np.isfinite(arrays["left.logp1"]).all()


@pytest.mark.usefixtures("coarse")
def test_a_deep_link_is_shown():
    at = opened(sigma="0.25", view="0.45,1.22,0.3", panels="p1,truth", arrows="false")
    header, _ = settled(at)
    assert not at.warning
    look = {"sigma": 0.25, "view": [0.45, 1.22, 0.3], "panels": ["p1", "truth"], "arrows": False, "language": "en"}
    assert header["ui"] == look
    assert header["field"]["sigma"] == 0.25
    assert header["field"]["box"] == pytest.approx([0.12, 0.78, 0.89, 1.55])


@pytest.mark.usefixtures("coarse")
def test_a_rule_is_a_link_by_its_name():
    at = opened(rule="cfg")
    assert shown(at)[0]["title"] == "CFG"
    assert not at.warning
    at.selectbox(key="fields/rule").set_value("cfg_autoguidance").run()
    assert shown(at)[0]["title"] == "CFG + autoguidance"
    assert at.query_params["rule"] in ("cfg_autoguidance", ["cfg_autoguidance"])


@pytest.mark.usefixtures("coarse")
def test_another_cast_is_another_field():
    at = opened()
    before = shown(at)[0]["id"]
    at.selectbox(key="fields/weak").set_value("A16@512").run()
    header, _ = shown(at)
    assert header["id"] != before
    assert header["names"]["guide"] == "A16@512"


@pytest.mark.usefixtures("coarse")
def test_every_bad_value_is_named_for_a_while(monkeypatch):
    at = opened(sigma="wide", view="9,9", panels="p1,x", arrows="maybe", rule="magic")
    shown(at)
    assert len(at.warning) == 5
    later = time.monotonic() + linked.READ
    monkeypatch.setattr(linked, "time", SimpleNamespace(monotonic=lambda: later + 1))
    assert not at.run().warning


@pytest.mark.usefixtures("coarse")
def test_error_is_measured_against_the_truth_of_mains_class():
    at = opened(main="B64@4096", weak="exact:B")
    until(lambda: shown(at)[0]["field"] or not at.run())
    header, arrays = shown(at)
    assert header["target"]["name"] == "B"
    scene = Scene.of("autoguidance", target="B", main="B64@4096", weak="exact:B")
    want = rooms.fields(
        scene, models.cast(scene.cast), sigma=0.03, box=tuple(header["field"]["box"]), resolution=12, arrows=3
    )
    np.testing.assert_allclose(arrays["truth.logp"], want["truth"], atol=1e-4)
    chosen, _ = shown(opened(main="B64@4096", weak="exact:B", target="A"))
    assert chosen["target"]["name"] == "A"
