"""Files of sweeps: every mistake named, the product in order; and trials by the content that their address is of."""

import math
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from sweep_helpers import QUICK, SMALL

from models.stored import WEIGHTS
from toy.lab import grid, trial
from toy.lab import sweep as sweeps
from toy.lab.commands.sweep import sweep as command
from toy.metrics import METRICS
from toy.names import Name
from toy.scene import Scene

ROOT = Path(__file__).parents[1]


def test_points_are_the_product_in_order() -> None:
    sweep = grid.of_text(SMALL)
    assert [axis.name for axis in sweep.axes] == ["rule", "w", "seed"]
    assert [point.at for point in sweep.points][:3] == [("cfg", 1, 0), ("cfg", 1, 1), ("cfg", 2.5, 0)]
    assert len(sweep.points) == 8
    assert sweep.measures == ("outliers", "branch_tv", "mass_by_depth")
    for point in sweep.points:
        rule, w, seed = point.at
        values = {"w": w, "unconditional": "exact:AB"} if rule == "cfg" else {}
        assert point.scene == Scene.of(rule, n=64, steps=8, main="exact:A", seed=seed, **values)


def test_combinations_of_the_same_scene_are_one_trial() -> None:
    sweep = grid.of_text(SMALL)
    found = sweeps.addresses(sweep)
    assert len(found) == 8
    assert len(sweeps.trials(sweep)) == len(set(found)) == 6
    assert found[4:6] == found[6:8]  # without guidance every strength is the same


def test_templates_and_tables() -> None:
    sweep = grid.of_text("""
    [scene]
    main = "A64@4096"
    weak = "A{width}@{snapshot}#{guide_seed}"
    n = 64
    [axes]
    width = [8, 16]
    snapshot = [256, 512]
    guide_seed = { from = 0, to = 2, count = 3 }
    method = [ { rule = "autoguidance", w = 2 }, { rule = "none", main = "A{width}@512", label = "guide alone" } ]
    """)
    assert len(sweep.points) == 2 * 2 * 3 * 2
    first, second, *_ = sweep.points
    assert first.at == (8, 256, 0, "autoguidance, w=2")
    assert first.scene == Scene.of("autoguidance", main="A64@4096", weak="A8@256#0", w=2, n=64)
    assert second.scene == Scene.of("none", main="A8@512", n=64)
    assert second.at[-1] == "guide alone"


def test_an_axis_that_a_template_names_sets_nothing_else() -> None:
    sweep = grid.of_text("""
    [scene]
    rule = "cfg"
    schedule = "middle_peaked"
    main = "A{w}@256"
    n = "{w}"
    [axes]
    w = [8, 16]
    """)
    for point, size in zip(sweep.points, (8, 16), strict=True):
        assert point.scene == Scene.of("cfg", schedule="middle_peaked", main=f"A{size}@256", n=size)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("{ from = 1, to = 4, count = 7 }", [1, 1.5, 2, 2.5, 3, 3.5, 4]),
        ("{ from = 1, to = 3, count = 3 }", [1, 2, 3]),
        ("{ from = 0.1, to = 0.3, count = 3 }", [0.1, 0.2, 0.3]),
        ("{ from = 0.5, to = 8, count = 3, log = true }", [0.5, 2, 8]),
        ("{ from = 2, to = 2, count = 1 }", [2]),
        ("{ from = 3, to = 1, count = 2 }", [3, 1]),
    ],
)
def test_ranges(given: str, values: list[float]) -> None:
    sweep = grid.of_text(f'[scene]\nrule = "cfg"\n[axes]\nw = {given}')
    assert [value.label for value in sweep.axes[0].values] == values
    whole = "." not in given
    assert {type(value.label) for value in sweep.axes[0].values} == ({int} if whole and len(values) != 7 else {float})


MISTAKES = [
    ("[scene", "this is no TOML"),
    ('titel = "x"', "unknown key 'titel'; a sweep has: title, metrics, scene, axes, figure"),
    ("title = 3", "title = 3 is not a string"),
    ("scene = 3", "scene = 3 is not a table"),
    ('metrics = ["outlier"]', "unknown metric 'outlier'; have: outliers, tail"),
    ('metrics = "outliers"', "metrics = 'outliers' is not a list of names"),
    ("metrics = []", r"metrics = \[\] is not a list of names"),
    ("[scene]\nwieght = 3", "scene.wieght is no value of a scene; have: rule, schedule"),
    ("[scene]\nn = true", "scene.n = True is neither a string nor a number"),
    ("[scene]\nn = 1.5", "n = 1.5 is not a whole number"),
    ("[scene]\nw = 3", "no trial's rule, schedule or integrator takes 'w'"),
    ('[scene]\nrule = "cgf"', "unknown rule 'cgf'; have: none"),
    ('[scene]\nrule = "cfg"\n[axes]\nw = [1, 99]', "at w = 99: w = 99 is not a number from"),
    ('[scene]\nmain = "A64@4096x"', "unknown density 'A64@4096x'"),
    ('[scene]\nmain = "../x.safetensors"', "unknown density"),
    ('[scene]\nmain = "A{width}@512"', "the template {width} names no axis; have: none"),
    ("[axes]\nwide = [1]", "axis 'wide' is not used: no value of a scene has its name, no template names it"),
    ("[axes]\nw = []", r"axis 'w' = \[\] is neither a list of values nor a table of from, to and count"),
    ("[axes]\nw = 3", "axis 'w' = 3 is neither a list"),
    ("[axes]\nw = [1, 2, 1.0]", "axis 'w' has 1 2 times"),
    ("[axes]\nw = [nan]", "axes.w = nan is not finite"),
    ("[axes]\nw = [[1]]", "neither a string nor a number"),
    ("[axes]\nw = { from = 1, to = 2 }", "the range of axis 'w' lacks 'count'"),
    ("[axes]\nw = { from = 1, to = 2, count = 0 }", "axes.w.count = 0 is not a whole number from 1 to"),
    ("[axes]\nw = { from = 1, to = 2, step = 1 }", "unknown key 'step'; the range of axis 'w' has: from, to, count"),
    ('[axes]\nw = { from = "a", to = 2, count = 2 }', "axis 'w' goes from 'a' to 2, which are not numbers"),
    ("[axes]\nw = { from = 0, to = 2, count = 2, log = true }", "which are not numbers above 0"),
    ("[axes]\noutliers = [1]", "axis 'outliers' has the name of a column"),
    ('[axes]\n"a b" = [1]', "axis 'a b' is not a name of letters"),
    ("[axes]\nm = [{ weka = 1 }]", "axis 'm' sets 'weka', which no scene has"),
    ('[axes]\nm = [{ label = "x" }]', "axis 'm' has a table that sets nothing"),
    ("[scene]\nn = 8\n[axes]\nn = [8, 9]", r"'n' is both a value of \[scene\] and an axis"),
    ("[axes]\nn = [8, 9]\nm = [{ n = 8 }]", "the axes 'n' and 'm' both set 'n'"),
    (
        "[axes]\nseed = { from = 1, to = 2000, count = 2000 }\nn = { from = 1, to = 2000, count = 2000 }",
        "4000000 combin",
    ),
    ('[axes]\nn = [8, 9]\n[figure]\nx = "w"', "figure.x = 'w' is no axis; have: n"),
    ('[axes]\nn = [8, 9]\n[figure]\nx = "n"\ny = "n"', r"\[figure\] names an axis twice: n, n"),
    ('metrics = ["tail"]\n[figure]\nmetric = "outliers"', "figure.metric = 'outliers' is not measured as one number"),
    ("[figure]\ncolour = 1", "figure.colour = 1 is not a string"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_every_mistake_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words) as found:
        grid.of_text(text)
    assert "\n" not in str(found.value)
    path = tmp_path / "spec.toml"
    path.write_text(text)
    result = CliRunner().invoke(command, [str(path), "--store", str(tmp_path / "store.sqlite")])
    assert isinstance(result.exception, ValueError)
    assert "spec.toml" in str(result.exception)
    assert not (tmp_path / "store.sqlite").exists()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not text in UTF-8"):
        grid.read(tmp_path / "spec.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "sweeps").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_sweeps_are_legal(path: Path) -> None:
    sweep = grid.read(path)
    assert len(sweep.points) == math.prod(len(axis.values) for axis in sweep.axes)


def test_the_guide_map_is_what_it_should_be() -> None:
    sweep = grid.read(ROOT / "docs" / "sweeps" / "guide_map.toml")
    values = {axis.name: [value.label for value in axis.values] for axis in sweep.axes}
    assert values["width"] == [8, 16, 32, 64]
    assert (values["iterations"][0], values["iterations"][-1]) == (256, 4096)
    assert (values["w"][0], values["w"][-1], len(values["w"])) == (1, 4, 7)
    assert len(values["training_seed"]) == 5
    for point in sweep.points:  # every pair of networks has trainings of its own
        main, weak = (Name.parse(dict(point.scene.cast)[role]).network for role in ("main", "weak"))
        assert (weak.seed, weak.iterations <= main.iterations) == (1000 + main.seed, True)
    assert sweep.measures == tuple(METRICS)


# --- Addresses --------------------------------------------------------------------------------------------------------


def address(text: str) -> str:
    (found,) = sweeps.addresses(grid.of_text(text))
    return found


def test_an_address_is_of_the_content() -> None:
    base = f'metrics = ["outliers", "tail"]\n[scene]\n{QUICK}rule = "cfg"\nw = 2\n'
    assert address(base) == address(f'title = "other"\n{base}'.replace('"outliers", "tail"', '"tail", "outliers"'))
    assert address(base) == address(base.replace("w = 2", "w = 2.0"))
    changed = [
        base.replace("w = 2", "w = 2.5"),
        base.replace('"outliers", "tail"', '"outliers"'),
        base.replace("exact:A", "exact:B"),
        base.replace("n = 64", "n = 65"),
        base + "seed = 1",
        base + 'schedule = "interval"',
        base + 'unconditional = "AB64@512"',
    ]
    assert len({address(text) for text in [base, *changed]}) == 1 + len(changed)


def test_an_address_is_of_what_a_density_is_not_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    shipped = (WEIGHTS / "A32@512.safetensors").read_bytes()
    found = []
    for data in (shipped, (WEIGHTS / "A32@256.safetensors").read_bytes(), shipped):
        (tmp_path / "mine.safetensors").write_bytes(data)
        found.append(address(f'[scene]\nmain = "kept:mine"\n{QUICK.replace("main", "#")}'))
    assert found[0] == found[2] != found[1]


def test_another_version_of_the_numbers_is_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sweeps.addresses(grid.of_text(SMALL))
    monkeypatch.setattr(trial, "VERSION", trial.VERSION + 1)
    assert not set(before) & set(sweeps.addresses(grid.of_text(SMALL)))


def test_a_spec_that_is_not_there_is_named_in_one_sentence(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(
            ValueError, match=rf"^cannot read '{re.escape(str(path))}': (No such|it is a folder)[a-z, ]+$"
        ):
            grid.read(path)
