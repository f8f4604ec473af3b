"""A Scene is everything that is sampled, in one frozen value.

URL, command line, slider, cache key, test case and figure caption are all the same Scene.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import jax
import numpy as np
from jaxtyping import Array

from toy import distributions, sampling
from toy.distributions import TargetChoice
from toy.guidance import RULES, Rule
from toy.names import Name
from toy.registry import Entry
from toy.sampling import INTEGRATORS, Integrator
from toy.schedules import SCHEDULES
from toy.settings import Choice, Knob, Refused, declared

ROLE_DEFAULTS = {  # of target A; default_cast puts another target's classes in
    "main": "A64@4096",
    "unconditional": "AB32@512",
    "weak": "A32@512",
    "negative": "B64@4096",
    "conditional": "A64@4096",
    "truth": "exact:A",
}
STARTS = ("exact", "normal")
TARGET = "class that the samples are measured against, and whose the usual densities are"
STEPS = "integration steps (under 8 even the exact score diverges)"
SEED = "seed of the initial noise, the same for every method"


@dataclass(frozen=True)
class Scene:
    """What is sampled: rule, cast, knobs, schedule, integrator, noise levels, number of samples, seed.

    ``cast`` gives the density's name of every role that the rule needs and ``knobs`` the value of every knob of rule,
    schedule and integrator, both as sorted tuples of pairs. ``Scene.of`` fills in defaults and is the way to make one.
    ``target`` is the class that the samples are measured against.
    """

    rule: Annotated[str, Choice(RULES, "method", "")] = "none"
    cast: tuple[tuple[str, str], ...] = (("main", ROLE_DEFAULTS["main"]),)
    knobs: tuple[tuple[str, Any], ...] = ()
    schedule: Annotated[str, Choice(SCHEDULES, "schedule", "")] = "constant"
    integrator: Annotated[str, Choice(INTEGRATORS, "integrator", "")] = "heun"
    target: Annotated[str, TargetChoice(distributions.targets(), "target class", TARGET, "class")] = "A"
    start: Annotated[str, Choice(STARTS, "start", "distribution of the initial noise")] = "exact"
    steps: Annotated[int, Knob(8, 256, 1, "steps", STEPS, whole=True)] = 32
    sigma_max: Annotated[float, Knob(0.5, 80, 0.5, "σ max", "noise level of the start", log=True)] = 5.0
    sigma_min: Annotated[float, Knob(0.0005, 0.1, 0.0005, "σ min", "last noise level before 0", log=True)] = 0.002
    rho: Annotated[float, Knob(1, 20, 0.5, "ρ", "spacing of the noise levels: larger is denser at low noise")] = 7.0
    n: Annotated[int, Knob(1, 2**20, 1, "n", "number of samples", log=True, whole=True)] = 16384
    seed: Annotated[int, Knob(0, 2**31 - 1, 1, "seed", SEED, whole=True)] = 0

    @classmethod
    def of(cls, rule: str = "none", **values: object) -> "Scene":
        """A checked Scene from flat values: settings, roles and knobs by name; strings are parsed.

        ``Scene.of("autoguidance", w=2, weak="A32@512", n=4096)``. ValueError names the first bad value and what is
        allowed, also for a role or knob that the chosen rule, schedule and integrator do not have.
        """
        given = {"rule": rule} | values
        choices = {name: choice.check(given.pop(name, choice.default)) for name, choice in CHOICES.items()}
        rule, target = choices["rule"], choices["target"]
        knobs = knobs_of(chosen(rule, choices["schedule"], choices["integrator"]))
        cast = {role: str(given.pop(role, name)) for role, name in default_cast(rule, target).items()}
        turned = tuple((name, knob.take(given, usual_value(knob, target))) for name, knob in sorted(knobs.items()))
        numbers = {name: knob.check(given.pop(name, knob.default)) for name, knob in SETTINGS.items()}
        if given:
            have, other = ", ".join([*cast, *knobs, *SETTINGS, *list(CHOICES)[1:]]), next(iter(given))
            raise Refused(f"{other!r} does not go with rule {rule!r}; it takes: {have}", other)
        scene = cls(cast=tuple(sorted(cast.items())), knobs=turned, **choices, **numbers)
        _check_combination(scene)
        return scene

    def values(self) -> dict[str, Any]:
        """All values by name, as ``Scene.of`` takes them."""
        settings = {name: getattr(self, name) for name in (*CHOICES, *SETTINGS)}
        return {"rule": self.rule, **dict(self.cast), **dict(self.knobs), **settings}

    def flat(self) -> dict[str, Any]:
        """The same, each a number or a word: the numbers of a vector have a name each, as in tables and stores."""
        known = knobs_of(self.entries)
        knobs = {part: number for name, value in self.knobs for part, number in known[name].spelled(value).items()}
        others = {name: value for name, value in self.values().items() if name not in known}
        return {"rule": self.rule, **dict(self.cast), **dict(sorted(knobs.items())), **others}

    def short(self) -> dict[str, Any]:
        """The values that differ from the rule's defaults, and the rule: for links, commands and captions."""
        choices = {"schedule": self.schedule, "integrator": self.integrator, "target": self.target}
        default = Scene.of(self.rule, **choices).values() | {name: CHOICES[name].default for name in choices}
        return {k: v for k, v in self.values().items() if k == "rule" or v != default[k]}

    def change(self, **values: object) -> "Scene":
        """The scene with some values changed, checked; values that the new rule does not take are dropped.

        Under a new rule or target a role that played the old one's usual density plays the new one's; under a new
        target so do its exact counterpart, and a knob whose usual value is the target's.
        """
        merged = self.values() | values
        rule, target = merged.pop("rule"), merged["target"]
        if rule != self.rule or target != self.target:
            usual: dict[str, Any] = {**default_cast(self.rule, self.target), "prior": prior_of_negative(self.target)}
            mine = {name: value for name, value in merged.items() if name in usual and name not in values}
            for name, value in mine.items():
                if value == usual[name]:
                    del merged[name]
                elif target != self.target and name != "prior" and value == exact_of(usual[name]):
                    merged[name] = exact_of(default_cast(rule, target).get(name, value))
                elif name != "prior" and (on := distributions.of(target).on) != distributions.of(self.target).on:
                    alone = len(distributions.of(self.target).all.classes) == 1  # the target is all there is
                    classes = Name.parse(default_cast(rule, target).get(name, "")).classes if alone else None
                    merged[name] = str(Name.parse(value).of_distribution(on, classes))
        takes = {*RULES[rule].roles, *knobs_of(chosen(rule, merged["schedule"], merged["integrator"]))}
        takes |= {*CHOICES, *SETTINGS, *values} - {"rule"}
        return Scene.of(rule, **{name: value for name, value in merged.items() if name in takes})

    @property
    def entry(self) -> Rule:
        """The rule."""
        return RULES[self.rule]

    @property
    def entries(self) -> tuple[Rule, Entry, Integrator]:
        """The rule, the schedule and the integrator."""
        return chosen(self.rule, self.schedule, self.integrator)

    @property
    def advice(self) -> str:
        """A sentence where the rule was derived for another integrator; else nothing."""
        derived = self.entry.integrator or self.integrator
        if derived == self.integrator:
            return ""
        return (
            f"{self.entry.title} is derived for the integrator {INTEGRATORS[derived].title}: choose it for both sides."
        )

    def sigmas(self) -> np.ndarray:
        """Noise levels [steps + 1], the last one 0."""
        return np.asarray(_levels(self.steps, self.sigma_max, self.sigma_min, self.rho))


_DECLARED = declared(Scene)
CHOICES = {name: setting for name, setting in _DECLARED.items() if isinstance(setting, Choice)}
SETTINGS = {name: setting for name, setting in _DECLARED.items() if isinstance(setting, Knob)}


def chosen(rule: str, schedule: str, integrator: str) -> tuple[Rule, Entry, Integrator]:
    """A rule, a schedule and an integrator by their names; ValueError lists what there is."""
    return RULES[rule], SCHEDULES[schedule], INTEGRATORS[integrator]


def knobs_of(entries: Iterable[Entry]) -> dict[str, Knob]:
    """The knobs of a rule, a schedule and an integrator by name: no two of them share one."""
    return {name: knob for entry in entries for name, knob in entry.knobs.items()}


def default_cast(rule: str, target: str = "A") -> dict[str, str]:
    """The density's name that plays each role of a rule unless one asks for another: the target's own."""
    own = RULES[rule].cast
    return {role: of_target(own.get(role, ROLE_DEFAULTS[role]), target) for role in RULES[rule].roles}


def of_target(name: str, target: str) -> str:
    """A density's name for target A as it is for another: ``Name.of_target``. ValueError for an unknown target."""
    return str(Name.parse(name).of_target(target))


def exact_of(name: str) -> str:
    """The exact density in place of a usual one: 'exact:A' of 'A64@4096'."""
    return str(Name.parse(name).exact())


def prior_of_negative(target: str) -> float:
    """Prior probability, among both classes, of what plays the negative by default."""
    return round(distributions.prior(distributions.counterpart("B", target)), 3)


def usual_value(knob: Knob, target: str) -> float:
    """A knob's value unless one asks for another: its default, but a ``prior`` is that of the target's negative."""
    return prior_of_negative(target) if knob.name == "prior" else knob.default


def _distribution(name: str, target: str) -> str:
    """The distribution that a density's name tells; the target's where it tells none, or is no name."""
    try:
        return distributions.of(Name.parse(name).classes or target).on
    except ValueError:
        return distributions.of(target).on


def _check_combination(scene: Scene) -> None:
    """ValueError in one sentence where rule, schedule, integrator and numbers do not go together."""
    values, (_, _, stepper) = dict(scene.knobs), scene.entries
    main = dict(scene.cast)["main"]
    if _distribution(main, scene.target) != distributions.of(scene.target).on:
        words = f"main = {main} is of another distribution than target = {scene.target}"
        raise Refused(words, "main", "target")
    if scene.sigma_min >= scene.sigma_max:
        words = f"sigma_min = {scene.sigma_min:g} is not below sigma_max = {scene.sigma_max:g}"
        raise Refused(words, "sigma_min", "sigma_max")
    for entry in scene.entries:
        low, high = entry.ordered or ("", "")
        if low and values[low] > values[high]:
            raise Refused(f"{low} = {values[low]:g} is above {high} = {values[high]:g}", low, high)
    if "tilt" in stepper.inputs:
        if scene.entry.tilt is None:
            have = ", ".join(name for name, rule in RULES.items() if rule.tilt)
            raise Refused(
                f"integrator {scene.integrator!r} needs a rule that stands for a tilted density, and {scene.rule!r} "
                f"does not; these do: {have}",
                "integrator",
            )
        if scene.schedule != "constant":
            words = f"integrator {scene.integrator!r} needs schedule 'constant', not {scene.schedule!r}"
            raise Refused(words, "schedule", "integrator")
    if scene.n < stepper.least:
        words = f"n = {scene.n} is too few for integrator {scene.integrator!r}, which needs at least {stepper.least}"
        raise Refused(words, "n", "integrator")


@partial(jax.jit, static_argnames="steps")
def _levels(steps: int, sigma_max: float, sigma_min: float, rho: float) -> Array:
    return sampling.noise_levels(steps, sigma_max, sigma_min, rho)
