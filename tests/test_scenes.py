"""A Scene goes to text and back, refuses bad values in one sentence, and becomes a Frame of arrays."""

from dataclasses import FrozenInstanceError, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from app_states import knob_value
from hypothesis import given
from hypothesis import strategies as st

from toy import distributions, metrics, sampling, scenes, views
from toy.densities import GaussianMixture
from toy.guidance import RULES
from toy.metrics import METRICS
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, STARTS, Scene
from toy.scenes import compute
from toy.schedules import SCHEDULES
from toy.settings import text

EXACT = {"main": "exact:A", "unconditional": "exact:AB", "weak": "exact:B"}


def cast_of(scene: Scene) -> dict:
    """The densities of a scene whose roles are all exact."""
    return {role: distributions.mixture(name.removeprefix("exact:")) for role, name in scene.cast}


def exact_scene(rule: str = "none", **values) -> Scene:
    """A small scene with exact densities in all roles."""
    roles = {role: EXACT.get(role, "exact:A") for role in RULES[rule].roles}
    return Scene.of(rule, **{"n": 16, "steps": 8} | roles | values)


@st.composite
def any_values(draw) -> dict:
    """A rule, and legal values of some of what it takes."""
    rule, schedule, integrator = (draw(st.sampled_from(list(r))) for r in (RULES, SCHEDULES, INTEGRATORS))
    entries = (RULES[rule], SCHEDULES[schedule], INTEGRATORS[integrator])
    optional = {name: knob_value(k) for entry in entries for name, k in entry.knobs.items()}
    for name, knob in SETTINGS.items():
        whole = st.integers(int(knob.lo), int(knob.hi))
        optional[name] = whole if knob.whole else st.floats(knob.lo, knob.hi)
    names = st.sampled_from(["exact:A", "exact:AB", "A64@4096", "A32@512#1", "folder/a b.safetensors"])
    optional |= dict.fromkeys(RULES[rule].roles, names)
    optional |= {"target": st.sampled_from(distributions.targets()), "start": st.sampled_from(STARTS)}
    values = draw(st.fixed_dictionaries({}, optional=optional))
    # What is not legal together is refused; test_cli_bad_input.py has the sentences.
    if "tilt" in INTEGRATORS[integrator].inputs and (RULES[rule].tilt is None or schedule != "constant"):
        integrator = "heun"
        values = {name: value for name, value in values.items() if name not in INTEGRATORS["smc"].knobs}
    values |= {"n": max(values["n"], 16)} if "n" in values else {}
    for entry in entries:
        low, high = entry.ordered or (None, None)
        if low and {low, high} & set(values):
            ends = (values.get(name, entry.knobs[name].default) for name in (low, high))
            values[low], values[high] = sorted(ends)
    return {"rule": rule, "schedule": schedule, "integrator": integrator} | values


@given(any_values())
def test_given_values_are_kept(values):
    kept = Scene.of(**values).values()
    assert {name: kept[name] for name in values} == values


@given(any_values())
def test_flat_and_short_come_back(values):
    scene = Scene.of(**values)
    assert Scene.of(**scene.flat()) == scene
    assert Scene.of(**scene.short()) == scene
    assert hash(Scene.of(**scene.flat())) == hash(scene)


@given(any_values())
def test_text_comes_back(values):
    scene = Scene.of(**values)
    for form in (scene.flat(), scene.short()):
        assert Scene.of(**{name: text(value) for name, value in form.items()}) == scene


@given(any_values())
def test_short_says_only_what_differs(values):
    scene = Scene.of(**values)
    short = scene.short()
    for name in set(short) - {"rule", "schedule", "integrator"}:
        shorter = {n: v for n, v in short.items() if n != name}
        try:
            assert Scene.of(**shorter) != scene
        except ValueError:  # legal only beside that value
            assert name in ("lo", "hi", "tau1", "tau2", "churn_min", "churn_max")


@pytest.mark.parametrize("rule", RULES)
def test_short_of_a_default_is_its_rule(rule):
    assert Scene.of(rule).short() == {"rule": rule}


@given(any_values(), any_values())
def test_change_to_another_scene(values, others):
    scene, other = Scene.of(**values), Scene.of(**others)
    assert scene.change() == scene
    assert scene.change(**other.flat()) == other


def test_change_drops_what_the_new_rule_does_not_take():
    scene = exact_scene("autoguidance", w=2.5, seed=4)
    plain = scene.change(rule="none")
    assert plain == exact_scene("none", seed=4)
    mixed = scene.change(rule="cfg_autoguidance")
    assert dict(mixed.knobs)["w"] == 2.5
    assert dict(mixed.cast)["weak"] == "exact:B"
    timed = scene.change(schedule="interval", lo=0.1)
    assert dict(timed.knobs) == {"w": 2.5, "lo": 0.1, "hi": SCHEDULES["interval"].knobs["hi"].default}
    assert timed.change(schedule="constant") == scene


def test_defaults_are_those_of_the_registries():
    for rule, entry in RULES.items():
        scene = Scene.of(rule)
        assert dict(scene.knobs) == {name: knob.default for name, knob in entry.knobs.items()}
        assert tuple(sorted(entry.roles)) == tuple(role for role, _ in scene.cast)
        assert {name: getattr(scene, name) for name in SETTINGS} == {n: k.default for n, k in SETTINGS.items()}
    assert Scene.of() == Scene()


def test_scene_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Scene.of().seed = 1


BAD = [
    ({"rule": "cgf"}, ["unknown rule 'cgf'", *RULES]),
    ({"schedule": "sometimes"}, ["unknown schedule 'sometimes'", *SCHEDULES]),
    ({"integrator": "rk4"}, ["unknown integrator 'rk4'", *INTEGRATORS]),
    ({"target": "C"}, ["unknown class 'C'", "A, B, AB"]),
    ({"start": "uniform"}, ["unknown start 'uniform'", *STARTS]),
    ({"rule": "cfg", "w": 8.1}, ["w = 8.1", "from 0 to 8"]),
    ({"rule": "cfg", "w": -1}, ["w = -1", "from 0 to 8"]),
    ({"rule": "cfg", "w": float("nan")}, ["w = nan", "from 0 to 8"]),
    ({"rule": "cfg", "w": "inf"}, ["w = inf", "from 0 to 8"]),
    ({"rule": "cfg", "w": "much"}, ["w = much", "from 0 to 8"]),
    ({"rule": "cfg", "w": ""}, ["w = ", "from 0 to 8"]),
    ({"rule": "cfg", "w": None}, ["w = None", "from 0 to 8"]),
    ({"schedule": "interval", "lo": 6}, ["lo = 6", "from 0 to 5"]),
    ({"steps": 7}, ["steps = 7", "from 8 to 256"]),
    ({"steps": 257}, ["steps = 257", "from 8 to 256"]),
    ({"steps": 8.5}, ["steps = 8.5", "whole"]),
    ({"n": 0}, ["n = 0", "from 1 to"]),
    ({"n": 2**21}, ["n = 2097152", "from 1 to"]),
    ({"n": "1.5"}, ["n = 1.5", "whole"]),
    ({"seed": -1}, ["seed = -1", "from 0 to"]),
    ({"seed": 2**31}, ["seed = 2147483648", "from 0 to"]),
    ({"sigma_max": -5}, ["sigma_max = -5", "from 0.5 to 80"]),
    ({"sigma_max": "nan"}, ["sigma_max = nan", "from 0.5 to 80"]),
    ({"sigma_min": 0}, ["sigma_min = 0", "from 0.0005 to 0.1"]),
    ({"sigma_min": 0.6, "sigma_max": 0.5}, ["sigma_min = 0.6", "0.1"]),
    ({"rho": 0.5}, ["rho = 0.5", "from 1 to 20"]),
    ({"wieght": 3}, ["'wieght'", "rule 'none'", "main", "steps"]),
    ({"w": 3}, ["'w'", "rule 'none'", "main", "steps"]),
    ({"rule": "cfg", "weak": "exact:A"}, ["'weak'", "rule 'cfg'", "unconditional"]),
    ({"lo": 0.1}, ["'lo'", "rule 'none'"]),
]


@pytest.mark.parametrize(("values", "words"), BAD, ids=[str(values) for values, _ in BAD])
def test_bad_value_is_one_sentence_with_the_value_and_what_is_allowed(values, words):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        Scene.of(**values)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("values", "words"), BAD, ids=[str(values) for values, _ in BAD])
def test_change_refuses_the_same(values, words):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        exact_scene().change(**values)
    assert words[0] in str(caught.value)


def test_crossed_noise_levels_are_refused(monkeypatch):
    # The ranges keep them apart; were they wider, the scene would still refuse.
    wider = {name: replace(SETTINGS[name], lo=0, hi=9) for name in ("sigma_min", "sigma_max")}
    monkeypatch.setattr("toy.scene.SETTINGS", SETTINGS | wider)
    for low in (0.5, 0.7):
        with pytest.raises(ValueError, match=f"sigma_min = {low} is not below sigma_max = 0.5"):
            Scene.of(sigma_min=low, sigma_max=0.5)


@pytest.mark.parametrize("start", STARTS)
def test_one_seed_gives_every_rule_the_same_start(start):
    first = scenes.initial(exact_scene(start=start, seed=3))
    for rule in RULES:
        np.testing.assert_array_equal(scenes.initial(exact_scene(rule, start=start, seed=3)), first)
    assert np.abs(scenes.initial(exact_scene(start=start, seed=4)) - first).max() > 0.1


def test_start_is_exact_or_normal(reference):
    n = 2**15
    for start, (mean, covariance) in (
        ("exact", reference("A").moments(5.0)),
        ("normal", (np.zeros(2), 25 * np.eye(2))),
    ):
        x = np.asarray(scenes.initial(exact_scene(n=n, start=start)))
        np.testing.assert_allclose(x.mean(axis=0), mean, atol=5 * 5 / np.sqrt(n))
        np.testing.assert_allclose(np.cov(x.T), covariance, atol=7 * 25 / np.sqrt(n))


def test_noise_levels_of_a_scene():
    levels = exact_scene(steps=9, sigma_max=3.0, sigma_min=0.01).sigmas()
    assert isinstance(levels, np.ndarray)
    assert levels.shape == (10,)
    np.testing.assert_allclose(levels[[0, -2, -1]], (3.0, 0.01, 0), rtol=1e-4)


@pytest.mark.parametrize("target", ["A", "AB"])
def test_frame(target):
    scene = exact_scene("cfg", target=target)
    frame = compute(scene, cast_of(scene))
    branches = distributions.distribution_of("tree").of(target).sum()
    assert frame.scene is scene
    shapes = {"path": (9, 16, 2), "sigmas": (9,), "logp": (16,), "occupancy": (branches,), "samples": (16, 2)}
    for name, shape in shapes.items():
        array = getattr(frame, name)
        assert isinstance(array, np.ndarray)
        assert array.dtype == np.float32
        assert array.shape == shape
        assert np.isfinite(array).all()
    np.testing.assert_array_equal(frame.path[0], scenes.initial(scene))
    np.testing.assert_array_equal(frame.samples, frame.path[-1])
    assert frame.occupancy.sum() == pytest.approx(1, abs=1e-5)
    assert set(frame.metrics) == set(frame.floor) == set(METRICS)
    assert frame.metrics["mean_logp"] == pytest.approx(frame.logp.mean(), rel=1e-5)
    assert frame.seconds > 0


def test_frame_without_path_floor_or_all_measures():
    scene = exact_scene("cfg")
    whole = compute(scene, cast_of(scene), floor=False)
    frame = compute(scene, cast_of(scene), keep=False, floor=False, measures=("outliers",))
    assert frame.path.shape == (1, 16, 2)
    np.testing.assert_allclose(frame.samples, whole.samples, rtol=1e-4, atol=1e-5)
    assert frame.metrics == {"outliers": whole.metrics["outliers"]}
    assert frame.floor == {}


def test_same_scene_same_frame():
    scene = exact_scene("cfg")
    one, two = (compute(scene, cast_of(scene), floor=False) for _ in range(2))
    np.testing.assert_array_equal(one.path, two.path)
    assert one.metrics == two.metrics


def test_guided_score_follows_rule_and_schedule():
    x, sigma = jnp.array([[0.3, 0.2], [1.0, -0.5]]), 0.3
    scene = exact_scene("cfg", w=3.0)
    cast = cast_of(scene)
    main, guide = (cast[role].score(x, jnp.float32(sigma)) for role in ("main", "unconditional"))
    np.testing.assert_allclose(views.guided_score(scene, cast, x, sigma), 3 * main - 2 * guide, rtol=1e-3, atol=1e-3)
    inside = scene.change(schedule="interval", lo=0.1, hi=0.5)
    np.testing.assert_allclose(views.guided_score(inside, cast, x, sigma), 3 * main - 2 * guide, rtol=1e-3, atol=1e-3)
    outside = scene.change(schedule="interval", lo=0.5, hi=1.0)
    np.testing.assert_allclose(views.guided_score(outside, cast, x, sigma), main, rtol=1e-4, atol=1e-4)


TILTING = [name for name, rule in RULES.items() if rule.tilt]


@pytest.mark.parametrize("rule", TILTING)
def test_the_product_of_powers_has_the_score_that_is_followed(rule):
    x, level = jnp.array([[0.3, 0.2], [1.0, -0.5]]), 0.05
    cast = {
        role: GaussianMixture.of(*map(np.array, ([[1.0]], [[[0.4 * i, -0.3 * i]]], [[[1.0, 0.2], [0.2, 0.5 + i]]])))
        for i, role in enumerate(RULES[rule].roles)
    }
    scene = exact_scene(rule)
    scene = scene.change(**{name: 0.6 * knob.hi + 0.4 * knob.lo for name, knob in scene.entry.knobs.items()})
    found = []
    for schedule, knobs in (("constant", {}), ("linear", {}), ("interval", {"lo": 0.5, "hi": 1.0})):
        now = scene.change(schedule=schedule, **knobs)
        found.append(powers := views.exponents(now, level))
        score = sum(power * np.asarray(cast[role].score(x, jnp.float32(level))) for role, power in powers.items())
        np.testing.assert_allclose(score, views.guided_score(now, cast, x, level), rtol=1e-3, atol=1e-3)
    assert found[2] == {role: float(role == "main") for role in found[2]}  # the interval is elsewhere
    assert rule == "none" or found[0] != found[1]


def test_a_rule_that_is_no_density_score_has_no_exponents():
    lacking = exact_scene("adaptive_projected_guidance")
    assert views.exponents(lacking, 0.3) == {}
    found = views.fields(lacking, cast_of(lacking), sigma=0.3, box=(-1, 1, -1, 1), resolution=4, arrows=2)
    assert "logtilt" not in found
    scene = exact_scene("naive_truncation", gamma=1.4)
    found = views.fields(scene, cast_of(scene), sigma=0.3, box=(-1, 1, -1, 1), resolution=4, arrows=2)
    np.testing.assert_allclose(found["logtilt"], 1.4 * found["logp1"], rtol=1e-5)


def test_outside_tells_one_percent_of_true_points_at_each_level():
    n, levels = 4096, np.float32([1.0, 0.1, 0.03, 0.0])
    density = distributions.mixture("A")
    path = np.stack([density.sample(jax.random.key(i), n, jnp.float32(s)) for i, s in enumerate(levels)])
    frame = scenes.Frame(exact_scene(), levels, path, np.zeros(n), np.zeros(127), {})
    found = views.outside(frame)
    assert found.shape == (4, n)
    np.testing.assert_allclose(found.mean(axis=1), 0.01, atol=0.009)
    far = scenes.Frame(exact_scene(), levels, path + 90, np.zeros(n), np.zeros(127), {})
    assert views.outside(far).all()


@pytest.mark.computes
def test_contours_are_closed_and_on_the_level():
    lines = views.contours("A", sigma=0.1)
    assert lines
    for line in lines:
        np.testing.assert_allclose(line[0], line[-1], atol=1e-6)
    on = np.asarray(distributions.mixture("A").logp(jnp.asarray(np.concatenate(lines)), jnp.float32(0.1)))
    np.testing.assert_allclose(on, distributions.threshold("A", sigma=0.1), atol=0.1)


@pytest.mark.parametrize("rule", ["none", "cfg"])
def test_fields(rule):
    scene, sigma = exact_scene(rule), 0.2
    cast = cast_of(scene)
    found = views.fields(scene, cast, sigma=sigma, box=(-1, 1, -0.5, 0.5), resolution=6, arrows=3)
    grids, arrows = {"logp1", "truth", "error", "logtilt"}, {"at", "main", "guided", "true"}
    if rule == "cfg":
        grids, arrows = grids | {"logp0"}, arrows | {"guide"}
    shapes = dict.fromkeys(grids, (6, 6)) | dict.fromkeys(arrows, (9, 2))
    assert {name: value.shape for name, value in found.items()} == shapes
    np.testing.assert_allclose(found["error"], 0, atol=1e-3)  # the main model is the truth
    np.testing.assert_allclose(found["logp1"], found["truth"], atol=1e-4)
    np.testing.assert_allclose(
        found["logp1"][-1, 0], cast["main"].logp(jnp.array([-1, 0.5]), jnp.float32(sigma)), rtol=1e-4
    )
    wanted = sigma**2 * np.asarray(views.guided_score(scene, cast, found["at"], sigma))
    np.testing.assert_allclose(found["guided"], wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["at"][[0, -1]], [(-2 / 3, -1 / 3), (2 / 3, 1 / 3)], rtol=1e-5)


def test_guide_role():
    assert views.guide_role(exact_scene("none")) is None
    assert views.guide_role(exact_scene("cfg")) == "unconditional"
    assert views.guide_role(exact_scene("autoguidance")) == "weak"


MIXED = [
    Scene.of("cfg", n=256, steps=8, w=w, seed=seed, main=main, unconditional="exact:AB")
    for w, seed, main in ((1.5, 0, "exact:A"), (3.0, 1, "exact:A"), (3.0, 1, "exact:B"))
]


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_many_scenes_at_once_are_each_what_it_is_alone(monkeypatch, backend):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)  # as many together as a GPU would take, or one by one
    casts = [cast_of(scene) for scene in MIXED]
    found = scenes.measure_scenes(MIXED, casts, ("outliers", "mass_by_depth"))
    for scene, cast, values in zip(MIXED, casts, found, strict=True):
        alone = scenes.compute(scene, cast, keep=False, floor=False).metrics
        assert list(values) == ["outliers", "mass_by_depth"]
        for name in values:
            np.testing.assert_allclose(values[name], alone[name], atol=0.01)
    assert not np.array_equal(found[1]["mass_by_depth"], found[2]["mass_by_depth"])


def compiled() -> tuple[int, ...]:
    """Programs that begin, sample and measure."""
    return tuple(part._cache_size() for part in (scenes._begin, sampling.trajectory, metrics._evaluate))


def test_another_method_compiles_nothing_but_its_sampler():
    first = Scene.of("none", n=48, steps=8, main="exact:moons/A", target="moons/A")
    scenes.measure_scenes([first], [cast_of(first)], ("outliers", "sw1"))
    begun, sampled, measured = compiled()
    other = Scene.of("naive_truncation", n=48, steps=8, main="exact:moons/A", target="moons/A", seed=1, gamma=1.2)
    scenes.measure_scenes([other], [cast_of(other)], ("outliers", "sw1"))
    assert compiled() == (begun, sampled + 1, measured)
