"""The pages of docs/methods: one for everything that is registered, as its code says now."""

import re
import shlex
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
import pytest

from models.zoo import names
from toy import distributions, docs, metrics, scenes
from toy.docs import FOLDERS
from toy.guidance import RULES
from toy.lab import code, methods, trial
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.schedules import SCHEDULES

FOLDER = Path(__file__).parent.parent / "docs" / "methods"
ENTRIES = [(folder, name) for folder, registry in FOLDERS.items() for name in registry]
AGAIN = f"run `{docs.COMMAND}`"


@lru_cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_everything_registered_has_its_page(folder, name):
    entry, page = FOLDERS[folder][name], text(FOLDER / folder / f"{name}.md")
    assert page, f"docs/methods has no page for {name}: {AGAIN}"
    assert page.startswith(docs.head(entry)), f"the page of {name} is not what its code says now: {AGAIN}"
    for knob in entry.knobs:
        assert f"| `{knob}` |" in page
    for role in docs.default_cast(name) if folder == "rules" else ():
        assert f"| `{role}` |" in page
    assert "## What 2D shows" in page
    assert f"]({folder}/{name}.md)" in text(FOLDER / "README.md"), f"the index lacks {name}: {AGAIN}"


def test_no_page_is_of_what_is_gone():
    have = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.md")}
    assert have == {f"{folder}/{name}" for folder, name in ENTRIES}


def test_links_lead_somewhere():
    for page in FOLDER.rglob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)]+)\)", text(page)):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_what_is_said_of_other_libraries_names_pages_that_are_there():
    page = FOLDER.parent / "guiders.md"
    named = re.findall(r"\[`(\w+)`\]\(methods/(\w+)/(\w+)\.md\)", text(page))
    assert len(named) > 15
    for name, folder, file in named:
        assert name == file
        assert name in FOLDERS[folder], name
    guiders = re.findall(r"^\| `(\w+)` \|", text(page), re.M)
    assert len(guiders) == len({*guiders}) >= 13


def test_all_of_it_is_small():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3e6


@pytest.mark.parametrize("folder", FOLDERS)
def test_commands_are_the_scenes_that_were_measured(folder):
    for entry in FOLDERS[folder].values():
        for row in methods.rows(folder, entry):
            if row.scene is None:
                assert row.why
                continue
            words = shlex.split(docs.command(row.scene).partition("do ")[2].partition(";")[0])
            flags = dict(zip(words[4::2], words[5::2], strict=True))
            given = {flag.removeprefix("--").replace("-", "_"): value for flag, value in flags.items()}
            assert given.pop("seed") == "$seed"
            assert Scene.of(given.pop("rule"), **given) == row.scene


def test_numbers_are_means_over_seeds(tmp_path):
    row = methods.Row("x", Scene.of("none", main="exact:A", n=32, steps=8), measures=("branch_tv", "mass_by_depth"))
    numbers, fresh = methods.measure([row], tmp_path / "numbers.json")
    assert fresh == {row.key}
    cast = {"main": distributions.mixture("A")}
    each = [scenes.compute(row.scene.change(seed=i), cast, floor=False) for i in range(methods.SEEDS)]
    values = np.array([one.metrics["branch_tv"] for one in each])
    found = numbers[row.key]
    assert found["branch_tv"]["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert found["branch_tv"]["error"] == pytest.approx(values.std(ddof=1) / methods.SEEDS**0.5, rel=1e-4)
    assert len(found["mass_by_depth"]["mean"]) == 7


def true_samples(scene):
    """True samples in place of the sampler's, measured the same way."""
    x = np.asarray(metrics.draw(distributions.mixture(scene.target), jax.random.key(scene.seed), n=scene.n))
    found = metrics.evaluate(x, scene.target)
    return scenes.Frame(scene, np.zeros(1), x[None], found.logp, found.occupancy, found.values)


@pytest.fixture
def few(monkeypatch):
    """A registry of one rule, one measure, and numbers that cost nothing."""
    monkeypatch.setattr(methods, "N", 32)
    monkeypatch.setattr(docs, "FOLDERS", {"rules": {"cfg": RULES["cfg"]}, "metrics": {"sw1": metrics.METRICS["sw1"]}})
    monkeypatch.setattr(docs, "_frame", true_samples)
    measured = []

    def measure(many):
        measured.extend(many)
        values = {name: np.full((3, *metrics.METRICS[name].shape), 0.5) for each in many for name in each.measures}
        return [{k: v.tolist() for name in each.measures for k, v in metrics.columns(name, values[name]).items()}
                for each in many]  # fmt: skip

    monkeypatch.setattr(trial, "measure", measure)
    return measured


def test_what_is_measured_is_not_measured_again(few, coarse_outlines, tmp_path):
    seen = []
    written = docs.write(tmp_path, seen.append)
    assert [now.note for now in seen if now.stage == "pages"] == ["rules/cfg", "metrics/sw1"]
    assert {path.name for path in written} == {"README.md", "cfg.md", "cfg.png", "sw1.md"}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before.keys() == {*written, tmp_path / "numbers.json"}
    (tmp_path / "rules" / "gone.md").write_text("gone")
    few.clear()
    docs.write(tmp_path)
    assert not few
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_new_measure_is_measured_and_the_rest_stays(few, tmp_path, monkeypatch):
    docs.write(tmp_path)
    few.clear()

    def half(x):
        """Half."""
        return 0.5

    one = replace(metrics.METRICS["sw1"], name="half", title="Half", function=half, inputs=("x",))
    monkeypatch.setitem(metrics.METRICS._entries, "half", one)
    monkeypatch.setitem(docs.FOLDERS["metrics"], "half", one)
    docs.write(tmp_path)
    assert {each.scene for each in few} == {row.scene for row in methods.references()}
    assert "# Half" in (tmp_path / "metrics" / "half.md").read_text()


def test_a_row_knows_the_code_that_made_it():
    row = methods.Row("x", Scene.of("cfg"))
    assert row.key != methods.Row("x", Scene.of("cfg", w=2)).key
    assert row.key == methods.Row("y", Scene.of("cfg")).key
    assert code.digest([RULES["cfg"]]) != code.digest([RULES["none"]])
    named = code.parts(Scene.of("diffusion_negative_prompting", main="A64@4096~blur=0.1", schedule="linear"))
    assert {*named} == {"rule", "schedule", "integrator", "blur", "dns"}
    assert named["schedule"] is SCHEDULES["linear"]


def test_a_row_knows_what_its_method_calls_and_its_measures():
    called = {name.rpartition(".")[2] for name, _ in code.closure(INTEGRATORS["gibbs"].function)}
    assert "heun" in called
    assert "GIBBS_STEPS" in called
    measured = {name.rpartition(".")[2] for name, _ in code.closure(metrics.METRICS["sw1"].function)}
    assert {"sw1", "along_directions", "DIRECTIONS"} <= measured
    scene = Scene.of("cfg")
    assert methods.Row("x", scene, measures=("sw1",)).key != methods.Row("x", scene, measures=("outliers",)).key


def test_what_cannot_be_measured_says_why():
    for entry in FOLDERS["degradations"].values():
        for row in methods.rows("degradations", entry):
            assert (row.scene is None) == bool(row.why)
            if row.scene:
                assert dict(row.scene.cast)["main"] in names()


def test_text_is_not_taken_for_markup():
    assert docs.prose("``x`` <a> |b| c_d *e*") == r"`x` \<a> \|b\| c\_d \*e\*"
    assert docs.linked("Ho, arXiv:2207.12598") == "Ho, [arXiv:2207.12598](https://arxiv.org/abs/2207.12598)"
    assert (
        docs.linked("S, doi:10.1016/j.x.2013.03") == "S, [doi:10.1016/j.x.2013.03](https://doi.org/10.1016/j.x.2013.03)"
    )
    assert docs.cell("sw1", {"sw1": {"mean": None, "error": None}}) == "not finite"
