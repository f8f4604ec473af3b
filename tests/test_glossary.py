"""Every word that the viewer and the settings explain has one plain sentence."""

import re

import pytest

from toy.ui.glossary import glossary, meaning
from toy.viewer.sources import VIEWER, viewer_sources

SOURCES = {path.name: path.read_text(encoding="utf-8") for path in VIEWER.glob("*.js")}


@pytest.mark.parametrize("name", glossary())
def test_a_meaning_is_one_short_sentence(name):
    text = meaning(name)
    assert text.endswith(".")
    assert not re.search(r"[.!?] ", text), "one sentence"
    assert len(text.split()) <= 36
    assert "<" not in text


def test_every_word_that_is_asked_for_has_a_meaning():
    asked = {word for text in SOURCES.values() for word in re.findall(r'\b(?:meaning|word)\("([^"]+)"', text)}
    asked |= set(re.findall(r'\badd\("([^"]+)"', SOURCES["legend.js"]))
    asked |= set(re.findall(r'\bmeans: "(\w+)"', "".join(SOURCES.values())))
    listed = re.findall(r"^export const (?:DENSITIES|ARROWS) = \[(.*)\];", SOURCES["fields.js"], re.M)
    asked |= {name for names in listed for name in re.findall(r'"(\w+)"', names)}
    assert len(asked) > 20
    assert asked <= glossary().keys()


def test_nothing_is_explained_where_a_finger_cannot_reach():
    """A title attribute shows on a mouse alone."""
    for name, text in SOURCES.items():
        assert not re.search(r"\bh\([^\n]*[{,] title[:,]|\.title = (?!h\()", text), name


def test_both_bundles_carry_the_words():
    for entry in ("viewer", "fieldview"):
        script = viewer_sources(entry)["js"]
        assert meaning("sigma") in script
        assert "import " not in re.sub(r"//.*|\"[^\"\n]*\"", "", script)
