"""The sampler's own density: against closed forms, derivatives taken another way, and its integral."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from toy import distributions, flows, metrics, sampling, scenes, views
from toy.densities import GaussianMixture
from toy.guidance import RULES
from toy.quadrature import log_mass
from toy.sampling import INTEGRATORS, noise_levels, trajectories, volume
from toy.scene import Scene
from toy.schedules import SCHEDULES

STD = np.array([0.5, 0.2])
DETERMINISTIC = [name for name, entry in INTEGRATORS.items() if not entry.stochastic]


def gaussian(std) -> GaussianMixture:
    """One Gaussian about the origin."""
    return GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), np.diag(np.broadcast_to(np.square(std), 2))[None])


def knobs_of(*entries, **given):
    return {name: jnp.float32(given.get(name, knob.default)) for e in entries for name, knob in e.knobs.items()}


@pytest.mark.parametrize(("integrator", "steps"), [("heun", 512), ("dpm_2m", 512)])
def test_log_q_of_a_gaussian_flow_in_closed_form(integrator, steps):
    x = jax.random.normal(jax.random.key(0), (256, 2)) * np.sqrt(STD**2 + 25)
    levels = noise_levels(steps, 5.0, 0.002)
    end, log_det = volume(x, levels, {"main": gaussian(STD)}, {}, rule="none", integrator=integrator)
    log_start = gaussian(np.sqrt(STD**2 + 25)).logp(x, 0.0)
    np.testing.assert_allclose(log_start - log_det, gaussian(STD).logp(end, 0.0), atol=1e-3)


# Without and with a guide, a density asked elsewhere, differentiated or normalised, the step's levels, every memory.
# What the rule alone decides is followed by Euler's method, which asks once a step: half as much to trace.
KINDS = [
    *(("heun", rule) for rule in ("none", "cfg", "adaptive_projected_guidance")),
    *(("dpm_2m", rule) for rule in ("cfg", "adaptive_projected_guidance")),
    *(("euler", rule) for rule in ("cfg_plus_plus", "self_guidance", "classifier_guidance", "cads")),
    *(("euler", name) for name, rule in RULES.items() if "memory" in rule.inputs),
]


@pytest.mark.parametrize(("integrator", "rule"), KINDS)
def test_volume_is_the_determinant_of_the_whole_map(rule, integrator):
    # The whole map differentiated at once, without the orthogonalisation at each step; memories included.
    scene = Scene.of(rule, integrator=integrator, steps=8, n=16)
    cast = scenes.players(scene, {role: gaussian(0.3 + 0.1 * i) for i, role in enumerate(scene.entry.roles)})
    x = np.asarray(jax.random.normal(jax.random.key(1), (6, 2)) * 5, np.float32)
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    names = {"rule": rule, "integrator": integrator}
    levels = scene.sigmas()
    end, log_det = volume(x, levels, cast, knobs, **names)

    def last(point):
        key = jax.random.key(0)
        path = sampling.trajectory(point[None], levels, cast, knobs, key, **names, keep=False)
        return path[0, 0], path[0, 0]

    jacobian, found = jax.jit(jax.vmap(jax.jacfwd(last, has_aux=True)))(x)
    np.testing.assert_allclose(found, end, atol=1e-4)
    wanted = np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]
    np.testing.assert_allclose(log_det, wanted, atol=5e-3)


def test_one_program_goes_the_way_of_every_schedule():
    """A schedule is worked out before the way, and leads where a trajectory of that schedule does."""
    levels, x = jnp.asarray(noise_levels(8, 5.0, 0.002)), jnp.array([[0.4, -1.0], [3.0, 2.0]])
    cast = {"main": gaussian(0.3), "unconditional": gaussian(0.5)}
    ends, compiled = {}, trajectories._volume._cache_size()
    for name in ("constant", "interval", "middle_peaked", "free"):
        entry = SCHEDULES[name]
        knobs = {"w": jnp.float32(3)} | {knob: jnp.asarray(k.default, jnp.float32) for knob, k in entry.knobs.items()}
        ends[name] = volume(x, levels, cast, knobs, rule="cfg", schedule=name)[0]
        path = sampling.trajectory(x, levels, cast, knobs, jax.random.key(0), rule="cfg", schedule=name, keep=False)
        np.testing.assert_allclose(ends[name], path[-1], rtol=1e-4, atol=1e-5, err_msg=name)
    assert trajectories._volume._cache_size() == compiled + 1
    assert max(float(jnp.abs(end - ends["constant"]).max()) for end in ends.values()) > 0.01


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_step_upwards_has_the_share_of_the_same_step_downwards(schedule):
    levels = jnp.asarray(noise_levels(8, 5.0, 0.002))
    knobs = {name: jnp.asarray(knob.default, jnp.float32) for name, knob in SCHEDULES[schedule].knobs.items()}
    down = trajectories.shares_of(levels, knobs, schedule=schedule, upwards=False)
    up = trajectories.shares_of(levels[::-1], knobs, schedule=schedule, upwards=True)
    np.testing.assert_allclose(up[::-1], down, atol=1e-6)


@pytest.mark.parametrize("integrator", [name for name in INTEGRATORS if name not in DETERMINISTIC])
def test_a_stochastic_sampler_has_no_log_q(integrator):
    scene = Scene.of("cfg", integrator=integrator, n=32, steps=8)
    with pytest.raises(ValueError, match=rf"integrator '{integrator}' is stochastic and gives no exact log q"):
        flows.flow(scene, models.cast(scene.cast))


@pytest.mark.computes
def test_the_exact_sampler_draws_the_truth():
    scene = Scene.of("none", main="exact:A", n=2048)
    found = flows.flow(scene, models.cast(scene.cast))
    numbers = found.summary()
    assert abs(numbers["kl_truth"]) < 0.02
    assert numbers["entropy"] == pytest.approx(-1.354, abs=4 * numbers["entropy_error"])
    assert numbers["not_finite"] == 0
    # Its tilted density is the truth itself.
    np.testing.assert_allclose(found.logtilt, found.logp, atol=0.01)


@pytest.mark.computes
def test_exact_cfg_does_not_draw_the_tilted_density():
    scene = Scene.of("cfg", main="exact:A", unconditional="exact:AB", w=4, n=512)
    found = flows.flow(scene, models.cast(scene.cast))
    numbers = found.summary()
    assert numbers["kl_tilt"] > 0.5
    assert found.tilt_error < 1e-3
    # The tilted density itself is almost the truth and keeps the root: 24.87% (true: 25.7%), KL .0064 nats.
    truth = distributions.mixture("A")
    x = metrics.draw(truth, jax.random.key(5), n=2**15)
    product = flows.tilted(scene, models.cast(scene.cast))
    mass, _ = log_mass(product, 0.0)
    true, tilted = (np.asarray(views.logp_on(density, x, jnp.float32(0))) for density in (truth, product))
    weight = np.exp(tilted - true - mass)
    assert weight.mean() == pytest.approx(1, abs=0.01)
    root = np.asarray(jax.jit(truth.responsibilities)(x, 0.0)[:, 0])
    assert (weight * root).mean() == pytest.approx(0.2487, abs=0.01)
    assert (weight * np.log(weight)).mean() == pytest.approx(0.0064, abs=0.003)


@pytest.mark.computes
@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("none", {"main": "exact:A"}),
        ("autoguidance", {"w": 1.5}),
    ],
)
def test_the_pulled_back_density_integrates_to_one(rule, values):
    # By importance sampling from the truth, a little wider.
    scene = Scene.of(rule, **values, steps=64)
    wide = 0.01 if rule != "autoguidance" else 0.15
    points = np.asarray(distributions.mixture("A").sample(jax.random.key(3), 2**12, wide))
    logq = flows.pulled_back(scene, models.cast(scene.cast), points)
    ratio = np.exp(logq - np.asarray(distributions.mixture("A").logp(points, wide)))
    error = float(ratio.std()) / len(ratio) ** 0.5
    assert float(ratio.mean()) == pytest.approx(1, abs=0.01 + 2.5 * error)
    assert error < 0.05


@pytest.mark.computes
def test_going_back_agrees_with_going_down(monkeypatch):
    monkeypatch.setattr(flows, "CHUNK", 256)
    scene = Scene.of("cfg", unconditional="AB64@4096", w=1.5, n=256, steps=96)
    cast = models.cast(scene.cast)
    x = scenes.initial(scene)
    levels = scene.sigmas()[:-1]
    end, log_det = flows._volume(scene, cast, x, levels, upwards=False)
    down = np.asarray(flows.log_start(scene, x) - log_det)
    back = flows.pulled_back(scene, cast, np.asarray(end))
    assert np.median(np.abs(back - down)) < 0.02
    assert np.quantile(np.abs(back - down), 0.95) < 0.2


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_going_back_may_begin_at_any_level(schedule, monkeypatch):
    monkeypatch.setattr(flows, "CHUNK", 64)
    # A schedule of the sampler's progress stays in step with the levels that are left.
    scene = Scene.of("cfg", w=1.5, n=64, steps=64, schedule=schedule)
    cast = {"main": gaussian(STD), "unconditional": gaussian(2 * STD)}
    x, levels = scenes.initial(scene), scene.sigmas()
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    names = {"rule": scene.rule, "schedule": schedule, "integrator": scene.integrator}

    def path(shift):
        return sampling.trajectory(x + shift, jnp.asarray(levels), cast, knobs, jax.random.key(0), **names)

    reached, jacobian = path(jnp.zeros(2)), jax.jit(jax.jacfwd(path))(jnp.zeros(2))
    for count in (8, 40):
        back = flows.pulled_back(scene, cast, np.asarray(reached[count]), sigma=float(levels[count]))
        log_det = np.linalg.slogdet(np.asarray(jacobian[count], np.float64))[1]
        down = np.asarray(flows.log_start(scene, x)) - log_det
        assert np.max(np.abs(back - down)) < 0.02
    start = flows.pulled_back(scene, cast, np.asarray(x), sigma=scene.sigma_max)
    np.testing.assert_allclose(start, flows.log_start(scene, x), rtol=1e-5)


@pytest.mark.computes
@pytest.mark.parametrize("sigma", [None, 0.03, 0.5])
def test_the_density_on_a_grid_has_its_mass_where_the_samples_are(sigma):
    scene = Scene.of("none", main="exact:A", n=4096)
    seen: list[float] = []
    view = views.VIEWS["closeup"]
    points, cast = view.grid(64), models.cast(scene.cast)
    found = flows.on_grid(scene, cast, points, sigma=sigma, report=seen.append)
    assert seen[-1] == 1
    x = np.asarray(distributions.mixture("A").sample(jax.random.key(0), 2**14, sigma or 0.0))
    within = np.mean(np.all(np.abs(x - [view.x, view.y]) < view.half, axis=1))
    assert np.exp(found).sum() * (2 * view.half / 63) ** 2 == pytest.approx(within, rel=0.1)


def test_a_start_from_a_normal_has_a_density_too():
    scene = Scene.of("none", start="normal")
    x = jnp.asarray([[0.0, 0.0], [5.0, 0.0]])
    np.testing.assert_allclose(flows.log_start(scene, x), gaussian((5.0, 5.0)).logp(x, 0.0), rtol=1e-5)
