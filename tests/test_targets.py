"""No class is the first: windows, figures and the viewer follow the target."""

import jax
import numpy as np
import pytest

from toy import distributions, figures, scenes, views
from toy.scene import Scene
from toy.viewer import computing
from toy.views import View


def share(view: View, points: np.ndarray) -> float:
    return float(np.mean(np.max(np.abs(points - [view.x, view.y]), axis=1) < view.half))


@pytest.fixture(params=distributions.targets())
def target(request):
    return request.param


@pytest.fixture
def samples(target):
    return np.asarray(distributions.mixture(target).sample(jax.random.key(1), 4096))


def test_a_targets_windows_show_the_target(target, samples):
    assert share(views.window("tree", target), samples) > 0.99
    assert 0.02 < share(views.window("closeup", target), samples) < 0.2
    assert len(figures.spread(target, 0.03, figures.Options(target=target).window("closeup"))) > 5


@pytest.mark.usefixtures("coarse_outlines")
def test_what_is_drawn_of_a_scene_looks_at_its_target(target, samples):
    scene = Scene.of("none", main=f"exact:{target}", target=target, n=64)
    branches = int(distributions.distribution_of("tree").of(target).sum())
    frame = scenes.Frame(scene, np.zeros(1), samples[None], np.zeros(4096), np.full(branches, 1 / branches), {})
    ax = figures.particles(frame).axes[0]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    inside = (samples > [left, bottom]) & (samples < [right, top])
    assert inside.all(axis=1).mean() > 0.99
    gain = computing.branch_gain(frame)
    true = distributions.of(target).mass
    np.testing.assert_allclose(gain, np.clip(np.log2(1 / branches / true), -3, 3), atol=1e-5)
