"""One's own points as a distribution: read within bounds, kept by content, exact like every other."""

import os
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from cli_runner import EULER, TINY, good, run, strict_json
from streamlit.testing.v1 import AppTest

from models import zoo
from toy import captions, distributions, views
from toy.distributions import keeping, reading
from toy.distributions.points import facts, store, usual_bandwidth
from toy.scene import Scene
from toy.ui import uploading
from toy.ui.quota import Rate
from toy.viewer import computing, packs

points = sys.modules[store.__module__]  # the package has the function of that name
targets = sys.modules["toy.distributions.targets"]
THREE = b"1,2\n3,4\n5,7\n"
WORDS = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of one's own."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    return tmp_path / "data"


def cloud(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes: an arc, and two blobs in which rounded points fall together."""
    draw = np.random.default_rng(seed)
    label = draw.integers(3, size=n)
    angle = np.pi * draw.random(n)
    middle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    middle[label == 1] = [0, -1]
    middle[label == 2] = [3, 1]
    return np.round(20 + 5 * middle + 0.4 * draw.normal(size=(n, 2)), 1), label


def as_csv(at: np.ndarray, label: np.ndarray) -> bytes:
    return "".join(["x,y,class\n", *(f"{x},{y},{WORDS[c]}\n" for (x, y), c in zip(at, label, strict=True))]).encode()


def exact(name: str, at: np.ndarray, x: np.ndarray, sigma: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Log-density [n] and score [n, 2] of a kernel density estimate in double precision, point by point."""
    made = distributions.distribution_of(name)
    variance = width**2 + sigma**2
    away = x[:, None] - (at - made.origin) / made.unit
    logits = -np.square(away).sum(axis=-1) / (2 * variance)
    top = logits.max(axis=1, keepdims=True)
    mass = np.exp(logits - top)
    logp = top[:, 0] + np.log(mass.sum(axis=1) / (2 * np.pi * variance * len(at)))
    return logp, -np.einsum("nm,nmi->ni", mass / mass.sum(axis=1, keepdims=True), away) / variance


# --- The distribution -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knobs", ["", ":bandwidth=0.05"])
def test_points_are_the_kernel_density_that_is_said(knobs):
    at, label = cloud()
    name = store(as_csv(at, label), "cloud.csv") + knobs
    width = float(knobs.partition("=")[2] or facts(name).bandwidth)
    made = distributions.distribution_of(name)
    assert dict(made.words) == dict(zip("ABC", WORDS, strict=True))
    draw = np.random.default_rng(1)
    for classes in ("A", "ABC"):
        own = np.isin(label, ["ABC".index(letter) for letter in classes])
        density, target = distributions.mixture(f"{name}/{classes}"), distributions.of(f"{name}/{classes}")
        np.testing.assert_allclose(target.prior, own.mean(), rtol=1e-12)
        np.testing.assert_allclose(np.exp(density.log_weights).sum(), 1, rtol=1e-5)
        np.testing.assert_allclose(target.mass.sum(), 1, rtol=1e-12)
        for sigma in (0.0, 0.1, 5.0):
            x = (draw.normal(size=(64, 2)) * (0.5 + sigma)).astype(np.float32)
            logp, score = exact(name, at[own], x.astype(float), sigma, width)
            np.testing.assert_allclose(views.logp_on(density, x, jnp.float32(sigma)), logp, atol=1e-4, rtol=1e-6)
            np.testing.assert_allclose(views.score_on(density, x, jnp.float32(sigma)), score, atol=1e-3, rtol=1e-5)


def test_data_of_about_as_many_points_have_the_shapes_of_one_another():
    shapes = set()
    for seed in range(4):
        name = store(as_csv(*cloud(200 + 5 * seed, seed)), "cloud.csv")
        shapes |= {distributions.mixture(f"{name}/{letter}").centres.shape for letter in "ABC"}
    assert len(shapes) <= 3
    one = distributions.distribution_of(name)
    same = one.rounded().rounded()
    assert same.labels == one.labels
    np.testing.assert_allclose(same.weights, one.weights)


def test_modes_are_what_holds_together():
    at, label = cloud()
    name = store(as_csv(at, label), "cloud.csv")
    assert [len(distributions.of(f"{name}/{letter}").modes) for letter in "ABC"] == [1, 1, 1]
    both = store(as_csv(at, np.where(label == 2, 1, label)), "cloud.csv")
    mass = np.bincount(label)[1:] / np.sum(label > 0)
    np.testing.assert_allclose(distributions.of(f"{both}/B").mass, sorted(mass, reverse=True), rtol=1e-12)


@pytest.mark.parametrize("n", [3, 900])
def test_few_and_many_points_keep_their_mean_and_spread(n, monkeypatch):
    monkeypatch.setattr(points, "MOST", 512)
    at, label = cloud(n, seed=3)
    at = at + 0.03 * np.random.default_rng(0).normal(size=at.shape)
    name = store(as_csv(at, label), "cloud.csv")
    made, told = distributions.distribution_of(name), facts(name)
    assert told.gaussians == min(n, 512)
    assert (told.points, told.own) == (n, pytest.approx(told.bandwidth * made.unit))
    weights = made.weights / made.weights.sum()
    np.testing.assert_allclose(made.origin, at.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(np.einsum("gk,gki->i", weights, made.means), 0, atol=1e-12)
    spread = np.einsum("gk,gki,gkj->ij", weights, made.means, made.means)
    spread += np.einsum("g,gij->ij", weights.sum(axis=1), made.covariances)
    np.testing.assert_allclose(np.trace(spread), 0.5, rtol=1e-12)
    np.testing.assert_allclose(
        spread, np.cov(at.T, bias=True) / made.unit**2 + told.bandwidth**2 * np.eye(2), atol=1e-12
    )
    assert (told.kl > 0) == (n > 512)
    assert 3 * told.error <= told.kl < 0.02 or n <= 512


@pytest.mark.parametrize("n", [60, 1200])
def test_the_usual_bandwidth_is_the_likeliest_up_to_scotts(n, monkeypatch):
    monkeypatch.setattr(points, "LOOKED_AT", 900)
    at, label = cloud(n, seed=2)
    at = at + 0.2 * np.random.default_rng(1).normal(size=at.shape)
    found = usual_bandwidth(reading.table(as_csv(at, label), "cloud"))
    likely = {}
    for width in found * np.array([0.5, 1, 2]):
        # Of each point, or of some, under all others of its class.
        ratio = np.sqrt(at.var(axis=0).mean()) * width / np.sqrt(0.25 - width**2)
        logp = []
        for c in range(3):
            own = at[label == c]
            for i in range(0, len(own), max(1, n // 600)):
                square = np.square(np.delete(own, i, axis=0) - own[i]).sum(axis=1)
                logp.append(np.log(np.exp(-square / (2 * ratio**2)).sum() + 1e-300) - 2 * np.log(ratio))
        likely[width] = np.sum(np.sort(logp)[len(logp) // 100 :])
    assert max(likely, key=likely.get) == found
    assert usual_bandwidth(reading.table(as_csv(np.repeat(at, 2, axis=0), np.repeat(label, 2)), "twice")) < 1.3 * found
    draw = np.random.default_rng(0)
    normal = usual_bandwidth(reading.table(as_csv(draw.normal(size=(n, 2)), np.zeros(n, int)), "normal"))
    assert normal <= 0.5 * n ** (-1 / 6)
    assert normal > 0.12 * n ** (-1 / 6)


def test_points_of_no_class_are_one():
    name = store(b"1 2\n3 4\n5 7\n", "a.txt")
    assert distributions.targets(name) == [f"{name}/A"]
    assert distributions.distribution_of(name).words == {}


def test_points_on_the_command_line_are_measured_against_themselves(tmp_path):
    at, label = cloud()
    file = tmp_path / "cloud.csv"
    file.write_bytes(as_csv(at, label))
    name = store(file.read_bytes(), "cloud.csv")
    cast = ("--main", f"exact:{name}/B", "--unconditional", f"exact:{name}/ABC", "--target", "B", *TINY, *EULER)
    flags = ("--points", file, "--rule", "cfg", "--w", 4, *cast)
    found = run("metrics", *flags, "--json")
    assert found.exit_code == 0, found.output
    told = facts(name)
    assert found.stderr == f"{name}: {told.line()}\n"
    measured = strict_json(found.stdout)
    assert measured["scene"]["target"] == f"{name}/B"
    good("sample", *flags, "--out", tmp_path / "samples.npz")
    with np.load(tmp_path / "samples.npz") as drawn:
        logp, _ = exact(name, at[label == 1], drawn["samples"].astype(float), 0.0, told.bandwidth)
        np.testing.assert_allclose(drawn["logp"], logp, atol=1e-4, rtol=1e-6)
    assert measured["mean_logp"] == pytest.approx(logp.mean(), abs=1e-4)
    assert measured["outliers"] == np.mean(logp < distributions.threshold(f"{name}/B"))
    assert measured["floor"]["outliers"] == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--points", "none.csv"), "cannot read 'none.csv': No such file"),
        (("--points", "."), "cannot read '.': it is a folder"),
        (("--points", "one.csv"), "cannot read points from 'one.csv': it has 1 points, of at least 3"),
        (("--points", "a.csv", "--on", "moons"), "--points does not go with --on moons"),
        (("--points", "a.csv", "--on", "points:width=1"), "'width=1' does not go with distribution 'points-"),
        (("--points", "a.csv", "--on", "points:bandwidth=9"), "bandwidth = 9 is not a number from 0 to 0.3"),
        (("--points", "a.csv", "--target", "B"), "unknown class 'B' of points-"),
        (("--points", "a.csv"), "A64@4096' has to be trained first"),
        (("--on", "points-3f9c01ab23cd"), "points-3f9c01ab23cd is of data that are not on this machine"),
        (("--on", "points"), "distribution 'points' names no data: it is points-ID"),
    ],
)
def test_wrong_points_on_the_command_line_are_refused_in_a_sentence(flags, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("one.csv").write_text("x,y\n1,2\n")
    Path("a.csv").write_bytes(THREE)
    found = run("metrics", *flags)
    assert found.exit_code != 0
    assert words in found.output + str(found.exception)
    assert not found.exception or isinstance(found.exception, ValueError | SystemExit)


# --- What is kept -----------------------------------------------------------------------------------------------------


def test_data_are_kept_by_content_and_the_least_recently_used_go(folder, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_FILES", 3)
    names = [store(f"0,0\n1,1\n2,{k}\n".encode(), "a.csv") for k in range(3)]
    assert store(b"0.0;0\n1.0;1\n2.0;1\n", "the same.csv") == names[1]
    for age, name in enumerate(names):
        os.utime(keeping.path_of(name), (age, age))
    keeping.text_of(names[0])  # used now
    names.append(store(b"0,0\n1,1\n2,9\n", "a.csv"))
    assert [keeping.kept(name) for name in names] == [True, False, True, True]
    monkeypatch.setattr(keeping, "MOST_BYTES", 60)
    newest = store(b"0,0\n1,1\n2,10\n", "a.csv")
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 60
    assert keeping.kept(newest)


def test_points_that_are_not_here_get_a_sentence():
    name = "points-3f9c01ab23cd"
    for asked in (f"exact:{name}/A", f"{name}:bandwidth=0.1/AB64@4096"):
        with pytest.raises(ValueError, match=rf"{name} is of data that are not on this machine: .*--points FILE"):
            zoo.load(asked)
    for wrong in ("points/A", "points-3F9C01AB23CD/A", "points-../../x/A", "points-3f9c01ab23cd0/A"):
        with pytest.raises(ValueError, match="names no data: it is points-ID"):
            distributions.of(wrong)
    with pytest.raises(ValueError, match="unknown distribution 'moons-3f9c01ab23cd'"):
        distributions.of("moons-3f9c01ab23cd/A")
    name = store(b"0,0\n1,1\n2,11\n", "a.csv")
    keeping.path_of(name).write_text("x,y\n0,0\n1,1\n1,0\n")
    with pytest.raises(ValueError, match="is damaged"):
        distributions.of(f"{name}/A")


def test_a_bandwidth_that_is_none_is_refused():
    name = store(THREE, "a.csv")
    with pytest.raises(ValueError, match=r"bandwidth = 1e-05 is neither 0, for the usual one, nor at least 0\.001"):
        distributions.of(f"{name}:bandwidth=1e-5/A")
    with pytest.raises(ValueError, match=r"bandwidth = 0\.6 is not a number from 0 to 0\.3"):
        distributions.of(f"{name}:bandwidth=0.6/A")
    assert distributions.canonical(f"{name}:bandwidth=0") == name


# --- The page ---------------------------------------------------------------------------------------------------------


def page_of_points() -> None:
    """A page that has the control and says what there is."""
    import streamlit as st

    from toy import distributions
    from toy.ui import uploading

    def chosen(name: str) -> None:
        st.session_state.target = f"{name}/A"

    target = st.session_state.get("target", "A")
    if uploading.unknown(target, chosen):
        st.stop()
    uploading.uploader(chosen)
    st.caption(uploading.said(target))
    st.text(", ".join(distributions.targets(distributions.of(target).on)))


def test_points_are_given_on_the_page(monkeypatch):
    at = AppTest.from_function(page_of_points, default_timeout=60).run()
    data = as_csv(*cloud())
    at.file_uploader[0].upload("cloud.csv", data, "text/csv").run()
    name = store(data, "cloud.csv")
    assert at.text[0].value == f"{name}/A, {name}/B, {name}/C, {name}/ABC"
    told = facts(name)
    assert at.caption[0].value == (
        "500 points in 3 classes (A `cat`, B `dog`, C `owl`); "
        f"bandwidth {told.bandwidth:g}, in the file's units {told.own:.3g}."
    )
    at.file_uploader[0].set_value(("b.csv", b"x,y\n1,2\n", "text/csv")).run()
    assert at.error[0].value == "`cannot read points from 'b.csv': it has 1 points, of at least 3`"
    assert at.text[0].value.startswith(name)
    at.file_uploader[0].clear().run()
    assert not at.error
    at.session_state["target"] = f"{name}:bandwidth=0.1/A"
    assert "; bandwidth 0.1, in the file" in at.run().caption[0].value
    monkeypatch.setattr(uploading, "_rate", Rate(1, 60.0))
    for _ in range(2):
        at.file_uploader[0].set_value(("c.csv", THREE, "text/csv")).run()
    assert at.error[0].value == "`20 files were given here within 60 s: wait a moment`"
    assert not at.exception


def test_the_viewer_is_told_the_words_of_classes():
    name = store(as_csv(*cloud()), "cloud.csv")
    assert computing.of_target(f"{name}/B")["words"] == dict(zip("ABC", WORDS, strict=True))
    assert "words" not in computing.of_target("A")
    for target, called in {f"{name}/B": "dog", f"{name}/AC": "cat and owl", "moons/AB": "AB"}.items():
        scene, numbers = Scene.of("none", main=f"exact:{target}", target=target), {"outliers": 0.1, "alignment": 0.9}
        assert packs.measured(computing.Side(scene, {}, numbers, numbers))["called"] == called
    assert [captions.named(target) for target in (f"{name}/B", "moons/B", "AB")] == [
        "your points, class dog",
        "moons, class B",
        "class AB",
    ]


def test_a_page_asks_for_points_that_are_not_here():
    at = AppTest.from_function(page_of_points, default_timeout=60)
    at.session_state["target"] = "points-3f9c01ab23cd:bandwidth=0.1/A"
    at.run()
    assert (
        at.warning[0].value == "`points-3f9c01ab23cd` is of points that are not on this server: give their file again."
    )
    at.file_uploader[0].set_value(("a.csv", THREE, "text/csv")).run()
    assert at.caption[0].value.startswith("3 points; bandwidth ")
    assert not at.warning
    assert not at.exception


# --- Thresholds of large mixtures -------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path, monkeypatch):
    """A distribution of 1500 points in a data folder of its own."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    at = np.random.default_rng(1).normal(size=(1500, 2))
    name = store("\n".join(f"{x:.4f},{y:.4f}" for x, y in at).encode(), "many.csv")
    return f"{name}/A"


def test_a_threshold_of_many_points_is_worked_out_once_for_all_processes(many, tmp_path, monkeypatch):
    first = targets.quantile(many, 0.99, 0.1, 256)
    assert len(list((tmp_path / "numbers").glob("*.txt"))) == 1
    assert targets.quantile(many, 0.9, 0.1, 256) > first
    monkeypatch.setattr(targets, "_logp", lambda *given: pytest.fail("it was worked out before"))
    assert targets.quantile(many, 0.99, 0.1, 256) == first
    with pytest.raises(pytest.fail.Exception):
        targets.quantile(many, 0.99, 0.2, 256)
    with pytest.raises(pytest.fail.Exception):
        targets.quantile(many.replace("/", ":bandwidth=0.05/"), 0.99, 0.1, 256)


def test_a_number_that_is_damaged_is_made_again(many, tmp_path):
    first = targets.quantile(many, 0.99, 0.1, 256)
    (kept,) = (tmp_path / "numbers").glob("*.txt")
    for damaged in ("", "nan", "many", "1" * 5000, "\x00"):
        kept.write_text(damaged, encoding="utf-8")
        assert targets.quantile(many, 0.99, 0.1, 256) == first
        assert float(kept.read_text(encoding="utf-8")) == first


def test_where_numbers_cannot_be_kept_they_are_worked_out(many, tmp_path):
    (tmp_path / "numbers").write_text("a file where the folder should be", encoding="utf-8")
    first = targets.quantile(many, 0.99, 0.1, 256)
    assert targets.quantile(many, 0.99, 0.1, 256) == first


def test_kept_numbers_are_bounded_and_small_mixtures_have_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setattr(keeping, "MOST_FILES", 3)
    for i in range(6):
        assert keeping.number(f"{i}", lambda i=i: float(i)) == i
    assert len(list((tmp_path / "numbers").glob("*.txt"))) == 3
    assert (tmp_path / "numbers" / "5.txt").is_file()
    targets.quantile("moons/A", 0.99, 0.1, 64)
    assert len(list((tmp_path / "numbers").glob("*.txt"))) == 3
