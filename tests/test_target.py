"""What is usual follows the target: densities, priors, links. Class B is class A with the letters swapped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from models import zoo
from toy import distributions, views
from toy.guidance import RULES
from toy.scene import Scene, default_cast
from toy.state import SLOTS, State, parse

each_rule = pytest.mark.parametrize("rule", RULES)
SWAP = str.maketrans("AB", "BA")


def swapped(name: str) -> str:
    return name.translate(SWAP).replace("BA", "AB")


@each_rule
def test_usual_densities_of_b_are_those_of_a_with_the_classes_swapped(rule):
    assert default_cast(rule, "B") == {role: swapped(name) for role, name in default_cast(rule).items()}
    assert dict(Scene.of(rule, target="B").cast) == default_cast(rule, "B")


@each_rule
@pytest.mark.parametrize("target", distributions.targets())
def test_usual_densities_are_there_and_of_the_target(rule, target):
    usual = default_cast(rule, target)
    assert not any(zoo.missing(name) for name in usual.values())
    for role in {"weak", "truth", "conditional"}.intersection(usual):
        assert zoo.classes_of(usual[role]) == target
    assert zoo.classes_of(usual["main"]) in (target, "AB")
    if "negative" in usual and ":" not in usual["negative"]:
        assert zoo.classes_of(usual["negative"]) == ("A" if target == "B" else "B")


@each_rule
def test_another_target_changes_what_is_usual_and_leaves_what_was_chosen(rule):
    scene = Scene.of(rule, main="A64@2048", n=64)
    moved = scene.change(target="B")
    assert dict(moved.cast) == default_cast(rule, "B") | {"main": "A64@2048"}
    assert moved.change(target="A") == scene
    assert moved == Scene.of(rule, target="B", main="A64@2048", n=64)
    assert moved.short() == {"rule": rule, "main": "A64@2048", "target": "B", "n": 64}
    assert Scene.of(**moved.short()) == moved


def test_exact_densities_follow_the_target_too():
    scene = Scene.of("cfg", main="exact:A", unconditional="exact:AB").change(target="B")
    assert dict(scene.cast) == {"main": "exact:B", "unconditional": "exact:AB"}
    scene = Scene.of("diffusion_negative_prompting", negative="dns:exact:A,exact:AB").change(target="B")
    assert dict(scene.cast)["negative"] == "dns:exact:B,exact:AB"


@pytest.mark.parametrize("values", [{}, {"main": "A64@4096"}, {"main": "exact:A"}, {"main": "B64@2048"}])
@pytest.mark.parametrize("rule", ["cfg", "optimal_weight", "dynamic_negative_guidance"])
@pytest.mark.parametrize("target", distributions.targets())
def test_links_bring_back_the_cast_of_any_target(rule, target, values):
    for slot in SLOTS:
        state = State().change(slot, target=target, rule=rule).change(slot, **values)
        assert parse(state.query()) == (state, [])
    if not values:
        assert not {f"{slot}.{role}" for slot in SLOTS for role in RULES[rule].roles}.intersection(state.query())


def test_an_old_link_that_names_its_densities_keeps_them():
    state, notes = parse({"target": "B", "left.main": "B64@4096", "right.weak": "A32@512"})
    assert not notes
    assert dict(state.left.cast) == {"main": "B64@4096", "unconditional": "AB32@512"}
    assert dict(state.right.cast)["weak"] == "A32@512"


@pytest.mark.parametrize("target", ["A", "B"])
def test_the_oracle_corrects_towards_the_target(target, reference):
    scene = Scene.of("optimal_weight", target=target)
    x = np.asarray(distributions.mixture(target).sample(jax.random.key(3), 256, 0.1))
    cast = models.cast(scene.cast)
    main, weak = (np.asarray(cast[role].score(x, jnp.float32(0.1)), np.float64) for role in ("main", "weak"))
    truth, pull = reference(target).score(x, 0.1), main - weak
    best = np.sum((truth - main) * pull, axis=1, keepdims=True) / np.sum(pull * pull, axis=1, keepdims=True)
    wanted = main + np.clip(best, -20, 20) * pull
    np.testing.assert_allclose(0.1 * views.guided_score(scene, cast, x, 0.1), 0.1 * wanted, atol=5e-3)


@pytest.mark.parametrize("target", ["A", "B"])
def test_dynamic_negative_guidance_with_the_usual_prior_is_the_score_of_the_target(target, reference):
    scene = Scene.of("dynamic_negative_guidance", target=target)
    scene = scene.change(main="exact:AB", negative=swapped(f"exact:{target}"), most=1e4)
    for sigma in (0.3, 1.0, 4.0):  # where both classes overlap
        x = np.asarray(distributions.mixture("AB").sample(jax.random.key(0), 512, sigma))
        own = reference(target).logp(x, sigma) + np.log(distributions.prior(target)) - reference("AB").logp(x, sigma)
        x = x[own > np.log(0.05)]  # the odds of the rest are a small difference of large numbers
        found = views.guided_score(scene, models.cast(scene.cast), x, sigma)
        np.testing.assert_allclose(sigma * found, sigma * reference(target).score(x, sigma), atol=0.03)


@pytest.mark.parametrize("target", distributions.targets())
def test_priors_are_those_of_the_distribution(target):
    negative = "A" if target == "B" else "B"
    for rule in (name for name, rule in RULES.items() if "prior" in rule.knobs):
        prior = dict(Scene.of(rule, target=target).knobs)["prior"]
        assert prior == pytest.approx(distributions.prior(negative), abs=5e-4)
        assert dict(Scene.of(rule).change(target=target).knobs)["prior"] == prior
        assert dict(Scene.of(rule, prior=0.3).change(target=target).knobs)["prior"] == 0.3
