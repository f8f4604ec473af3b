"""A signature is the declaration, and what it lacks is refused in one sentence."""

import inspect
import math
from typing import Annotated

import pytest

from toy.distributions import DISTRIBUTIONS
from toy.guidance import RULES, Rule, Score
from toy.metrics import METRICS
from toy.registry import Entry, Knob, Registry
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene
from toy.schedules import SCHEDULES

REGISTRIES = (RULES, SCHEDULES, INTEGRATORS, METRICS, DISTRIBUTIONS)
ENTRIES = [pytest.param(entry, id=f"{r.kind}-{name}") for r in REGISTRIES for name, entry in r.items()]
Weight = Annotated[float, Knob(0, 8, 0.5, "w", "a weight", neutral=1)]


def test_signature_becomes_roles_and_knobs():
    registry = Registry("rule", Rule, roles=(Score,))

    @registry.register(source="here", formula="s = s_main", memory=len)
    def follow(
        main: Score,
        x,
        weak: Score,
        sigma,
        memory,
        *,
        w: Weight = 2.0,
        beta: Annotated[float, Knob(-1, 1, 0.1, "β", "?")] = 0,
    ):
        """Follow the leader.

        And more.
        """
        return main

    entry = registry["follow"]
    assert entry.inputs == ("main", "x", "weak", "sigma", "memory")
    assert entry.roles == ("main", "weak")
    assert list(entry.knobs) == ["w", "beta"]
    assert entry.knobs["w"] == Knob(0, 8, 0.5, "w", "a weight", neutral=1, name="w", default=2.0)
    assert entry.knobs["beta"].neutral is None
    assert entry.summary == "Follow the leader."
    assert entry.memory is len
    assert entry.tilt is None
    assert entry(1, 2, 3, 4, 5) == 1
    assert follow.__name__ == "follow"


def test_registry_is_a_mapping_in_order():
    registry = Registry("thing", Entry)
    for name in ("second", "first"):
        registry.register(source="here", name=name)(lambda x: x)
    assert list(registry) == ["second", "first"]
    assert len(registry) == 2
    assert "first" in registry
    assert "third" not in registry
    assert registry["first"].name == "first"


@pytest.mark.parametrize("hint", [float, Annotated[float, "not a knob"], None])
def test_knob_without_a_range_is_refused(hint):
    registry = Registry("rule", Rule, roles=(Score,))

    def bad(main, *, w=1.0):
        return main

    bad.__annotations__ = {"w": hint} if hint else {}
    with pytest.raises(TypeError, match="rule 'bad': knob 'w' needs an Annotated Knob"):
        registry.register(source="here")(bad)
    assert len(registry) == 0


@pytest.mark.parametrize("default", [-1.0, 8.5, math.nan])
def test_default_outside_its_range_is_refused(default):
    def bad(main, *, w: Weight = default):
        return main

    with pytest.raises(ValueError, match=r"w = .* is not a number from 0 to 8"):
        Registry("rule", Rule, roles=(Score,)).register(source="here")(bad)


def test_knob_without_a_default_is_refused():
    def bad(main, *, w: Weight):
        return main

    with pytest.raises((TypeError, ValueError), match="w"):
        Registry("rule", Rule, roles=(Score,)).register(source="here")(bad)


def test_duplicate_is_refused():
    registry = Registry("rule", Rule, roles=(Score,))
    registry.register(source="here", name="one")(lambda main: main)
    with pytest.raises(ValueError, match="rule 'one' is registered twice"):
        registry.register(source="there", name="one")(lambda main: -main)
    assert registry["one"].source == "here"


def test_what_an_entry_does_not_have_is_refused():
    with pytest.raises(TypeError, match="order"):
        Registry("rule", Rule).register(source="here", order=2)(lambda main: main)


def test_source_is_required():
    with pytest.raises(TypeError, match="source"):
        Registry("rule", Rule, roles=(Score,)).register()


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: r.kind)
def test_unknown_name_lists_the_legal_ones(registry):
    with pytest.raises(ValueError, match=f"^unknown {registry.kind} 'cgf'; have: ") as caught:
        registry["cgf"]
    assert str(caught.value).partition("have: ")[2].split(", ") == list(registry)


@pytest.mark.parametrize("value", [0, 8, "2.5", 1])
def test_knob_takes_numbers_in_range(value):
    checked = Knob(0, 8, 0.5, "w", "?", name="w").check(value)
    assert isinstance(checked, float)
    assert checked == float(value)


@pytest.mark.parametrize("value", [-0.001, 8.001, math.nan, math.inf, -math.inf, "many", "", None, [1]])
def test_knob_refuses_the_rest_by_name_value_and_range(value):
    with pytest.raises(ValueError, match="is not a number from 0 to 8") as caught:
        Knob(0, 8, 0.5, "w", "?", name="w").check(value)
    assert str(caught.value).startswith(f"w = {value} ")


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_says_what_it_is_and_where_from(entry: Entry):
    assert entry.source.strip()
    assert entry.summary
    assert entry.summary == inspect.getdoc(entry.function).splitlines()[0].strip()
    if entry.kind not in ("metric", "distribution"):
        assert entry.formula.strip()


@pytest.mark.parametrize("entry", ENTRIES)
def test_knobs_are_complete_and_their_defaults_legal(entry: Entry):
    for name, knob in entry.knobs.items():
        assert knob.name == name
        assert knob.label
        assert knob.help
        assert knob.check(knob.default) == knob.default
        assert 0 < knob.step <= knob.hi - knob.lo
        assert knob.neutral is None or knob.lo <= knob.neutral <= knob.hi


def test_a_name_means_one_thing():
    # Links and commands are flat: a rule's knob must not share its name with a schedule's, a setting or a role.
    taken = {*SETTINGS, *Scene.__dataclass_fields__}
    kinds = [{name for entry in r.values() for name in entry.knobs} for r in (RULES, SCHEDULES, INTEGRATORS)]
    kinds += [{role for rule in RULES.values() for role in rule.roles}, taken]
    for i, names in enumerate(kinds):
        for others in kinds[i + 1 :]:
            assert not names & others
