"""A setting that is declared once is found wherever settings are read: in checks, links, flags and their help."""

from dataclasses import dataclass, replace
from typing import Annotated

import click
import pytest
from click.testing import CliRunner

from toy import settings, state
from toy.cli.flags import option
from toy.scene import CHOICES, SETTINGS, Scene
from toy.settings import Choice, Flag, Knob, Numbers, Several, Word, declared, from_query, table, to_query


@dataclass(frozen=True)
class Tea:
    """What is declared by its fields."""

    sort: Annotated[str, Choice(("green", "black"), "sort", "what is brewed")] = "green"
    minutes: Annotated[float, Knob(0.5, 10, 0.5, "minutes", "how long")] = 3.0
    cups: Annotated[int, Knob(1, 8, 1, "cups", "how many", whole=True)] = 2
    spices: Annotated[tuple[str, ...], Several(("mint", "ginger"), "spices", "what is added", ordered=True)] = ("mint",)
    name: str = "of no declaration"


TEA = declared(Tea) | table(
    milk=Flag("milk", "with milk"), place=Numbers([(0, 1), (0, 9)], "X,Y", "place", "where"), note=Word("note", "")
)


def test_a_field_is_a_setting_with_its_own_default():
    assert list(TEA) == ["sort", "minutes", "cups", "spices", "milk", "place", "note"]
    assert (TEA["minutes"].name, TEA["minutes"].default, TEA["cups"].default) == ("minutes", 3.0, 2)
    settings.check(Tea(cups=8))


def test_a_link_has_what_is_not_usual_and_is_read_back():
    values = {"sort": "black", "minutes": 3.0, "cups": 4, "milk": True, "place": [0.25, 7.0], "note": "a b"}
    query = to_query(TEA, values)
    assert query == {"sort": "black", "cups": "4", "milk": "1", "place": "0.25,7", "note": "a b"}
    assert from_query(TEA, query) == ({name: value for name, value in values.items() if name != "minutes"}, [])


BAD = [
    ("sort", "red", "unknown sort 'red'; have: green, black"),
    ("minutes", "nan", "minutes = nan is not a number from 0.5 to 10"),
    ("cups", "2.5", "cups = 2.5 is not a whole number from 1 to 8"),
    ("cups", "9", "cups = 9 is not a whole number from 1 to 8"),
    ("milk", "some", "milk = some is not 0 or 1"),
    ("place", "0,10", "place = 0,10 is not X,Y"),
    ("place", "0", "place = 0 is not X,Y"),
    ("sugar", "1", "unknown parameter 'sugar'"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD)
def test_what_is_not_legal_is_one_sentence(name, value, words):
    assert from_query(TEA, {name: value, "sort": "green"} | {name: value}) == (
        {} if name == "sort" else {"sort": "green"}, [words],
    )  # fmt: skip


@pytest.mark.parametrize("given", [{"cups": "2"}, {"cups": True}, {"cups": 2.0}, {"minutes": "3"}, {"sort": 3}])
def test_a_value_of_another_type_is_refused(given):
    with pytest.raises(ValueError, match=f"{next(iter(given))} = .* is not a"):
        settings.check(Tea(**given))


def test_several_are_a_list_of_options():
    some = replace(Several(("mint", "ginger"), "spices", "", "spice", most=1, ordered=True), name="spices")
    assert replace(some, most=2).check("ginger,mint") == ["mint", "ginger"]
    for value, words in (("salt", "unknown spice 'salt'; have: mint, ginger"), ("mint,ginger", "is not 1 to 1 of")):
        with pytest.raises(ValueError, match=words):
            some.check(value)


def test_a_setting_that_is_added_is_in_links_flags_and_checks(monkeypatch):
    added = table(tea=Choice(("green", "black"), "tea", "what is brewed", default="green"))
    monkeypatch.setattr("toy.state.VIEWER", state.VIEWER | added)
    found, notes = state.parse({"tea": "black"})
    assert (dict(found.ui), notes, found.query()) == ({"tea": "black"}, [], {"tea": "black"})
    assert state.parse({"tea": "red"})[1] == ["unknown tea 'red'; have: green, black"]
    assert state.from_viewer(state.State(), {"tea": "green"}).ui == ()

    @click.command()
    @option(added["tea"])
    def brew(tea):
        click.echo(tea)

    assert CliRunner().invoke(brew, ["--tea", "black"]).output == "black\n"
    assert "what is brewed: green, black [green]" in CliRunner().invoke(brew, ["--help"]).output


def test_a_scene_is_what_its_fields_declare():
    assert {*CHOICES, *SETTINGS, "cast", "knobs"} == set(Scene.__dataclass_fields__)
    for name, each in (CHOICES | SETTINGS).items():
        assert getattr(Scene.of(), name) == each.default == each.check(settings.text(each.default))
