"""A schedule gives a share of the extra weight: nothing for w = 1, everything where it is 1, nothing where it is 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from toy import distributions
from toy.guidance import RULES
from toy.sampling import scheduled, trajectory
from toy.scene import Scene
from toy.schedules import SCHEDULES
from toy.state import State

SIGMAS = jnp.geomspace(5.0, 0.002, 33)
KEY = jax.random.key(0)
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=list(SCHEDULES))


def defaults(entry) -> dict[str, jax.Array]:
    """Every knob as the registry sets it."""
    return {name: jnp.float32(knob.default) for name, knob in entry.knobs.items()}


def share_of(schedule, sigma, **knobs) -> np.ndarray:
    """The share at noise levels of which the first is the first step's."""
    given = {"sigma": jnp.asarray(sigma, jnp.float32), "progress": jnp.arange(len(sigma)) / len(sigma)}
    given |= {name: knobs.pop(name) for name in [*knobs] if name in given}
    return np.asarray(schedule(*(given[name] for name in schedule.inputs), **defaults(schedule) | knobs))


def run(w: float, schedule: str, sigmas=SIGMAS[::4], integrator: str = "heun", rule: str = "cfg", **knobs):
    """A guided trajectory of single points between exact densities."""
    cast = {"main": distributions.mixture("A"), "unconditional": distributions.mixture("AB")}
    x = jnp.array([[0.1, 0.2], [1.0, -1.0], [-2.0, 3.0]])
    values = defaults(RULES[rule]) | defaults(SCHEDULES[schedule]) | knobs | {"w": jnp.float32(w)}
    cast = {role: cast[role] for role in RULES[rule].roles}
    return np.asarray(
        trajectory(x, sigmas, cast, values, KEY, rule=rule, schedule=schedule, integrator=integrator), np.float64
    )


@each_schedule
@given(data=st.data())
def test_share_is_a_finite_number_for_each_step(schedule, data):
    knobs = {n: jnp.float32(k.filled(data.draw(st.floats(k.lo, k.hi)))) for n, k in schedule.knobs.items()}
    share = share_of(schedule, SIGMAS, **knobs)
    assert share.shape == SIGMAS.shape
    assert share.dtype == np.float32
    assert np.isfinite(share).all()
    least = min([0, *(knob.lo for knob in schedule.knobs.values())])
    assert (share >= least - 1e-5).all()


def test_constant_is_one():
    np.testing.assert_array_equal(share_of(SCHEDULES["constant"], SIGMAS), 1)


def test_interval_is_open_below_and_closed_above():
    share = share_of(SCHEDULES["interval"], [1.01, 1.0, 0.5, 0.26, 0.25, 0.2], lo=0.25, hi=1.0)
    np.testing.assert_array_equal(share, [0, 1, 1, 1, 0, 0])


@given(lo=st.floats(0, 5, width=32), hi=st.floats(0, 5, width=32))
def test_intervals_that_meet_share_out_all_levels(lo, hi):
    assume(lo <= hi)
    below, inside, above = (
        share_of(SCHEDULES["interval"], SIGMAS, lo=jnp.float32(a), hi=jnp.float32(b))
        for a, b in ((0, lo), (lo, hi), (hi, 9))
    )
    np.testing.assert_array_equal(below + inside + above, 1)


@given(share=st.floats(0, 1), w=st.floats(0, 8))
def test_share_moves_the_weight_alone_from_its_neutral_value(share, w):
    rule = RULES["cfg_autoguidance"]
    moved = scheduled(rule, {"w": w, "alpha": 0.3}, jnp.float32(share))
    assert float(moved["w"]) == pytest.approx(1 + share * (w - 1), abs=1e-5)
    assert float(moved["alpha"]) == pytest.approx(0.3)


@each_schedule
def test_schedule_changes_nothing_for_weight_one(schedule):
    np.testing.assert_allclose(run(1.0, schedule.name), run(1.0, "constant"), rtol=1e-5, atol=1e-6)


def test_interval_over_all_levels_is_constant():
    np.testing.assert_array_equal(run(3.0, "interval", lo=jnp.float32(0), hi=jnp.float32(5)), run(3.0, "constant"))


def test_outside_the_interval_the_weight_is_one():
    sigmas = jnp.array([4.0, 2.0, 1.0, 0.5, 0.25])
    path = run(4.0, "interval", sigmas, lo=jnp.float32(0.5), hi=jnp.float32(2.0))
    free, full = run(1.0, "constant", sigmas), run(4.0, "constant", sigmas)
    np.testing.assert_allclose(path[1], free[1], rtol=1e-6)  # from 4: no guidance yet
    assert np.abs(path[2] - free[2]).max() > 1e-2  # from 2: guided
    assert np.abs(path[2] - full[2]).max() > 1e-2


@pytest.mark.parametrize("integrator", ["euler", "heun"])
def test_weight_is_held_through_a_step(integrator):
    # Every evaluation of the steps from 2 and from 1 is guided, though the last of them is at 0.5, outside (0.7, 2].
    sigmas = jnp.array([2.0, 1.0, 0.5, 0.25, 0.1])
    path = run(4.0, "interval", sigmas, integrator, lo=jnp.float32(0.7), hi=jnp.float32(2.0))
    full = run(4.0, "constant", sigmas, integrator)
    np.testing.assert_allclose(path[:3], full[:3], rtol=1e-6)
    assert np.abs(path[3] - full[3]).max() > 1e-3


def mean_share(name: str, steps: int, **knobs) -> float:
    return float(np.mean(share_of(SCHEDULES[name], np.ones(steps), **knobs), dtype=np.float64))


@pytest.mark.parametrize("steps", [8, 9, 32, 33, 256])
def test_the_mean_share_over_the_steps_is_what_the_docstring_says(steps):
    for name in ("linear", "cosine"):
        assert mean_share(name, steps) == pytest.approx(1 - 1 / steps, abs=1e-5)
        assert mean_share(f"{name}_decreasing", steps) == pytest.approx(1 + 1 / steps, abs=1e-5)
    assert mean_share("triangle", steps) == pytest.approx(1 if steps % 2 == 0 else 1 - 1 / steps**2, abs=1e-5)
    for m in (0.05, 0.3, 0.5, 0.77, 0.95):
        found = mean_share("middle_peaked", steps, peak=jnp.float32(m))
        assert 1 - 1 / (4 * m * (1 - m) * steps**2) - 1e-5 < found < 1 + 1e-5


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("linear", 2),
        ("cosine", 2),
        ("linear_decreasing", 2),
        ("cosine_decreasing", 2),
        ("triangle", 2),
        ("middle_peaked", 2),
        ("power_cosine", 1),
        ("exponential", 2),
    ],
)
def test_largest_share(name, most):
    assert share_of(SCHEDULES[name], np.ones(512)).max() == pytest.approx(most, abs=0.02)


def test_the_papers_clamp_is_an_absolute_weight():
    # max(v, linear weight) of the paper, of which the linear course is that of the extra weight here.
    w, v = 5.0, 2.0
    share = share_of(SCHEDULES["clamped"], np.ones(64), floor=jnp.float32((v - 1) / (w - 1)))
    linear = 1 + 2 * np.arange(64) / 64 * (w - 1)
    np.testing.assert_allclose(1 + share * (w - 1), np.maximum(v, linear), rtol=1e-5)


def test_what_decreases_is_what_rises_turned_round():
    for name in ("linear", "cosine"):
        rising = share_of(SCHEDULES[name], np.ones(64), progress=1 - jnp.arange(64) / 64)
        np.testing.assert_allclose(share_of(SCHEDULES[f"{name}_decreasing"], np.ones(64)), rising, atol=1e-6)


@given(rate=st.floats(-3, 3))
def test_an_exponential_course_changes_by_the_same_factor_at_every_step(rate):
    share = share_of(SCHEDULES["exponential"], np.ones(32), growth=jnp.float32(rate))
    assert share[0] == 1
    np.testing.assert_allclose(share[1:] / share[:-1], np.exp(rate / 32), rtol=1e-5)


@given(peak=st.floats(0.1, 0.9))
def test_the_peak_is_where_it_is_asked_for(peak):
    share = share_of(SCHEDULES["middle_peaked"], np.ones(400), peak=jnp.float32(peak))
    assert np.argmax(share) / 400 == pytest.approx(peak, abs=0.01)
    assert share[0] == 0


def test_a_clamp_is_linear_above_its_floor():
    share = share_of(SCHEDULES["clamped"], np.ones(64), floor=jnp.float32(0.5))
    assert share.min() == 0.5
    np.testing.assert_allclose(share[16:], share_of(SCHEDULES["linear"], np.ones(64))[16:])


TABLE = np.random.default_rng(0).uniform(-4, 8, 32).astype(np.float32)
FREE = {"share": jnp.asarray(TABLE)}


def test_a_free_schedule_has_its_own_value_for_each_of_32_steps():
    np.testing.assert_array_equal(share_of(SCHEDULES["free"], np.ones(32), **FREE), TABLE)
    np.testing.assert_array_equal(share_of(SCHEDULES["free"], SIGMAS), 1)


@pytest.mark.parametrize("steps", [8, 64, 160])
def test_a_free_schedule_is_linear_between_its_values(steps):
    share = share_of(SCHEDULES["free"], np.ones(steps), **FREE)
    wanted = np.interp(np.arange(steps) * 32 / steps, np.arange(32), TABLE)
    np.testing.assert_allclose(share, wanted, atol=1e-4)


def test_the_sampler_uses_the_table_step_by_step():
    sigmas = jnp.append(jnp.geomspace(5.0, 0.002, 32), 0)
    path, cast = run(2.0, "free", sigmas, "euler", **FREE), [distributions.mixture(classes) for classes in ("A", "AB")]
    for i in (0, 7, 30):
        main, other = (density.score(jnp.asarray(path[i], jnp.float32), sigmas[i]) for density in cast)
        guided = main + float(TABLE[i]) * (main - other)
        moved = path[i] + float((sigmas[i] - sigmas[i + 1]) * sigmas[i]) * np.asarray(guided)
        np.testing.assert_allclose(path[i + 1], moved, rtol=2e-3, atol=2e-4)


def test_numbers_by_commas_are_the_knobs_value_and_each_has_a_name():
    knob = SCHEDULES["free"].knobs["share"]
    value = knob.check(" 1,2.5 ," + ",".join(["-3"] * 30))
    assert value == (1.0, 2.5, *[-3.0] * 30)
    assert knob.spelled(value) == {"share1": 1.0, "share2": 2.5} | {f"share{i}": -3.0 for i in range(3, 33)}
    scene = Scene.of("cfg", schedule="free", share=value)
    assert scene == Scene.of("cfg", schedule="free", **knob.spelled(value)) == Scene.of(**scene.flat())
    assert dict(scene.change(share32=2).knobs)["share"] == (*value[:-1], 2.0)
    assert set(knob.parts) < set(scene.flat())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1,2", "share is 32 numbers separated by commas, not 2"),
        ("", "share is 32 numbers separated by commas, not 0"),
        (",".join(["1"] * 33), "not 33"),
        (",".join(["1"] * 31 + ["x"]), "share32 = x is not a number from -4 to 8"),
        (",".join(["9"] + ["1"] * 31), "share1 = 9 is not a number from -4 to 8"),
        (",".join(["nan"] * 32), "share1 = nan is not a number"),
    ],
)
def test_other_text_is_refused_in_one_sentence(written, words):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        SCHEDULES["free"].knobs["share"].check(written)
    assert words in str(caught.value)


def field(state):
    """The settings of one side, alone, as Streamlit runs them."""

    def page(state):
        import streamlit as st

        from toy.ui import controls

        st.session_state.setdefault("state", state)
        st.session_state["fold.Cast and schedule, left"] = True
        controls.method(st.session_state.state, "left")

    return AppTest.from_function(page, kwargs={"state": state}, default_timeout=300).run()


def test_the_field_changes_the_state():
    state = State().change("left", schedule="free", share2=0.25)
    at = field(state)
    assert not at.exception
    (widget,) = [each for each in at.text_input if each.key == "control.left.share"]
    assert widget.value.startswith("1, 0.25, 1, ")
    assert not [each for each in at.number_input if "share" in each.key]
    widget.set_value(", ".join(["2"] * 31 + ["-4"])).run()
    assert not at.exception
    knobs = dict(at.session_state.state.left.knobs)
    assert knobs["share"] == (*[2] * 31, -4)
    (widget,) = [each for each in at.text_input if each.key == "control.left.share"]
    widget.set_value("1, 2").run()
    assert at.session_state.notes == ["share is 32 numbers separated by commas, not 2"]
    assert dict(at.session_state.state.left.knobs)["share"][0] == 2
