"""Wherever the app shows a name to be read, a drawing is called what it is to who has drawn it."""

import re

import pytest
from page_runner import COMPARE, EXPLORE, FIELDS, FIGURES, MECHANISM, fine, opened, pack, unfolded

from toy.captions import called
from toy.distributions.strokes import EXAMPLE, store

pytestmark = pytest.mark.usefixtures("pages")
BARE = re.compile("strokes-[0-9a-f]{12}")
FOLDS = ("Cast and schedule, left", "Cast and schedule, right", "Distribution, both sides")


@pytest.fixture
def drawing(tmp_path, monkeypatch) -> str:
    """The name of a drawing that is kept."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    return store(EXAMPLE)


def read(at) -> list[str]:
    """What a visitor reads on a page: menus, labels, words; not what he copies."""
    menus = [words for box in (*at.selectbox, *at.multiselect) for words in (box.label, *box.options)]
    kinds = (at.markdown, at.caption, at.warning, at.info, at.subheader, at.title, at.button, at.expander)
    return menus + [str(getattr(found, "value", None) or found.label) for kind in kinds for found in kind]


@pytest.mark.parametrize("page", [EXPLORE, FIELDS, COMPARE, MECHANISM, FIGURES])
def test_no_page_shows_what_a_drawing_is_kept_under(drawing, page):
    exact = {"main": f"exact:{drawing}/A", "weak": f"exact:{drawing}/A~blur=0.1"}
    sides = {f"{slot}.{role}": name for slot in ("left", "right") for role, name in exact.items()}
    rules = {"left.rule": "autoguidance", "right.rule": "autoguidance"}
    own = {"n": "512", "steps": "8"} | rules | sides if page == EXPLORE else {"rule": "autoguidance"} | exact
    at = opened(page, target=f"{drawing}/A", **own)
    if page == EXPLORE:
        unfolded(at, *FOLDS)
    fine(at)
    assert not at.warning, [found.value for found in at.warning]
    shown = read(at)
    assert not [words for words in shown if BARE.search(words)]
    if page in (EXPLORE, FIELDS):
        assert {called(name) for name in exact.values()} <= set(shown)
        header, _ = pack(at)
        words = [str(value) for value in (header.get("names") or header["panels"][0]["title"], header["note"])]
        assert not [each for each in words if BARE.search(each)]


def test_a_name_that_is_typed_is_taken_as_it_is_written(drawing):
    few = {"n": "512", "steps": "8"}
    at = opened(EXPLORE, **few, target=f"{drawing}/A", **{"left.rule": "none", "left.main": f"exact:{drawing}/A"})
    unfolded(at, *FOLDS)
    box = next(box for box in at.selectbox if box.label == "main")
    assert box.value == f"exact:{drawing}/A"
    box.set_value(f"exact:{drawing}/AB").run()
    fine(at)
    assert at.query_params["left.main"] in (f"exact:{drawing}/AB", [f"exact:{drawing}/AB"])
