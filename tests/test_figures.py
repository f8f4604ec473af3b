"""Figures draw what they are told, the same every time."""

import io
import re
from functools import partial
from itertools import combinations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path as Curve

from toy import compare, distributions, figures, flows, mechanism, sampling, scenes
from toy.figures import Options
from toy.lab.compare import run
from toy.scene import Scene
from toy.scenes import Frame
from toy.views import VIEWS, View

CAST = {"main": "exact:A", "unconditional": "exact:AB", "weak": "exact:AB", "negative": "exact:B"}
TINY = Options(cast=CAST, n=40, steps=8, resolution=24)
PANELS = {"fig1": 5, "fig2": 5, "fig9": 25, "overview": 8, "pull": 4, "density": 3}  # square ones, without ticks


def load(name: str):
    return distributions.mixture(compare.exact_name("", name).removeprefix("exact:"))


@pytest.fixture(scope="module", autouse=True)
def _unnormalised(coarse_outlines):
    """Constants of densities have tests of their own, and take their time; figures are laid out the same without."""
    with pytest.MonkeyPatch.context() as patch:
        for room in ("toy.flows", "toy.figures.explanation"):
            patch.setattr(f"{room}.log_mass", lambda *given: (0.0, 0.0))
        patch.setattr(flows, "CHUNK", 256)
        yield


@pytest.fixture(scope="module")
def drawn(_unnormalised) -> dict[str, Figure]:
    return {name: figures.draw(name, load, TINY) for name in PANELS}


def titles(figure: Figure) -> list[str]:
    return [ax.get_xlabel() for ax in figure.axes]


def test_every_figure_has_its_panels(drawn):
    assert {name: len(figure.axes) for name, figure in drawn.items()} == PANELS
    for figure in drawn.values():
        for ax in figure.axes:
            assert ax.has_data()
            assert not ax.get_xticks().size
            assert ax.get_aspect() == 1


@pytest.mark.parametrize("name", ["fig1", "fig2", "overview"])
def test_letters_count_up(drawn, name):
    assert sorted(title[:3] for title in titles(drawn[name])) == [f"({c})" for c in "abcdefgh"[: PANELS[name]]]


def test_nothing_written_leaves_the_page_or_runs_into_its_neighbour(drawn):
    for figure in drawn.values():
        nothing_overlaps(figure)


def nothing_overlaps(figure: Figure) -> None:
    """All labels lie within the page and apart."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    labels = [label for ax in figure.axes for label in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    boxes = [label.get_window_extent(renderer) for label in labels if label.get_text()]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_the_samplers_points_are_what_is_drawn(drawn):
    """The exact CFG panel holds the points that its Scene gives."""
    scene = Scene.of("cfg", main="exact:A", unconditional="exact:AB", n=40, steps=8)
    x = scenes.sample(scene, {role: load(name) for role, name in scene.cast}, keep=False)[-1]
    np.testing.assert_allclose(drawn["fig1"].axes[2].lines[0].get_xydata(), x, atol=1e-5)


def test_a_knob_reaches_every_method_that_has_it():
    options = Options(knobs={"w": 2, "gamma": 1.2})
    assert dict(options.scene("cfg").knobs)["w"] == dict(options.scene("autoguidance").knobs)["w"] == 2
    assert dict(options.scene("naive_truncation").knobs) == {"gamma": 1.2}
    made = figures.caption("fig1", options)
    assert (made["cfg.w"], made["autoguidance.w"], made["naive_truncation.gamma"]) == ("2", "2", "1.2")


def test_paper_values_are_the_defaults():
    made = figures.caption("fig1")
    assert (made["cfg.w"], made["autoguidance.w"], made["naive_truncation.gamma"]) == ("4", "3", "1.4")
    assert (made["main"], made["unconditional"], made["weak"]) == ("A64@4096", "AB32@512", "A32@512")
    assert figures.caption("fig2")["sigma"] == "0.03"


def test_options_are_keys_however_they_are_given():
    pairs = Options(cast=(("weak", "exact:B"), ("main", "exact:A")), knobs=(("w", 2),))
    mapping = Options(cast={"main": "exact:A", "weak": "exact:B"}, knobs={"w": 2})
    assert pairs == mapping
    assert hash(pairs) == hash(mapping)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=60),
    st.floats(0.001, 0.5),
)
def test_thinned_points_keep_their_distance_and_leave_no_gap(points, distance):
    points = np.array(points)
    kept = figures.thinned(points, distance)
    assert all(np.hypot(*(a - b)) >= distance * (1 - 1e-12) for a, b in combinations(kept, 2))
    assert np.array_equal(kept[0], points[0])
    nearest = np.min(np.linalg.norm(points[:, None] - kept, axis=-1), axis=1)
    assert np.all(nearest < distance)


def test_arrows_of_the_closeup_start_0045_apart_and_inside():
    view = VIEWS["closeup"]
    points = figures.spread("A", 0.03, view)
    gaps = [np.hypot(*(a - b)) for a, b in combinations(points, 2)]
    assert len(points) > 40
    assert min(gaps) >= 0.045
    assert np.max(np.abs(points - [view.x, view.y])) < view.half


def test_arrows_are_shortened_never_turned():
    ax = figures.panel()
    vectors = np.array([[3.0, 4.0], [0.03, 0.04], [0.0, 0.0]])
    figures.arrows(ax, np.zeros((3, 2)), vectors, longest=0.5)
    quiver = ax.collections[0]
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V], axis=1), [[0.3, 0.4], [0.03, 0.04], [0, 0]])


def test_paths_start_at_the_points_and_end_in_the_data():
    points = figures.spread("A", 0.03, VIEWS["closeup"])
    scene = Scene.of("none", main="exact:A")
    path = figures.followed(points, scene, {"main": load("exact:A")}, 0.03)
    assert path.shape == (scene.steps + 1, len(points), 2)
    np.testing.assert_allclose(path[0], points, atol=1e-6)
    logp = distributions.mixture("A").logp(path[-1], 0.0)
    assert np.mean(np.asarray(logp) > distributions.threshold("A")) > 0.9


@pytest.mark.parametrize("sigma", [0.001, 0.0021, 0.03, 5.0])
def test_paths_may_start_at_any_noise_level(sigma):
    scene = Scene.of("none", main="exact:A", steps=8)
    path = figures.followed(figures.spread("A", 0.03, VIEWS["closeup"]), scene, {"main": load("exact:A")}, sigma)
    assert np.all(np.isfinite(path))
    levels = sampling.noise_levels(8, sigma, min(scene.sigma_min, sigma / 4))
    assert np.all(np.diff(np.asarray(levels)) < 0)


def test_the_outline_encloses_about_99_percent():
    ax = figures.panel()
    figures.outline(ax, "A", both=False, fill=False, resolution=300)
    paths = ax.collections[0].get_paths()[0]
    x = np.asarray(distributions.mixture("A").sample(jax.random.key(1), 2000))
    inside = np.mean(_even_odd(paths.to_polygons(closed_only=False), x))
    assert 0.97 < inside < 0.998


def _even_odd(polygons, points):
    return np.sum([Curve(polygon).contains_points(points) for polygon in polygons], axis=0) % 2


def test_no_outline_where_there_is_no_tree():
    ax = figures.panel(view=View(5, 5, 0.3))
    figures.outline(ax, "A", view=View(5, 5, 0.3), resolution=32)
    assert not ax.collections


def test_a_window_within_a_branch_is_drawn():
    view = View(0.0824, 0.1277, 0.001)
    ax = figures.panel(view=view)
    figures.outline(ax, "A", view=view, resolution=32)
    assert ax.collections


def test_ratio_ignores_constants_and_what_is_far_off():
    """Learned log-densities carry a free constant, and are anything far from the data."""
    view, rng = VIEWS["tree"], np.random.default_rng(0)
    logp1, logp0 = rng.normal(size=(2, 6, 6))
    within = np.ones((6, 6), bool)
    within[0] = False
    wild = logp1.copy()
    wild[0] += 50
    shades = []
    for one, other in ((logp1, logp0), (logp1 + 7, logp0 - 3), (wild, logp0)):
        ax = figures.panel()
        figures.ratio_panel(ax, one, other, view=view, within=within)
        shades.append(np.asarray(ax.images[0].get_array()))
    np.testing.assert_allclose(shades[0], shades[1])
    np.testing.assert_allclose(shades[0][1:], shades[2][1:])
    assert np.median(shades[0][within]) == pytest.approx(0.5, abs=0.1)


def test_particles_make_their_own_figure():
    scene = Scene.of("none", main="exact:A", n=40, steps=8)
    path = np.asarray(scenes.sample(scene, {"main": load("exact:A")}, keep=False))
    frame = Frame(scene, scene.sigmas(), path, np.zeros(40), np.zeros(127), {})
    figure = figures.particles(frame)
    figure.savefig(buffer := io.BytesIO())
    assert buffer.getvalue().startswith(b"\x89PNG")
    other = Figure()
    ax = other.add_subplot()
    assert figures.particles(frame, ax) is other
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), frame.samples)


# --- Comparison, mechanism, density -----------------------------------------------------------------------------------


def rows_of(names: str, *, seeds: int = 3, **values) -> list[compare.Row]:
    """A table with made-up numbers, and one method without any."""
    found = []
    for trial in compare.points(compare.chosen(names), n=64, seeds=seeds):
        for seed in range(seeds):
            lost = trial.method.name == "cfg_plus_plus"
            numbers = {
                "outliers": 0.1 / trial.strength + 0.01 * seed,
                "branch_tv": 0.1 * trial.strength,
                "alignment": 1,
            }
            numbers = {name: np.nan if lost else value for name, value in numbers.items()} | values
            row = {"method": trial.method.name, "kind": trial.method.kind, "strength": trial.strength, "seed": seed}
            found.append(row | numbers | {"seeds": seeds, "trial": trial.key})
    return found


def rendered(figure: Figure) -> None:
    assert figures.encode(figure, "png", {"title": "x"}).startswith(b"\x89PNG")


@pytest.mark.parametrize(("names", "tradeoffs"), [("all", 3), ("none,cfg,cfg_plus_plus,cfg+interval,cfg+smc", 1)])
def test_every_method_has_its_curves(names, tradeoffs):
    rows = rows_of(names)
    figure = figures.compare_figure(rows)
    methods = list(dict.fromkeys(row["method"] for row in rows))
    legend = 1
    assert len(figure.axes) == 3 * len(methods) + tradeoffs + legend
    headings = [ax.get_title(loc="left") for ax in figure.axes]
    assert [sum(text.startswith(f"{i + 1}  ") for text in headings) for i in range(len(methods))] == [1] * len(methods)
    assert all(ax.has_data() for ax in figure.axes)
    assert [ax.get_xlabel() for ax in figure.axes].count("branch TV: variation that is lost") == tradeoffs
    rendered(figure)


def test_curves_are_the_means_in_bands_of_two_standard_errors():
    rows = rows_of("cfg")
    ax = figures.compare_figure(rows).axes[0]
    found = compare.summary(rows, "outliers")["cfg"]
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), np.stack([found["strength"], found["mean"]], axis=1))
    top = ax.collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx((found["mean"] + 2 * found["error"]).max())


def test_one_seed_or_no_number_at_all_still_draws():
    rendered(figures.compare_figure(rows_of("none,cfg", seeds=1)))
    nothing = rows_of("none,cfg", outliers=np.nan, branch_tv=np.nan, alignment=np.nan)
    rendered(figures.compare_figure(nothing))


def test_a_table_is_drawn_from_its_file(tmp_path):
    path = tmp_path / "table.csv"
    wanted = compare.points(compare.chosen("none,cfg"), (1.0, 2.0), n=32, seeds=2, steps=8, scores="exact")
    run(wanted, path)
    rendered(figures.compare_figure(compare.read(path), ("outliers", "sw1")))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "there are no rows"),
        (rows_of("cfg") * 2, "mixes rows of different settings"),
        ([{"method": "cfg", "strength": 1.0, "seed": 0}], "the table has no measure 'outliers'"),
    ],
)
def test_tables_that_cannot_be_compared(rows, message):
    with pytest.raises(ValueError, match=message):
        figures.compare_figure(rows)


@pytest.fixture(scope="module")
def mechanisms() -> dict[str, mechanism.Mechanism]:
    settings = {"n": 64, "seeds": 2, "sigmas": np.array([0.01, 0.1, 1.0])}
    main, guide, weak = (load(f"exact:{c}") for c in ("A", "AB", "B"))
    split = mechanism.mechanism(guide, weak, weak=main, **settings)
    broken = dict.fromkeys(split.values, np.full(3, np.nan))
    return {
        "split": split,
        "not split": mechanism.mechanism(guide, weak, **settings),
        "nothing": mechanism.Mechanism(split.sigmas, broken, broken),
    }


def test_mechanism_has_a_column_a_guide_and_survives_what_is_not_a_number(mechanisms):
    figure = figures.mechanism_figure(mechanisms)
    assert len(figure.axes) == 6 * len(mechanisms)
    assert [ax.get_title() for ax in figure.axes[:3]] == list(mechanisms)
    assert all(ax.get_xscale() == "log" for ax in figure.axes)
    words = " ".join(ax.get_ylabel() for ax in figure.axes).replace("\n", " ")
    for part in ("score error", "cosine with the true correction", "best $w$", "task share"):
        assert part in words
    rendered(figure)
    with pytest.raises(ValueError, match="no results"):
        figures.mechanism_figure({})


def test_the_parts_of_a_pull_add_up(drawn):
    pull, quality, task, _ = (next(c for c in ax.collections if hasattr(c, "U")) for ax in drawn["pull"].axes)
    whole, sums = (np.stack([v.U, v.V], axis=1) for v in (pull, quality))
    other = np.stack([task.U, task.V], axis=1)
    longest = 1.2 * figures.SPACING * VIEWS["closeup"].half
    short = np.all([np.linalg.norm(v, axis=1) < longest * (1 - 1e-6) for v in (whole, sums, other)], axis=0)
    assert short.any()
    np.testing.assert_allclose(whole[short], (sums + other)[short], atol=1e-4)


def test_densities_are_named_and_need_a_formula():
    scene = Scene.of("cfg", main="exact:A", unconditional="exact:AB", n=64, steps=8)
    cast = {"main": load("exact:A"), "unconditional": load("exact:AB")}
    words = [ax.get_xlabel() for ax in figures.density_figure(scene, cast, resolution=16).axes]
    assert [text.partition(":")[0].partition("\n")[0] for text in words] == [
        "Drawn",
        "Promised",
        "Drawn minus promised",
    ]
    kl = flows.flow(scene, cast).summary()["kl_truth"]
    assert f"KL from the truth {kl:.2f}" in words[0]
    rescaled = scene.change(rule="rescaled_cfg")
    with pytest.raises(ValueError, match="stands for no tilted density"):
        figures.density_figure(rescaled, cast, resolution=16)
    with pytest.raises(ValueError, match="is stochastic"):
        figures.density_figure(scene.change(integrator="ancestral"), cast, resolution=16)


@pytest.mark.parametrize("name", ["mechanism", "compare"])
def test_figures_of_numbers_are_drawn_by_name(name, monkeypatch):
    less = partial(mechanism.mechanism, n=64, seeds=2, sigmas=np.array([0.05, 0.5]))
    monkeypatch.setattr(figures.explanation, "mechanism", less)
    monkeypatch.setattr(figures.comparison, "QUICK", "none,cfg,autoguidance")
    options = Options(cast=CAST, n=32, steps=8, resolution=24)
    figure = figures.draw(name, load, options)
    assert len(figure.axes) == {"mechanism": 6 * 4, "compare": 3 * 3 + 2}[name]
    made = figures.caption(name, options)
    assert made["title"]
    assert not any(key.endswith(".w") for key in made)


@pytest.mark.usefixtures("coarse_outlines")
def test_pictures_beside_each_other_are_named_by_what_differs():
    made = [Scene.of("autoguidance", weak=name, n=40, steps=8) for name in ("A16@256", "A32@512")]
    path, measured = np.zeros((2, 40, 2)), {"outliers": 0.1, "branch_tv": 0.2}
    frames = [Frame(s, s.sigmas(), path, np.zeros(40), np.zeros(127), measured) for s in made]
    figure = figures.side_by_side(frames)
    assert [title.partition("\n")[0] for title in titles(figure)] == [
        "Autoguidance, w 3, guide A16@256, 8 steps",
        "Autoguidance, w 3, guide A32@512, 8 steps",
    ]
    nothing_overlaps(figure)
    long = [scene.change(schedule="free", share1=0.25, share2=0.5, integrator="edm_stochastic") for scene in made]
    wide = [Frame(s, s.sigmas(), path, np.zeros(40), np.zeros(127), measured) for s in long]
    nothing_overlaps(figures.side_by_side(wide))


@pytest.mark.parametrize("kind", figures.FORMATS)
def test_bytes_are_the_same_every_time(kind):
    made = []
    for _ in range(2):
        figure = figures.draw("fig2", load, TINY)
        made.append(figures.encode(figure, kind, figures.caption("fig2", TINY)))
    assert made[0] == made[1]
    assert not re.search(rb"CreationDate|<dc:date>", made[0])
