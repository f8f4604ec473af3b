"""Score errors, cosines and the split of a guide's pull: in cases where the answer is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from toy import distributions
from toy.mechanism import REGIONS, _known, mechanism

FEW = {"n": 512, "seeds": 3, "sigmas": np.array([0.03, 0.3, 2.0])}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Off:
    """The truth and a share of another field."""

    share: float
    turn: float = 0.0

    def score(self, x, sigma):
        """Wrong by ``share`` of (1, 0), and ``turn`` of (0, 1), over sigma."""
        wrong = jnp.stack([self.share * jnp.ones(x.shape[:-1]), self.turn * jnp.ones(x.shape[:-1])], axis=-1)
        return distributions.mixture("A").score(x, sigma) + wrong / sigma

    def logp(self, x, sigma):
        """Not needed."""
        raise NotImplementedError


def test_a_guide_that_errs_twice_as_much_points_at_the_truth():
    found = mechanism(Off(0.1), Off(0.2), **FEW).values
    np.testing.assert_allclose(found["cosine"], 1, atol=1e-3)
    np.testing.assert_allclose(found["best_w"], 2, atol=1e-2)
    np.testing.assert_allclose(found["left"], 0, atol=1e-3)
    np.testing.assert_allclose(found["error_main"], 0.1**2 / 2, rtol=1e-2)
    np.testing.assert_allclose(found["error_guide"], 0.2**2 / 2, rtol=1e-2)


def test_a_guide_that_errs_another_way_cannot_help():
    found = mechanism(Off(0.1), Off(0.1, 0.2), **FEW).values
    np.testing.assert_allclose(found["cosine"], 0, atol=1e-3)
    np.testing.assert_allclose(found["best_w"], 1, atol=1e-2)
    np.testing.assert_allclose(found["left"], 1, atol=1e-3)


def test_the_pull_is_split_into_quality_and_task():
    # The weak model errs more in the same way; the guide besides aims elsewhere.
    found = mechanism(Off(0.1), Off(0.3, 0.4), weak=Off(0.3), **FEW).values
    np.testing.assert_allclose(found["quality"], 0.2, rtol=1e-2)
    np.testing.assert_allclose(found["task"], 0.4, rtol=1e-2)
    np.testing.assert_allclose(found["quality_cosine"], 1, atol=1e-3)
    np.testing.assert_allclose(found["task_cosine"], 0, atol=1e-2)
    np.testing.assert_allclose(found["task_share"], 0.4**2 / (0.4**2 + 0.2**2), rtol=1e-2)


def test_what_is_outside_is_pulled_where_it_is_pulled():
    # The main model's error is the whole of the pull; along the true score all that is outside is raised.
    found = mechanism(Off(0.1), Off(0.2), **FEW | {"n": 2048}).values
    np.testing.assert_allclose(found["cosine_outside"], 1, atol=1e-3)
    assert (np.abs(found["uphill_outside"]) < 0.5).all()  # (1, 0) is uphill on one side and downhill on the other
    assert ((found["raised_outside"] > 0.1) & (found["raised_outside"] < 0.9)).all()


def test_regions_make_up_the_whole():
    found = mechanism(
        models.load("A64@4096"), models.load("A32@512"), n=2048, seeds=2, sigmas=np.array([0.03, 0.5])
    ).values
    whole = sum((hi - lo) * found[f"error_{name}"] for name, (lo, hi) in REGIONS.items())
    np.testing.assert_allclose(whole, found["error_main"], rtol=0.2)  # few of the points are outside
    assert (found["error_core"] < found["error_rim"]).all()
    assert (found["error_rim"] < found["error_outside"]).all()


def test_the_known_size_of_the_exact_score():
    # E sigma^2 |s_A|^2 / 2 of the zero score, at sigma 5, .5, .1, .03, .01.
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True)
    class Nothing:
        unit: float = 0.0

        def logp(self, x, sigma):
            return jnp.zeros(x.shape[:-1])

        def score(self, x, sigma):
            return jnp.zeros_like(x)

    sigmas = np.array([5, 0.5, 0.1, 0.03, 0.01])
    found = mechanism(Nothing(), Nothing(), sigmas=sigmas, n=4096, seeds=4)
    np.testing.assert_allclose(found.values["error_main"], [0.991, 0.693, 0.306, 0.350, 0.220], rtol=0.03)
    assert (found.errors["error_main"] > 0).all()


def test_the_paper_s_guide_points_at_the_correction_where_samples_go_astray():
    main, weak = models.load("A64@4096"), models.load("A32@512")
    found = mechanism(main, weak, sigmas=np.array([0.005, 0.02, 1.0]), n=1024, seeds=2, at="sampler")
    assert (found.values["cosine"][:2] > 0.1).all()
    assert (found.values["best_w"][:2] > 1.05).all()
    assert (found.values["left"] < 1).all()
    # The samples have left the truth: where they pass the error is larger than on true points.
    on_truth = mechanism(main, weak, sigmas=found.sigmas, n=1024, seeds=2)
    assert found.values["error_outside"][0] > 2 * on_truth.values["error_outside"][0]
    np.testing.assert_allclose(found.sigmas, [0.005, 0.02, 1.0], rtol=0.1)


def test_a_place_is_truth_or_sampler():
    with pytest.raises(ValueError, match="unknown place 'moon'; have: truth, sampler"):
        mechanism(models.load("A64@4096"), models.load("A32@512"), at="moon")


def test_without_a_weak_model_nothing_is_split():
    found = mechanism(models.load("A64@4096"), models.load("AB32@512"), **FEW)
    assert "task" not in found.values
    always = {name: value for name, value in found.values.items() if name != "raised_outside"}  # of few none is
    assert not np.isnan(list(always.values())).any()
    with pytest.raises(ValueError, match="unknown class 'C'"):
        mechanism(models.load("A64@4096"), models.load("AB32@512"), target="C", **FEW)


def test_a_true_sample_is_ranked_once_for_all_guides():
    before = _known.cache_info().misses
    for by in (0.1, 0.2):
        mechanism(Off(0.1), Off(by), **FEW | {"sigmas": np.array([0.04, 0.4])})
    assert _known.cache_info().misses == before + 1
