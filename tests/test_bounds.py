"""What is asked for is bounded, nothing is done that was not asked for, and two that write one file lose nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import models
from toy import __main__ as program
from toy import compare, files, memory, metrics, scenes
from toy.lab import claims, methods, trial
from toy.lab.compare import run as tabulate
from toy.registry import Knob
from toy.scene import Scene
from toy.viewer import requests

HUGE = int("9" * 400)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*args: object) -> Result:
    return CliRunner().invoke(program.main, [str(arg) for arg in args])


def refused(*args: object) -> str:
    """The sentence with which a command refuses; nothing is written."""
    before = sorted(Path().rglob("*"))
    found = run(*args)
    assert found.exit_code == 2, (found.output, found.exception)
    assert found.stdout == ""
    assert sorted(Path().rglob("*")) == before
    return found.stderr.splitlines()[-1]


# --- Numbers without end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize(
    "flags",
    [("metrics", "--n"), ("metrics", "--seeds"), ("metrics", "--rho"), ("compare", "--seeds"), ("train", "--width"),
     ("train", "--seed"), ("probe", "--density", "exact:A", "--at", "0,0", "--sigma")],
    ids=" ".join,
)  # fmt: skip
def test_a_number_of_hundreds_of_digits_is_one_short_sentence(flags, digits: int) -> None:
    out = ("--out", "m.safetensors") if flags[0] == "train" else ()
    sentence = refused(*flags, "9" * digits, *out)
    assert "99999" in sentence
    assert len(sentence) < 400


def test_a_knob_takes_no_integer_that_no_float_is() -> None:
    with pytest.raises(ValueError, match="is not a number from 0 to 1"):
        Knob(0, 1, 0.1, "w", "weight", name="w").check(HUGE)
    with pytest.raises(ValueError, match="w = 999"):
        Scene.of("cfg", w=HUGE)


@pytest.mark.parametrize("bad", [HUGE, -HUGE, float("nan"), float("inf"), "1", None])
def test_a_component_s_message_of_such_numbers_asks_nothing(bad) -> None:
    assert requests.numbers([bad, 1.0], 2) is None
    assert requests.numbers([2, 1.0], 2) == (2.0, 1.0)


# --- Memory -----------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_told_before_it_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free", lambda: 3 * 10**9)
    monkeypatch.setattr(scenes, "sample", lambda *args, **kwargs: pytest.fail("it was sampled"))
    large = ("--n", 2**20, "--steps", 256, "--main", "exact:A")
    words = refused("sample", *large, "--path", "--out", "s.npz")
    assert "n = 1048576, steps = 256, the whole path: that takes about 9.1 GB of memory, and 3.0 GB are free" in words
    for args in (
        ("sample", *large, "--out", "s.csv"),
        ("metrics", *large),
        ("metrics", "--n", 2**14, "--main", "exact:A", "--seeds", 100),
        ("metrics", *large, "--logq"),
        ("table", "--n", 2**20),
        ("compare", "--n", 2**20, "--methods", "none"),
        ("figure", "fig1", "--n", 2**20),
    ):
        assert "GB of memory" in refused(*args)


def test_what_is_usual_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free", lambda: pytest.fail("it was asked"))
    memory.check(Scene.of("cfg"), keep=True, seeds=5)
    assert memory.need(Scene.of(n=10, steps=8), keep=True) == 10 * memory.POINT + 2 * 8 * 10 * 9


def test_memory_that_is_free_is_a_number_of_bytes() -> None:
    assert 0 < memory.free() < 2**50


# --- Nothing that is not asked for ------------------------------------------------------------------------------------


def test_samples_are_drawn_and_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        pytest.fail("it was measured")

    small = ("--n", 64, "--steps", 8, "--main", "exact:A")
    scene = Scene.of(n=64, steps=8, main="exact:A")
    frame = scenes.compute(scene, models.cast(scene.cast))
    for name in ("evaluate", "floor", "truth"):
        monkeypatch.setattr(metrics, name, fail)
    assert run("sample", *small, "--path", "--out", "s.npz").exit_code == 0
    with np.load("s.npz") as found:
        np.testing.assert_array_equal(found["path"], frame.path)
        np.testing.assert_array_equal(found["samples"], frame.samples)
        np.testing.assert_array_equal(found["sigmas"], frame.sigmas)
        np.testing.assert_allclose(found["logp"], frame.logp, rtol=1e-6, atol=1e-6)


# --- Places to write --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_a_name_that_is_too_long_is_told_before_the_work(monkeypatch, suffix: str) -> None:
    monkeypatch.setattr(scenes, "sample", lambda *args, **kwargs: pytest.fail("it was sampled"))
    assert "File name too long" in refused("sample", "--n", 8, "--out", "x" * 300 + suffix)


def test_the_longest_name_that_there_is_can_be_written() -> None:
    path = Path("x" * 250 + ".txt")
    files.check_writable(path)
    with files.replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_what_is_written_beside_an_output_is_checked_with_it() -> None:
    Path("t.parquet").mkdir()
    assert "cannot write 't.parquet': it is a folder" in refused(
        "compare", "--n", 16, "--methods", "none", "--out", "t.csv"
    )
    Path("figures/fig9.png").mkdir(parents=True)
    assert "fig9.png': it is a folder" in refused("figure", "fig1", "fig9", "--n", 8, "--out", "figures")


def test_a_full_disk_is_told_before_the_work_and_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        if data:
            raise OSError(28, "No space left on device")
        return 0

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ValueError, match=r"^cannot write 'a/b.npz': No space left on device$"):
        files.check_writable("a/b.npz")
    with (
        pytest.raises(ValueError, match=r"^cannot write 'a/b.npz': No space left on device$"),
        files.replacing("a/b.npz") as temporary,
    ):
        temporary.write_bytes(b"new")
    assert not list(Path("a").iterdir())


# --- Flags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "axis"), [("--width", "width=8,9"), ("--iters", "iterations=4"), ("--seed", "seed=0")]
)
def test_a_flag_that_a_grid_overrules_is_refused(flag: str, axis: str) -> None:
    assert f"{flag} does not go with --grid" in refused("train", "--grid", axis, flag, 8)


@pytest.mark.parametrize("body", ["raise SystemExit(0)", "import sys; sys.exit()", "exit(3)"])
def test_a_file_of_claims_that_ends_the_program_is_refused(body: str) -> None:
    Path("mine.py").write_text(body)
    assert "claims file 'mine.py' failed: SystemExit" in refused("claims", "--module", "mine.py")


def test_a_claim_that_ends_the_program_is_refused() -> None:
    def leaves(lab):
        """It ends."""
        raise SystemExit(0)

    item = claims.claim(source="none", above=0.0)(leaves)
    with pytest.raises(ValueError, match="claim 'leaves' cannot be measured: SystemExit"):
        claims.run([item], claims.QUICK)


# --- Two at once ------------------------------------------------------------------------------------------------------


def test_two_that_fill_one_table_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way they meet: one ends, and writes the whole table, while the other is half-way."""
    fresh = compare.points(compare.chosen("none,cfg"), (1.0, 2.0), n=8, seeds=1, main="exact:A")
    mine, other = fresh[:1], fresh[1:]
    columns = {name for metric, entry in metrics.METRICS.items()
               for name in metrics.columns(metric, np.zeros((1, *entry.shape)))}  # fmt: skip
    monkeypatch.setattr(trial, "measure", lambda many: [{name: [0.5] for name in columns} for _ in many])

    def meet(now):
        if now.done and not done:
            done.append(now)
            tabulate(other, "t.csv")

    done: list = []
    tabulate(mine, "t.csv", report=meet)
    assert {found["trial"] for found in compare.read("t.csv")} == {point.key for point in fresh}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda point: tabulate([point], "u.csv"), fresh))
    assert {found["trial"] for found in compare.read("u.csv")} == {point.key for point in fresh}
    assert {path.name for path in Path().iterdir()} == {
        f"{name}.{kind}" for name in "tu" for kind in ("csv", "parquet")
    }


def test_a_file_is_held_by_one_at_a_time() -> None:
    inside: list[str] = []

    def work(name: str) -> None:
        with files.alone("some/file.csv"):
            inside.append(name)
            assert inside == [name]
            inside.remove(name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, map(str, range(20))))
    assert not list(Path().iterdir())  # no lock is left in the user's folder


def test_numbers_of_pages_that_another_process_measured_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, kept = Scene.of(n=8, steps=8, main="exact:A"), Path("numbers.json")
    one, two = (methods.Row("x", each, measures=("outliers",)) for each in (scene, scene.change(seed=1)))

    def measure(many):
        kept.write_text(json.dumps({two.key: {"outliers": "another's"}}))
        return [{"outliers": [0.5] * 3} for _ in many]

    monkeypatch.setattr(trial, "measure", measure)
    found, _ = methods.measure([one, two], kept)
    assert json.loads(kept.read_text()) == found
    assert found[one.key]["outliers"]["mean"] == 0.5
    assert found[two.key] == {"outliers": "another's"}
