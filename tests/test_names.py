"""A density's name is read in one place, and what is made of it is a name again."""

import doctest
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from models import zoo
from toy import compare, names
from toy.guidance import RULES
from toy.names import Name
from toy.scene import default_cast, exact_of

ROOT = Path(__file__).parent.parent
TARGETS = ("A", "B", "AB")
USUAL = sorted({name for rule in RULES for target in TARGETS for name in default_cast(rule, target).values()})
NAMES = [*zoo.names(), *zoo.examples(), *USUAL, "B24@77#3~depth=2~subset=9", "kept:A64@4096", "a~b=c/net.safetensors"]

classes = st.sampled_from(TARGETS)
networks = st.builds(
    lambda classes, width, iterations, seed: f"{classes}{width}@{iterations}" + ("" if seed is None else f"#{seed}"),
    classes, st.integers(1, 9999), st.integers(0, 9999999), st.none() | st.integers(0, 10**8),
)  # fmt: skip
bases = networks | classes.map("exact:{}".format)
bases = bases | st.tuples(bases, bases).map("dns:{0[0]},{0[1]}".format)
items = st.lists(st.sampled_from(["dropout=0.1", "seed=2", "blur=0.05", "seed={i}"]), max_size=3)
written = st.builds(lambda base, items: "~".join([base, *items]), bases, items)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_written_as_it_was_read(name):
    assert str(Name.parse(name)) == name


@given(written)
def test_what_is_made_of_a_name_is_a_name(text):
    name = Name.parse(text)
    for made in (name.exact(), name.seeded(3), name.architecture(), *map(name.of_target, TARGETS)):
        assert Name.parse(str(made)) == made
    assert name.of_target("A") == name
    assert name.exact().is_exact
    assert name.exact().classes == name.classes
    assert name.exact().exact() == name.exact()
    assert name.seeded(3).seeded(4) == name.seeded(3)
    assert not (name.is_exact and name.is_learned)


@pytest.mark.parametrize("name", [*zoo.names(), *zoo.examples()])
def test_a_name_says_of_which_classes_it_is(name):
    assert Name.parse(name).classes == zoo.classes_of(name)


def test_examples_are_true():
    assert doctest.testmod(names) == (0, 4)


def test_a_path_that_looks_like_parts_is_a_path():
    assert Name.parse("runs:a,b.safetensors").is_file
    assert Name.parse("dns:exact:A,runs/b.safetensors").fitted == "dns"


def test_networks_get_the_seed():
    for text, wanted in {
        "A64@4096": "A64@4096#2",
        "A32@512#7": "A32@512#7",
        "A64@4096~dropout=0.1~seed=1{i}": "A64@4096#2~dropout=0.1~seed=12",
        "dns:A64@4096,AB64@4096~w=2": "dns:A64@4096#2,AB64@4096#2~w=2",
        "exact:A": "exact:A",
        "kept:A64@4096": "kept:A64@4096",
        "A64@4096~0{i}.safetensors": "A64@4096~0{i}.safetensors",
    }.items():
        assert str(Name.parse(text).seeded(2)) == wanted


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rule", RULES)
def test_usual_names_have_their_targets_classes(rule, target):
    for role, name in default_cast(rule, target).items():
        assert Name.parse(name) == Name.parse(default_cast(rule)[role]).of_target(target)
        assert Name.parse(exact_of(name)).is_exact


def test_what_belongs_to_a_user_keeps_its_name():
    assert str(Name.parse("kept:A8").of_target("B")) == "kept:A8"
    with pytest.raises(ValueError, match="'kept:A8' does not tell its classes"):
        compare.exact_name("main", "kept:A8")
    assert compare.exact_name("weak", "A32@512") == "A32@512"
    assert compare.exact_name("main", "exact:A~blur=0.1") == "exact:A~blur=0.1"


@pytest.mark.parametrize("name", ["dns:exact:A", "dns:exact:A,exact:B,exact:AB", "dns:dns:exact:A,exact:B,exact:A"])
def test_a_fitted_density_has_its_parts(name):
    with pytest.raises(ValueError, match=r"is not dns:MAIN,UNCONDITIONAL"):
        models.load(name)


def test_a_stray_word_is_named():
    with pytest.raises(ValueError, match=r"'~x' in density 'exact:A~x' is not ~kind=value; kinds: dropout, "):
        Name.parse("exact:A~x")


def test_nothing_else_takes_names_apart():
    """No pattern of a name and no test of its beginning anywhere but in ``toy.names``, and where there is no Python."""
    apart = re.compile(r"startswith\(.exact:|startsWith\(.exact:|removeprefix\(.exact:|AB\|A\|B|partition\(.[@~].\)")
    files = [
        path
        for room in ("toy", "models", "pages")
        for path in (ROOT / room).rglob("*")
        if path.suffix in (".py", ".js")
    ]
    found = [str(path.relative_to(ROOT)) for path in files if apart.search(path.read_text(encoding="utf-8"))]
    assert sorted(found) == ["toy/names.py", "toy/site/web/names.js"]
