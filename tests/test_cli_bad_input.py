"""Bad input to the command line is one sentence and exit code 2, and leaves nothing behind."""

import json
import re

import numpy as np
import pytest
from cli_runner import ROOT, listing, run
from safetensors import safe_open
from safetensors.numpy import save_file

from toy.scene import ROLE_DEFAULTS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test has a folder of its own as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
        (("compare", "--strengths", "1,x"), "strength = x is not a number from 0 to 8"),
        (("compare", "--n", "1.5"), "n = 1.5 is not a whole number"),
        (("compare", "--evaluations", "7"), "evaluations = 7 is not a whole number from 8 to 100000"),
        (
            ("compare", "--methods", "cfg", "--evaluations", "20"),
            "nothing takes as few as 20 score evaluations: cfg takes 30 score evaluations with 8 steps, the fewest",
        ),
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
