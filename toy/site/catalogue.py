"""Whatever can be chosen, as the site's JavaScript reads it: made of the registries and declarations alone.

So a rule, schedule, integrator, distribution or setting that is added appears on the site without a line of JavaScript.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import astuple, fields
from functools import cache
from typing import Any

import models
from toy import distributions, state, views
from toy.browser import traced
from toy.browser.told import WHOLE
from toy.browser.truth import of_drawings
from toy.captions import ROLES
from toy.densities import Normalised
from toy.distributions.strokes import FAMILY
from toy.figures import FIG9_SIGMAS
from toy.guidance import RULES
from toy.inputs import Json
from toy.names import DEGRADATIONS, Name
from toy.registry import Entry
from toy.sampling import INTEGRATORS
from toy.scene import CHOICES, ROLE_DEFAULTS, SETTINGS, default_cast
from toy.schedules import SCHEDULES
from toy.settings import Setting, declared
from toy.state import SLOTS, VIEWER, State
from toy.viewer import computing, look, packs
from toy.viewer.presets import PRESETS

BLURRED = f"~blur={DEGRADATIONS['blur'].knobs['width'].default}"  # of an exact guide that would be what main is
OF_STATE = (
    "FLAGS", "PERSONAL", "HIDEABLE", "SHARED", "SLOTS", "LAYERS", "LAYOUTS", "COUNTS", "LONGEST", "DEFAULTS",
)  # fmt: skip
LEARNED = ("tree", "moons", "gaussians", "spiral")  # distributions whose networks are shipped


def catalogue(on: tuple[str, ...] | None = None) -> Json:
    """All of it, of JSON's types; of some distributions, or of all."""
    families = [name for name in distributions.families() if on is None or name in on]
    return {
        "rules": [rule(entry) for entry in RULES.values()],
        "schedules": [method(entry) for entry in SCHEDULES.values()],
        "integrators": [
            method(entry)
            | {"stochastic": entry.stochastic, "order": entry.order, "least": entry.least}
            | {"tilts": "tilt" in entry.inputs}
            for entry in INTEGRATORS.values()
        ],
        "distributions": [
            method(distributions.entry_of(on)) | {"targets": distributions.targets(on)} for on in families
        ],
        "drawing": drawing(),
        "usual": distributions.USUAL,
        "letters": distributions.LETTERS,
        "targets": {name: target(name) for on in families for name in targets(on)},
        "densities": {own(on): densities(on) for on in families},
        "blurred": BLURRED,
        "degradations": list(DEGRADATIONS),
        "lacking": traced.needs_server(),
        "whole": {"mark": WHOLE, "networks": [name for on in families for name in wholes(on)]},
        "roles": {"usual": ROLE_DEFAULTS, "called": ROLES},
        "choices": declarations(CHOICES),
        "settings": declarations(SETTINGS),
        "viewer": declarations(VIEWER),
        "look": declarations(declared(look.Look)),
        **{name.lower(): getattr(state, name) for name in OF_STATE},
        "start": {slot: State().scene(slot).short() for slot in SLOTS},
        "presets": {
            name: {"title": preset.title, "sentence": preset.sentence, "query": preset.state(story=name).query()}
            for name, preset in PRESETS.items()
        },
        "fields": {"range": [look.SIGMA.hi, look.SIGMA.lo], "rows": FIG9_SIGMAS, "margin": look.MARGIN},
        "page": {"title": packs.TITLE, "text": packs.WHAT, "sigma_data": computing.SIGMA_DATA},
    }


def drawing() -> dict[str, object]:
    """What any drawing has."""
    return method(distributions.DISTRIBUTIONS[FAMILY]) | of_drawings()


def rule(entry: Entry) -> dict[str, object]:
    """A rule: also its roles, the file of its kind, the integrator that it is derived for, whether it has a tilt, and
    which roles' log-densities have to have their constant.
    """
    given: Any = entry
    own = {role: given.cast.get(role, ROLE_DEFAULTS[role]) for role in entry.roles}
    family = entry.function.__module__.rpartition(".")[2].replace("_", " ")
    whole = [role for role in entry.roles if entry.types[role] is Normalised]
    more = {"family": family, "cast": own, "integrator": given.integrator, "tilt": given.tilt is not None}
    return method(entry) | more | {"whole": whole}


def method(entry: Entry) -> dict[str, object]:
    """What any entry of a registry says of itself."""
    parts = ("name", "title", "summary", "formula", "source", "ordered")
    said = {part: getattr(entry, part) for part in parts}
    return said | {"knobs": [declaration(knob) for knob in entry.knobs.values()]}


def declarations(settings: Mapping[str, Setting]) -> dict[str, object]:
    """Settings by name."""
    return {name: declaration(setting) for name, setting in settings.items()}


def declaration(setting: Any) -> dict[str, object]:
    """A setting as it was declared: its kind, its fields, and what is legal in words."""
    said = {field.name: plain(getattr(setting, field.name)) for field in fields(setting)}
    return {"kind": type(setting).__name__, "legal": setting.legal} | said


def plain(value: object) -> object:
    """Of JSON's types: what is not a number is null, options of any kind are a list."""
    if isinstance(value, Mapping) and all(isinstance(part, list | tuple) for part in value.values()):
        return {name: list(part) for name, part in value.items()}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@cache
def targets(on: str) -> tuple[str, ...]:
    """Those of a distribution as it usually is: each class, all of them, and all but one."""
    found = distributions.targets(on)
    rest = [known.name for name in found if (known := distributions.of(name).rest)]
    return tuple(dict.fromkeys([*found, *rest]))


def own(on: str) -> str:
    """A distribution as names of targets have it: the usual one is not written."""
    return "" if on == distributions.USUAL else on


def target(name: str) -> dict[str, object]:
    """A target as views are told of it, and what scenes and captions need to know."""
    known = distributions.of(name)
    return {
        "on": known.on,
        "prior": round(known.prior, 3),
        "called": known.called,
        "said": known.words,
        "view": list(astuple(views.window("tree", name))),
        "shown": computing.of_target(name),
    }


def fitted() -> list[str]:
    """Fitted densities in the usual casts of rules, for each target of the usual distribution; of exact ones too."""
    found = []
    for name in (
        name for target in distributions.targets() for rule in RULES for name in default_cast(rule, target).values()
    ):
        if (parsed := Name.parse(name)).fitted:
            found += [name, str(parsed.exact())]
    return list(dict.fromkeys(found))


def densities(on: str) -> list[str]:
    """Names of densities of a distribution that the site has.

    The exact ones of every target, as they are and blurred, networks that are shipped, and of the usual distribution
    what is fitted because a rule has it in its cast.
    """
    exact = [f"exact:{name}" for name in targets(on)]
    learned = [name for name in models.names(own(on)) if Name.parse(name).network] if on in LEARNED else []
    blurred = [name + BLURRED for name in exact]
    return list(dict.fromkeys([*exact, *learned, *blurred, *(fitted() if on == distributions.USUAL else ())]))


def wholes(on: str) -> list[str]:
    """Those networks whose log-density is there with its constant too: whoever usually plays a role that needs it."""
    usual = [role for rule in RULES.values() for role in rule.roles if rule.types[role] is Normalised]
    sizes = {(n.width, n.iterations, n.seed) for role in usual if (n := Name.parse(ROLE_DEFAULTS[role]).network)}
    networks = ((name, Name.parse(name).network) for name in densities(on))
    return [name for name, n in networks if n and (n.width, n.iterations, n.seed) in sizes]
