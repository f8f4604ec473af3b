"""The command line: what it prints is right, and bad input is one sentence, exit code 2, nothing written."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from cli_runner import EULER, ROOT, TINY, exact_cast, good, listing, strict_json
from safetensors import safe_open

from toy import distributions
from toy.__main__ import main
from toy.figures import FORMATS
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scene import ROLE_DEFAULTS, Scene
from toy.schedules import SCHEDULES
from toy.state import parse, text
from toy.ui import export


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test has a folder of its own as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


MEASURES = ("outliers", "deep_tail", "mean_logp", "branch_tv", "root_share", "alignment", "sw1")


# --- probe ------------------------------------------------------------------------------------------------------------


def probed_points() -> np.ndarray:
    """On branches of both classes, beside them, and far off."""
    tree = distributions.distribution_of("tree")
    on = tree.means[[0, 1, 20, 126, 127, 200, 253], 3]
    beside = on[:4] + np.array([0.05, -0.08])
    return np.concatenate([on, beside, [[0, 0], [0.45, 1.22], [3, -2], [-8, 7], [50, 30]]])


@pytest.mark.parametrize("sigma", [0, 0.03, 0.5, 5])
@pytest.mark.parametrize("classes", distributions.targets())
def test_probe_equals_double_precision(classes, sigma, reference):
    x = probed_points()
    places = [part for px, py in x.tolist() for part in ("--at", f"{px!r},{py!r}")]
    rows = strict_json(good("probe", "--density", f"exact:{classes}", "--sigma", sigma, *places, "--json"))
    assert [(row["x"], row["y"], row["sigma"]) for row in rows] == [(px, py, sigma) for px, py in x.tolist()]
    logp, score = reference(classes).logp(x, sigma), reference(classes).score(x, sigma)
    for name, ours, theirs in (
        ("logp", np.array([row["logp"] for row in rows]), logp),
        ("score", np.array([row["score"] for row in rows]), score),
    ):
        wrong = np.abs(ours - theirs) > np.maximum(1e-4 * np.abs(theirs), 1e-3)
        assert not wrong.any(), (name, x[np.argwhere(wrong)[:, 0]], ours[wrong], theirs[wrong])


def test_probe_says_that_a_learned_density_has_no_constant():
    args = ("probe", "--density", "A64@4096", "--sigma", 0.5, "--at", "0.4,1.1")
    (row,) = strict_json(good(*args, "--json"))
    assert row["up_to_constant"] is True
    assert "up to a constant" in good(*args)
    assert "up to a constant" not in good("probe", "--density", "exact:A", "--sigma", 0.5, "--at", "0.4,1.1")


def test_normalised_probe_integrates_to_one():
    side = np.linspace(-4, 4, 48)
    step = side[1] - side[0]
    places = [part for y in side for x in side for part in ("--at", f"{x:.6f},{y:.6f}")]
    rows = strict_json(
        good("probe", "--density", "A64@4096", "--sigma", 0.5, *places, "--normalise", "--json"),
    )
    assert all(not row.get("up_to_constant") for row in rows)
    assert 0 <= rows[0]["normalisation_error"] < 0.01
    total = sum(math.exp(row["logp"]) for row in rows) * step**2
    assert total == pytest.approx(1, abs=0.01)


# --- metrics, sample, figure, list, train -----------------------------------------------------------------------------


def test_metrics_json_has_what_others_build_on():
    found = strict_json(good("metrics", "--rule", "cfg", "--w", 2.5, *exact_cast("cfg"), *TINY, "--json"))
    for name in MEASURES:
        assert math.isfinite(found[name]), name
        assert name in found["floor"], name
    for name in ("outliers", "deep_tail", "root_share", "alignment", "branch_tv"):
        assert 0 <= found[name] <= 1, name
    scene = dict(found["scene"])
    assert (scene["rule"], scene["w"], scene["n"], scene["steps"]) == ("cfg", 2.5, 256, 8)
    assert Scene.of(**scene).flat() == found["scene"]


def test_metrics_json_has_no_nan_where_the_sampler_diverges():
    flags = ("--rule", "naive_truncation", "--gamma", 3, "--main", "exact:A", "--start", "normal", "--sigma-max", 80)
    strict_json(good("metrics", *flags, *TINY, "--json"))


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_measured(rule):
    # A few Gaussians in place of the tree: two thirds as much to compile.
    cast = [part.replace("exact:", "exact:gaussians/") for part in exact_cast(rule)]
    out = good("metrics", "--rule", rule, "--target", "gaussians/A", *cast, *TINY, *EULER)
    assert all(name in out for name in ("outliers", "branch_tv", "alignment", "evaluations"))
    assert "nan" not in out.lower()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_and_its_knobs_are_flags(schedule):
    knobs = {name: knob.default for name, knob in SCHEDULES[schedule].knobs.items()}
    flags = [part for name, value in knobs.items() for part in (f"--{name.replace('_', '-')}", text(value))]
    args = ("metrics", "--rule", "cfg", *exact_cast("cfg"), "--schedule", schedule, *flags, *TINY, *EULER, "--json")
    found = strict_json(good(*args))
    scene = found["scene"]
    assert scene["schedule"] == schedule
    assert 0 <= found["outliers"] <= 1
    usual = Scene.of("cfg", schedule=schedule).flat()
    assert all(scene[part] == usual[part] for knob in SCHEDULES[schedule].knobs.values() for part in knob.parts)


def test_samples_are_kept_with_their_scene(folder, reference):
    scene_flags = ("--rule", "cfg", *exact_cast("cfg"), "--w", 3, "--seed", 7, *TINY)
    assert good("sample", *scene_flags, "--path", "--out", "s.npz").strip() == "s.npz"
    good("sample", *scene_flags, "--out", "s.csv")
    with np.load("s.npz") as file:
        scene = Scene.of(**json.loads(str(file["scene"])))
        samples, path, sigmas, logp = (file[name] for name in ("samples", "path", "sigmas", "logp"))
    assert (scene.rule, scene.n, scene.seed, dict(scene.knobs)["w"]) == ("cfg", 256, 7, 3)
    assert samples.shape == (256, 2)
    assert path.shape == (9, 256, 2)
    assert sigmas.shape == (9,)
    assert sigmas[-1] == 0
    np.testing.assert_array_equal(path[-1], samples)
    np.testing.assert_allclose(logp, reference("A").logp(samples, 0), atol=2e-3, rtol=1e-4)
    with open("s.csv") as text:
        header, *rows = csv.reader(text)
    assert header == ["x", "y", "true_logp"]
    np.testing.assert_allclose(np.array(rows, float)[:, :2], samples, rtol=1e-6, atol=1e-6)
    assert set(listing(folder)) == {"s.npz", "s.csv"}


@pytest.mark.usefixtures("coarse_outlines")
def test_a_figure_is_written_where_it_is_wanted(folder):
    small = ("--n", 64, "--steps", 8)
    printed = good("figure", "fig2", "--format", "svg", "--out", "new/place", *small, *exact_cast("cfg"))
    assert printed.strip() == "new/place/fig2.svg"
    assert set(listing(folder)) == {"new", "new/place", "new/place/fig2.svg"}
    assert "exact:AB" in (folder / "new/place/fig2.svg").read_text()


def test_list_has_a_source_and_knobs_for_everything():
    found = strict_json(good("list", "--json"))
    for title, registry in (("rules", RULES), ("schedules", SCHEDULES), ("integrators", INTEGRATORS)):
        assert [row["name"] for row in found[title]] == list(registry)
    for row in [row for title in ("rules", "schedules", "integrators", "metrics") for row in found[title]]:
        assert row["source"], row["name"]
        for knob in row["knobs"]:
            numbers = np.asarray(knob["default"])
            assert np.shape(numbers) == ((knob["size"],) if "size" in knob else ()), (row["name"], knob["name"])
            assert np.all((knob["lo"] <= numbers) & (numbers <= knob["hi"])), (row["name"], knob["name"])
            assert knob["help"], knob["name"]
    assert {"exact:A", "exact:B", "exact:AB", *ROLE_DEFAULTS.values()} <= set(found["densities"])
    assert all(name in good("list") for name in (*RULES, *SCHEDULES, *INTEGRATORS))


def test_a_model_trained_here_can_be_cast(folder):
    tiny = ("--width", 8, "--depth", 2, "--iters", 20, "--batch", 64)
    assert good("train", "--classes", "A", *tiny, "--out", "models/tiny.safetensors").strip()
    assert set(listing(folder)) == {"models", "models/tiny.safetensors"}
    with safe_open("models/tiny.safetensors", framework="numpy") as file:
        header = json.loads(file.metadata()["header"])
    assert (folder / "models/tiny.safetensors").stat().st_mode & 0o044 == 0o044  # others may read it
    assert header["recipe"]["iterations"] == 20
    assert "python -m toy train" in header["command"]
    flags = ("--rule", "none", "--main", "models/tiny.safetensors", *TINY)
    assert strict_json(good("metrics", *flags, "--json"))["scene"]["main"] == "models/tiny.safetensors"
    (row,) = strict_json(
        good("probe", "--density", "models/tiny.safetensors", "--sigma", 0.1, "--at", "0,0", "--json"),
    )
    assert row["up_to_constant"] is True


@pytest.mark.parametrize("command", [None, *main.commands])
def test_help_has_an_example(command):
    out = good(*([command] if command else []), "--help")
    assert "\\" not in out, "a mark of its layout is shown"
    assert command in ("list", "bench") or "python -m toy" in out.partition("Options:")[0].partition("\n")[2]


@pytest.mark.usefixtures("coarse_outlines")
@pytest.mark.parametrize("kind", FORMATS)
def test_the_figure_of_a_link_is_the_download_of_the_app(folder, kind):
    link = "left.w=2.5&left.unconditional=exact:AB&right.rule=none&n=512&steps=8&seed=3&view=0.45,1.22,0.3&trails=1"
    state, notes = parse(dict(parse_qsl(link)))
    assert not notes
    printed = good("figure", "explore", "--link", f"?{link}", "--format", kind, "--out", "new")
    assert printed.split() == [f"new/explore.{kind}"]
    (made,) = (make for _, name, _, make in export.CHOICES if name == f"guidance.{kind}")
    assert (folder / "new" / f"explore.{kind}").read_bytes() == made(state)


def test_the_program_itself(folder):
    def start(*args):
        return subprocess.run(
            [sys.executable, "-m", "toy", *args], cwd=ROOT, capture_output=True, text=True, timeout=300
        )

    found = start("list", "--json")
    assert found.returncode == 0, found.stderr
    assert strict_json(found.stdout)["rules"]
    refused = start("metrics", "--rule", "magic")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr == f"Error: unknown rule 'magic'; have: {', '.join(RULES)}\n"


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_every_integrator_is_measured(integrator):
    found = strict_json(
        good("metrics", "--rule", "cfg", *exact_cast("cfg"), "--integrator", integrator, *TINY, "--json")
    )
    assert found["scene"]["integrator"] == integrator
    assert 0 <= found["outliers"] <= 1


def test_measures_over_seeds_have_standard_errors():
    found = strict_json(good("metrics", "--main", "exact:A", *TINY, "--seeds", "3", "--json"))
    assert found["seeds"] == 3
    assert found["branch_tv"]["error"] > 0
    assert len(found["mass_by_depth"]["mean"]) == 7
    assert "std error" in good("metrics", "--main", "exact:A", *TINY, "--seeds", "2")


def test_the_sampler_s_own_density_is_measured():
    one = "exact:gaussians/A"
    cfg = ("metrics", "--on", "gaussians", "--rule", "cfg", "--main", one, "--unconditional", one, *TINY, "--logq")
    found = strict_json(good(*cfg, "--json"))
    assert found["kl_truth"] == pytest.approx(found["kl_tilt"], abs=0.02)  # a guide equal to the main model
    assert "KL(q || p)" in good(*cfg)


def test_a_table_of_methods_is_written_and_finished_later(tmp_path):
    out = tmp_path / "table.csv"
    flags = ("compare", "--methods", "none,cfg", "--n", "64", "--seeds", "2", "--out", out)
    lines = good(*flags, "--strengths", "1,2").split()
    assert [Path(line).suffix for line in lines] == [".csv", ".parquet", ".png"]
    assert all(Path(line).stat().st_size for line in lines)
    before = out.read_text()
    good(*flags, "--strengths", "1,2,3")
    assert out.read_text().splitlines()[: len(before.splitlines())] == before.splitlines()
    with out.open() as file:
        assert len(list(csv.DictReader(file))) == 2 * (1 + 3)
