"""The command line: what it prints is right, and bad input is one sentence, exit code 2, nothing written."""

import csv
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.numpy import save_file

from toy import fractal
from toy.__main__ import main
from toy.figures import FORMATS
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scene import ROLE_DEFAULTS, Scene
from toy.schedules import SCHEDULES
from toy.state import parse, text
from toy.ui import export

ROOT = Path(__file__).parents[1]
TINY = ("--n", "256", "--steps", "8")
EULER = ("--integrator", "euler")  # asks a rule once a step: half as much to compile
EXACT = {"main": "exact:A", "unconditional": "exact:AB", "weak": "exact:A"}
MEASURES = ("outliers", "deep_tail", "mean_logp", "branch_tv", "root_share", "alignment", "sw1")


def run(*args: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="python -m toy")


def good(*args: object) -> str:
    """Standard output of a command that succeeds."""
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def strict_json(text: str):
    """JSON as the standard has it: no NaN, no infinity."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def exact_cast(rule: str) -> list[str]:
    """Flags that give every role of the rule an exact density."""
    return [part for role in RULES[rule].roles for part in (f"--{role}", EXACT.get(role, "exact:A"))]


def listing(folder: Path) -> dict[str, int]:
    """All that is in a folder, hidden files too, with sizes."""
    return {str(path.relative_to(folder)): path.stat().st_size * path.is_file() for path in folder.rglob("*")}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test has a folder of its own as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- probe ------------------------------------------------------------------------------------------------------------


def probed_points() -> np.ndarray:
    """On branches of both classes, beside them, and far off."""
    tree = fractal.branches()
    on = tree.means[[0, 1, 20, 126, 127, 200, 253], 3]
    beside = on[:4] + np.array([0.05, -0.08])
    return np.concatenate([on, beside, [[0, 0], [0.45, 1.22], [3, -2], [-8, 7], [50, 30]]])


@pytest.mark.parametrize("sigma", [0, 0.03, 0.5, 5])
@pytest.mark.parametrize("classes", fractal.CLASSES)
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
    out = good("metrics", "--rule", rule, *exact_cast(rule), *TINY, *EULER)
    assert all(name in out for name in ("outliers", "branch_tv", "alignment"))
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


@pytest.mark.computes
def test_a_figure_is_written_where_it_is_wanted(folder):
    printed = good("figure", "fig2", "--format", "svg", "--out", "new/place", "--n", 64, *exact_cast("cfg"))
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
            assert knob["lo"] <= knob["default"] <= knob["hi"], (row["name"], knob["name"])
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
    assert command in ("list", "bench") or "python -m toy" in out.partition("Options:")[0].partition("\n")[2]


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Files that are no checkpoints, or not ours, or not what they say."""
    place = tmp_path_factory.mktemp("damaged")
    shipped = ROOT / "models" / "weights" / f"{ROLE_DEFAULTS['main']}.safetensors"
    whole = shipped.read_bytes()
    with safe_open(shipped, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    (place / "truncated.safetensors").write_bytes(whole[: len(whole) // 2])
    (place / "empty.safetensors").write_bytes(b"")
    (place / "text.safetensors").write_text("these are not weights\n" * 40)
    (place / "folder.safetensors").mkdir()
    save_file(tensors, place / "foreign.safetensors")
    header = json.loads(metadata["header"])
    other = header | {"recipe": header["recipe"] | {"spec": header["recipe"]["spec"] | {"width": 16}}}
    save_file(tensors, place / "architecture.safetensors", metadata={"header": json.dumps(other)})
    strange = header | {"recipe": {"layers": "convolutional"}}
    save_file(tensors, place / "recipe.safetensors", metadata={"header": json.dumps(strange)})
    broken = tensors | {max(tensors, key=lambda name: tensors[name].size): None}
    name = next(key for key, value in broken.items() if value is None)
    broken[name] = np.full_like(tensors[name], np.nan)
    save_file(broken, place / "nan.safetensors", metadata=metadata)
    return place


METRICS = ("metrics", "--n", 256, "--main", "exact:A")
SAMPLE = ("sample", "--n", 256, "--steps", 8, "--main", "exact:A")
PROBE = ("probe", "--density", "exact:A", "--sigma", 1, "--at", "0,0")
TRAIN = ("train", "--width", 8, "--iters", 4, "--batch", 64)


@pytest.mark.computes
@pytest.mark.parametrize("kind", FORMATS)
def test_the_figure_of_a_link_is_the_download_of_the_app(folder, kind):
    link = "left.w=2.5&left.unconditional=exact:AB&right.rule=none&n=512&seed=3&view=0.45,1.22,0.3&trails=1"
    state, notes = parse(dict(parse_qsl(link)))
    assert not notes
    printed = good("figure", "explore", "--link", f"?{link}", "--format", kind, "--out", "new")
    assert printed.split() == [f"new/explore.{kind}"]
    (made,) = (make for _, name, _, make in export.CHOICES if name == f"guidance.{kind}")
    assert (folder / "new" / f"explore.{kind}").read_bytes() == made(state)


FIGURE = ("figure", "fig2", "--n", 64)

# Arguments, and words that the message must have: the bad value, and what is allowed instead.
BAD = [
    ((*METRICS, "--rule", "magic"), ["magic", "autoguidance"]),
    ((*METRICS, "--schedule", "sometimes"), ["sometimes", "interval"]),
    ((*METRICS, "--integrator", "leapfrog"), ["leapfrog", "heun"]),
    ((*METRICS, "--target", "C"), ["'C'", "AB"]),
    ((*METRICS, "--start", "middle"), ["middle", "normal"]),
    (("metrics", "--main", "exact:C"), ["exact:C", "exact:AB"]),
    (("metrics", "--main", "A7@3"), ["A7@3", "python -m models.zoo A7@3"]),
    (("metrics", "--main", "../../etc/passwd"), ["passwd", "exact:A"]),
    (("metrics", "--main", "absent.safetensors"), ["absent.safetensors"]),
    (("metrics", "--main", ""), ["''", "exact:A"]),
    (("metrics", "--main", "{damaged}/truncated.safetensors"), ["truncated.safetensors", "damaged"]),
    (("metrics", "--main", "{damaged}/empty.safetensors"), ["empty.safetensors", "damaged"]),
    (("metrics", "--main", "{damaged}/text.safetensors"), ["text.safetensors", "damaged"]),
    (("metrics", "--main", "{damaged}/folder.safetensors"), ["folder.safetensors"]),
    (("metrics", "--main", "{damaged}/foreign.safetensors"), ["foreign.safetensors"]),
    (("metrics", "--main", "{damaged}/architecture.safetensors"), ["architecture.safetensors", "architecture"]),
    (("metrics", "--main", "{damaged}/recipe.safetensors"), ["recipe.safetensors"]),
    (("metrics", "--main", "{damaged}/nan.safetensors"), ["nan.safetensors", "finite"]),
    ((*METRICS, "--steps", 7), ["7", "8", "256"]),
    ((*METRICS, "--steps", 8.5), ["8.5", "whole"]),
    ((*METRICS, "--n", 0), ["0", "1"]),
    ((*METRICS, "--n", 1.5), ["1.5", "whole"]),
    ((*METRICS, "--n", 10**12), ["1000000000000"]),
    ((*METRICS, "--n", "many"), ["many", "1"]),
    ((*METRICS, "--seed", -1), ["-1", "0"]),
    ((*METRICS, "--sigma-max", "inf"), ["inf", "80"]),
    ((*METRICS, "--sigma-min", -0.002), ["-0.002", "0.0005"]),
    ((*METRICS, "--rho", "nan"), ["nan", "20"]),
    (("metrics", "--rule", "cfg", "--w", "nan"), ["nan", "0", "8"]),
    (("metrics", "--rule", "cfg", "--w", "inf"), ["inf", "8"]),
    (("metrics", "--rule", "cfg", "--w", 9), ["9", "8"]),
    (("metrics", "--rule", "cfg", "--w", -1), ["-1", "0"]),
    (("metrics", "--rule", "cfg", "--w", "four"), ["four", "8"]),
    (("metrics", "--rule", "cfg", "--schedule", "interval", "--lo", "nan"), ["nan", "lo"]),
    ((*METRICS, "--w", 3), ["'w'", "none"]),
    ((*METRICS, "--rule", "cfg", "--weak", "exact:A"), ["'weak'", "cfg"]),
    ((*METRICS, "--hi", 1), ["'hi'", "none"]),
    ((*METRICS, "--unheard-of", 1), ["--unheard-of"]),
    (("measure",), ["measure"]),
    ((*SAMPLE, "--out", "samples.txt"), ["samples.txt", ".npz", ".csv"]),
    ((*SAMPLE, "--out", "samples"), ["'samples'", ".npz"]),
    ((*SAMPLE, "--out", "file/samples.npz"), ["file/samples.npz"]),
    ((*SAMPLE, "--out", "folder.npz"), ["folder.npz", "folder"]),
    ((*SAMPLE, "--out", "/proc/none/samples.npz"), ["/proc/none/samples.npz"]),
    ((*SAMPLE, "--path", "--out", "samples.csv"), ["path", ".npz"]),
    (SAMPLE, ["--out"]),
    ((*TRAIN, "--classes", "C", "--out", "m.safetensors"), ["'C'", "AB"]),
    ((*TRAIN, "--loss", "adversarial", "--out", "m.safetensors"), ["adversarial", "denoising"]),
    ((*TRAIN, "--width", 0, "--out", "m.safetensors"), ["width = 0", "1"]),
    ((*TRAIN, "--width", 2.5, "--out", "m.safetensors"), ["2.5"]),
    ((*TRAIN, "--iters", -4, "--out", "m.safetensors"), ["-4", "1"]),
    ((*TRAIN, "--batch", 10**9, "--out", "m.safetensors"), ["1000000000", "65536"]),
    ((*TRAIN, "--depth", 99, "--out", "m.safetensors"), ["99", "16"]),
    ((*TRAIN, "--seed", 10**30, "--out", "m.safetensors"), ["1" + 30 * "0"]),
    ((*TRAIN, "--out", "m.npz"), ["m.npz", ".safetensors"]),
    ((*TRAIN, "--out", "file/m.safetensors"), ["file/m.safetensors"]),
    ((*TRAIN, "--out", "folder.safetensors"), ["folder.safetensors", "folder"]),
    (("figure", "fig7"), ["fig7", "fig1"]),
    (("figure", "fig2", "fig7"), ["fig7", "fig1"]),
    (("figure",), ["NAME"]),
    ((*FIGURE, "--format", "bmp"), ["bmp", "svg"]),
    ((*FIGURE, "--view", "sideways"), ["sideways", "closeup"]),
    ((*FIGURE, "--view", "0,0,-1"), ["0,0,-1"]),
    ((*FIGURE, "--view", "0,nan,1"), ["0,nan,1"]),
    ((*FIGURE, "--sigma", -1), ["-1", "100"]),
    ((*FIGURE, "--sigma", "nan"), ["nan", "100"]),
    ((*FIGURE, "--target", "C"), ["'C'", "AB"]),
    ((*FIGURE, "--w", 99), ["99", "8"]),
    ((*FIGURE, "--unconditional", "nobody"), ["nobody", "exact:A"]),
    (("figure", "fig2", "fig1", "--n", 64, "--weak", "nobody"), ["nobody", "exact:A"]),
    ((*FIGURE, "--out", "file"), ["file"]),
    ((*FIGURE, "--out", "file/deeper"), ["file/deeper"]),
    ((*FIGURE, "--lo", 0.1), ["lo"]),
    ((*FIGURE, "--link", "left.w=3"), ["--link", "explore", "fig2"]),
    (("figure", "explore", "--link", "left.w=99"), ["left.w", "99", "8"]),
    (("figure", "explore", "--link", "http://127.0.0.1:8501/?left.rule=magic"), ["magic", "autoguidance"]),
    (("figure", "explore", "--link", "colour=red"), ["colour"]),
    (("figure", "explore", "--link", "left.main=nobody"), ["nobody", "exact:A"]),
    (("figure", "explore", "--w", 3), ["--w", "link"]),
    (("figure", "explore", "fig1"), ["fig1", "explore"]),
    (("figure", "explore", "--format", "bmp"), ["bmp", "svg"]),
    (("figure", "explore", "--out", "file"), ["file"]),
    (("probe", "--density", "exact:Z", "--sigma", 1, "--at", "0,0"), ["exact:Z", "exact:AB"]),
    (("probe", "--density", "B1@2", "--sigma", 1, "--at", "0,0"), ["B1@2", "python -m models.zoo B1@2"]),
    (("probe", "--density", "{damaged}/text.safetensors", "--sigma", 1, "--at", "0,0"), ["text.safetensors"]),
    (("probe", "--density", "A64@4096", "--sigma", 0, "--at", "0,0"), ["0", "0.001"]),
    (("probe", "--density", "exact:A", "--sigma", -1, "--at", "0,0"), ["-1", "100"]),
    (("probe", "--density", "exact:A", "--sigma", "nan", "--at", "0,0"), ["nan", "100"]),
    (("probe", "--density", "exact:A", "--sigma", "wide", "--at", "0,0"), ["wide", "100"]),
    ((*PROBE, "--at", "1"), ["'1'", "X,Y"]),
    ((*PROBE, "--at", "1,2,3"), ["1,2,3", "X,Y"]),
    ((*PROBE, "--at", "nan,0"), ["nan,0"]),
    ((*PROBE, "--at", "0,inf"), ["0,inf"]),
    (("probe", "--density", "exact:A", "--sigma", 1), ["--at"]),
    (("bench", "--only", "nothing"), ["nothing"]),
]


@pytest.mark.parametrize(("args", "words"), BAD, ids=lambda value: " ".join(map(str, value)))
def test_bad_input_is_one_sentence(args, words, folder, damaged):
    (folder / "file").write_text("kept")
    for name in ("folder.npz", "folder.safetensors"):
        (folder / name).mkdir()
    before = listing(folder)
    result = run(*(str(arg).replace("{damaged}", str(damaged)) for arg in args))
    assert result.exit_code == 2, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    # click's own messages have two lines of usage before them, and a progress bar leaves its label.
    *before_it, sentence = [line for line in result.stderr.splitlines() if line.strip()]
    assert sentence.startswith("Error: ")
    assert all(re.match(r"Usage: |Try '|figures|training", line) for line in before_it), result.stderr
    for word in words:
        assert word in sentence, sentence
    assert len(sentence) < 700
    assert listing(folder) == before
    assert (folder / "file").read_text() == "kept"


def test_nothing_is_left_of_a_file_that_could_not_be_finished(folder, monkeypatch):
    (folder / "s.csv").write_text("older")

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savetxt", fail)
    result = run(*SAMPLE, "--out", "s.csv")
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert set(listing(folder)) == {"s.csv"}
    assert (folder / "s.csv").read_text() == "older"


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


@pytest.mark.computes
def test_the_sampler_s_own_density_is_measured():
    cfg = ("metrics", "--rule", "cfg", "--main", "exact:A", "--unconditional", "exact:A", *TINY, "--logq")
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


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("metrics", "--rule", "cfg", "--integrator", "smc", "--n", "1"), "n = 1 is too few for integrator 'smc'"),
        (("metrics", "--rule", "cads", "--integrator", "smc"), "needs a rule that stands for a tilted density"),
        (("metrics", "--rule", "cfg", "--integrator", "ancestral", "--logq"), "is stochastic and gives no exact log q"),
        (("metrics", "--rule", "cfg", "--weak", "exact:A"), "'weak' does not go with rule 'cfg'"),
        (("metrics", "--seeds", "1"), "seeds = 1 is not a whole number from 2 to 100"),
        (("metrics", "--seeds", "2", "--logq"), "--seeds does not go with --logq"),
        (("metrics", "--rule", "cfg", "--schedule", "interval", "--lo", "2", "--hi", "1"), "lo = 2 is above hi = 1"),
        (("metrics", "--main", "A64@4096~drop=1"), "drop"),
        (("compare", "--methods", "cgf"), "unknown method 'cgf'; have: all, none"),
        (("compare", "--strengths", "1,x"), "strength 'x' is not a number from 0 to 8"),
        (("compare", "--n", "1.5"), "n = 1.5 is not a whole number"),
        (("compare", "--out", "table.txt"), "--out 'table.txt' does not end in .csv"),
    ],
    ids=lambda value: None if isinstance(value, tuple) else value[:30],
)
def test_bad_combinations_are_one_sentence(flags, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run(*flags)
    assert found.exit_code == 2
    assert words in found.stderr
    assert found.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
