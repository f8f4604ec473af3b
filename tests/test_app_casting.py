"""Who plays on the pages: names that are typed, exact or learned, and networks that are trained."""

from functools import partial
from types import SimpleNamespace

import pytest
from page_runner import EXPLORE, FIELDS, TRAIN, TRAIN_ON, control, engine, fine, link, opened, pack, settled, unfolded
from streamlit.testing.v1 import AppTest
from ui_helpers import until

import models
from models.mlp import Spec
from models.training import Recipe
from toy.ui import controls
from toy.ui.trainer import Trainer, trainer


class Memory(dict):
    """As Streamlit's: items are attributes too."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


pytestmark = pytest.mark.usefixtures("pages")


def test_a_model_is_trained_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setattr(Trainer, "_work", TRAIN_ON)
    monkeypatch.setattr("toy.ui.train.Recipe", partial(Recipe, batch=64))
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


def typed(at: AppTest, key: str, name: str) -> AppTest:
    """Type a name that the list does not have."""
    box = control(at, "selectbox", key)
    box.options.append(name)
    return box.set_value(name).run()


def test_exact_or_learned_is_one_click_for_each_role():
    few = {"n": "512", "steps": "8"}
    at = opened(**few, **{"left.main": "A64@2048"})
    for pressed, asked in (
        (["main"], {"left.main": "exact:A"}),
        (["main", "unconditional"], {"left.main": "exact:A", "left.unconditional": "exact:AB"}),
        (["unconditional"], {"left.main": "A64@2048", "left.unconditional": "exact:AB"}),
        ([], {"left.main": "A64@2048"}),
    ):
        control(at, "pills", "control.left.exact").set_value(pressed).run()
        fine(at)
        assert link(at) == few | asked


def test_a_name_can_be_typed_and_a_bad_one_is_a_sentence():
    at = unfolded(opened(n="512"), "Cast and schedule, left")
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


@pytest.mark.parametrize("page", [EXPLORE, FIELDS])
def test_a_network_is_trained_because_a_name_asks_for_it(page, tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setattr(Trainer, "_work", TRAIN_ON)
    monkeypatch.setitem(models.zoo.SHIPPED, "A8", Recipe(Spec("A", 8, 1), batch=64))
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


def test_what_a_browser_says_of_widgets_that_were_made_anew_counts_no_more(monkeypatch):
    """It sends what all its widgets hold along with a message of the view, perhaps before it has seen the new ones."""
    told = []
    monkeypatch.setattr(controls, "st", SimpleNamespace(session_state=Memory()))
    before = controls._widget(controls._key("left.main"), lambda *said: told.append(said), "left", "main")
    before["on_change"](*before["args"])
    controls.renew()
    before["on_change"](*before["args"])
    after = controls._widget(controls._key("left.main"), lambda *said: told.append(said), "left", "main")
    assert after["key"] != before["key"]
    after["on_change"](*after["args"])
    assert told == [("left", "main", before["key"]), ("left", "main", after["key"])]
