"""What pages say of results, without a browser: names that are free, links that differ, curves that are measured."""

import math
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from ui_helpers import ROOT

import models
from models import stored, zoo
from toy import compare
from toy.lab import optima
from toy.mechanism import Mechanism
from toy.state import check_density, of_link
from toy.ui import compare as comparing
from toy.ui import pull, trainer

# --- Names ------------------------------------------------------------------------------------------------------------


def test_a_class_of_sixty_keeps_sixty_networks_under_one_name(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "kept_path", lambda name: tmp_path / f"{name}.safetensors")
    monkeypatch.setattr(trainer.checkpoint, "save", lambda path, *_, **__: path.touch(exist_ok=False))
    run = SimpleNamespace(net="network", recipe=None, step=1, losses=[1.0])
    with ThreadPoolExecutor(60) as pool:
        names = list(pool.map(lambda _: trainer.keep(run, "A32-512-0"), range(60)))
    assert sorted(names) == sorted(["kept:A32-512-0", *(f"kept:A32-512-0-{i}" for i in range(2, 61))])
    longest = "x" * trainer.LONGEST
    assert trainer.keep(run, longest) == f"kept:{longest}"
    second = trainer.keep(run, longest).removeprefix("kept:")
    assert trainer.NAME.fullmatch(second)
    for i in range(2):
        trainer.keep(run, f"more-{i}")
    with pytest.raises(ValueError, match="all that this server keeps") as found:
        trainer.keep(run, "A32-512-0")
    assert str(tmp_path) not in str(found.value)


@pytest.mark.parametrize(("name", "near"), [("C64@4096", "A64@4096"), ("a64@4096", "A64@4096"), ("exakt:A", "exact:A")])
def test_an_unknown_density_is_told_the_nearest_names_not_all(name, near):
    with pytest.raises(ValueError, match="unknown density") as found:
        zoo.check(name)
    assert near in str(found.value)
    assert len(str(found.value)) < 200 < len(", ".join(models.names()))
    with pytest.raises(ValueError, match="unknown density"):
        check_density("C64@4096")


# --- Links ------------------------------------------------------------------------------------------------------------


def test_a_found_schedule_opens_against_something_else():
    found = optima.read_all(ROOT / "docs" / "optimum")
    assert found
    for each in found.values():
        state = of_link(optima.link(each))
        assert state.left != state.right


# --- Curves -----------------------------------------------------------------------------------------------------------


def row(method: str, strength: float, outliers: float = 0.1, branch_tv: float = 0.2) -> dict:
    return {"method": method, "strength": strength, "seed": 0, "outliers": outliers, "branch_tv": branch_tv}


def test_one_measured_strength_is_one_point_not_a_level():
    rows = [row("none", 1.0), row("cfg", 1.5)]
    points = comparing.curve(rows, "outliers", (1.0, 4.0), {"none"})
    assert [point["x"] for point in points if point["series"] == comparing.title("none")] == [1.0, 4.0]
    assert [point["x"] for point in points if point["series"] == comparing.title("cfg")] == [1.5]


def test_only_a_method_without_a_strength_is_a_level():
    wanted = compare.points(compare.chosen("none,cfg,naive_truncation"), (1.0, 4.0))
    flat = {trial.method.name for trial in wanted if compare.strength_knob(trial.scene) is None}
    assert flat == {"none"}


def test_names_at_the_ends_of_lines_do_not_lie_over_each_other():
    crowded = [row("cfg", 4.0), row("autoguidance", 4.0, 0.101, 0.21), row("none", 1.0, 0.5, 0.2)]
    named = [point["series"] for point in comparing.crossing(crowded) if point["last"]]
    assert len(named) == 2
    apart = [row("cfg", 4.0), row("autoguidance", 4.0, 0.1, 0.9)]
    assert all(point["last"] for point in comparing.crossing(apart))


def test_what_a_guide_is_is_said_below_and_above_the_noise_where_it_turns():
    sigmas = np.array([0.01, 0.05, 0.2, 2.0])
    share = np.array([0.1, 0.3, 0.9, 1.0])
    values = {"task_share": share, "quality": np.sqrt(1 - share), "task": np.sqrt(share)}
    values |= {f"{part}_cosine": np.full(4, 0.25) for part in ("quality", "task")}
    found = pull.verdict(Mechanism(sigmas, values, {}))
    assert (found.below, found.above) == pytest.approx((0.2, 0.95))
    bad, shift = "mostly a **bad version of the model itself**: 20%", "mostly a **distribution shift**: 95%"
    due = "of its pull is due to the task"
    assert found.sentence.startswith(f"Below σ = 0.07 the negative side is {bad} {due}. Above it is {shift} {due}.")
    assert found.sentence.endswith("the quality part with cosine +0.25, the task part with cosine +0.25.")
    same = pull.verdict(Mechanism(sigmas, {**values, "task_share": np.ones(4)}, {}))
    assert same.sentence.startswith("The negative side is entirely a **distribution shift**: 100%")
    assert pull.verdict(Mechanism(sigmas, {}, {})) is None


def test_noise_runs_from_high_to_low_on_axes_that_have_their_ends():
    sigmas = np.geomspace(0.005, 5, 5)
    ones = np.ones(5)
    names = [*(f"error_{part}" for part in ("main", "guide", "core", "rim", "outside")), "cosine", "best_w", "left"]
    found = Mechanism(sigmas, dict.fromkeys(names, ones), {})
    for name in ("errors", "cosines", "best", "left"):
        spec = pull.chart(found, name)
        for layer in spec["layer"][:3]:
            encoding = layer["encoding"]
            assert encoding["x"]["scale"]["domain"] == [5.0, 0.005]
            low, high = encoding["y"]["scale"]["domain"]
            assert math.isfinite(low)
            assert low < high
