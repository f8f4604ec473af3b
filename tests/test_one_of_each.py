"""One of each kind, added at run time, is on the command line, in links, on its docs page and under the laws."""

import json
from typing import Annotated

import jax.numpy as jnp
import numpy as np
import pytest
import test_guidance as guidance_laws
import test_registry as registry_laws
from click.testing import CliRunner
from matplotlib.figure import Figure

from models import zoo
from models.degradations import Density
from toy import docs
from toy.__main__ import main
from toy.distributions import DISTRIBUTIONS, Distribution
from toy.distributions.distribution import gaussians
from toy.figures import FIGURES
from toy.guidance import RULES, Score, Weight
from toy.metrics import METRICS
from toy.names import DEGRADATIONS, Name
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.schedules import SCHEDULES
from toy.state import of_link

NEW = {
    "rules": (RULES, "squared"),
    "schedules": (SCHEDULES, "fading"),
    "integrators": (INTEGRATORS, "plain"),
    "degradations": (DEGRADATIONS, "as_it_is"),
    "metrics": (METRICS, "reach"),
    "figures": (FIGURES, "empty"),
    "distributions": (DISTRIBUTIONS, "cross"),
}


@pytest.fixture(autouse=True)
def one_of_each():
    """One of each kind, as CONTRIBUTING says that they are written."""

    @RULES.register(source="a test", formula="s = s_main + (w² − 1)(s_main − s_weak)")
    def squared(main: Score, weak: Score, *, w: Weight = 1.5) -> Score:
        """Extrapolate by the square of the weight."""
        return main + (w**2 - 1) * (main - weak)

    @SCHEDULES.register(source="a test", formula="w(τ) = 1 + (1 − τ)(w − 1)")
    def fading(progress):
        """From the whole extra weight to none."""
        return 1 - progress

    @INTEGRATORS.register(source="a test", formula="x' = x − (σ' − σ) σ s(x; σ)", order=1)
    def plain(field, x, sigma, sigma_next, memory):
        """A step of Euler's."""
        score, memory = field(x, sigma, memory)
        return x + (sigma - sigma_next) * sigma * score, memory

    @DEGRADATIONS.register(source="a test", formula="p' = p")
    def as_it_is(
        density: Density, *, share: Annotated[float, Knob(0, 1, 0.1, "s", "of nothing", neutral=0)] = 0.5
    ) -> Density:
        """Leave the density as it is."""
        return density

    @METRICS.register(source="a test", label="reach", better="low")
    def reach(x):
        """Largest coordinate of a sample, in lengths."""
        return jnp.max(jnp.abs(x))

    @FIGURES.register(source="a test", formula="none", rules=("squared",), settings=())
    def empty(load, options=None):
        """An empty page."""
        return Figure()

    @DISTRIBUTIONS.register(source="a test", title="A cross")
    def cross(*, width: Annotated[float, Knob(0.1, 1, 0.1, "width", "of an end")] = 0.2) -> Distribution:
        """Four ends, two of each class."""
        return gaussians("AABB", np.array([[0, 1], [0, -1], [1, 0], [-1, 0]]), width**2 * np.eye(2))

    yield
    for registry, name in NEW.values():
        registry.remove(name)


def run(*args: object) -> str:
    """Standard output of a command that succeeds, in this process."""
    result = CliRunner().invoke(main, [str(arg) for arg in args], prog_name="python -m toy")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_line_lists_and_runs_them(tmp_path):
    listing = json.loads(run("list", "--json"))
    for kind in listing.keys() & NEW.keys():
        assert [row["name"] for row in listing[kind]][-1] == NEW[kind][1]
    method = ("--rule", "squared", "--w", 2, "--schedule", "fading", "--integrator", "plain")
    cast = ("--main", "exact:A", "--weak", "exact:A~as_it_is=0.3")
    measured = json.loads(run("metrics", *method, *cast, "--n", 64, "--steps", 8, "--json"))
    assert measured["reach"] > 0
    there = ("--on", "cross", "--rule", "cfg", "--main", "exact:cross/A", "--unconditional", "exact:cross/AB")
    measured = json.loads(run("metrics", *there, "--n", 64, "--steps", 8, "--json"))
    assert measured["scene"]["target"] == "cross/A"
    assert measured["floor"].keys() == measured.keys() - {"floor", "evaluations", "scene"}
    run("figure", "empty", "--out", tmp_path)
    assert (tmp_path / "empty.png").stat().st_size > 0


def test_a_link_carries_them():
    scene = of_link("left.rule=squared&left.w=2.5&left.schedule=fading&integrator=plain").left
    assert (scene.rule, scene.schedule, scene.integrator) == ("squared", "fading", "plain")
    assert dict(scene.knobs)["w"] == 2.5
    assert of_link("target=cross:width=0.5/B").right.target == "cross:width=0.5/B"
    name = "exact:A~as_it_is=0.3"
    assert str(Name.parse(name)) == name
    assert any("~as_it_is=0.5" in example for example in zoo.examples())


@pytest.mark.parametrize("kind", NEW)
def test_its_page_and_the_laws_of_every_entry(kind):
    registry, name = NEW[kind]
    entry = registry[name]
    registry_laws.test_entry_says_what_it_is_and_where_from(entry)
    registry_laws.test_knobs_are_complete_and_their_defaults_legal(entry)
    if kind in docs.FOLDERS:
        assert name in docs.FOLDERS[kind]
        page = docs.head(entry)
        assert page.startswith(f"# {entry.title}\n\n`{name}`")
        assert all(f"| `{knob}` |" in page for knob in entry.knobs)


def test_a_rule_is_under_the_laws_of_rules():
    rule = RULES["squared"]
    assert rule in guidance_laws.each_rule.args[1]
    guidance_laws.test_every_guide_has_a_say(rule)
    guidance_laws.test_weight_that_is_not_neutral_does_something(rule)
