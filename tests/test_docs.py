"""The pages of docs/methods: one for everything that is registered, as its code says now."""

import re
import shlex
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from models.zoo import names
from toy import compare, docs, fractal, metrics
from toy.docs import FOLDERS
from toy.guidance import RULES
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


def test_all_of_it_is_small():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3e6


@pytest.mark.parametrize("folder", FOLDERS)
def test_commands_are_the_scenes_that_were_measured(folder):
    for entry in FOLDERS[folder].values():
        for row in docs.rows(folder, entry):
            if row.scene is None:
                assert row.why
                continue
            words = shlex.split(docs.command(row.scene).partition("do ")[2].partition(";")[0])
            flags = dict(zip(words[4::2], words[5::2], strict=True))
            given = {flag.removeprefix("--").replace("-", "_"): value for flag, value in flags.items()}
            assert given.pop("seed") == "$seed"
            assert Scene.of(given.pop("rule"), **given) == row.scene


def load(name: str):
    return fractal.mixture(compare.exact_name("", name).removeprefix("exact:"))


def test_numbers_are_means_over_seeds(monkeypatch):
    monkeypatch.setattr(docs, "N", 32)
    scene = Scene.of("none", main="exact:A", n=32, steps=8)
    found, frame = docs.measure(scene, load)
    each = [docs.scenes.compute(scene.change(seed=i), {"main": load("exact:A")}) for i in range(docs.SEEDS)]
    values = np.array([one.metrics["branch_tv"] for one in each])
    assert found["branch_tv"]["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert found["branch_tv"]["error"] == pytest.approx(values.std(ddof=1) / docs.SEEDS**0.5, rel=1e-4)
    assert frame.scene == scene
    assert len(found["mass_by_depth"]["mean"]) == 7


@pytest.fixture
def few(monkeypatch):
    """A registry of one rule, one measure, and tiny scenes."""
    monkeypatch.setattr(docs, "N", 32)
    monkeypatch.setattr(docs, "FOLDERS", {"rules": {"cfg": RULES["cfg"]}, "metrics": {"sw1": metrics.METRICS["sw1"]}})


def test_what_is_measured_is_not_measured_again(few, coarse_outlines, tmp_path, monkeypatch):
    seen = []
    written = docs.write(tmp_path, load, lambda what, measured: seen.append((what, measured)))
    assert seen == [("rules/cfg", False), ("metrics/sw1", False)]  # both are references already
    assert {path.name for path in written} == {"README.md", "cfg.md", "cfg.png", "sw1.md"}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "rules" / "gone.md").write_text("gone")
    monkeypatch.setattr(docs, "measure", None)
    docs.write(tmp_path, load)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_row_knows_the_code_that_made_it():
    row = docs.Row("x", Scene.of("cfg"))
    assert row.key != docs.Row("x", Scene.of("cfg", w=2)).key
    assert row.key == docs.Row("y", Scene.of("cfg")).key
    assert docs.digest(RULES["cfg"]) != docs.digest(RULES["none"])
    named = docs.parts(Scene.of("diffusion_negative_prompting", main="A64@4096~blur=0.1", schedule="linear"))
    assert {*named} == {"rule", "schedule", "integrator", "blur", "dns"}
    assert named["schedule"] is SCHEDULES["linear"]


def test_what_cannot_be_measured_says_why():
    for entry in FOLDERS["degradations"].values():
        for row in docs.rows("degradations", entry):
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
