"""The menu of distributions on the pages: what is chosen there is in the link, and the usual cast follows."""

import pytest
from page_runner import COMPARE, FIGURES, FILES, TRAIN, control, fine, link, opened, pack, settled, unfolded

from toy.lab import claims
from toy.ui import lab

pytestmark = pytest.mark.usefixtures("pages")

EXACT = {
    "left.main": "exact:A",
    "right.main": "exact:A",
    "left.rule": "none",
    "right.rule": "none",
    "n": "512",
    "steps": "8",
}


def test_another_distribution_is_chosen_in_the_settings():
    at = unfolded(opened(**EXACT), "Distribution, both sides")
    control(at, "selectbox", "control.left.target.family").set_value("gaussians").run()
    fine(at)
    said = link(at)
    assert said["target"] == "gaussians/A"
    assert said["left.main"] == said["right.main"] == "exact:gaussians/A"
    header, arrays = settled(at)
    assert header["target"]["classes"] == "A"
    assert header["target"]["own"] == [0, 1]
    assert len(arrays["tree.segments"]) == 3
    assert {"outline.A", "outline.B", "outline.BC", "outline.ABC"} <= set(arrays)


def test_a_knob_of_a_distribution_is_in_the_link():
    at = opened(target="gaussians/A", **{name: value.replace(":A", ":gaussians/A") for name, value in EXACT.items()})
    unfolded(at, "Distribution, both sides")
    control(at, "text_input", "control.left.target.classes").set_value("5").run()
    fine(at)
    assert link(at)["target"] == "gaussians:classes=5/A"
    header, _ = settled(at)
    assert header["target"]["rest"] == "BCDE"
    control(at, "text_input", "control.left.target.classes").set_value("99").run()
    assert "classes = 99 is not a whole number from 2 to 16" in at.warning[0].value
    assert link(at)["target"] == "gaussians:classes=5/A"


@pytest.mark.parametrize(
    "target",
    ["moons/C", "moon/A", "moons:speed=1/A", "x" * 300, "/", "moons/", "../A", "A/A", "gaussians:classes=1e9/A"],
)
def test_a_target_that_is_none_is_refused_in_a_sentence(target):
    at = opened(target=target, n="512")
    fine(at)
    assert at.warning[0].value.startswith("Not taken: ")
    assert pack(at)[0]["target"]["name"] == "A"


@pytest.mark.parametrize("page", [COMPARE, FIGURES])
def test_the_other_pages_have_the_menu_and_their_command_says_what_was_chosen(page):
    at = opened(page, target="gaussians/A", methods="cfg", strengths="1", n="512", scores="exact", figure="fig9")
    fine(at)
    next(box for box in at.selectbox if box.key.endswith("target.family")).set_value("moons").run()
    fine(at)
    assert link(at)["target"] == "moons/A"
    assert any("--target moons/A" in code.value for code in at.code)


WITHOUT = {"learn"}  # a lesson's scenes are those that its text is about


@pytest.mark.parametrize("page", sorted(FILES))
def test_every_page_but_the_lessons_has_the_menu(page):
    at = opened(FILES[page], methods="cfg", strengths="1", n="512", steps="8", figure="fig9")
    if page == "explore":
        unfolded(at, "Distribution, both sides")
    fine(at)
    assert any((box.key or "").endswith("target.family") for box in at.selectbox) == (page not in WITHOUT | {"train"})
    assert any((box.key or "").endswith("classes.family") for box in at.selectbox) == (page == "train")


def test_the_lab_shows_claims_as_they_are_on_what_is_chosen():
    at = opened(FILES["lab"])
    next(box for box in at.selectbox if box.key.endswith("target.family")).set_value("moons").run()
    fine(at)
    assert link(at)["target"] == "moons/A"
    assert any(code.value == "python -m toy claims --on moons --quick" for code in at.code)
    shown = {box.label for box in at.expander}
    assert any("holds" in label and "CFG drops branches even where every score is exact" in label for label in shown)
    lone = next(box for box in at.expander if "Training towards the exact score" in box.label)
    assert [caption.value for caption in lone.caption][-1] == "It is about `tree` alone."
    assert not lone.button
    assert not any("of classes" in (box.label or "") for box in at.selectbox)


def test_a_claim_is_measured_in_the_lab_on_what_is_chosen(monkeypatch):
    asked = []
    monkeypatch.setattr("toy.lab.claims.run", lambda items, size, **given: asked.append(given["on"]) or empty())
    lab._measure("small_models_make_outliers", "moons", lambda *told: None)
    lab._measure("small_models_make_outliers", "", lambda *told: None)
    assert asked == [["moons"], ()]


def empty():
    """What is found where nothing is asked."""
    return claims.Findings(claims.QUICK, ())


def test_a_training_of_points_that_are_not_here_asks_for_their_file():
    at = opened(TRAIN, classes="points-000000000000/A")
    fine(at)
    assert "`points-000000000000` is of points that are not on this server" in "".join(one.value for one in at.warning)
