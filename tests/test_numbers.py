"""Numbers as people type them, read on the pages as in the viewer."""

import json

from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from ui_helpers import ROOT

from toy.ui import numbers

CASES = json.loads((ROOT / "tests" / "js" / "numbers.json").read_text(encoding="utf-8"))
RANGE = CASES["lo"], CASES["hi"], CASES["name"]


def test_the_viewers_cases():
    for typed, value in CASES["taken"].items():
        assert numbers.read(typed, *RANGE) == (value, ""), typed
    for typed, (value, said) in CASES["held"].items():
        assert numbers.read(typed, *RANGE) == (value, said)
    for typed in CASES["refused"]:
        assert numbers.read(typed, *RANGE) == (None, f"“{typed}” is not a number: w is from 0 to 8")
    for typed in CASES["blank"]:
        assert numbers.read(typed, *RANGE) == (None, "")


@given(st.floats(0, 8))
def test_every_number_comes_back_with_either_sign_for_decimals(value):
    assert numbers.read(repr(value), *RANGE) == (value, "")
    assert numbers.read(f" {repr(value).replace('.', ',')} ", *RANGE) == (value, "")


@given(st.text())
def test_whatever_is_typed_is_within_the_range_or_refused(typed):
    value, said = numbers.read(typed, *RANGE)
    assert value is None or 0 <= value <= 8
    assert value is not None or said or not typed.strip()


def test_whole_numbers():
    def seed(typed):
        return numbers.read(typed, 0, 2**31 - 1, "seed", whole=True)

    assert seed("7") == (7, "")
    assert seed("1e3") == (1000, "")
    assert isinstance(seed("7,0")[0], int)
    assert seed("7.5") == (None, "“7.5” is not a whole number: seed is a whole number from 0 to 2147483647")
    assert seed("-1") == (0, "seed is a whole number from 0 to 2147483647, not -1")
    assert seed("1e999")[0] == 2**31 - 1


def one_field():
    """A page with nothing but a field for a whole number."""
    import streamlit as st

    from toy.scene import SETTINGS
    from toy.ui import linked, links

    links.begin("train")
    seed = linked.whole(SETTINGS["seed"], "seed")
    st.write(f"seed {seed}")
    links.here().flush(whole=True)


def test_a_field_of_a_page_takes_holds_refuses_and_restores():
    at = AppTest.from_function(one_field, default_timeout=120).run()
    for typed, kept, words in (
        (" 1e1 ", "10", ""),
        ("7,5", "10", "“7,5” is not a whole number"),
        ("-4", "0", "not -4"),
        ("12", "12", ""),
        ("", "12", ""),
    ):
        at.text_input[0].set_value(typed).run()
        assert not at.exception
        assert at.text_input[0].value == kept
        assert at.markdown[0].value == f"seed {kept}"
        assert [words in warning.value for warning in at.warning] == [True] * bool(words)
