"""Every page, run by Streamlit's own test runner: it shows what it should, whatever the URL says."""

import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from matplotlib.figure import Figure
from streamlit.testing.v1 import AppTest
from ui_helpers import FRAME, PAGES, QUERIES, ROOT, until

import models
from toy import figures
from toy.guidance import RULES
from toy.state import parse
from toy.ui import mechanism as mechanisms
from toy.ui.packing import unpack
from toy.ui.presets import PRESETS
from toy.ui.presets import opened as opened_story
from toy.ui.startup import engine
from toy.ui.trainer import trainer
from toy.ui.words import plain

FILES = {Path(file).stem: file for file in PAGES}
EXPLORE, FIELDS, TRAIN, FIGURES = (FILES[name] for name in ("explore", "fields", "train", "figures"))
COMPARE, MECHANISM = FILES["compare"], FILES["mechanism"]


@pytest.fixture(scope="module", autouse=True)
def _warm():
    found = engine()
    assert found.ready.wait(300), found.failure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toy.ui.live.SOON", 8.0)  # a runner asks no second time
        # What fills these pages is measured and drawn elsewhere, and takes its time.
        patch.setattr(figures, "draw", lambda *args: Figure())
        patch.setattr(mechanisms, "N", 512)
        patch.setattr(mechanisms, "FLOW_N", 64)
        patch.setattr("toy.flows.log_mass", lambda *given: (0.0, 0.0))
        yield


def opened(page: str = EXPLORE, **query: str) -> AppTest:
    """The page as somebody sees it who follows a link."""
    at = AppTest.from_file(str(FRAME), default_timeout=300)
    if page != EXPLORE:
        # The runner knows the navigation's pages after a first run only.
        at.query_params["n"] = "512"
        at.run().switch_page(str(ROOT / page))
        at.query_params.clear()
    for key, value in query.items():
        at.query_params[key] = value
    return at.run()


def fine(at: AppTest) -> None:
    """No traceback, no error message."""
    assert not at.exception, [element.value for element in at.exception]
    assert not at.error, [element.value for element in at.error]


def pack(at: AppTest):
    """What the viewer was sent."""
    (component,) = at.get("bidi_component")
    return unpack(component.proto.bytes)


def settled(at: AppTest):
    """What the viewer is sent in the end: compiling may take longer than a page waits."""
    until(lambda: not pack(at)[0]["busy"] or not at.run())
    return pack(at)


def shows_something(at: AppTest) -> bool:
    """The page has the viewer, a picture, or words."""
    return any(at.get(kind) for kind in ("bidi_component", "image", "subheader", "markdown"))


def link(at: AppTest) -> dict[str, str]:
    """The page's URL parameters."""
    return {key: value[0] if isinstance(value, list) else value for key, value in at.query_params.items()}


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
    command = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))["conditions"]["command"]
    assert command in [code.value for code in at.code]
    assert not any(command.split("\n")[0] in caption.value for caption in at.caption)


# Work out a table, for longer than they are compiled.
TABLED = {"dynamic_negative_guidance", "cads"}


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=[pytest.mark.computes] * (rule in TABLED)) for rule in RULES]
)
@pytest.mark.parametrize("page", [EXPLORE, FIELDS])
def test_every_rule_on_every_page_that_has_rules(page, rule):
    # Euler asks a rule once a step: half as much to compile.
    slots = {"left.rule": rule, "right.rule": rule, "n": "512", "steps": "8", "integrator": "euler"}
    at = opened(page, **(slots if page == EXPLORE else {"rule": rule}))
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


@pytest.mark.computes
@pytest.mark.parametrize("page", [page for page in PAGES if page != EXPLORE])
def test_no_link_shows_a_traceback_elsewhere(page):
    keys = ("rule", "main", "weak", "unconditional", "sigma", "view", "arrows", "figure", "seed", "w", "set.w")
    keys += ("classes", "width", "depth", "iterations", "loss", "left.rule", "n", "unheard-of")
    keys += ("methods", "strengths", "seeds", "scores", "guide", "target", "integrator", "cfg.w")
    for value in ("", "nan", "-1", "\x00", "9" * 400, "²<b>"):
        at = opened(page, **dict.fromkeys(keys, value))
        fine(at)
        assert shows_something(at)


def control(at: AppTest, kind: str, key: str):
    """A widget by its key."""
    return getattr(at, kind)(key=key)


@pytest.mark.computes
def test_settings_are_kept_in_the_link():
    at = opened(n="512")
    control(at, "selectbox", "control.left.rule").set_value("naive_truncation").run()
    fine(at)
    assert link(at) == {"n": "512", "left.rule": "naive_truncation"}
    assert settled(at)[0]["panels"][0]["rule"] == "naive_truncation"
    control(at, "text_input", "control.left.seed").set_value("5").run()
    control(at, "selectbox", "control.right.weak").set_value("exact:A").run()
    control(at, "selectbox", "control.right.schedule").set_value("interval").run()
    control(at, "select_slider", "control.left.n").set_value(1024).run()
    fine(at)
    asked = {
        "n": "1024",
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


@pytest.mark.computes
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


@pytest.mark.computes
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


@pytest.mark.computes
def test_a_model_is_trained_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    at = opened(TRAIN, width="8", depth="1", iterations="64")
    next(button for button in at.button if button.label == "Train").click().run()
    fine(at)
    run = trainer(engine()).runs[int(link(at)["run"])]
    assert (run.recipe.spec.width, run.recipe.spec.depth, run.recipe.iterations) == (8, 1, 64)
    until(lambda: run.ended)
    assert (run.status, run.step) == ("done", 64), run.message
    at.run()
    fine(at)
    assert at.get("image")
    next(field for field in at.text_input if field.label == "Name").set_value("tiny").run()
    next(button for button in at.button if button.label == "Keep").click().run()
    fine(at)
    assert "kept:tiny" in models.names()
    shown = opened(**{"left.main": "kept:tiny", "n": "512"})
    fine(shown)
    assert not shown.warning
    # The same name again gets a number; one that is none is refused in a sentence.
    for said, found in (("tiny", "tiny-2"), ("../escape", "../escape")):
        next(field for field in at.text_input if field.label == "Name").set_value(said).run()
        next(button for button in at.button if button.label == "Keep").click().run()
        assert not at.exception
        assert any(found in element.value for element in (*at.info, *at.warning, *at.error))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny-2.safetensors", "tiny.safetensors"]


def test_a_method_that_does_not_go_with_the_sampler_is_refused_in_a_sentence():
    at = opened(integrator="smc", n="512")
    fine(at)
    box = next(box for box in at.selectbox if box.label == "Left method")
    box.set_value(next(name for name, rule in RULES.items() if rule.tilt is None)).run()
    fine(at)
    assert any("smc" in element.value for element in at.warning)
    assert link(at) == {"integrator": "smc", "n": "512"}


# --- Who plays, and what has to be trained ----------------------------------------------------------------------------


def typed(at: AppTest, key: str, name: str) -> AppTest:
    """Type a name that the list does not have."""
    box = control(at, "selectbox", key)
    box.options.append(name)
    return box.set_value(name).run()


@pytest.mark.computes
def test_exact_or_learned_is_one_click_for_each_role():
    at = opened(n="512", **{"left.main": "A64@2048"})
    for pressed, asked in (
        (["main"], {"left.main": "exact:A"}),
        (["main", "unconditional"], {"left.main": "exact:A", "left.unconditional": "exact:AB"}),
        (["unconditional"], {"left.main": "A64@2048", "left.unconditional": "exact:AB"}),
        ([], {"left.main": "A64@2048"}),
    ):
        control(at, "pills", "control.left.exact").set_value(pressed).run()
        fine(at)
        assert link(at) == {"n": "512"} | asked


def test_a_name_can_be_typed_and_a_bad_one_is_a_sentence():
    at = opened(n="512")
    typed(at, "control.left.main", "exact:A~blur=0.05")
    fine(at)
    assert link(at) == {"n": "512", "left.main": "exact:A~blur=0.05"}
    for bad in ("A700@3", "exact:A~dropout=0.1", "A64@4096~blur=7", "secret.safetensors"):
        typed(at, "control.left.main", bad)
        fine(at)
        assert len(at.warning) == 1
        assert link(at) == {"n": "512", "left.main": "exact:A~blur=0.05"}
    other = opened(FIELDS, main="exact:A~blur=0.05")
    fine(other)
    assert not other.warning
    typed(other, "fields/main", "A700@3")
    assert any("A700@3" in element.value for element in other.warning)
    assert link(other) == {"main": "exact:A~blur=0.05"}


@pytest.mark.computes
@pytest.mark.parametrize("page", [EXPLORE, FIELDS])
def test_a_network_is_trained_because_a_name_asks_for_it(page, tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    name = "A8@96~depth=1"
    at = opened(page, **({"left.main": name, "n": "512"} if page == EXPLORE else {"main": name}))
    fine(at)
    assert not at.warning
    if page == EXPLORE:
        waiting = pack(at)[0]
        assert waiting["busy"]
        assert name in waiting["panels"][0]["waiting"]
        assert waiting["panels"][0]["rule"] == "cfg"

    def there() -> bool:
        if page == EXPLORE:
            return not any(found["waiting"] for found in pack(at.run())[0]["panels"])
        return bool(at.run().get("bidi_component"))

    until(there)
    fine(at)
    assert not models.zoo.missing(name)


def test_a_density_that_cannot_be_made_is_a_sentence_in_the_panel(monkeypatch):
    def no(name: str) -> None:
        raise ValueError("it left no finite sample")

    name = "dns:A64@4096,AB64@4096~w=7.9"
    monkeypatch.setattr(
        models, "cast", lambda roles: no("") if name in dict(roles).values() else models.zoo.cast(roles)
    )
    at = opened(**{"left.main": name, "n": "512"})
    fine(at)
    header = settled(at)[0]
    assert "finite" in header["panels"][0]["waiting"]
    assert not header["panels"][1]["waiting"]


def test_a_stochastic_sampler_says_so():
    header, _ = pack(opened(integrator="ancestral", n="512"))
    assert [found["stochastic"] for found in header["panels"]] == [True, True]
    assert not any(found["stochastic"] for found in pack(opened(n="512"))[0]["panels"])


# --- Compare and Mechanism --------------------------------------------------------------------------------------------

SMALL = {"methods": "none,cfg", "strengths": "1,3", "n": "512", "seeds": "2", "scores": "exact"}


def charts_of(at: AppTest) -> int:
    """How many charts the page has."""
    return len(at.get("arrow_vega_lite_chart") or at.get("vega_lite_chart"))


@pytest.mark.computes
def test_methods_are_compared_and_a_link_restores_the_page():
    at = opened(COMPARE, **SMALL)
    fine(at)
    assert charts_of(at) == 4
    until(lambda: not at.run().get("progress"))
    fine(at)
    assert not at.warning
    assert link(at) == SMALL
    (table,) = at.dataframe
    assert len(table.value) == 1 + 1 + 2  # the truth, none, and CFG at two strengths
    assert any("--methods none,cfg --strengths 1,3 --n 512 --seeds 2 --scores exact" in code.value for code in at.code)
    again = opened(COMPARE, **SMALL)
    until(lambda: not again.run().get("progress"))
    assert again.dataframe[0].value.equals(table.value)


def test_nothing_chosen_is_said():
    at = opened(COMPARE, **SMALL)
    at.multiselect[0].set_value([]).run()
    fine(at)
    assert at.info
    assert not charts_of(at)


@pytest.mark.parametrize("name", mechanisms.PRESETS)
def test_every_guide_is_taken_apart_in_one_click(name):
    at = opened(MECHANISM, guide="exact:AB", weak="")
    fine(at)
    until(lambda: charts_of(at.run()) == 4, 120)  # without a weak model there is nothing to split
    control(at, "pills", "mechanism.preset").set_value(name).run()
    until(lambda: charts_of(at.run()) == 6)
    fine(at)
    assert not at.warning
    wanted = mechanisms.PRESETS[name]
    assert link(at) == {
        key: value
        for key, value, usual in (("guide", wanted.guide, "AB32@512"), ("weak", wanted.weak, "A32@512"))
        if value != usual
    }
    answer = {"Autoguidance": "entirely a **bad version", "CFG, full size": "entirely a **distribution shift"}
    assert any(answer.get(name, "The negative side is") in element.value for element in at.markdown)


def test_what_is_chosen_stays_where_its_numbers_are_there_already():
    there = opened(MECHANISM)
    until(lambda: charts_of(there.run()) == 6)
    at = opened(MECHANISM, guide="A32@512")
    control(at, "pills", "mechanism.preset").set_value("CFG").run()
    assert charts_of(at) == 6
    assert link(at) == {}


def test_what_the_sampler_draws_is_measured_and_a_stochastic_one_is_refused():
    at = opened(MECHANISM, **{"rule": "cfg", "cfg.w": "2"})
    until(lambda: len(at.run().metric) == 3)
    fine(at)
    assert all("nats" in metric.value for metric in at.metric)
    for integrator in ("ancestral", "smc"):
        at = opened(MECHANISM, integrator=integrator)
        fine(at)
        assert any("stochastic" in element.value for element in at.info)
        assert not at.metric
