"""Every page, run by Streamlit's own test runner: it shows what it should, whatever the URL says."""

import json
from collections import Counter
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from page_runner import (
    COMPARE,
    EXPLORE,
    FIELDS,
    FIGURES,
    FILES,
    MECHANISM,
    TRAIN,
    control,
    engine,
    fine,
    link,
    opened,
    pack,
    settled,
    shows_something,
    unfolded,
)
from ui_helpers import PAGES, QUERIES, ROOT

from toy import figures
from toy.densities import Normalised
from toy.guidance import RULES
from toy.scene import default_cast, exact_of
from toy.state import SLOTS, parse
from toy.ui.words import plain
from toy.viewer import computing
from toy.viewer.presets import PRESETS
from toy.viewer.presets import opened as opened_story

pytestmark = pytest.mark.usefixtures("pages")


def test_every_page_is_in_the_navigation():
    folder = (ROOT / EXPLORE).parent
    assert set(PAGES) == {str(path.relative_to(ROOT)) for path in folder.glob("*.py")}
    assert len(set(PAGES.values())) == len(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens(page):
    at = opened(page)
    fine(at)
    assert not at.warning
    assert shows_something(at)


def test_an_engine_that_is_ready_in_the_middle_of_a_page_is_taken_at_once(monkeypatch):
    asked = iter([False])
    monkeypatch.setattr("toy.ui.engine.is_ready", lambda: next(asked, True))
    at = opened(n="512")
    fine(at)
    assert not pack(at)[0]["precomputed"]


def test_the_lab_says_by_which_commands_its_claims_were_measured():
    at = opened(FILES["lab"])
    claims = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))
    command = claims["conditions"]["command"]
    assert command in [code.value for code in at.code]
    verdicts = Counter(claim["verdict"] for claim in claims["claims"])
    assert any(all(f"{word}: {count}" in text.value for word, count in verdicts.items()) for text in at.markdown)
    assert not any(command.split("\n")[0] in caption.value for caption in at.caption)
    assert any(code.value.endswith("--out docs/papers.md") for code in at.code)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("page", [EXPLORE, FIELDS])
def test_every_rule_on_every_page_that_has_rules(page, rule):
    # Euler asks a rule once a step: half as much to compile. The constants of a network would take seconds.
    types = RULES[rule].types
    cast = {role: exact_of(name) for role, name in default_cast(rule).items() if types[role] is Normalised}
    sides = {f"{side}.{name}": value for side in SLOTS for name, value in {"rule": rule, **cast}.items()}
    shared = {"n": "512", "steps": "8", "integrator": "euler"}
    at = opened(page, **(sides | shared if page == EXPLORE else {"rule": rule, **cast}))
    fine(at)
    assert shows_something(at)
    if page == EXPLORE:
        header, arrays = settled(at)
        assert [found["rule"] for found in header["panels"]] == [rule, rule]
        np.testing.assert_array_equal(arrays["left.positions"], arrays["right.positions"])
        assert not at.warning


def test_the_viewer_gets_the_linked_scene():
    query = {"left.w": "2.5", "right.main": "exact:A", "n": "512", "seed": "3", "trails": "1", "hide": "knobs"}
    at = opened(**query)
    fine(at)
    header, arrays = settled(at)
    assert header["panels"][0]["knobs"][0]["value"] == 2.5
    assert arrays["left.positions"].shape[1] == 512
    assert header["ui"] == {"trails": True}
    assert header["hide"] == ["knobs"]
    assert link(at) == query


BAD = [
    (EXPLORE, "left.rule", "magic"),
    (EXPLORE, "right.main", "A700@3"),
    (EXPLORE, "left.w", "nan"),
    (EXPLORE, "right.w", "99"),
    (EXPLORE, "n", "12345"),
    (EXPLORE, "steps", "7"),
    (EXPLORE, "layers", "p9"),
    (EXPLORE, "colour", "red"),
    (FIELDS, "rule", "magic"),
    (FIELDS, "main", "A700@3"),
    (FIELDS, "sigma", "wide"),
    (FIELDS, "view", "sideways"),
    (FIGURES, "figure", "fig7"),
    (FIGURES, "weak", "A700@3"),
    (FIGURES, "seed", "-7"),
    (TRAIN, "classes", "C"),
    (TRAIN, "width", "9"),
    (TRAIN, "seed", "many"),
    (COMPARE, "methods", "cfg,magic"),
    (COMPARE, "strengths", "1,9"),
    (COMPARE, "n", "7"),
    (COMPARE, "seeds", "many"),
    (COMPARE, "scores", "guessed"),
    (MECHANISM, "main", "A700@3"),
    (MECHANISM, "guide", "/etc/passwd.safetensors"),
    (MECHANISM, "weak", "exact:C"),
    (MECHANISM, "target", "C"),
    (MECHANISM, "rule", "magic"),
    (MECHANISM, "integrator", "leapfrog"),
    (MECHANISM, "cfg.w", "99"),
]


@pytest.mark.parametrize(("page", "key", "value"), BAD)
def test_a_bad_value_in_the_link_is_named_on_the_page(page, key, value):
    at = opened(page, **{key: value}, **({"n": "512"} if page == EXPLORE and key != "n" else {}))
    fine(at)
    assert shows_something(at)
    said = [element.value for element in at.warning if (key if key == "colour" else value) in element.value]
    assert len(said) == 1, [element.value for element in at.warning]
    # Said once: it is gone with the next thing that the visitor does.
    if page == EXPLORE:
        assert not at.run().warning


# Without shrinking: an example takes half a second, and is short enough as it is.
@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES)
def test_no_link_shows_a_traceback_on_explore(query):
    query = {key: value for key, value in query.items() if key} | {"n": "512", "steps": "32"}
    at = opened(**query)
    fine(at)
    assert len(pack(at)[0]["panels"]) == 2
    assert len(at.warning) == bool(parse(query)[1])  # one box for all notes
    said = " ".join(element.value for element in at.warning)
    assert all(plain(note, 2000).strip("` ") in said for note in parse(query)[1])


@pytest.mark.parametrize("page", [page for page in PAGES if page != EXPLORE])
def test_no_link_shows_a_traceback_elsewhere(page):
    keys = ("rule", "main", "weak", "unconditional", "sigma", "view", "arrows", "figure", "seed", "w", "set.w")
    keys += ("classes", "width", "depth", "iterations", "loss", "left.rule", "n", "unheard-of")
    keys += ("methods", "strengths", "seeds", "scores", "guide", "target", "integrator", "cfg.w")
    for value in ("", "nan", "-1", "\x00", "9" * 400, "²<b>"):
        at = opened(page, **dict.fromkeys(keys, value))
        fine(at)
        assert shows_something(at)


def test_settings_are_kept_in_the_link():
    at = opened(n="512", steps="8")
    control(at, "selectbox", "control.left.rule").set_value("naive_truncation").run()
    fine(at)
    assert link(at) == {"n": "512", "steps": "8", "left.rule": "naive_truncation"}
    assert settled(at)[0]["panels"][0]["rule"] == "naive_truncation"
    control(at, "text_input", "control.left.seed").set_value("5").run()
    unfolded(at, "Cast and schedule, right")
    control(at, "selectbox", "control.right.weak").set_value("exact:A").run()
    control(at, "selectbox", "control.right.schedule").set_value("interval").run()
    control(at, "select_slider", "control.left.n").set_value(1024).run()
    fine(at)
    asked = {
        "n": "1024",
        "steps": "8",
        "seed": "5",
        "left.rule": "naive_truncation",
        "right.weak": "exact:A",
        "right.schedule": "interval",
    }
    assert link(at) == asked
    assert settled(at)[0]["panels"][1]["schedule"]["name"] == "interval"
    again = opened(**asked)
    fine(again)
    assert settled(again)[0]["id"] == settled(at)[0]["id"]
    next(button for button in at.button if button.label == "Reset").click().run()
    fine(at)
    assert link(at) == {}


@pytest.fixture
def few_particles(monkeypatch):
    """Stories without most of their particles: what their numbers are is measured elsewhere."""
    side = computing.side
    monkeypatch.setattr(computing, "side", lambda scene: replace(side(scene.change(n=64)), scene=scene))
    yield
    engine()._results.clear()


@pytest.mark.usefixtures("few_particles")
@pytest.mark.parametrize("name", PRESETS)
def test_every_story_is_one_click(name):
    at = opened()
    control(at, "selectbox", "control.story").set_value(name).run()
    fine(at)
    wanted = opened_story(name)
    assert link(at) == wanted.query()
    assert link(at)["story"] == name
    header = settled(at)[0]  # a sentence stands beside its own picture only
    assert [found["rule"] for found in header["panels"]] == [wanted.left.rule, wanted.right.rule]
    assert header["lead"] == {"story": name, "title": PRESETS[name].title, "text": PRESETS[name].sentence}


@pytest.mark.usefixtures("few_particles")
def test_a_story_stays_with_its_picture():
    """Who opens the link of a story reads its sentence; a changed knob takes it off the page and out of the link."""
    at = opened(**opened_story("interval").query())
    fine(at)
    assert settled(at)[0]["lead"]["story"] == "interval"
    control(at, "text_input", "control.left.seed").set_value("1").run()
    fine(at)
    assert pack(at)[0]["lead"]["story"] == ""
    assert "story" not in link(at)
    # A link that names a story beside other scenes than its own is not believed.
    at = opened(**opened_story("interval").query() | {"right.hi": "2"})
    assert pack(at)[0]["lead"]["story"] == ""
    assert any("story = interval" in note.value for note in at.warning)
    assert "story" not in link(at)


def test_a_teacher_can_hide_the_settings():
    at = opened(hide="settings,transport", n="512")
    fine(at)
    assert not at.sidebar.selectbox
    assert pack(at)[0]["hide"] == ["transport"]


def test_the_page_says_its_command_and_link():
    at = opened(**{"left.w": "2", "n": "512"})
    codes = [element.value for element in at.code]
    assert any("--rule cfg" in code and "--w 2" in code and "--n 512" in code for code in codes)
    assert any("left.w=2" in code and "n=512" in code for code in codes)


def test_a_name_with_a_hash_stays_in_the_link():
    at = opened(**{"left.main": "A64@4096#1", "n": "512"})
    fine(at)
    assert any(quote("#") in element.value for element in at.code)
    assert not any("#" in element.value for element in at.code if "left.main=" in element.value)


@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_figure_has_its_settings(name):
    at = opened(FIGURES, figure=name, seed="11")
    fine(at)
    assert at.get("image")
    assert any(f"toy figure {name}" in element.value and "--seed 11" in element.value for element in at.code)
    for box in at.checkbox:
        box.check()
    at.run()
    fine(at)
    assert len(at.slider) >= len(at.checkbox)


def test_a_method_that_does_not_go_with_the_sampler_is_refused_in_a_sentence():
    at = opened(integrator="smc", n="512")
    fine(at)
    box = next(box for box in at.selectbox if box.label == "Left method")
    box.set_value(next(name for name, rule in RULES.items() if rule.tilt is None)).run()
    fine(at)
    assert any("smc" in element.value for element in at.warning)
    assert link(at) == {"integrator": "smc", "n": "512"}
