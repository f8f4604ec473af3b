"""The figure of the Explore page draws what its link says: step, layers, tints, page."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.quiver import Quiver
from PIL import Image

from toy import distributions, figures, guidance, views
from toy.palette import PAGES, colour_of
from toy.scene import Scene
from toy.scenes import Frame

pytestmark = pytest.mark.usefixtures("coarse_outlines")
RULES = ("cfg", "adaptive_projected_guidance")


@pytest.fixture(scope="module")
def sides():
    """Two frames of three noise levels, the last with a quarter of the samples far outside; and their casts."""
    rng, frames, casts = np.random.default_rng(0), [], []
    for rule in RULES:
        scene = Scene.of(rule, main="exact:A", unconditional="exact:AB", n=64)
        path = rng.normal(distributions.distribution_of("tree").means[0][4], 0.002, (3, 64, 2)).astype(np.float32)
        path[:, :16] += 9.0
        shares = distributions.of("A").mass * 2.0 ** rng.uniform(-2, 2, 127)
        numbers = {"outliers": 0.25, "branch_tv": 0.1}
        frames.append(Frame(scene, np.array([5.0, 0.2, 0.0]), path, np.zeros(64), shares, numbers))
        casts.append({role: distributions.mixture(name.removeprefix("exact:")) for role, name in scene.cast})
    return frames, casts


def points(ax, colour: str, *, hollow: bool = False) -> np.ndarray:
    """Markers of that colour."""
    part = "get_markeredgecolor" if hollow else "get_color"
    markers = [line for line in ax.lines if line.get_marker() == "o"]
    alike = [line for line in markers if (line.get_markerfacecolor() == "none") == hollow]
    found = [line.get_xydata() for line in alike if to_hex(getattr(line, part)()) == colour]
    return np.concatenate(found)


def test_it_draws_the_step_of_the_link(sides):
    frames, casts = sides
    for t, step in ((None, 2), (0.0, 0), (1.2, 1), (99.0, 2)):
        ui = {} if t is None else {"t": t}
        figure = figures.explored(frames, casts, ui)
        for ax, frame in zip(figure.axes, frames, strict=True):
            shown = np.concatenate([points(ax, colour_of("ink")), points(ax, colour_of("outside"), hollow=True)])
            np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(frame.path[step], axis=0))
        sigma = frames[0].sigmas[step]
        assert (f"σ = {sigma:.3g}" in figure.axes[0].get_xlabel()) == (sigma > 0)


def test_those_outside_are_rings_unless_the_look_is_the_papers(sides):
    frames, casts = sides
    for ui, rings in (({}, 16), ({"quality": False}, 0), ({"paper_look": True}, 0)):
        ax = figures.explored(frames, casts, ui).axes[0]
        assert len(points(ax, colour_of("outside"), hollow=True)) == rings, ui


def test_the_page_is_dark_where_the_screen_is(sides):
    for dark in (False, True):
        figure = figures.explored(*sides, {}, dark=dark)
        assert to_hex(figure.get_facecolor()) == PAGES[dark]
        assert all(to_hex(ax.get_facecolor()) == PAGES[dark] for ax in figure.axes)
        assert len(points(figure.axes[0], colour_of("ink", dark)))


def test_a_film_is_as_dark_as_its_page(sides):
    for dark in (False, True):
        film = Image.open(io.BytesIO(figures.animation(sides[0], seconds=0.2, dark=dark)))
        corner = film.convert("RGB").getpixel((1, 1))
        np.testing.assert_allclose(corner, 255 * np.array(to_rgb(PAGES[dark])), atol=6)


def test_layers_are_drawn_or_named_as_not_drawn(sides, monkeypatch):
    asked = {}

    def fields(scene, cast, *, sigma, box, resolution, arrows):
        asked[scene.rule] = sigma, box
        found = dict.fromkeys(("logp1", "logp0", "truth", "error"), np.zeros((8, 8)))
        found |= {"logtilt": np.zeros((8, 8))} if scene.rule == "cfg" else {}
        return found | {"at": np.zeros((4, 2)), "main": np.ones((4, 2)), "true": np.ones((4, 2))}

    monkeypatch.setattr(views, "fields", fields)
    ui = {"layers": ["p1", "tilt", "correction"], "t": 1.0, "trails": True, "view": [0.5, 0.5, 0.25], "follow": False}
    figure = figures.explored(*sides, ui)
    assert asked["cfg"] == (0.2, (0.25, 0.75, 0.25, 0.75)), "at the noise level and in the window on the screen"
    tilting, other = figure.axes
    assert (len(tilting.images), len(other.images)) == (2, 1)
    assert all(any(isinstance(part, Quiver) for part in ax.collections) for ax in figure.axes)
    (words,) = (text.get_text() for text in figure.texts)
    assert words == f"not drawn: trails, tilted density of {guidance.RULES['adaptive_projected_guidance'].title}"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"$p_1$", "tilted density", "true correction"} < set(legend)
    assert "branch that lost mass" not in legend, "no tint below a density"
