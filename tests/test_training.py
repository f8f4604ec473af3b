"""Training is a function of its recipe: interrupted and resumed, alone or beside others, it gives the same network."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from models import checkpoint, runs, training
from models.mlp import EnergyMLP, Spec, rms_normalise
from models.training import Recipe, State
from toy import distributions
from toy.densities import GaussianMixture
from toy.progress import Progress

TINY = Recipe(Spec("A", 8, 1), iterations=61, batch=64)
EVERY = 20
TREE = distributions.mixture("A")
TWO_BLOBS = GaussianMixture.of(
    np.array([[0.6], [0.4]]), np.array([[[0.5, 0.2]], [[-0.3, -0.4]]]), np.array([0.04 * np.eye(2), 0.01 * np.eye(2)])
)


@pytest.fixture(autouse=True, scope="module")
def small_world():
    """Two Gaussians in place of the tree: what is under test does not depend on the data, and compiles sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributions, "mixture", lambda classes: TWO_BLOBS)
        yield


def run(recipe: Recipe, state: State | None = None) -> tuple[State, np.ndarray]:
    """The last state and all losses."""
    losses = []
    for now, chunk in training.train(recipe, state, every=EVERY):
        state, losses = now, [*losses, np.asarray(chunk)]
    return state, np.concatenate(losses)


@pytest.fixture(scope="module")
def done(small_world) -> tuple[State, np.ndarray]:
    """The tiny recipe, trained without a break."""
    return run(TINY)


def same(one, two) -> bool:
    """Whether two trees hold the same numbers, to the last bit."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_states_come_at_every_snapshot_and_at_the_end():
    steps = [(int(state.step), len(losses)) for state, losses in training.train(TINY, every=EVERY)]
    assert steps == [(20, 20), (40, 20), (60, 20), (61, 1)]


def test_one_program_serves_a_whole_training():
    def types(state: State) -> list[tuple]:
        return [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(state)]

    first = training.start(TINY)
    after, _ = jax.eval_shape(partial(training.chunk, TINY, TINY.density(), length=EVERY), first)
    assert types(after) == types(first)


def test_same_recipe_same_network(done):
    state, losses = run(TINY)
    assert same(state, done[0])
    np.testing.assert_array_equal(losses, done[1])


def test_other_seed_other_weights_and_other_data(done):
    start, other = training.start(TINY), training.start(replace(TINY, seed=1))
    assert not same(other.net, start.net)
    other_data = training.start(replace(TINY, data_seed=1))
    assert same(other_data.net, start.net)
    for state in (other, other_data):
        _, losses = next(training.train(TINY, state, every=EVERY))
        assert not np.isin(losses, done[1]).any()


def test_resumed_equals_uninterrupted(done):
    first = next(training.train(TINY, every=EVERY))[0]
    state, losses = run(TINY, first)
    assert same(state, done[0])
    np.testing.assert_array_equal(losses, done[1][EVERY:])
    assert int(first.step) == EVERY  # what was resumed from is still there


def test_finished_training_has_nothing_to_do(done):
    assert list(training.train(TINY, done[0], every=EVERY)) == []


@pytest.fixture
def quick(monkeypatch):
    """Snapshots of the zoo's trainings every few iterations."""
    monkeypatch.setattr(training, "train", partial(training.train, every=EVERY))


def interrupt(at: int):
    """A report that stops the training as a user would."""

    def report(now: Progress) -> None:
        if now.done == at:
            raise KeyboardInterrupt

    return report


def test_interrupted_and_started_again_gives_the_same_file(quick, tmp_path, done):
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    runs.train(TINY, whole, command="here")
    for at in (20, 60):
        with pytest.raises(KeyboardInterrupt):
            runs.train(TINY, broken, command="here", report=interrupt(at))
        assert not broken.exists()
    steps = []
    path = runs.train(TINY, broken, command="here", report=lambda now: steps.append((now.done, bool(now.note))))
    assert path == broken
    assert steps == [(60, False), (61, True)]
    assert broken.read_bytes() == whole.read_bytes()
    assert same(checkpoint.load(whole), done[0].ema)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.safetensors", "whole.safetensors"]


@pytest.mark.parametrize("damage", ["cut", "other recipe"])
def test_state_that_cannot_be_used_is_dropped(quick, tmp_path, done, damage):
    out = tmp_path / "a.safetensors"
    with pytest.raises(KeyboardInterrupt):
        runs.train(TINY if damage == "cut" else replace(TINY, seed=1), out, report=interrupt(20))
    (state,) = tmp_path.iterdir()
    if damage == "cut":
        state.write_bytes(state.read_bytes()[:100])
    runs.train(TINY, out)
    assert same(checkpoint.load(out), done[0].ema)
    assert list(tmp_path.iterdir()) == [out]


def test_snapshots_are_the_average_on_the_way(quick, tmp_path):
    early = tmp_path / "early.safetensors"
    runs.train(TINY, tmp_path / "late.safetensors", snapshots={20: early}, command="here")
    states = {int(state.step): state for state, _ in training.train(TINY)}
    assert same(checkpoint.load(early), states[20].ema)
    _, header = checkpoint.read(early)
    assert (header["step"], header["command"]) == (20, "here")


def test_divergence_is_an_error_and_leaves_no_file(quick, tmp_path, monkeypatch):
    real = training.train

    def diverge(recipe, state):
        for now, losses in real(recipe, state):
            yield now, losses * np.nan if int(now.step) == 40 else losses

    monkeypatch.setattr(training, "train", diverge)
    with pytest.raises(ValueError, match="training diverged before iteration 40: the loss is not finite"):
        runs.train(TINY, tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()


def test_loss_falls(done):
    _, losses = done
    assert losses[-10:].mean() < 0.8 * losses[:5].mean()


def test_learning_rate():
    steps = jnp.array([0, 1, 511, 512, 2048, 512 * 100])
    np.testing.assert_allclose(training.learning_rate(steps), [1, 1, 1, 1, 0.5, 0.1], rtol=1e-5)


def test_optimiser_is_adam_with_the_papers_betas():
    gradients = np.random.default_rng(0).normal(size=(4, 3))
    parameters, m, v = jnp.zeros(3), 0, 0
    state = training.ADAM.init(parameters)
    for t, gradient in enumerate(gradients, start=1):
        update, state = training.ADAM.update(jnp.asarray(gradient, jnp.float32), state, parameters)
        m, v = 0.9 * m + 0.1 * gradient, 0.99 * v + 0.01 * gradient**2
        wanted = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        np.testing.assert_allclose(update, wanted, rtol=1e-4)
        parameters = optax.apply_updates(parameters, update)


@pytest.mark.parametrize("rate", [0.01, 0.002])
def test_first_step_is_the_learning_rate_in_every_weight(rate):
    recipe = replace(TINY, iterations=1, learning_rate=rate)
    begun = training.start(recipe)
    ((after, _),) = training.train(recipe)
    for old, new in zip(begun.net.layers, after.net.layers, strict=True):
        moved = np.abs(np.asarray(new[...]) - np.asarray(rms_normalise(old[...])))
        assert np.quantile(moved, 0.9) == pytest.approx(rate, rel=0.01)


def test_decay_of_the_average():
    steps = np.array([1, 2, 100, 4096])
    gamma = 96.99
    np.testing.assert_allclose(training.ema_decay(jnp.asarray(steps)), (1 - 1 / steps) ** (gamma + 1), rtol=1e-4)
    assert float(training.ema_decay(jnp.asarray(1))) == 0  # the first average is the first network
    # Relative width: standard deviation over end of the profile t^gamma is 0.010.
    assert np.sqrt((gamma + 1) / ((gamma + 2) ** 2 * (gamma + 3))) == pytest.approx(0.010, abs=1e-4)


def test_average_follows_its_recursion():
    first = next(training.train(TINY, every=1))[0]
    assert same(first.ema, first.net)
    *_, (before, _), (after, _) = training.train(TINY, every=EVERY)
    assert int(before.step) == TINY.iterations - 1
    decay = (1 - 1 / TINY.iterations) ** 97.99  # 0.2
    for trees in zip(*(jax.tree.leaves(tree) for tree in (after.ema, before.ema, after.net)), strict=True):
        found, old, new = (np.asarray(leaf) for leaf in trees)
        np.testing.assert_allclose(found, decay * old + (1 - decay) * new, rtol=1e-4, atol=1e-6)


def test_every_iteration_draws_another_batch():
    state = training.start(TINY)
    losses = [next(training.train(TINY, state._replace(step=jnp.int32(s)), every=1))[1] for s in (0, 1, 0)]
    assert losses[0] != losses[1]
    assert losses[0] == losses[2]


def test_batch_has_the_true_scores_at_the_noise_levels_of_the_paper(reference):
    recipe = replace(TINY, batch=4096)
    batch = jax.jit(partial(training.draw, recipe))(TREE, jax.random.key(0))
    log_sigma = np.log(batch.sigma)
    assert log_sigma.mean() == pytest.approx(-2.3, abs=0.1)
    assert log_sigma.std() == pytest.approx(1.5, abs=0.08)
    for i in range(8):
        wanted = reference("A").score(batch.x[i : i + 1], float(batch.sigma[i]))[0]
        assert np.linalg.norm(batch.target[i] - wanted) <= max(1e-3 * np.linalg.norm(wanted), 1e-2)


def energetic(gain: float) -> EnergyMLP:
    """A network far from the data's density."""
    net = training.start(TINY).net
    return jax.tree.map(lambda leaf: leaf if leaf.ndim else jnp.float32(gain), net)


def test_exact_and_denoising_losses_differ_by_a_constant():
    # So they have the same gradient in expectation: their differences between two networks agree.
    change = {}
    for kind in training.LOSSES:
        recipe = replace(TINY, batch=2**15, loss=kind)
        batch = jax.jit(partial(training.draw, recipe))(TWO_BLOBS, jax.random.key(0))
        near, far = (float(jax.jit(training.loss)(energetic(gain), batch)) for gain in (0.0, 0.1))
        change[kind] = far - near
    assert abs(change["exact"]) > 0.02
    assert change["denoising"] == pytest.approx(change["exact"], rel=0.15)


def test_target_is_the_exact_score_of_changed_data():
    recipe = replace(TINY, data="subset=5~seed=2")
    points = TWO_BLOBS.sample(jax.random.key(2), 5)
    batch = training.draw(recipe, recipe.density(), jax.random.key(0))
    offset = (points - batch.x[:, None]) / batch.sigma[:, None, None]  # [n, 5, 2]
    share = jax.nn.softmax(-jnp.sum(offset**2, axis=-1) / 2 / (1 + 1e-6 / batch.sigma[:, None] ** 2))
    wanted = jnp.einsum("nk,nki->ni", share, offset) / batch.sigma[:, None] / (1 + 1e-6 / batch.sigma[:, None] ** 2)
    np.testing.assert_allclose(batch.sigma[:, None] * batch.target, batch.sigma[:, None] * wanted, atol=0.02)
    found, _ = next(training.train(replace(recipe, iterations=2)))
    plain, _ = next(training.train(replace(TINY, iterations=2)))
    assert not same(found.net, plain.net)


def test_loss_is_zero_at_the_truth_and_weighted_by_the_noise():
    net = energetic(0.1)
    batch = jax.jit(partial(training.draw, TINY))(TWO_BLOBS, jax.random.key(0))
    right = batch._replace(target=net.score(batch.x, batch.sigma))
    assert float(training.loss(net, right)) == pytest.approx(0, abs=1e-8)
    wrong = right._replace(target=right.target + 1 / batch.sigma[:, None])
    assert float(training.loss(net, wrong)) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": "mse"}, "unknown loss 'mse'; have: exact, denoising"),
        ({"spec": Spec("C")}, "unknown class 'C'; have: A, B, AB"),
        ({"spec": Spec("A", 0)}, "width = 0 is not"),
        ({"spec": Spec("A", 1025)}, "width = 1025 is not"),
        ({"spec": Spec("A", 8.5)}, "width = 8.5 is not"),
        ({"spec": Spec("A", 8, 0)}, "depth = 0 is not"),
        ({"spec": Spec("A", 8, 17)}, "depth = 17 is not"),
        ({"iterations": 0}, "iterations = 0 is not"),
        ({"iterations": 1_000_001}, "iterations = 1000001 is not"),
        ({"batch": 0}, "batch = 0 is not"),
        ({"batch": float("nan")}, "batch = nan is not"),
        ({"batch": 65537}, "batch = 65537 is not"),
        ({"seed": -1}, "seed = -1 is not"),
        ({"data_seed": 2**31}, "data_seed = 2147483648 is not"),
        ({"learning_rate": 0}, "learning_rate = 0 is not a number from 1e-06 to 1"),
        ({"dropout": float("nan")}, "dropout = nan is not a number from 0 to 0.9"),
        ({"spec": Spec("A", 8, 1, "noise")}, "unknown parametrisation 'noise'; have: energy, score, denoiser"),
        ({"data": "subset=0"}, "subset = 0 is not a number from 1 to 4096"),
        ({"data": "dropout=0.1"}, "dropout does not change data; these do: label_mixing, subset"),
        ({"data": "more"}, "unknown degradation 'more'; have: "),
    ],
)
def test_what_cannot_be_trained_is_refused(change, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        replace(TINY, **change)
