"""Foreign words on their way to the page, and what each page remembers of its link."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui_helpers import ODD

from toy.ui.words import plain


@given(st.text(st.sampled_from("`a \n[]()!<>\\*_:~$|\x00"), max_size=12) | st.sampled_from(ODD) | st.text(max_size=40))
def test_whatever_it_says_is_one_code_span(text):
    made = plain(text)
    fence = re.match("`+", made)
    assert fence is not None
    inside = made[len(fence[0]) : -len(fence[0])]
    assert made.endswith(fence[0])
    assert "\n" not in made
    assert fence[0] not in re.findall("`+", inside), "nothing closes it before its end"
    assert not inside.startswith("`")
    assert not inside.endswith("`")
    if text.strip(" \n\x00") and text.isprintable():
        assert inside.strip() == " ".join(text.split())


def test_long_words_are_cut():
    assert plain("x" * 500) == f"`{'x' * 400}…`"
    assert plain("x" * 500, 80) == f"`{'x' * 80}…`"


@pytest.mark.parametrize("text", ["", " ", "\n", "\x00"])
def test_no_words_are_still_a_code_span(text):
    assert plain(text) == "` `"
