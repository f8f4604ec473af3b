"""What the browser runs is traced from the functions themselves, and what it cannot run says why."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
import pytest
from cli_runner import good
from ui_helpers import ROOT

from models import checkpoint, stored, training
from models.mlp import Spec
from models.training import Recipe
from toy.browser import told, traced
from toy.browser.programs import equations, program
from toy.guidance import RULES, Score, rule
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.ui import fieldpacks
from toy.viewer import packs

WEB = Path(traced.__file__).parent / "web"


@pytest.fixture
def added():
    """Registers rules by name and takes them out again."""
    names = []

    def add(function):
        rule(source="the tests")(function)
        names.append(function.__name__)
        return function

    yield add
    for name in names:
        RULES.remove(name)


def test_all_but_one_run_in_the_browser():
    assert traced.needs_server() == {"integrator smc": traced.ALL_POINTS}
    assert f"integrator smc: {traced.ALL_POINTS}" in good("list")
    assert json.loads(good("list", "--json"))["server"] == traced.needs_server()


def test_the_readme_says_what_is_left_to_the_server():
    said = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    (sentence,) = re.findall(r"What is left to the server, `python -m toy list` says: (.*?)\.", said)
    *_, last = good("list").splitlines()
    listed = [re.sub(", such as.*", "", part.strip()) for part in last.split(";")]
    assert sentence.replace(" and ", " ").split(", ")[2:] == listed
    assert sentence.startswith(f"{INTEGRATORS['smc'].title}, which needs all points at once, ")


def test_the_interpreter_has_the_primitives_that_it_is_said_to_have():
    if shutil.which("node") is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    script = f"import('{WEB / 'interpret.js'}').then((m) => console.log(JSON.stringify(m.PRIMITIVES)))"
    said = subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True).stdout
    assert set(json.loads(said)) == traced.PRIMITIVES


def test_a_new_rule_is_in_the_browser_without_a_line_of_javascript(added):
    @added
    def pushed(
        main: Score, weak: Score, *, w: Annotated[float, Knob(0, 4, 0.1, "w", "weight", neutral=1)] = 2.0
    ) -> Score:
        """Away from the guide by its own length."""
        return main + (w - 1) * jnp.tanh(main - weak)

    made = traced.traced("rules", "pushed")
    assert made["knobs"] == ["w"]
    assert {equation[0] for equation in equations(made["body"])} >= {"score", "tanh", "mul"}
    assert "rules pushed" in told.needed([Scene.of("pushed")])


def test_what_the_interpreter_has_not_is_named(added):
    @added
    def sorted_scores(main: Score) -> Score:
        """Scores in order, which no interpreter here can make."""
        return jnp.sort(main, axis=0)

    with pytest.raises(ValueError, match="Sorted scores needs what the browser's interpreter does not have: sort"):
        traced.traced("rules", "sorted_scores")
    assert "sort" in traced.needs_server()["rule sorted_scores"]


def test_what_cannot_be_traced_for_any_number_of_points_is_said(added):
    @added
    def counted(main: Score) -> Score:
        """A score over the number of points, which tracing does not know."""
        return main / len(main)

    with pytest.raises(ValueError, match="Counted cannot be traced for any number of points"):
        traced.traced("rules", "counted")


def test_a_rule_that_is_defined_anew_is_traced_anew(added):
    @added
    def mine(main: Score) -> Score:
        """Half of it."""
        return main / 2

    before = traced.traced("rules", "mine")
    RULES.remove("mine")

    def other(main: Score) -> Score:
        """Its sine."""
        return jnp.sin(main)

    rule(source="the tests", name="mine")(other)
    assert traced.traced("rules", "mine") != before


def test_equal_equations_are_made_once_and_unused_ones_not_at_all():
    def function(x):
        unused = jnp.exp(x)
        return jnp.sin(x) + jnp.sin(x) * 2 + 0 * 1, unused.shape[0]

    made = program(lambda x: function(x)[0], traced.POINTS)
    assert [equation[0] for equation in made["eqns"]].count("sin") == 1
    assert "exp" not in [equation[0] for equation in made["eqns"]]


def test_equations_that_differ_in_what_they_give_alone_are_two():
    def function(x):
        total = jnp.sum(x)
        wide, narrow = jnp.broadcast_to(total, x.shape), total + jnp.zeros(x.shape[:1])
        return x.astype(jnp.int32), x.astype(jnp.uint32), wide, narrow

    made = program(function, traced.POINTS)
    given = [made["types"][made["vars"][v]] for v in made["out"]]
    assert given == ["i:n,2", "u:n,2", "f:n,2", "f:n"]


@pytest.mark.parametrize(
    ("words", "refused", "taken"),
    [
        ("slice with steps", lambda x: x[::2], lambda x: x[1:3]),
        (
            "choice of more than two",
            lambda x: jax.lax.select_n(x.astype(jnp.int32), x, x, x),
            lambda x: jax.lax.select_n(x > 0, x, -x),
        ),
        (
            "scan backwards",
            lambda x: jax.lax.scan(lambda y, row: (y + row, None), x[0], x, reverse=True)[0],
            lambda x: jax.lax.scan(lambda y, row: (y + row, None), x[0], x)[0],
        ),
        (
            "scan with rows of results",
            lambda x: jax.lax.scan(lambda y, row: (y + row, y), x[0], x)[1],
            lambda x: jax.lax.scan(lambda y, row: (y * row, None), x[0], x)[0],
        ),
    ],
)
def test_what_the_interpreter_would_not_heed_is_refused(words, refused, taken):
    with pytest.raises(ValueError, match=f"it needs a {words}"):
        program(refused, jnp.zeros((8, 2)))
    assert program(taken, jnp.zeros((8, 2)))["eqns"]


def test_the_engine_is_told_what_a_scene_needs_and_no_more():
    scene = Scene.of("autoguidance", n=64)
    words = told.needed([scene, scene])
    assert len(words) == len(set(words))
    lists, arrays = told.told(words)
    assert [name for kind, name, _ in lists["programs"]] == ["measures", "autoguidance", "constant", "heun"]
    ids = [identity for identity, _ in lists["densities"]]
    assert set(ids) == {"A64@4096", "A32@512", "exact:A", "exact:AB"}
    assert all(array.dtype == "float32" for array in arrays.values())
    json.dumps(lists, allow_nan=False)
    assert told.told([]) == ({"programs": [], "densities": [], "truths": []}, {})


def test_a_file_that_is_written_again_is_told_again(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    found = []
    for seed in (0, 1):
        recipe = Recipe(Spec("A", 8, 2), seed=seed)
        checkpoint.save(stored.kept_path("mine"), training.start(recipe).net, recipe, step=30, loss=1.0, command="")
        scene = Scene.of("cfg", main="kept:mine", n=64)
        (word,) = (word for word in told.needed([scene]) if "kept:mine" in word)
        _, arrays = told.told([word])
        assert told.scene_of(scene)["cast"]["main"] == word.removeprefix("densities ")
        found.append(
            (word, arrays["density.0.first"].tobytes(), packs.identity(scene, scene), fieldpacks.identity(scene))
        )
    for first, second in zip(*found, strict=True):
        assert first != second
    usual = Scene.of("cfg", n=64)
    assert told.played(usual) == dict(usual.cast), "a name that says all is the id"


def test_what_the_browser_cannot_have_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="no network or mixture of fixed numbers"):
        told.told(["densities A64@4096~dropout=0.1"])
